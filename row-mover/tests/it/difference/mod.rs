//! What has changed between two sealed copies: each kind of table and value, damage to no order, and random changes against an oracle.

mod random;
mod rows;
mod schema;

use std::path::Path;

use migrate_core::plan::{Plan, PlannedTable};
use postgres_client::watch::{Silent, Watch};
use row_mover::difference::{Difference, RowDifference, RowSet, difference};
use row_mover::source::SourceConnection;
use row_mover::source::rows::{Value, Values};
use row_mover::source::seal::{self, Copy};
use tempfile::TempDir;

use crate::support::{chain, plan, sqlite};

/// A source with its plan, and a copy of what it was.
pub struct Changing {
    dir: TempDir,
    pub plan: Plan,
    base: Copy,
}

impl Changing {
    /// A source that this SQL makes.
    #[track_caller]
    pub fn new(sql: &str) -> Changing {
        let dir = tempfile::tempdir().unwrap();
        sqlite(&dir.path().join("source.db"), sql);
        let plan = plan(&dir.path().join("source.db"), "");
        let base = copy(&dir);
        Changing { dir, plan, base }
    }

    pub fn source(&self) -> std::path::PathBuf {
        self.dir.path().join("source.db")
    }

    /// Changes the source by SQL, and returns both copies.
    #[track_caller]
    pub fn changed(&self, sql: &str) -> Copies {
        sqlite(&self.source(), sql);
        self.copies()
    }

    /// The copies of what the source was and is.
    #[track_caller]
    pub fn copies(&self) -> Copies {
        // Two folders of one millisecond would have one name.
        std::thread::sleep(std::time::Duration::from_millis(2));
        let copied = copy(&self.dir);
        let open = |path: &Path| SourceConnection::open_sealed(path).unwrap();
        Copies { base: open(self.base.path()), newer: open(copied.path()), _copied: copied }
    }

    pub fn tables(&self) -> Vec<&PlannedTable> {
        self.plan.tables.iter().collect()
    }
}

fn copy(dir: &TempDir) -> Copy {
    let copied = seal::copy(&dir.path().join("source.db"), &dir.path().join("backups"), &|_| Ok(()));
    copied.unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// Two copies of one source.
pub struct Copies {
    pub base: SourceConnection,
    pub newer: SourceConnection,
    _copied: Copy,
}

impl Copies {
    pub fn difference(&self, tables: &[&PlannedTable], watch: &dyn Watch) -> row_mover::Result<Difference> {
        difference(&self.base, &self.newer, tables, watch)
    }

    /// The difference of the rows.
    #[track_caller]
    pub fn rows(&self, tables: &[&PlannedTable]) -> RowDifference {
        match self.difference(tables, &Silent) {
            Ok(Difference::Rows(rows)) => rows,
            Ok(other) => panic!("{other:?}"),
            Err(error) => panic!("{}", chain(&error)),
        }
    }

    /// The difference in words: the removed and added rows of each table, and the sequences that moved.
    #[track_caller]
    pub fn words(&self, tables: &[&PlannedTable]) -> Vec<String> {
        let found = self.rows(tables);
        let mut words = Vec::new();
        for changed in &found.tables {
            let table = tables.iter().find(|table| table.source == changed.table).unwrap();
            let sides = [("-", &changed.removed, &self.base), ("+", &changed.added, &self.newer)];
            for (sign, set, copy) in sides {
                let rows = rows_of(set, table, copy);
                assert_eq!(rows.len() as u64, set.rows());
                words.extend(rows.into_iter().map(|row| format!("{sign}{} {row}", changed.table)));
            }
        }
        words.extend(found.sequences.iter().map(|table| format!("{table} numbers")));
        words
    }
}

/// The rows of a set, each with its values by storage class.
#[track_caller]
pub fn rows_of(set: &RowSet, table: &PlannedTable, copy: &SourceConnection) -> Vec<String> {
    let mut rows = Vec::new();
    let read = set.each(table, copy, &|| table.source.clone(), &mut |row| {
        let values = (0..table.columns.len()).map(|position| shown(&row.value(position).unwrap()));
        rows.push(values.collect::<Vec<_>>().join("|"));
        Ok(())
    });
    read.unwrap_or_else(|error| panic!("{}", chain(&error)));
    rows
}

fn shown(value: &Value<'_>) -> String {
    use migrate_core::value::{SourceValue, StorageClass};
    let summed = |class: StorageClass, bytes: &[u8]| {
        let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
        format!("{class:?} of {} with sum {sum}", bytes.len())
    };
    match value {
        Value::Held(SourceValue::Text(text)) if text.len() > 50 => summed(StorageClass::Text, text),
        Value::Held(SourceValue::Blob(blob)) if blob.len() > 50 => summed(StorageClass::Blob, blob),
        Value::Held(SourceValue::Null) => "NULL".to_owned(),
        Value::Held(SourceValue::Integer(integer)) => integer.to_string(),
        Value::Held(SourceValue::Real(real)) => format!("{real:?}"),
        Value::Held(SourceValue::Text(text)) => match std::str::from_utf8(text) {
            Ok(text) => format!("'{text}'"),
            Err(_) => format!("text {text:x?}"),
        },
        Value::Held(SourceValue::Blob(blob)) => format!("blob {blob:x?}"),
        Value::Long(long) => summed(long.class(), &long.whole().unwrap()),
        Value::Uncomputed(_) => "uncomputed".to_owned(),
    }
}
