//! Moves facts between components that do not know each other.
