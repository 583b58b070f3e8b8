//! The plan for a table that an app made in the target before: rows are loaded into it, and its definition is kept.

use serde::{Deserialize, Serialize};

use super::seeds::SeedCounts;
use super::{Plan, PlannedTable};
use crate::target_schema::{TargetFact, TargetSchema, TargetTable};
use crate::terms::Seeds;

/// A table that is there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExistingTable {
    /// What happens to the rows that it holds.
    pub seeds: Seeds,
    /// The triggers that are called for loaded rows too, since they fill columns that must not be NULL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_triggers: Vec<String>,
    /// The table as it was when the plan was made, and as it is to be when the rows are in.
    pub table: TargetTable,
    /// How the rows that it held compared with the source when the plan was made; none where it held none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed_counts: Option<SeedCounts>,
}

impl ExistingTable {
    /// Its name as SQL writes it, with its schema.
    pub fn name_in_sql(&self) -> String {
        self.table.name_in_sql()
    }
}

impl PlannedTable {
    /// The expected definition of an existing table once the rows are loaded: the same as before, except for foreign keys that rows
    /// violate.
    pub fn expected_facts(&self) -> Vec<TargetFact> {
        let Some(existing) = &self.existing else { return Vec::new() };
        let broken = |item: &str| {
            let name = item.strip_prefix("constraint ");
            self.foreign_keys.iter().any(|key| key.not_valid && Some(key.name.as_str()) == name)
        };
        let fact =
            |fact: &TargetFact| match fact.definition.contains("(not validated)") || !broken(&fact.item) {
                true => fact.clone(),
                false => TargetFact {
                    item: fact.item.clone(),
                    definition: format!("{} NOT VALID (not validated)", fact.definition),
                },
            };
        existing.table.facts.iter().map(fact).collect()
    }
}

impl Plan {
    /// The tables that are there already.
    pub fn existing_tables(&self) -> impl Iterator<Item = (&PlannedTable, &ExistingTable)> {
        self.tables.iter().filter_map(|table| Some((table, table.existing.as_ref()?)))
    }

    /// Whether any table is there already.
    pub fn is_into_existing(&self) -> bool {
        self.existing_tables().next().is_some()
    }

    /// The constraints that an app has NOT VALID itself, so that they say nothing about rows that are there: table, name and definition.
    pub fn not_valid_before(&self) -> Vec<[String; 3]> {
        const NOT_VALIDATED: &str = " (not validated)";
        let of_table = |(table, existing): (&PlannedTable, &ExistingTable)| {
            let facts = existing.table.facts.iter().filter_map(|fact| {
                let name = fact.item.strip_prefix("constraint ")?;
                let definition = fact.definition.strip_suffix(NOT_VALIDATED)?;
                Some([table.target.clone(), name.to_owned(), definition.to_owned()])
            });
            facts.collect::<Vec<_>>()
        };
        self.existing_tables().flat_map(of_table).collect()
    }

    /// The plan of the tables that it makes, without those that are there already.
    pub fn made(&self) -> Plan {
        let mut made = self.clone();
        made.tables.retain(|table| table.existing.is_none());
        (made.sequences, made.unloaded, made.materialized_views) = Default::default();
        made.written_tables = Vec::new();
        made
    }

    /// The target schema that the plan was made for, as far as the plan depends on it; none where it makes all tables.
    pub fn target(&self) -> Option<TargetSchema> {
        let tables: Vec<TargetTable> =
            self.existing_tables().map(|(_, existing)| existing.table.clone()).collect();
        let schemas = self.schemas().into_iter().map(str::to_owned).collect();
        let relations = self.target_relations.clone();
        (!tables.is_empty()).then_some(TargetSchema { schemas, tables, relations, ..TargetSchema::default() })
    }
}
