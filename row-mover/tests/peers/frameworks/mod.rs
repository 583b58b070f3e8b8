//! Databases as frameworks write them: the required type of each column, and checks of the target. The databases themselves are in
//! `fixtures::frameworks`.

mod javascript;
mod others;
mod python_and_ruby;

use fixtures::frameworks::{FRAMEWORKS, Framework};

use crate::support::{PeerCase, case, check};

/// A time, in any format.
const MOMENT: &str = "timestamp with time zone|timestamp without time zone";
const MOMENT_NOT_NULL: &str = "timestamp with time zone NOT NULL|timestamp without time zone NOT NULL";
/// A time as text with an offset, or as a number.
const INSTANT: &str = "timestamp with time zone";
const INSTANT_NOT_NULL: &str = "timestamp with time zone NOT NULL";
const TIME: &str = "time without time zone";
const DOCUMENT: &str = "jsonb|json";
/// A JSON document in a column that is not declared as one.
const MAYBE_DOCUMENT: &str = "jsonb|json|text";
const MAYBE_MOMENT: &str = "timestamp with time zone|timestamp without time zone|text";
const MAYBE_BOOLEAN_NOT_NULL: &str = "boolean NOT NULL|bigint NOT NULL";

/// Returns the database of a framework.
fn framework(name: &'static str) -> PeerCase {
    case(name, Framework::named(name).unwrap().sql)
}

trait Typed {
    /// Requires the types of a table's columns.
    fn columns(self, table: &str, types: &[(&str, &str)]) -> Self;
}

impl Typed for PeerCase {
    fn columns(self, table: &str, types: &[(&str, &str)]) -> Self {
        types.iter().fold(self, |case, (column, kind)| case.has(&format!("{table}.{column}"), kind))
    }
}

pub fn cases() -> Vec<PeerCase> {
    [python_and_ruby::cases(), javascript::cases(), others::cases()].concat()
}

#[test]
fn databases_of_frameworks_migrate() {
    check(&cases());
}

#[test]
fn each_framework_is_tried() {
    let mut tried: Vec<&str> = cases().iter().map(|case| case.id).collect();
    tried.sort_unstable();
    let there: Vec<&str> = FRAMEWORKS.iter().map(|framework| framework.name).collect();
    assert_eq!(tried, there);
}
