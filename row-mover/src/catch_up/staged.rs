//! The changes of one table in temporary tables of PostgreSQL: the keys of removed rows, or all of their values where there is no key, and
//! the added rows. They are sent by binary COPY with the load's encoders, so that no value is part of a statement.

use std::collections::BTreeMap;

use migrate_core::copy_format;
use migrate_core::identifier::quote_pg;
use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::PlannedTable;
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

use super::chunk_changes::ChunkChanges;
use super::rows::{each_row, unreadable};
use crate::difference::{RowSet, TableDifference};
use crate::error::{Context, Error, Result};
use crate::load;
use crate::observer::Observer;
use crate::remedy::Remedy;
use crate::row_encoder::{self, Refused, RowBuffer, RowOutcome};
use crate::source::SourceConnection;
use crate::source::rows::SourceRow;

/// How much is gathered before it is handed to the connection.
const BUFFER_BYTES: usize = 256 << 10;

/// The columns of a table of the target: name, name of the type, the type beneath a domain without a limit, the collation where it is not
/// the database's own, and whether only PostgreSQL numbers it.
const COLUMNS_SQL: &str = "WITH RECURSIVE beneath AS ( \
        SELECT a.attnum, a.atttypid AS type FROM pg_catalog.pg_attribute a \
        WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped \
        UNION ALL SELECT b.attnum, t.typbasetype FROM beneath b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd') \
    SELECT a.attname, t.typname, pg_catalog.format_type(b.type, -1), a.atttypid = b.type AND a.atttypmod = -1, \
    (SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(o.collname) FROM pg_catalog.pg_collation o \
     JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace WHERE o.oid = a.attcollation AND o.collname <> 'default'), \
    a.attidentity = 'a' \
    FROM beneath b JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype <> 'd' JOIN pg_catalog.pg_attribute a \
    ON a.attrelid = pg_catalog.to_regclass($1) AND a.attnum = b.attnum ORDER BY a.attnum";

/// The staged changes of a table.
pub(super) struct StagedTable<'a> {
    /// The table, with all planned columns and their policies.
    pub(super) table: &'a PlannedTable,
    /// The same without the columns that PostgreSQL generates.
    pub(super) sent: PlannedTable,
    /// What has changed.
    pub(super) difference: &'a TableDifference,
    /// Its name in the target, as SQL writes it.
    pub(super) name: String,
    /// The positions among `sent` of the key by which rows are paired; empty where they are compared by all their values.
    pub(super) key: Vec<usize>,
    /// The columns of `sent` in the target.
    pub(super) columns: Vec<StagedColumn>,
    /// Its number, which the names of its temporary tables have.
    pub(super) number: usize,
    /// Staged added rows.
    pub(super) added: u64,
    /// Added rows that the plan's policy skips.
    pub(super) rejected: u64,
}

/// A staged column.
pub(super) struct StagedColumn {
    /// Its name in the target, quoted.
    pub(super) name: String,
    /// Its name in the temporary tables, quoted.
    pub(super) staged: String,
    /// Its definition there.
    definition: String,
    /// The cast to the type of the target without a limit, such as `::citext`; empty where that is the staged type.
    cast: String,
    /// The same for the column of the target, where it has a domain or a limit.
    target_cast: String,
    /// Whether only PostgreSQL numbers it.
    pub(super) is_identity_always: bool,
}

impl StagedColumn {
    /// The staged value as the target stores it; `alias` names the temporary table.
    pub(super) fn value(&self, alias: &str) -> String {
        format!("{alias}.{}{}", self.staged, self.cast)
    }

    /// The value of the target, in the same type as [`StagedColumn::value`].
    pub(super) fn stored(&self, alias: &str) -> String {
        format!("{alias}.{}{}", self.name, self.target_cast)
    }
}

impl<'a> StagedTable<'a> {
    /// Prepares the staging of a difference; nothing is sent yet.
    pub(super) fn new(
        plan: &'a LoadPlan<'a>,
        difference: &'a TableDifference,
        number: usize,
        target: &mut Connection,
    ) -> Result<StagedTable<'a>> {
        let table = plan
            .table(&difference.table)
            .ok_or_else(|| Error::new(format!("the plan has no table {}", difference.table)))?;
        let (sent, name) = (table.sent(), table.qualified(&table.target));
        let columns = columns(&sent, &name, target)?;
        let key = key(&sent);
        Ok(StagedTable { table, sent, difference, name, key, columns, number, added: 0, rejected: 0 })
    }

    /// The temporary table with the removed rows.
    pub(super) fn removed_name(&self) -> String {
        format!("pg_temp.migration_removed_{}", self.number)
    }

    /// The temporary table with the added rows.
    pub(super) fn added_name(&self) -> String {
        format!("pg_temp.migration_added_{}", self.number)
    }

    /// The temporary table with the places of inserted rows, of a table without a key.
    pub(super) fn placed_name(&self) -> String {
        format!("pg_temp.migration_placed_{}", self.number)
    }

    /// Sends the changes.
    ///
    /// # Errors
    /// When a copy cannot be read, a value cannot move as the plan demands, or the target refuses.
    pub(super) fn send(
        &mut self,
        base: &SourceConnection,
        newer: &SourceConnection,
        target: &mut Connection,
        chunks: &mut ChunkChanges,
        observer: &dyn Observer,
    ) -> Result<()> {
        let of_removed: Vec<usize> =
            if self.key.is_empty() { (0..self.sent.columns.len()).collect() } else { self.key.clone() };
        create(
            &self.removed_name(),
            of_removed.iter().filter_map(|&position| self.columns.get(position)),
            target,
        )?;
        create(&self.added_name(), self.columns.iter(), target)?;
        let table = self.table.source.as_str();
        let mut removed = |row: &SourceRow<'_>, outcome: &RowOutcome| {
            chunks.count(table, row.rowid(), outcome, -1);
            Ok(())
        };
        self.copy(
            &of_removed,
            &self.removed_name(),
            &self.difference.removed,
            base,
            target,
            &mut removed,
            observer,
        )?;
        let (mut added_rows, mut rejected) = (0, 0);
        let mut added = |row: &SourceRow<'_>, outcome: &RowOutcome| {
            chunks.count(table, row.rowid(), outcome, 1);
            match outcome {
                RowOutcome::Moves | RowOutcome::Nulled(_) => added_rows += 1,
                RowOutcome::Skipped(_) => rejected += 1,
                RowOutcome::Stops(refused) => return Err(stopped(&self.sent, refused)),
            }
            Ok(())
        };
        let all: Vec<usize> = (0..self.sent.columns.len()).collect();
        self.copy(&all, &self.added_name(), &self.difference.added, newer, target, &mut added, observer)?;
        (self.added, self.rejected) = (added_rows, rejected);
        self.index(target)
    }

    /// Sends rows that move, the columns at `positions` of each.
    #[allow(clippy::too_many_arguments, reason = "both sides, what passes between them, and who is told")]
    fn copy(
        &self,
        positions: &[usize],
        into: &str,
        rows: &RowSet,
        source: &SourceConnection,
        target: &mut Connection,
        visit: &mut dyn FnMut(&SourceRow<'_>, &RowOutcome) -> Result<()>,
        observer: &dyn Observer,
    ) -> Result<()> {
        let failed = || unreadable(self.table);
        let names: Vec<&str> = positions
            .iter()
            .filter_map(|&position| Some(self.columns.get(position)?.staged.as_str()))
            .collect();
        let mut copy =
            target.copy_in(&format!("COPY {into} ({}) FROM STDIN (FORMAT binary)", names.join(", ")))?;
        let is_all = positions.len() == self.sent.columns.len();
        let (mut buffer, mut scratch) = (RowBuffer::default(), RowBuffer::default());
        buffer.bytes.extend_from_slice(copy_format::HEADER);
        each_row(&self.sent, rows, source, &mut |row| {
            if is_all {
                let outcome = row_encoder::append_row(&self.sent, row, &mut buffer).context(failed)?;
                visit(row, &outcome)?;
            } else {
                // All columns decide the outcome.
                scratch.clear();
                let outcome = row_encoder::append_row(&self.sent, row, &mut scratch).context(failed)?;
                visit(row, &outcome)?;
                if matches!(outcome, RowOutcome::Moves | RowOutcome::Nulled(_)) {
                    copy_format::begin_row(positions.len(), &mut buffer.bytes);
                    row_encoder::append_columns(&self.sent, positions, row, &mut buffer).context(failed)?;
                }
            }
            if buffer.bytes.len() >= BUFFER_BYTES || !buffer.deferred.is_empty() {
                check_stop(observer)?;
                buffer.send_with(row, |piece| copy.send(piece)).context(failed)??;
            }
            Ok(())
        })?;
        buffer.bytes.extend_from_slice(&copy_format::TRAILER);
        copy.send(&buffer.bytes)?;
        copy.finish()
    }

    /// Makes lookups by key quick, and lets the server know how many rows there are.
    fn index(&self, target: &mut Connection) -> Result<()> {
        let (removed, added) = (self.removed_name(), self.added_name());
        let mut sql = String::new();
        if !self.key.is_empty() {
            for (temporary, name) in [(&removed, "removed"), (&added, "added")] {
                let terms = self.key_columns().map(|column| format!("({}{})", column.staged, column.cast));
                sql.push_str(&format!(
                    "CREATE INDEX migration_{name}_key_{} ON {temporary} ({}); ",
                    self.number,
                    terms.collect::<Vec<_>>().join(", ")
                ));
            }
        }
        sql.push_str(&format!("ANALYZE {removed}; ANALYZE {added}"));
        if self.columns.iter().any(|column| !column.cast.is_empty()) {
            // A value that its column's type refuses is found here, where the refusal does not reach the server's log.
            let values: Vec<String> = self.columns.iter().map(|column| column.value("s")).collect();
            sql.push_str(&format!("; SELECT count(ROW({})) FROM {added} AS s", values.join(", ")));
        }
        let indexed = target.guarded_script(&sql, &mut || Ok(false));
        indexed.context(|| format!("the changes of table {} cannot be staged", self.table.source)).map_err(
            |error| match error.is_transient() {
                true => error,
                false => error.with_remedy_value(Remedy::RepairSourceAndCatchUp),
            },
        )
    }

    /// The columns of the key.
    pub(super) fn key_columns(&self) -> impl Iterator<Item = &StagedColumn> {
        self.key.iter().filter_map(|&position| self.columns.get(position))
    }

    /// The condition that two terms have the same key, each the alias of a temporary table.
    pub(super) fn same_staged_key(&self, left: &str, right: &str) -> String {
        let pairs = self
            .key_columns()
            .map(|column| format!("{} OPERATOR(pg_catalog.=) {}", column.value(left), column.value(right)));
        pairs.collect::<Vec<_>>().join(" AND ")
    }

    /// The condition that a row of the target has the key of a staged one.
    pub(super) fn same_key(&self, target: &str, staged: &str) -> String {
        let pairs = self.key_columns().map(|column| {
            format!("{target}.{} OPERATOR(pg_catalog.=) {}", column.name, column.value(staged))
        });
        pairs.collect::<Vec<_>>().join(" AND ")
    }
}

/// The error for a row that the plan does not let move, with the words of a load.
fn stopped(table: &PlannedTable, refused: &[Refused]) -> Error {
    let refused = refused
        .iter()
        .map(|refused| Refused { position: refused.position, refusal: refused.refusal.clone() });
    load::stopped(table, refused.collect()).with_remedy_value(Remedy::RepairSourceAndCatchUp)
}

fn create<'c>(
    name: &str,
    columns: impl Iterator<Item = &'c StagedColumn>,
    target: &mut Connection,
) -> Result<()> {
    let columns: Vec<String> = columns.map(|column| column.definition.clone()).collect();
    let sql = format!(
        "CREATE TEMPORARY TABLE {} ({}, {NUMBER} pg_catalog.int8 GENERATED ALWAYS AS IDENTITY) ON COMMIT DROP",
        name.trim_start_matches("pg_temp."),
        columns.join(", ")
    );
    target.script(&sql).map(drop).context(|| "the changes cannot be staged")
}

/// The column of temporary tables with the place of a row among those that were sent, from 1.
pub(super) const NUMBER: &str = "\"migration.number\"";

/// The columns of the target for those that are sent.
fn columns(sent: &PlannedTable, name: &str, target: &mut Connection) -> Result<Vec<StagedColumn>> {
    type Found = (String, String, bool, Option<String>, bool);
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for row in target.query(COLUMNS_SQL, &[Some(name)])? {
        let [Some(column), Some(type_name), Some(cast), is_plain, collation, is_always] = &*row else {
            continue;
        };
        let is_true = |field: &Option<String>| field.as_deref() == Some("t");
        let facts =
            (type_name.clone(), cast.clone(), is_true(is_plain), collation.clone(), is_true(is_always));
        found.insert(column.clone(), facts);
    }
    let staged = |(position, planned): (usize, &migrate_core::plan::PlannedColumn)| {
        let (type_name, cast, is_plain, collation, is_identity_always) =
            found.get(&planned.target).ok_or_else(|| {
                Error::new(format!("table {name} has no column {}", quote_pg(&planned.target)))
                    .with_remedy_value(Remedy::ValidateOrRestart)
            })?;
        let is_same = load::type_name(planned.target_type) == type_name;
        let staged = quote_pg(&format!("migration.{position}"));
        // With the collation of the target's column, so that the two can be compared.
        let collation = match collation {
            Some(collation) if planned.target_type.sql() == "text" => format!(" COLLATE {collation}"),
            _ => String::new(),
        };
        Ok(StagedColumn {
            name: quote_pg(&planned.target),
            definition: format!("{staged} {}{collation}", planned.target_type.sql()),
            staged,
            cast: if is_same { String::new() } else { format!("::{cast}") },
            target_cast: if is_same && *is_plain { String::new() } else { format!("::{cast}") },
            is_identity_always: *is_identity_always,
        })
    };
    sent.columns.iter().enumerate().map(staged).collect()
}

/// The columns by which rows are paired: those of the primary key, or else of a unique key without NULL; empty where there is none.
fn key(sent: &PlannedTable) -> Vec<usize> {
    let primary = sent.key_positions();
    if !primary.is_empty() {
        return primary;
    }
    let positions = |names: &[String]| -> Option<Vec<usize>> {
        let of_name =
            |name: &String| sent.columns.iter().position(|column| column.target == *name && column.not_null);
        names.iter().map(of_name).collect::<Option<Vec<usize>>>().filter(|key| !key.is_empty())
    };
    let of_indexes = sent.indexes.iter().filter(|index| index.unique && index.predicate.is_none());
    let of_indexes = of_indexes.map(|index| {
        // An expression has no column of this name.
        index.columns.iter().map(|column| column.column.clone()).collect::<Vec<String>>()
    });
    let candidates = sent.unique.iter().map(|key| key.columns.clone()).chain(of_indexes);
    candidates.filter_map(|names| positions(&names)).next().unwrap_or_default()
}
