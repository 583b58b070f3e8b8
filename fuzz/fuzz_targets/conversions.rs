//! Any value in any conversion: what is encoded comes back the same, and no bytes make a decoder panic.
#![no_main]

#[path = "../src/conversions.rs"]
mod conversions;

libfuzzer_sys::fuzz_target!(|data: &[u8]| conversions::check(data));
