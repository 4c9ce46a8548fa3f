//! The HTTP backend, against real servers: another hotbed, the reference server of the Python package, and some that are
//! up to no good.

mod connecting;
mod hostile;
mod hostile_server;
mod hotbed;
mod hotbed_as_service;
mod hotbed_conformance;
mod hotbed_faults;
mod increments;
mod push;
mod service;
mod service_conformance;
