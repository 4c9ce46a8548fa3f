//! Speaks HTTP for the crates below.
