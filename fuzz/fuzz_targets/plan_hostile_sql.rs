//! Fuzz target: any SQL or garbage as a schema is planned or refused, without a panic and within a time limit.
#![no_main]

#[path = "../src/hostile_sql.rs"]
mod hostile_sql;

// A caught panic, such as one of the SQL parser, is not a find. The default hook only prints it; libFuzzer's hook would abort.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| hostile_sql::check(data));
