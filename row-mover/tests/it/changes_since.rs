//! What was changed in PostgreSQL since the migration: it is named, and the ledger is left as it is.

use row_mover::run::Purpose;
use row_mover::validate::CompareOptions;

use crate::support::Case;

fn ledger(case: &Case) -> Vec<String> {
    case.ask("SELECT phase, finished_at FROM migration.phases ORDER BY 1")
}

#[test]
fn changes_since_the_migration_are_named_and_the_ledger_is_kept() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');",
    );
    case.moved();
    let before = ledger(&case);
    case.execute(
        "UPDATE t SET v = 'x' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (9, 'z')",
    );
    let options = CompareOptions { workers: 2, ..CompareOptions::default() };
    let (_, found) = case.validated_for(Purpose::ChangesSince, options);
    let table = &found.tables[0];
    assert_eq!((table.different, table.missing, table.extra), (1, 1, 1));
    assert!(!found.is_equal());
    assert_eq!(ledger(&case), before);
    // A validation that is a proof withdraws the run's earlier proof.
    case.validated(false);
    assert_ne!(ledger(&case), before);
}
