//! Any SQL as a schema, and any garbage in its place: planned or refused, never a panic, and soon.
#![no_main]

#[path = "../src/hostile_sql.rs"]
mod hostile_sql;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile_sql::check(data));
