//! Documents for types: all of the selected columns are passed, whatever their storage, and nothing else.

use std::collections::BTreeSet;

use row_mover::Result;
use row_mover::source::documents::fold_documents;

use crate::support::Case;

/// What was passed: table, column, and the beginning of the document with its length.
fn passed(case: &Case) -> Result<BTreeSet<String>> {
    fold_documents(
        &case.source,
        &case.plan,
        |_, column| column.starts_with("doc"),
        BTreeSet::new,
        |seen, table, column, document| {
            let start: String = document.chars().take(12).collect();
            seen.insert(format!("{table}.{column} {start} {}", document.len()));
        },
    )
}

#[test]
fn documents_of_all_storages_are_passed() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, doc TEXT, \"doc 2\" BLOB, other TEXT);
         CREATE TABLE w (id TEXT PRIMARY KEY, doc TEXT) WITHOUT ROWID;
         INSERT INTO t VALUES (1, '{\"a\": 1}', CAST('[1]' AS BLOB), 'other'), (2, NULL, x'ff', NULL), (3, 5, 1.5, 'x'), (5, NULL, 7, NULL),
           (4, '\"' || hex(zeroblob(1048576)) || '\"', NULL, NULL);
         INSERT INTO w VALUES ('k', '{}')",
    );
    let seen: Vec<String> = passed(&case).unwrap().into_iter().collect();
    assert_eq!(
        seen,
        // A number in a column of text is its text.
        [
            "t.doc \"00000000000 2097154",
            "t.doc 2 1.5 3",
            "t.doc 2 7 1",
            "t.doc 2 [1] 3",
            "t.doc 5 1",
            "t.doc {\"a\": 1} 8",
            "w.doc {} 2"
        ]
    );
}

#[test]
fn a_file_without_a_selected_column_is_refused() {
    let mut case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY, doc TEXT)");
    case.plan.tables[0].columns[1].source = "document".to_owned();
    let error = passed(&case).unwrap_err();
    assert!(error.to_string().ends_with("source.db has no column t.document"), "{error}");
}
