//! The plan: for every table and column its source, its target and the reason; and by name everything that is not migrated.
//!
//! A plan is data. A human reviews it, a migration executes it, and validation compares with it; its JSON is deterministic. The
//! planner makes it, and `render` turns it into SQL.

mod constraints;
mod derived;
mod drizzle;
mod existing;
mod json;
mod lookup;
mod objects;
mod relocate;
mod search;
mod seeds;
#[cfg(test)]
mod tests;
mod values;

pub use constraints::{
    PlannedBreach, PlannedCheck, PlannedForeignKey, PlannedIndex, PlannedIndexColumn, PlannedKey,
};
pub use derived::{
    Filler, FillingTrigger, PlannedMaterializedView, PlannedSequence, UnloadedColumn, WritingTrigger,
    WrittenTable,
};
pub use drizzle::{LeftOut, PlannedDrizzle};
pub use existing::ExistingTable;
use json::exact;
pub use json::{plan_json, plan_json_pieces};
pub use objects::{PlannedTrigger, PlannedView};
pub use search::PlannedSearch;
pub use seeds::{IS_EQUAL, SOURCE_ROW, SeedCounts};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::conversion::{Conversion, Limit, PgType};
use crate::identifier::qualified_pg;
use crate::profile::ColumnProfile;
use crate::reject::{OnReject, RejectLimit};
use crate::terms::DEFAULT_SCHEMA;
pub use crate::terms::{DerivedDecision, DrizzleDates, EmptyText, Numbering, Rounding, Seeds};

/// The version of the plan's JSON form.
pub(crate) const PLAN_FORMAT: u32 = 2;

/// The format in which queries and bodies of functions named tables without their schema.
const FORMAT_WITHOUT_SCHEMAS: u32 = 1;

/// The plan for a SQLite database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this form.
    pub format: u32,
    /// The default schema of the target, for all objects without another one; among them views, functions and the list of applied
    /// migrations.
    pub target_schema: String,
    /// The fingerprint of the source's schema that it was made for; none in a plan of nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_fingerprint: Option<String>,
    /// The tables that move, ordered by name.
    pub tables: Vec<PlannedTable>,
    /// The views, in an order in which each comes after those that it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<PlannedView>,
    /// The triggers, ordered by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<PlannedTrigger>,
    /// Constraints that the data breaks, so that they come weaker than the source declares them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaches: Vec<PlannedBreach>,
    /// The policy for a row with a value that PostgreSQL cannot hold, unless its column has another one.
    #[serde(default, skip_serializing_if = "OnReject::is_stop")]
    pub on_reject: OnReject,
    /// Number of rejected rows above which the migration stops; none where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_limit: Option<RejectLimit>,
    /// The names that were taken in the target already; empty where all tables are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_relations: Vec<String>,
    /// The tables that an app made in the target and that no rows go into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_in_target: Vec<String>,
    /// The sequences of the target that rows of the plan concern; only where an app made tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequences: Vec<PlannedSequence>,
    /// The columns of an app's tables that get no value from the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unloaded: Vec<UnloadedColumn>,
    /// The materialized views of the app that read its tables, each after those that it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub materialized_views: Vec<PlannedMaterializedView>,
    /// The tables of the app that get no rows, and that triggers of loaded tables write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written_tables: Vec<WrittenTable>,
    /// What is decided for an app that uses Drizzle ORM; none where no files for it are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drizzle: Option<PlannedDrizzle>,
    /// Everything that is not migrated, with the reason.
    pub left_behind: Vec<LeftBehind>,
}

/// The plan for a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTable {
    /// Its name in SQLite.
    pub source: String,
    /// Its name in PostgreSQL; no two tables of a plan have one name, whatever their schemas are.
    pub target: String,
    /// The schema in PostgreSQL; none if it is `public` and that is the default schema, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Whether it is WITHOUT ROWID in SQLite.
    pub without_rowid: bool,
    /// The table of the target that the rows are loaded into, where an app made one before; else it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingTable>,
    /// The name by which SQL reaches its rowid; none where there is no rowid or columns hide it.
    pub rowid: Option<String>,
    /// The rows that the profile counted; none without data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_rows: Option<u64>,
    /// Its columns, in their order.
    #[serde(deserialize_with = "exact")]
    pub columns: Vec<PlannedColumn>,
    /// Additional columns at the end that only PostgreSQL has, for full-text search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searches: Vec<PlannedSearch>,
    /// The primary key.
    pub primary_key: Option<PlannedKey>,
    /// UNIQUE constraints.
    #[serde(deserialize_with = "exact")]
    pub unique: Vec<PlannedKey>,
    /// Foreign keys.
    #[serde(deserialize_with = "exact")]
    pub foreign_keys: Vec<PlannedForeignKey>,
    /// CHECK constraints.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "exact")]
    pub checks: Vec<PlannedCheck>,
    /// Indexes that no constraint makes.
    #[serde(deserialize_with = "exact")]
    pub indexes: Vec<PlannedIndex>,
    /// Notes for the reviewer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Its comments in the stored SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The plan for a column.
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
    /// The conversion of its values.
    pub conversion: Conversion,
    /// The limit within its type; only in a table that an app made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
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
    /// The sequence that numbers new rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// How the sequence belongs to the column.
    #[serde(default, skip_serializing_if = "Numbering::is_serial")]
    pub numbering: Numbering,
    /// The expression that its values follow from, where it is generated in PostgreSQL, too; its values are not sent but compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<PlannedGenerated>,
    /// The policy for values that PostgreSQL cannot hold, if it is not the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_reject: Option<OnReject>,
    /// What happens to fractions of a second that are finer than PostgreSQL holds; they are rejects where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<Rounding>,
    /// What becomes of empty texts, where they are not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty: Option<EmptyText>,
    /// Whether its values are never shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// The profile of its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ColumnProfile>,
    /// The reason for this type and conversion.
    pub why: String,
    /// Notes for the reviewer: where the column behaves differently than in SQLite, and why it has another name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// A better type that is not certain enough to be chosen automatically: the reason in one line, and after it the lines of
    /// `mapping.toml` that choose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// Its comments in the stored SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A generated column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedGenerated {
    /// The expression in PostgreSQL's SQL.
    pub expression: String,
    /// The expression in SQLite's SQL.
    pub source: String,
}

/// An object that is not migrated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftBehind {
    /// The kind of object, such as `table`, `view` or `default`.
    pub kind: String,
    /// Its name, with table and column where it is part of one.
    pub name: String,
    /// Why it is not migrated.
    pub reason: String,
    /// The statement that SQLite stored, where a person has to see it: of a view or a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
}

impl PlannedColumn {
    /// The policy for values that PostgreSQL cannot hold; `default` is the plan's own policy.
    pub fn policy(&self, default: OnReject) -> OnReject {
        self.on_reject.unwrap_or(default)
    }
}

impl Plan {
    /// A plan of nothing.
    pub fn empty(target_schema: String) -> Plan {
        Plan {
            format: PLAN_FORMAT,
            target_schema,
            source_fingerprint: None,
            tables: Vec::new(),
            views: Vec::new(),
            triggers: Vec::new(),
            breaches: Vec::new(),
            on_reject: OnReject::Stop,
            reject_limit: None,
            target_relations: Vec::new(),
            only_in_target: Vec::new(),
            sequences: Vec::new(),
            unloaded: Vec::new(),
            materialized_views: Vec::new(),
            written_tables: Vec::new(),
            drizzle: None,
            left_behind: Vec::new(),
        }
    }

    /// A copy of everything but the tables. Each field is named, so that none is forgotten.
    pub(crate) fn without_tables(&self) -> Plan {
        Plan {
            format: self.format,
            tables: Vec::new(),
            target_schema: self.target_schema.clone(),
            source_fingerprint: self.source_fingerprint.clone(),
            views: self.views.clone(),
            triggers: self.triggers.clone(),
            breaches: self.breaches.clone(),
            on_reject: self.on_reject,
            reject_limit: self.reject_limit,
            target_relations: self.target_relations.clone(),
            only_in_target: self.only_in_target.clone(),
            sequences: self.sequences.clone(),
            unloaded: self.unloaded.clone(),
            materialized_views: self.materialized_views.clone(),
            written_tables: self.written_tables.clone(),
            drizzle: self.drizzle.clone(),
            left_behind: self.left_behind.clone(),
        }
    }

    /// The schemas that it puts something into, the target schema first.
    pub fn schemas(&self) -> Vec<&str> {
        let mut schemas = vec![self.target_schema.as_str()];
        for table in &self.tables {
            if !schemas.contains(&table.schema_name()) {
                schemas.push(table.schema_name());
            }
        }
        schemas
    }

    /// The planned table of this source name.
    pub fn table(&self, source: &str) -> Option<&PlannedTable> {
        lookup::by_name(&self.tables, source, |table| &table.source)
    }

    /// Reads a plan's JSON.
    ///
    /// # Errors
    /// When it is no plan of this form; the text names line and column.
    pub fn from_json(text: &str) -> Result<Plan, PlanError> {
        let plan: Plan = serde_json::from_str(text).map_err(|error| PlanError::Json(error.to_string()))?;
        match plan.format {
            PLAN_FORMAT => Ok(plan),
            FORMAT_WITHOUT_SCHEMAS if plan.is_same_without_schemas() => Ok(plan),
            found => Err(PlanError::Format { found }),
        }
    }

    /// Whether it holds no SQL that names tables.
    fn is_same_without_schemas(&self) -> bool {
        self.views.is_empty() && self.triggers.is_empty() && !self.is_into_existing()
    }

    /// The SHA-256 of the plan's JSON form, in hex, which identifies a plan in the ledger.
    ///
    /// A plan that means the same in the format before this one has the same fingerprint in both.
    pub fn fingerprint(&self) -> String {
        let is_older_form = self.is_same_without_schemas() && self.format == PLAN_FORMAT;
        let format = if is_older_form { FORMAT_WITHOUT_SCHEMAS } else { self.format };
        let mut digest = Sha256::new();
        json::pieces(self, format, &mut |piece| digest.update(piece.as_bytes()));
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The tables in an order in which each comes after those that it references, as far as cycles allow: first those that reference
    /// none, then those that reference only these, and so on; last those that are on a cycle or depend on one. Each group keeps the
    /// plan's order.
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
    /// The schema of PostgreSQL that it goes to.
    pub fn schema_name(&self) -> &str {
        self.schema.as_deref().unwrap_or(DEFAULT_SCHEMA)
    }

    /// Its name as SQL writes it, with its schema.
    pub fn name_in_sql(&self) -> String {
        self.qualified(&self.target)
    }

    /// Something of this name in its schema, such as its sequence, as SQL that needs no search path.
    pub fn qualified(&self, name: &str) -> String {
        qualified_pg(self.schema_name(), name)
    }

    /// The planned column of this target name.
    pub fn target_column(&self, target: &str) -> Option<&PlannedColumn> {
        self.columns.iter().find(|column| column.target == target)
    }

    /// The indexes into `columns` of the primary key, in the key's order; empty where there is none.
    pub fn key_positions(&self) -> Vec<usize> {
        let names = self.primary_key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
        // A key of which a part is not planned, as an app's own table may have one, is none to know rows by.
        names
            .iter()
            .map(|name| self.columns.iter().position(|column| column.target == *name))
            .collect::<Option<_>>()
            .unwrap_or_default()
    }

    /// The table as it is sent: without the columns that PostgreSQL generates.
    pub fn sent(&self) -> PlannedTable {
        let mut sent = self.clone();
        sent.columns.retain(|column| column.generated.is_none());
        sent
    }

    /// The places among its columns of those that are sent.
    pub fn sent_positions(&self) -> Vec<usize> {
        let columns = self.columns.iter().enumerate();
        columns.filter(|(_, column)| column.generated.is_none()).map(|(position, _)| position).collect()
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
        /// The content of the file.
        found: u32,
    },
}
