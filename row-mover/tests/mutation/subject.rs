//! Migrated databases, each created once and copied for every damage.

use std::path::PathBuf;

use fixtures::hostile::HostileCase;
use fixtures::hyperpage::{SampleOptions, create_sample};
use migrate_core::plan::PlannedTable;
use migrate_core::value::SourceValue;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::observer::Silent;
use row_mover::run::{self, Purpose, Validation, ValidationRequest};
use row_mover::source::scan;
use row_mover::validate::CompareOptions;
use rusqlite::OpenFlags;
use test_database::TestDatabase;

use crate::engine::{Case, chain, hyperpage_plan};
use crate::sources;

/// A migrated database that is never changed.
pub struct Subject {
    pub name: &'static str,
    pub case: Case,
    /// The tables with rows.
    pub tables: Vec<PlannedTable>,
    /// The sealed copy.
    pub sealed: PathBuf,
}

/// Whether a key identifies the rows of the table: one that both databases order in the same way.
pub fn is_keyed(table: &PlannedTable) -> bool {
    let key = table.key_positions();
    !key.is_empty() && key.iter().all(|&position| table.columns[position].keeps_order())
}

impl Subject {
    fn of(name: &'static str, case: Case) -> Subject {
        case.moved();
        let sealed = case.ask("SELECT seal::json->>'path' FROM migration.runs").remove(0);
        let has_rows = |table: &&PlannedTable| {
            case.ask(&format!("SELECT count(*) FROM {}", table.loaded_rows_sql())) != ["0"]
        };
        let tables = case.plan.tables.iter().filter(has_rows).cloned().collect();
        Subject { name, tables, sealed: sealed.into(), case }
    }

    /// Returns the key, as text, of the row at a position in SQLite's key order.
    pub fn key_words(&self, table: &PlannedTable, place: &str) -> String {
        let key = table.key_positions();
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let columns: Vec<String> = key.iter().map(|&at| quoted(&table.columns[at].source)).collect();
        let order: Vec<String> = columns.iter().map(|column| format!("{column} COLLATE BINARY")).collect();
        let sql = format!(
            "SELECT {} FROM {} NOT INDEXED ORDER BY {} LIMIT 1 OFFSET {place}",
            columns.join(", "),
            quoted(&table.source),
            order.join(", ")
        );
        let sqlite =
            rusqlite::Connection::open_with_flags(&self.sealed, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let words = |row: &rusqlite::Row<'_>| {
            let values: Vec<SourceValue<'_>> =
                (0..key.len()).map(|at| scan::value(row.get_ref(at).unwrap())).collect();
            Ok(scan::describe_key(table, &key, &values))
        };
        sqlite.query_row(&sql, [], words).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Validates a copy.
    pub fn validated(&self, copy: &TestDatabase) -> Result<Validation, String> {
        let request = ValidationRequest {
            target: TargetUrl::parse(copy.url()).unwrap(),
            settings: DbSettings { pool_max: 4, ..DbSettings::default() },
            migrations: &self.case.migrations,
            options: CompareOptions { workers: 2, ..CompareOptions::default() },
            purpose: Purpose::Proof,
            integrity_check: false,
        };
        run::validate(&request, &Silent).map(|(_, found)| found).map_err(|error| chain(&error))
    }
}

/// Creates all subjects in several threads.
pub fn subjects() -> Vec<Subject> {
    type Make = fn() -> Subject;
    const MAKERS: [Make; 10] = [
        || Subject::of("large", Case::mapped(sources::LARGE, sources::LARGE_MAPPING)),
        || Subject::of("conversions", Case::mapped(sources::CONVERSIONS, sources::CONVERSIONS_MAPPING)),
        || Subject::of("shop", Case::mapped(sources::SHOP, sources::SHOP_MAPPING)),
        || Subject::of("shop with identity", Case::new(sources::SHOP)),
        || Subject::of("keys", Case::mapped(sources::KEYS, sources::KEYS_MAPPING)),
        || Subject::of("loose", Case::mapped(sources::LOOSE, sources::LOOSE_MAPPING)),
        || Subject::of("schemas", Case::mapped(sources::SCHEMAS, sources::SCHEMAS_MAPPING)),
        hyperpage,
        || hostile("swapped-indexes"),
        existing,
    ];
    let next = std::sync::atomic::AtomicUsize::new(0);
    let make = || {
        let mut made = Vec::new();
        while let Some((place, make)) = {
            let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            MAKERS.get(place).map(|make| (place, make))
        } {
            made.push((place, make()));
        }
        made
    };
    let mut made: Vec<(usize, Subject)> = std::thread::scope(|scope| {
        let threads = [scope.spawn(make), scope.spawn(make)];
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    made.sort_by_key(|(place, _)| *place);
    made.into_iter().map(|(_, subject)| subject).collect()
}

fn hyperpage() -> Subject {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    create_sample(&source, &SampleOptions { rows: 200, seed: 11 }).unwrap();
    Subject::of("hyperpage", Case::planned(dir, source, hyperpage_plan()).with_baseline())
}

/// Returns a hostile database that can be migrated.
fn hostile(name: &'static str) -> Subject {
    let dir = tempfile::tempdir().unwrap();
    let built = HostileCase::named(name).unwrap().build(dir.path()).unwrap();
    std::fs::rename(built.path(), dir.path().join("source.db")).unwrap();
    let source = dir.path().join("source.db");
    Subject::of(name, Case::planned(dir, source, hyperpage_plan()))
}

fn existing() -> Subject {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    crate::engine::sqlite(&source, sources::BOOKS);
    let mapping = "seeds = \"keep\"";
    let case = Case::into_existing(dir, source, mapping, sources::BOOKS_TARGET)
        .unwrap_or_else(|words| panic!("{words}"));
    Subject::of("into existing tables", case)
}
