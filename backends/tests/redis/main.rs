//! The bus over Redis, on real servers.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod place;
