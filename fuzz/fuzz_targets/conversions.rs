//! Any value in any conversion: what is encoded comes back the same, and no bytes make a decoder panic.
#![no_main]

#[path = "../src/conversions.rs"]
mod conversions;

// A panic that is caught, as that of the SQL parser is, is no find: the default hook prints it, and only one that leaves the
// check ends the process.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| conversions::check(data));
