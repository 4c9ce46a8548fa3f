//! Builds instances from configuration and keeps them ready.
