//! Tests with any SQLite database: cases in which other migrators lose something, the dialects of frameworks, and generated schemas and
//! statements. Each case must have its expected outcome, and the tests' own oracle checks the migrated rows.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a case that is asked for by name is shown, and so is a seed")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

mod a_defaults;
mod app_collations;
mod b_constraints;
mod b_objects;
mod b_search;
mod c_sequences;
mod d_names;
mod d_types;
mod e_values;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "the other tests of the engine use all of it")]
mod engine;
mod existing;
mod f_moments;
mod files;
mod frameworks;
mod g_operation;
mod hostile_sql;
mod pending;
mod random;
mod sizes;
mod support;

/// Returns the cases of all sections.
fn all_cases() -> Vec<support::PeerCase> {
    [
        a_defaults::cases(),
        app_collations::cases(),
        b_constraints::cases(),
        b_objects::cases(),
        b_search::cases(),
        c_sequences::cases(),
        d_names::cases(),
        d_types::cases(),
        e_values::cases(),
        existing::cases(),
        f_moments::cases(),
        frameworks::cases(),
        g_operation::cases(),
        sizes::cases(),
    ]
    .concat()
}
