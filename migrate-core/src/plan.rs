//! The plan: for every table and column where it comes from, what it becomes, and why; and by name all that stays behind.
//!
//! A plan is data. It is what a human reviews, what a migration executes and what validation measures against; its JSON is
//! deterministic. Making one is the planner's work, turning one into SQL is `render`'s.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::conversion::{Conversion, PgType};
use crate::mapping::IndexMethod;
use crate::profile::ColumnProfile;

/// The version of the plan's JSON form.
pub const PLAN_FORMAT: u32 = 1;

/// What becomes of a SQLite database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this form.
    pub format: u32,
    /// The schema of the target that the tables go to.
    pub target_schema: String,
    /// The tables that move, ordered by name.
    pub tables: Vec<PlannedTable>,
    /// All that does not move, with the reason.
    pub left_behind: Vec<LeftBehind>,
}

/// What becomes of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTable {
    /// Its name in SQLite.
    pub source: String,
    /// Its name in PostgreSQL.
    pub target: String,
    /// Whether it is WITHOUT ROWID in SQLite.
    pub without_rowid: bool,
    /// The name by which SQL reaches its rowid; none where there is no rowid or columns hide it.
    pub rowid: Option<String>,
    /// The rows that the profile counted; none where there was no data to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_rows: Option<u64>,
    /// Its columns, in their order.
    pub columns: Vec<PlannedColumn>,
    /// The primary key.
    pub primary_key: Option<PlannedKey>,
    /// UNIQUE constraints.
    pub unique: Vec<PlannedKey>,
    /// Foreign keys.
    pub foreign_keys: Vec<PlannedForeignKey>,
    /// Indexes that no constraint makes.
    pub indexes: Vec<PlannedIndex>,
}

/// What becomes of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedColumn {
    /// Its name in SQLite.
    pub source: String,
    /// Its name in PostgreSQL.
    pub target: String,
    /// The type that SQLite's schema declares; empty where there is none.
    pub declared: String,
    /// The type in PostgreSQL.
    #[serde(rename = "type")]
    pub target_type: PgType,
    /// How values get there and back.
    pub conversion: Conversion,
    /// Whether it is NOT NULL in PostgreSQL.
    pub not_null: bool,
    /// Whether it is NOT NULL in SQLite.
    pub source_not_null: bool,
    /// The default's SQL in SQLite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_default: Option<String>,
    /// The default's SQL in PostgreSQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The sequence that numbers new rows (`bigserial`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// Whether its values are never shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// What the profile saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ColumnProfile>,
    /// Why this type and conversion, in words.
    pub why: String,
}

/// A PRIMARY KEY or UNIQUE constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedKey {
    /// The constraint's name in PostgreSQL.
    pub name: String,
    /// Its columns, by target name, in their order.
    pub columns: Vec<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedForeignKey {
    /// The constraint's name in PostgreSQL.
    pub name: String,
    /// The columns of this table, by target name.
    pub columns: Vec<String>,
    /// The table that it points to, by target name.
    pub parent_table: String,
    /// The columns that it points to, by target name.
    pub parent_columns: Vec<String>,
    /// `ON UPDATE`.
    pub on_update: String,
    /// `ON DELETE`.
    pub on_delete: String,
    /// Whether it is DEFERRABLE INITIALLY DEFERRED.
    pub deferred: bool,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedIndex {
    /// Its name, the same on both sides where both have it.
    pub name: String,
    /// The access method.
    pub method: IndexMethod,
    /// Whether it is unique.
    pub unique: bool,
    /// Its columns, by target name, in their order.
    pub columns: Vec<PlannedIndexColumn>,
    /// Why it is there, where the source has it not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_because: Option<String>,
}

/// A column of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedIndexColumn {
    /// The column, by target name.
    pub column: String,
    /// Whether it is sorted descending.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
}

/// Something that stays behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftBehind {
    /// What it is, such as `table`, `view` or `default`.
    pub kind: String,
    /// Its name, with table and column where it is part of one.
    pub name: String,
    /// Why it does not move.
    pub reason: String,
}

impl Plan {
    /// The planned table of this source name.
    pub fn table(&self, source: &str) -> Option<&PlannedTable> {
        self.tables.iter().find(|table| table.source == source)
    }

    /// Reads a plan's JSON.
    ///
    /// # Errors
    /// When it is no plan of this form; the text names line and column.
    pub fn from_json(text: &str) -> Result<Plan, PlanError> {
        let plan: Plan = serde_json::from_str(text).map_err(|error| PlanError::Json(error.to_string()))?;
        if plan.format == PLAN_FORMAT { Ok(plan) } else { Err(PlanError::Format { found: plan.format }) }
    }

    /// The SHA-256 of the plan's JSON form, in hex: what the ledger knows a plan by.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(crate::render::plan_json(self).as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The tables in an order in which each comes after those that it points to, as far as cycles allow: first those that point
    /// to none, then those that point only to these, and so on; last those on a cycle or behind one. Each group keeps the plan's order.
    pub fn parents_first(&self) -> Vec<&PlannedTable> {
        let place: BTreeMap<&str, usize> =
            self.tables.iter().enumerate().map(|(place, table)| (table.target.as_str(), place)).collect();
        let mut children = vec![Vec::new(); self.tables.len()];
        let mut parents_waited_for = vec![0_usize; self.tables.len()];
        for (child, table) in self.tables.iter().enumerate() {
            let parents: BTreeSet<usize> = (table.foreign_keys.iter())
                .filter_map(|key| place.get(key.parent_table.as_str()).copied())
                .filter(|parent| *parent != child)
                .collect();
            parents_waited_for[child] = parents.len();
            parents.into_iter().for_each(|parent| children[parent].push(child));
        }
        let mut is_placed = vec![false; self.tables.len()];
        let mut ordered = Vec::with_capacity(self.tables.len());
        let mut ready: Vec<usize> =
            (0..self.tables.len()).filter(|table| parents_waited_for[*table] == 0).collect();
        while !ready.is_empty() {
            let mut next = Vec::new();
            for table in ready {
                is_placed[table] = true;
                ordered.push(table);
                for child in &children[table] {
                    parents_waited_for[*child] -= 1;
                    if parents_waited_for[*child] == 0 {
                        next.push(*child);
                    }
                }
            }
            next.sort_unstable();
            ready = next;
        }
        ordered.extend((0..self.tables.len()).filter(|table| !is_placed[*table]));
        ordered.into_iter().map(|place| &self.tables[place]).collect()
    }
}

impl PlannedTable {
    /// The planned column of this target name.
    pub fn target_column(&self, target: &str) -> Option<&PlannedColumn> {
        self.columns.iter().find(|column| column.target == target)
    }

    /// The indexes into `columns` of the primary key, in the key's order; empty where there is none.
    pub fn key_positions(&self) -> Vec<usize> {
        let names = self.primary_key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
        names
            .iter()
            .filter_map(|name| self.columns.iter().position(|column| column.target == *name))
            .collect()
    }

    /// The column that a sequence numbers, if there is one.
    pub fn sequence_column(&self) -> Option<(&PlannedColumn, &str)> {
        self.columns.iter().find_map(|column| column.sequence.as_deref().map(|sequence| (column, sequence)))
    }
}

/// Why a plan's JSON cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is no JSON of this form.
    #[error("the plan cannot be read: {0}")]
    Json(String),
    /// It is of another version.
    #[error("the plan is of format {found}; this version reads format {PLAN_FORMAT}")]
    Format {
        /// What the file says.
        found: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plan of tables that have nothing but foreign keys.
    fn plan(tables: &[(String, Vec<String>)]) -> Plan {
        let key = |parent: &String| PlannedForeignKey {
            name: String::new(),
            columns: Vec::new(),
            parent_table: parent.clone(),
            parent_columns: Vec::new(),
            on_update: String::new(),
            on_delete: String::new(),
            deferred: false,
        };
        let table = |(name, parents): &(String, Vec<String>)| PlannedTable {
            source: name.clone(),
            target: name.clone(),
            without_rowid: false,
            rowid: None,
            profile_rows: None,
            columns: Vec::new(),
            primary_key: None,
            unique: Vec::new(),
            foreign_keys: parents.iter().map(key).collect(),
            indexes: Vec::new(),
        };
        let tables = tables.iter().map(table).collect();
        Plan { format: PLAN_FORMAT, target_schema: String::new(), tables, left_behind: Vec::new() }
    }

    #[test]
    fn parents_come_first_and_cycles_last() {
        for (tables, expected) in [
            ("", ""),
            ("c:b b:a a:", "a b c"),
            ("a:a b:nowhere c:b,b", "a b c"),
            ("a:z b: c:b,d d: z:", "b d z a c"),
            ("a:b b:a c:a d:", "d a b c"),
        ] {
            let tables: Vec<(String, Vec<String>)> = (tables.split_whitespace())
                .filter_map(|table| table.split_once(':'))
                .map(|(name, parents)| {
                    let parents = parents.split(',').filter(|parent| !parent.is_empty());
                    (name.to_owned(), parents.map(str::to_owned).collect())
                })
                .collect();
            let plan = plan(&tables);
            let ordered: Vec<&str> = plan.parents_first().iter().map(|table| table.target.as_str()).collect();
            assert_eq!(ordered.join(" "), expected, "{tables:?}");
        }
    }

    #[test]
    fn a_chain_of_many_tables_is_ordered_at_once() {
        let name = |number: u32| format!("t{number:05}");
        let tables: Vec<_> = (0..20_000).map(|number| (name(number), vec![name(number + 1)])).collect();
        let plan = plan(&tables);
        let ordered = plan.parents_first();
        assert!(ordered.iter().rev().map(|table| &table.target).eq(tables.iter().map(|(name, _)| name)));
    }
}
