//! Paths that are longer than SQLite opens, which it would report as files that cannot be opened.

use std::path::{Path, PathBuf};

use row_mover::observer::Silent;
use row_mover::run::{self, Request};
use row_mover::source::introspect::introspect_live;

use crate::support::{Case, chain, moved};

/// A folder in `folder` whose path has so many bytes.
fn folder_of(folder: &Path, bytes: usize) -> PathBuf {
    let mut path = folder.to_owned();
    while path.as_os_str().len() + 201 < bytes {
        path.push("d".repeat(100));
    }
    let rest = bytes - path.as_os_str().len() - 1;
    path.push("e".repeat(rest));
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn a_path_that_is_too_long_for_sqlite_is_refused_as_such() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    // With the longest path that is taken, and with one byte more.
    let name_bytes = "/source.db".len();
    let longest = folder_of(case.dir.path(), 500 - name_bytes).join("source.db");
    let too_long = folder_of(case.dir.path(), 501 - name_bytes).join("source.db");
    for path in [&longest, &too_long] {
        std::fs::copy(&case.source, path).unwrap();
    }
    introspect_live(&longest).unwrap();
    let words = chain(&introspect_live(&too_long).unwrap_err());
    assert!(words.contains("is too long: it has 501 bytes") && words.contains("shorter path"), "{words}");

    let backup_dir = folder_of(case.dir.path(), 480);
    let words = chain(&run::migrate(&Request { backup_dir, ..case.request() }, &Silent).unwrap_err());
    assert!(words.contains("is too long") && words.contains("next: OtherBackupFolder(ShortPath)"), "{words}");
    assert_eq!(case.target_objects(), Vec::<String>::new());
    moved(run::migrate(&Request { source: longest, ..case.request() }, &Silent));
}
