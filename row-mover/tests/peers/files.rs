//! Real databases, named on the command line: `PEERS_FILES=a.db:b.db cargo test -p row-mover --test peers -- \
//! --ignored given_files --nocapture`. Each is copied, migrated, compared by the oracle, and summarised in a few lines.

use std::path::PathBuf;
use std::time::Instant;

use crate::support::Ending;
use crate::support::migrate::migrate_file;
use crate::support::oracle;

/// Maximum number of objects shown that are not migrated.
const SHOWN_MAX: usize = 40;

#[test]
#[ignore = "it needs files"]
fn given_files() {
    let files = std::env::var("PEERS_FILES").expect("PEERS_FILES names the files, with a colon between");
    let mapping = std::env::var("PEERS_MAPPING").unwrap_or_default();
    let mut wrong = Vec::new();
    for file in files.split(':') {
        let dir = tempfile::tempdir().unwrap();
        let source: PathBuf = dir.path().join("source.db");
        std::fs::copy(file, &source).unwrap_or_else(|error| panic!("{file}: {error}"));
        let started = Instant::now();
        let finished = migrate_file(dir, source, &mapping, "");
        let took = started.elapsed();
        eprintln!("\n# {file}: {:?} in {took:?}", finished.ending);
        if !matches!(finished.ending, Ending::Proven) {
            eprintln!("{}", finished.words);
        }
        let Some(case) = finished.case else { continue };
        let columns: usize = case.plan.tables.iter().map(|table| table.columns.len()).sum();
        eprintln!(
            "{} tables, {columns} columns, {} views, {} triggers",
            case.plan.tables.len(),
            case.plan.views.len(),
            case.plan.triggers.len()
        );
        for breach in &case.plan.breaches {
            eprintln!("broken: {} {}: {} rows", breach.table, breach.constraint, breach.rows);
        }
        for item in case.plan.left_behind.iter().take(SHOWN_MAX) {
            eprintln!("left: {} {}: {}", item.kind, item.name, item.reason);
        }
        if matches!(finished.ending, Ending::Proven | Ending::Partly) {
            let rejected = finished.rejects.iter().map(|(_, count)| count).sum();
            wrong.extend(
                oracle::differences(&case, rejected).into_iter().map(|found| format!("{file}: {found}")),
            );
        } else if finished.ending == Ending::Differs {
            wrong.push(format!("{file}: validation found differences"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
