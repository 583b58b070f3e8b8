//! SQLite, PostgreSQL and the model carry out the same sequences.

use std::time::Instant;

use crate::comparison::{Compared, run};
use crate::coverage::Coverage;
use crate::databases::{PostgresSide, SqliteSide};
use crate::model::Model;
use crate::operation::Operation;
use crate::property::{all_sequences, seed, shortest_failure};

#[test]
fn both_databases_do_what_the_model_does() {
    let (mut sqlite, mut postgres) = (SqliteSide::create(), PostgresSide::create());
    let mut coverage = Coverage::default();
    let begun = Instant::now();
    let mut compare = |operations: &[Operation]| {
        sqlite.clear();
        postgres.clear();
        let mut sides = [Compared::new(&mut sqlite), Compared::new(&mut postgres)];
        run(operations, &mut Model::default(), &mut sides, &mut coverage)
    };
    let failing = all_sequences().iter().find_map(|sequence| shortest_failure(sequence, &mut compare));
    if let Some(failing) = failing {
        panic!("{}", failing.text());
    }
    let (operations, sequences) = (coverage.operations(), all_sequences().len());
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!(
        "{operations} operations in {sequences} sequences on each of SQLite, PostgreSQL and the model, \
         {seconds:.1} s, {}",
        seed()
    );
}
