//! Any SQL as a schema, and any garbage in its place: planned or refused, never a panic, and soon.
#![no_main]

#[path = "../src/hostile_sql.rs"]
mod hostile_sql;

// A panic that is caught, as that of the SQL parser is, is no find: the default hook prints it, and only one that leaves the
// check ends the process.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| hostile_sql::check(data));
