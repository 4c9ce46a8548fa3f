//! See `checks/interpolation.rs`.
#![no_main]

#[path = "../checks/interpolation.rs"]
mod interpolation;

libfuzzer_sys::fuzz_target!(|data: &[u8]| interpolation::check(data));
