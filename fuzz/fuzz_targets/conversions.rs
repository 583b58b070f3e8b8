//! Fuzz target: an encoded value decodes to the same value, and no bytes make a decoder panic.
#![no_main]

#[path = "../src/conversions.rs"]
mod conversions;

// A caught panic, such as one of the SQL parser, is not a find. The default hook only prints it; libFuzzer's hook would abort.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| conversions::check(data));
