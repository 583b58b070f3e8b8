//! The plan for a table that an app made in the target before: rows are loaded into it, and its definition is kept.

use serde::{Deserialize, Serialize};

use super::{Plan, PlannedTable};
use crate::identifier::{fit_pg, quote_pg};
use crate::target_schema::{TargetFact, TargetSchema, TargetTable};
use crate::terms::Seeds;

/// The schema that the ledger has for itself, where the keys of rows that are kept are written down.
const LEDGER_SCHEMA: &str = "migration";

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
}

impl ExistingTable {
    /// Whether existing rows are kept.
    pub fn keeps_rows(&self) -> bool {
        self.seeds == Seeds::Keep && self.table.rows > 0
    }

    /// Whether rows are deleted before the load.
    pub fn replaces_rows(&self) -> bool {
        self.seeds == Seeds::Replace && self.table.rows > 0
    }

    /// Its name as SQL writes it, with its schema.
    pub fn name_in_sql(&self) -> String {
        self.table.name_in_sql()
    }

    /// Where the keys of the rows that are kept are written down while the run lasts, as SQL names it.
    pub fn kept_keys(&self) -> String {
        format!("{LEDGER_SCHEMA}.{}", quote_pg(&fit_pg(&format!("kept_{}", self.table.name))))
    }

    /// Where the rows that are replaced are saved while the run lasts, as SQL names it.
    pub fn replaced_rows(&self) -> String {
        format!("{LEDGER_SCHEMA}.{}", quote_pg(&fit_pg(&format!("replaced_{}", self.table.name))))
    }

    /// The condition by which a row `t` of the table is one of those that are kept.
    pub fn is_kept_sql(&self) -> String {
        let key = self.table.primary_key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
        let pairs: Vec<String> =
            key.iter().map(|column| format!("k.{0} = t.{0}", quote_pg(column))).collect();
        format!("EXISTS (SELECT FROM {} AS k WHERE {})", self.kept_keys(), pairs.join(" AND "))
    }
}

impl PlannedTable {
    /// The selection of its migrated rows, as SQL: the table, without the earlier rows that are kept.
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
