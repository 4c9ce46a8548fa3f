//! The bus over Redis, on real servers.

mod conformance;
mod fleet;
mod messages;
mod outages;
mod place;
