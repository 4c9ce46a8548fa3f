//! See `checks/yaml_config.rs`.
#![no_main]

#[path = "../checks/yaml_config.rs"]
mod yaml_config;

libfuzzer_sys::fuzz_target!(|data: &[u8]| yaml_config::check(data));
