#![no_main]

#[path = "../../tests/it/fuzz/hooks.rs"]
mod body;
#[path = "../../tests/it/fuzz/parts.rs"]
mod parts;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
