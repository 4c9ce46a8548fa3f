//! The backend for buckets, on a real Ceph RADOS Gateway.

mod conformance;
mod costs;
mod crashes;
mod faults;
mod history;
mod nodes;
mod place;
mod refusals;
