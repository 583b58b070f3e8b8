//! A named copy is compared only if all that was committed is in it, and nothing else.

use row_mover::comparison::ComparisonSource;

use super::Pair;

const SOURCE: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO t SELECT i, printf('%0200d', i) FROM n";

const TARGET: &str = "
    CREATE TABLE t (id bigint PRIMARY KEY, v text); INSERT INTO t SELECT i, lpad(i::text, 200, '0') FROM generate_series(1, 3000) AS i";

/// In the middle of a transaction the file has what is not committed yet, and the journal what was.
#[test]
fn a_file_with_a_journal_is_no_sealed_copy() {
    for is_linked in [false, true] {
        let pair = Pair::new(SOURCE, TARGET);
        let writer = rusqlite::Connection::open(&pair.source).unwrap();
        writer.execute_batch("PRAGMA cache_size = 5; BEGIN; UPDATE t SET v = 'not committed'").unwrap();
        // As a backup tool copies both files.
        let copy = pair.source.with_file_name("copy.db");
        for suffix in ["", "-journal"] {
            let named = |path: &std::path::Path| format!("{}{suffix}", path.display());
            std::fs::copy(named(&pair.source), named(&copy)).unwrap();
        }
        let named = match is_linked {
            true => {
                let link = pair._dir.path().join("link.db");
                std::os::unix::fs::symlink(&copy, &link).unwrap();
                link
            }
            false => copy.clone(),
        };
        let url = pair.database.url().to_owned();
        let error = pair.compared_with(&url, ComparisonSource::Sealed(&named)).unwrap_err();
        assert!(error.contains("is no sealed copy") && error.contains("copy.db-journal undoes"), "{error}");
        // The app is gone from the copy: opening it rolls it back.
        assert!(
            error.contains("if the app is gone, open the file once with `sqlite3 FILE .tables`"),
            "{error}"
        );
        let opened = rusqlite::Connection::open(&named).unwrap();
        opened.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).unwrap();
        assert!(pair.compared_with(&url, ComparisonSource::Sealed(&named)).unwrap().is_equal());
        // The app of the file itself ends its transaction.
        let error = pair.compared_with(&url, ComparisonSource::Sealed(&pair.source)).unwrap_err();
        assert!(error.contains("wait until the app has ended its transaction"), "{error}");
        writer.execute_batch("ROLLBACK").unwrap();
        assert!(pair.compared_with(&url, ComparisonSource::Sealed(&pair.source)).unwrap().is_equal());
    }
}
