//! The HTTP backend, against real servers: another hotbed, the reference server of the Python package, and some that are
//! up to no good.

#[cfg(test)]
mod connecting;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_server;
#[cfg(test)]
mod hotbed;
#[cfg(test)]
mod hotbed_as_service;
#[cfg(test)]
mod hotbed_conformance;
#[cfg(test)]
mod hotbed_faults;
#[cfg(test)]
mod increments;
#[cfg(test)]
#[allow(dead_code, reason = "it is that of the tests of the server")]
#[path = "../../../server/tests/http/mods_harness.rs"]
mod mods_harness;
#[cfg(test)]
mod past;
#[cfg(test)]
mod push;
#[cfg(test)]
mod service;
#[cfg(test)]
mod service_conformance;
#[cfg(test)]
mod tls;
