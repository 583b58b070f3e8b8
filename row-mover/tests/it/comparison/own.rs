//! Databases that our own `migrate` made: equal after the ledger is gone.

use fixtures::hyperpage::{SampleOptions, create_sample};
use migrate_core::comparison::{Comparison, Gap};
use migrate_core::mapping::Mapping;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::comparison::{self, ComparisonRequest, ComparisonSource};
use row_mover::observer::Silent;
use row_mover::validate::CompareOptions;

use super::findings;
use crate::support::{Case, chain, hyperpage_plan, plan};

fn compared(case: &Case) -> Comparison {
    case.moved();
    case.execute("DROP SCHEMA migration CASCADE");
    let request = ComparisonRequest {
        source: ComparisonSource::Live(&case.source),
        target: TargetUrl::parse(case.database.url()).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        mapping: Mapping::default(),
        options: CompareOptions { show_values: true, workers: 3, read_only: true },
    };
    comparison::compare(&request, &Silent).unwrap_or_else(|error| panic!("{}", chain(&error))).comparison
}

#[track_caller]
fn check(case: &Case) {
    let compared = compared(case);
    assert!(compared.is_equal(), "{:#?}", findings(&compared));
    // The plan adds columns for full-text search.
    let is_named = |gap: &Gap| {
        matches!(gap, Gap::LeftBehind { .. } | Gap::OnlyInTarget { .. } | Gap::OnlyInTargetColumn { .. })
    };
    let is_left = |gap: &&Gap| !is_named(gap);
    let gaps: Vec<&Gap> = compared.gaps.iter().filter(is_left).collect();
    assert!(gaps.is_empty(), "{gaps:?}");
    for table in &compared.tables {
        assert!(table.columns.iter().all(|column| column.forms.is_empty()), "{:#?}", findings(&compared));
    }
}

#[test]
fn the_sample_of_hyperpage() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    create_sample(&source, &SampleOptions { rows: 3000, seed: 5 }).unwrap();
    check(&Case::planned(dir, source, hyperpage_plan()));
}

#[test]
fn the_music_store() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    fixtures::music_store::create(&source, 40).unwrap();
    let plan = plan(&source, "");
    check(&Case::planned(dir, source, plan));
}

/// Databases as frameworks make them.
#[test]
fn the_databases_of_frameworks() {
    for framework in fixtures::frameworks::FRAMEWORKS {
        check(&Case::new(framework.sql));
    }
}

/// Long values, in keys of several types and in tables without one.
#[test]
fn long_values() {
    check(&Case::new(
        "CREATE TABLE t (id TEXT PRIMARY KEY, body TEXT, data BLOB); CREATE TABLE loose (body TEXT, data BLOB);
         INSERT INTO t VALUES ('a', printf('%.*c', 1500000, 'x'), zeroblob(1300000)), ('b', 'short', x'00');
         INSERT INTO loose SELECT body, data FROM t; INSERT INTO loose SELECT body, data FROM t",
    ));
}
