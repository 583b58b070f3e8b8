//! Proof that the comparison can fail: models with one mistake each are told from a correct one by the sequences of this run.

use crate::comparison::{Compared, run};
use crate::coverage::Coverage;
use crate::flaw::Flaw;
use crate::model::Model;
use crate::operation::Operation;
use crate::property::{all_sequences, seed, shortest_failure};

/// Compares a flawed model with a correct one.
fn compare(flaw: Option<Flaw>, operations: &[Operation], coverage: &mut Coverage) -> Result<(), String> {
    let mut side = flaw.map_or_else(Model::default, Model::flawed);
    run(operations, &mut Model::default(), &mut [Compared::new(&mut side)], coverage)
}

/// Returns why a sequence shows a flaw.
fn compare_flawed(flaw: Flaw, operations: &[Operation]) -> Result<(), String> {
    compare(Some(flaw), operations, &mut Coverage::default())
}

#[test]
fn every_flaw_is_found() {
    let is_missed =
        |flaw: &&Flaw| all_sequences().iter().all(|sequence| compare_flawed(**flaw, sequence).is_ok());
    let missed: Vec<&Flaw> = Flaw::ALL.iter().filter(is_missed).collect();
    assert!(missed.is_empty(), "{}: not noticed: {missed:?}", seed());
}

#[test]
fn every_outcome_occurs() {
    let mut coverage = Coverage::default();
    for sequence in all_sequences() {
        compare(None, sequence, &mut coverage).unwrap();
    }
    let missing = coverage.missing();
    assert!(missing.is_empty(), "{}: too rare: {missing:?}\n{coverage}", seed());
}

/// Two jobs and a claim show that priorities are ignored.
#[test]
fn a_failing_sequence_becomes_short() {
    let property = |operations: &[Operation]| compare_flawed(Flaw::ClaimIgnoresPriority, operations);
    let failing = all_sequences().iter().find_map(|sequence| shortest_failure(sequence, property));
    let failing = failing.expect("the flaw is noticed");
    let names: Vec<String> = failing.operations.iter().map(Operation::name).collect();
    // A job that was recovered may be one of the two.
    assert!((3..=4).contains(&names.len()) && names.ends_with(&["Claim".to_owned()]), "{}", failing.text());
}
