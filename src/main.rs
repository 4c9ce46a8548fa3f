//! The `hotbed` binary.

fn main() {}
