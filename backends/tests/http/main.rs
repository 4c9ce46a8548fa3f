//! The HTTP backend, against real servers: another hotbed, the reference server of the Python package, and some that are
//! up to no good.

mod hotbed;
mod hotbed_conformance;
mod service_conformance;
