//! Implements the storage traits against the outside world.
