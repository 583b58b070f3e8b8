//! What the plan says about columns and objects of an app's tables that get no value from the source: sequences, columns that something
//! else fills, materialized views, and tables that only triggers write.

use serde::{Deserialize, Serialize};

use super::{Plan, PlannedTable, lookup};
use crate::identifier::qualified_pg;
use crate::target_schema::{SequenceLink, SequenceUse};
use crate::terms::DerivedDecision;

/// A sequence of the target that rows of the plan concern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedSequence {
    /// The sequence, as SQL names it.
    pub name: String,
    /// The columns that draw from it; empty where none is known, so that it is neither set nor checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<SequenceUse>,
}

/// A column of an app's table that gets no value from the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnloadedColumn {
    /// The table, by target name.
    pub table: String,
    /// The column.
    pub column: String,
    /// What fills it.
    pub filled_by: Filler,
    /// What a person decides, where a trigger fills it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DerivedDecision>,
}

/// What fills a column that gets no value from the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filler {
    /// Nothing: it is NULL.
    Nothing,
    /// Its default, in PostgreSQL's SQL.
    Default(String),
    /// It is an identity column.
    Identity,
    /// PostgreSQL generates it from other columns.
    Generated,
    /// Triggers that are called for inserted rows.
    Triggers(Vec<FillingTrigger>),
}

/// A trigger that fills a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FillingTrigger {
    /// Its table, by target name.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Whether it changes the row itself before that is stored; else it updates the column's table.
    pub is_before: bool,
    /// Whether it was seen to fill the column; else it may.
    pub is_seen: bool,
    /// Whether it gives the same value to the same row at another time.
    pub is_repeatable: bool,
}

/// A materialized view that reads tables into which rows are loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedMaterializedView {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether it could be read before the migration.
    pub was_populated: bool,
    /// What a person decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DerivedDecision>,
}

/// A table of the app that gets no rows from the source, and that triggers of loaded tables write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// The triggers, which are not called during the load.
    pub triggers: Vec<WritingTrigger>,
    /// What a person decides; it cannot be filled by the migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DerivedDecision>,
}

/// A trigger that writes another table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WritingTrigger {
    /// The table that has it, by target name.
    pub table: String,
    /// Its name.
    pub name: String,
}

impl WrittenTable {
    /// Its name as SQL writes it, with its schema.
    pub fn name_in_sql(&self) -> String {
        qualified_pg(&self.schema, &self.table)
    }

    /// The names of its triggers.
    pub fn trigger_names(&self) -> String {
        let names: Vec<&str> = self.triggers.iter().map(|trigger| trigger.name.as_str()).collect();
        names.join(", ")
    }
}

impl PlannedSequence {
    /// Whether all columns that draw from it store its numbers as they are, so that their rows tell where it has to stand.
    pub fn is_checkable(&self) -> bool {
        !self.columns.is_empty() && self.columns.iter().all(|column| column.by != SequenceLink::Computed)
    }
}

impl UnloadedColumn {
    /// The triggers that fill it; empty where something else does.
    pub fn triggers(&self) -> &[FillingTrigger] {
        match &self.filled_by {
            Filler::Triggers(triggers) => triggers,
            _ => &[],
        }
    }

    /// Whether it has the same value whenever it is computed.
    pub fn is_repeatable(&self) -> bool {
        self.triggers().iter().all(|trigger| trigger.is_repeatable)
    }

    /// Its name with its table's.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.table, self.column)
    }
}

impl PlannedMaterializedView {
    /// Its name as SQL writes it, with its schema.
    pub fn name_in_sql(&self) -> String {
        qualified_pg(&self.schema, &self.name)
    }
}

impl Plan {
    /// The columns that get no value from the source and that triggers fill.
    pub fn trigger_filled(&self) -> impl Iterator<Item = &UnloadedColumn> {
        self.unloaded.iter().filter(|column| !column.triggers().is_empty())
    }

    /// The table of this target name.
    pub fn target_table(&self, target: &str) -> Option<&PlannedTable> {
        lookup::by_name(&self.tables, target, |table| &table.target)
    }

    /// The sequences that rows of the plan concern. A plan of an older version names them with its columns only.
    pub fn existing_sequences(&self) -> Vec<PlannedSequence> {
        if !self.sequences.is_empty() {
            return self.sequences.clone();
        }
        let of_table = |table: &PlannedTable| {
            let existing = table.existing.as_ref();
            let columns = existing.into_iter().flat_map(|existing| &existing.table.columns);
            columns
                .filter_map(|column| {
                    let numbered = SequenceUse {
                        schema: table.schema_name().to_owned(),
                        table: table.target.clone(),
                        column: column.name.clone(),
                        by: SequenceLink::Default,
                    };
                    Some(PlannedSequence { name: column.sequence.clone()?, columns: vec![numbered] })
                })
                .collect::<Vec<_>>()
        };
        self.tables.iter().flat_map(of_table).collect()
    }
}
