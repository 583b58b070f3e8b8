//! Mutation tests of the validator. Each test damages a copy of a migrated database in one way, chosen by a seed. Validation must find
//! every damage and name it: the table and, if a value is damaged, the row and the column.
//!
//! `MUTATION_ROUNDS=N` sets how many mutations there are, `TEST_SEED=N` the seed of the first; failures name the seed that
//! repeats exactly the one. `MUTATION_TABLE=FILE` writes the table of results as Markdown. docs/validation.md has the largest run.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a long run says what it did, with its seed")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

mod calm;
mod chance;
mod comparison;
mod constraints;
mod demand;
mod draw;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "the other tests of the engine use all of it")]
mod engine;
mod harness;
mod indexes;
mod json;
mod kinds;
mod remedies;
mod rows;
mod schema;
mod sealed;
mod sequences;
mod sources;
mod subject;
mod surroundings;
mod table;
mod text;
mod values;

use std::sync::OnceLock;

use remedies::Repaired;
use subject::Subject;

fn subjects() -> &'static [Subject] {
    static SUBJECTS: OnceLock<Vec<Subject>> = OnceLock::new();
    SUBJECTS.get_or_init(subject::subjects)
}

/// Reads a number from an environment variable.
fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {value:?}")))
}

#[test]
fn every_damage_is_found_and_named() {
    let kinds = kinds::all();
    let all = kinds.len() as u64;
    // A third of the kinds, selected by the seed.
    let count = setting("MUTATION_ROUNDS").unwrap_or(all / 3);
    let seed = test_database::seed();
    eprintln!("{}={seed} MUTATION_ROUNDS={count}", test_database::SEED_VARIABLE);
    let subjects = subjects();
    let begun = std::time::Instant::now();
    let outcome = harness::run(&harness::Rounds { seed, count, kinds }, subjects);
    let table = outcome.counts.markdown();
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("{table}\nseed {seed}, {} mutations in {seconds:.0} s", outcome.counts.made());
    let count_of = |wanted: Repaired| outcome.repairs.iter().filter(|(_, one)| *one == wanted).count();
    let not_offered: std::collections::BTreeSet<&str> = (outcome.repairs.iter())
        .filter(|(_, repaired)| *repaired == Repaired::NotOffered)
        .map(|(kind, _)| *kind)
        .collect();
    eprintln!(
        "{} repaired by SQL, {} by moving again; no remedy is offered for {not_offered:?}",
        count_of(Repaired::BySql),
        count_of(Repaired::ByMoving)
    );
    if let Ok(path) = std::env::var("MUTATION_TABLE") {
        std::fs::write(path, &table).unwrap();
    }
    let survivors = outcome.survivors.join("\n\n");
    assert!(
        survivors.is_empty(),
        "{} of {} got past:\n{survivors}",
        outcome.survivors.len(),
        outcome.counts.made()
    );
    // A kind may find no location for some seeds, but not for all.
    let unmade = outcome.counts.unmade();
    assert!(count < 5 * all || unmade.is_empty(), "seed {seed}: nothing was damaged by {unmade:?}");
}

#[test]
fn an_undamaged_database_has_no_findings() {
    calm::check(subjects(), setting("MUTATION_ROUNDS").is_some());
    let found: Vec<String> = subjects().iter().filter_map(comparison::found_without_damage).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
