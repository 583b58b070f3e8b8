//! Tests the two generated Diesel schemas against real databases: in SQLite, typed rows of every table, with integers of 64 bits, are
//! inserted and loaded unchanged; in PostgreSQL, what `hyperpage-store` does not use.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod postgres;
mod sqlite;
