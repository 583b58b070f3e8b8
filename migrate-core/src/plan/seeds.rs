//! The rows that an app's migrations put into its tables before the load (seeds): which of them stay, and the SQL that saves them,
//! tells them from the rows that are loaded, and restores them.
//!
//! All rows that a table held are saved in the ledger's schema before one is changed, each with the row of the source that it
//! corresponds to. How rows compare is not decided here.

use serde::{Deserialize, Serialize};

use super::{ExistingTable, PlannedColumn, PlannedTable};
use crate::identifier::{fit_pg, quote_pg, quote_pg_list};
use crate::terms::Seeds;

/// The schema of the ledger, where rows are saved.
const LEDGER_SCHEMA: &str = "migration";

/// The column of saved rows with the row of the source that they correspond to: its rowid, or its number in the scan; NULL where the
/// source has no such row.
pub const SOURCE_ROW: &str = "\"migration.source_row\"";

/// The column of saved rows that tells whether that row is equal in all loaded columns.
pub const IS_EQUAL: &str = "\"migration.is_equal\"";

/// How the rows that a table held before the load compare with those of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedCounts {
    /// Rows that are equal to a row of the source in all loaded columns.
    pub equal: u64,
    /// Rows with the key of a row of the source and other values.
    pub differing: u64,
    /// Rows that the source does not have.
    pub only_target: u64,
}

impl SeedCounts {
    /// The number of rows.
    pub fn rows(self) -> u64 {
        self.equal + self.differing + self.only_target
    }
}

impl ExistingTable {
    /// Whether rows that it held stay.
    pub fn keeps_rows(&self) -> bool {
        self.seeds != Seeds::Replace && self.table.rows > 0
    }

    /// Whether rows that it held may be overwritten.
    pub fn merges_rows(&self) -> bool {
        self.seeds == Seeds::Merge && self.table.rows > 0
    }

    /// Whether rows are deleted before the load.
    pub fn replaces_rows(&self) -> bool {
        self.seeds == Seeds::Replace && self.table.rows > 0
    }

    /// Whether rows that the source does not have stay, as far as the plan knows.
    pub fn keeps_other_rows(&self) -> bool {
        self.keeps_rows() && self.seed_counts.is_none_or(|counts| counts.only_target > 0)
    }

    /// Where the rows that it held are saved, as SQL names it.
    pub fn saved_rows(&self) -> String {
        format!("{LEDGER_SCHEMA}.{}", quote_pg(&self.saved_rows_name()))
    }

    /// The name of that table.
    pub fn saved_rows_name(&self) -> String {
        fit_pg(&format!("seeds_{}", self.table.name))
    }

    /// The statements that save the rows that it holds. `marks` is a table with the `place` (`ctid`) in `part` (`tableoid`) of each row
    /// that corresponds to one of the source, its `source_row`, and whether it `is_equal`.
    pub fn save_sql(&self, marks: &str) -> String {
        let (saved, table) = (self.saved_rows(), self.name_in_sql());
        match self.replaces_rows() {
            true => format!(
                "CREATE TABLE {saved} AS SELECT t.*, NULL::pg_catalog.int8 AS {SOURCE_ROW}, false AS {IS_EQUAL} FROM {table} AS t; \
                 DELETE FROM {table}"
            ),
            false => format!(
                "CREATE TABLE {saved} AS SELECT t.*, m.source_row AS {SOURCE_ROW}, coalesce(m.is_equal, false) AS {IS_EQUAL} \
                 FROM {table} AS t LEFT JOIN {marks} AS m ON m.part = t.tableoid AND m.place = t.ctid"
            ),
        }
    }

    /// The condition by which a row `t` of the table is one that it held before and that the source does not have.
    pub fn is_kept_sql(&self) -> String {
        match self.key() {
            Some(key) => self.was_there_sql(key, &format!(" AND k.{SOURCE_ROW} IS NULL")),
            // Rows without a key are known by all their values; of equal ones any is taken, since nothing tells them apart.
            None => format!(
                "EXISTS (SELECT FROM (SELECT h.tableoid AS part, h.ctid AS place, n.copies, \
                 row_number() OVER (PARTITION BY n.row ORDER BY h.tableoid, h.ctid) AS number FROM {} AS h \
                 JOIN (SELECT {} AS row, count(*) AS copies FROM {} AS k WHERE k.{SOURCE_ROW} IS NULL GROUP BY 1) AS n ON n.row = {}) AS c \
                 WHERE c.number <= c.copies AND c.part = t.tableoid AND c.place = t.ctid)",
                self.name_in_sql(),
                self.row_in_sql("k"),
                self.saved_rows(),
                self.row_in_sql("h")
            ),
        }
    }

    /// The number of rows that were to be kept and that are missing, as a query.
    pub fn lost_rows_sql(&self) -> String {
        format!(
            "SELECT (SELECT count(*) FROM {} AS k WHERE k.{SOURCE_ROW} IS NULL) AS kept, (SELECT count(*) FROM {} AS t WHERE {}) AS there",
            self.saved_rows(),
            self.name_in_sql(),
            self.is_kept_sql()
        )
    }

    /// The statements that remove the rows that were loaded, and restore those that it held.
    pub fn restore_sql(&self, planned: &PlannedTable) -> String {
        let table = self.name_in_sql();
        if self.table.rows == 0 {
            return format!("DELETE FROM {table} AS t");
        }
        let saved = self.saved_rows();
        let Some(key) = self.key().filter(|_| self.keeps_rows()) else {
            let columns = self.table.columns.iter().filter(|column| !column.is_generated);
            let columns = quote_pg_list(&columns.map(|column| column.name.clone()).collect::<Vec<_>>());
            return format!(
                "DELETE FROM {table} AS t; INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {saved}"
            );
        };
        let delete = format!("DELETE FROM {table} AS t WHERE NOT {}", self.was_there_sql(key, ""));
        let columns = self.merged_columns(planned);
        if !self.merges_rows() || columns.is_empty() {
            return delete;
        }
        let set = columns.iter().map(|column| {
            let name = quote_pg(&column.target);
            format!("{name} = k.{name}")
        });
        format!(
            "{delete}; UPDATE {table} AS t SET {} FROM {saved} AS k WHERE {} AND k.{SOURCE_ROW} IS NOT NULL AND NOT k.{IS_EQUAL}",
            set.collect::<Vec<_>>().join(", "),
            same_key("t", key)
        )
    }

    /// The columns that a row of the source overwrites in the one with its key: all loaded ones, but for those that only PostgreSQL may
    /// number.
    pub fn merged_columns<'p>(&self, planned: &'p PlannedTable) -> Vec<&'p PlannedColumn> {
        let is_set = |column: &&PlannedColumn| {
            let target = self.table.column(&column.target);
            column.generated.is_none() && target.is_some_and(|target| !target.is_identity)
        };
        planned.columns.iter().filter(is_set).collect()
    }

    /// The columns of its primary key.
    fn key(&self) -> Option<&[String]> {
        self.table.primary_key.as_ref().map(|key| key.columns.as_slice())
    }

    fn was_there_sql(&self, key: &[String], and: &str) -> String {
        format!("EXISTS (SELECT FROM {} AS k WHERE {}{and})", self.saved_rows(), same_key("t", key))
    }

    /// All values of a row as one text.
    fn row_in_sql(&self, alias: &str) -> String {
        let columns = self.table.columns.iter().map(|column| format!("{alias}.{}", quote_pg(&column.name)));
        format!("ROW({})::pg_catalog.text", columns.collect::<Vec<_>>().join(", "))
    }
}

/// The condition by which a saved row `k` has the key of a row of the table.
fn same_key(alias: &str, key: &[String]) -> String {
    let pairs = key.iter().map(|column| format!("k.{0} = {alias}.{0}", quote_pg(column)));
    pairs.collect::<Vec<_>>().join(" AND ")
}

impl PlannedTable {
    /// The selection of its migrated rows, as SQL: the table, without the rows that it held before and that the source does not have.
    pub fn loaded_rows_sql(&self) -> String {
        let table = self.qualified(&self.target);
        match &self.existing {
            Some(existing) if existing.keeps_rows() => {
                format!(
                    "(SELECT *, ctid, tableoid FROM {table} AS t WHERE NOT {}) AS t",
                    existing.is_kept_sql()
                )
            }
            _ => table,
        }
    }

    /// The table in which the rows that it held are saved, to be read as this one is.
    pub fn saved(&self) -> Option<PlannedTable> {
        let existing = self.existing.as_ref()?;
        let saved = PlannedTable { existing: None, schema: Some(LEDGER_SCHEMA.to_owned()), ..self.clone() };
        Some(PlannedTable { target: existing.saved_rows_name(), ..saved })
    }

    /// The table itself with all its rows, to be read as a table that was created.
    pub fn with_all_rows(&self) -> PlannedTable {
        PlannedTable { existing: None, ..self.clone() }
    }
}
