//! Decides about every column of the tables that move: by a person's decision, or by inference, and with one type along foreign keys.

use std::collections::{BTreeMap, BTreeSet};

use super::PlanningError;
use super::text_evidence::TextEvidence;
use crate::conversion::Conversion;
use crate::infer::{
    ColumnRole, Facts, Inference, Side, infer, jsonb_losses_in_words, rejects_in_words, unify,
};
use crate::mapping::{ColumnMapping, Mapping};
use crate::profile::DatabaseProfile;
use crate::source_schema::{SourceColumn, SourceIndex, SourceTable};

/// The decisions about columns, by the names of table and column in the source.
#[derive(Debug)]
pub(super) struct Inferred(BTreeMap<(String, String), Inference>);

impl Inferred {
    /// Decides on all columns of `moving`.
    ///
    /// # Errors
    /// [`PlanningError::NumberedColumn`] where a person asks for a type that a key which numbers itself cannot have.
    pub(super) fn new(
        moving: &[&SourceTable],
        profile: Option<&DatabaseProfile>,
        mapping: &Mapping,
        evidence: &TextEvidence,
    ) -> Result<Inferred, PlanningError> {
        let joined = joined(moving);
        let ends: BTreeSet<Column<'_>> =
            joined.iter().flat_map(|(child, parent)| [*child, *parent]).collect();
        let mut sides = Vec::new();
        let mut places = BTreeMap::new();
        for table in moving {
            for column in &table.columns {
                places.insert((table.name.as_str(), column.name.as_str()), sides.len());
                let facts = Facts {
                    profile: profile.and_then(|all| all.get(&table.name)?.columns.get(&column.name).copied()),
                    role: ColumnRole {
                        is_text: evidence.has(&table.name, &column.name),
                        ..role(table, column, &ends, mapping)
                    },
                    ..declared(table, column, mapping)
                };
                sides.push(side(facts, mapping)?);
            }
        }
        let pairs: Vec<(usize, usize)> = (joined.iter())
            .filter_map(|(child, parent)| Some((*places.get(child)?, *places.get(parent)?)))
            .collect();
        unify(&mut sides, &pairs);
        let named =
            |side: Side<'_>| ((side.facts.table.to_owned(), side.facts.column.to_owned()), side.inference);
        Ok(Inferred(sides.into_iter().map(named).collect()))
    }

    /// The decision about a column.
    pub(super) fn column(&self, table: &str, column: &str) -> Option<&Inference> {
        self.0.get(&(table.to_owned(), column.to_owned()))
    }
}

/// The decision about a column by name.
fn decided<'a>(table: &str, column: &str, mapping: &'a Mapping) -> Option<&'a ColumnMapping> {
    mapping.tables.get(table).and_then(|table| table.columns.get(column))
}

/// The declaration of a column, and the decision about it.
fn declared<'a>(table: &'a SourceTable, column: &'a SourceColumn, mapping: &Mapping) -> Facts<'a> {
    let decided = decided(&table.name, &column.name, mapping);
    let facts = Facts::declared(&table.name, column, table.strict);
    Facts {
        on_reject: decided.and_then(|decided| decided.on_reject).unwrap_or(mapping.on_reject),
        // The type of a generated column follows from its expression; text that is searched for words is text.
        is_faithful: mapping.faithful
            || column.generated
            || table.module.is_some()
            || is_faithful(&table.name, mapping),
        ..facts
    }
}

/// Whether nothing is inferred for the columns of a table.
fn is_faithful(table: &str, mapping: &Mapping) -> bool {
    mapping.tables.get(table).is_some_and(|table| table.faithful)
}

/// Decides about a single column.
fn side<'a>(facts: Facts<'a>, mapping: &Mapping) -> Result<Side<'a>, PlanningError> {
    let decided = decided(facts.table, facts.column, mapping);
    let Some(named) = decided.and_then(|decided| decided.conversion.clone()) else {
        let inference = infer(&facts);
        return Ok(Side { is_fixed: facts.role.is_numbered, facts, inference });
    };
    if facts.role.is_numbered {
        if named != Conversion::Bigint {
            let (table, column) = (facts.table.to_owned(), facts.column.to_owned());
            return Err(PlanningError::NumberedColumn { table, column });
        }
        let inference = infer(&facts);
        return Ok(Side { is_fixed: true, facts, inference });
    }
    let why =
        decided.and_then(|decided| decided.why.as_ref()).map(|why| format!(": {why}")).unwrap_or_default();
    let rejects = facts.profile.and_then(|seen| rejects_in_words(&seen, &named));
    let rejects = rejects.map(|rejects| format!("; {rejects}")).unwrap_or_default();
    let losses = facts.profile.and_then(|seen| jsonb_losses_in_words(&seen, &named));
    let losses = losses.map(|losses| format!("; {losses}")).unwrap_or_default();
    let inference =
        Inference { conversion: named, why: format!("mapping.toml{why}{rejects}{losses}"), suggestion: None };
    Ok(Side { is_fixed: true, facts, inference })
}

/// Returns the role of a column in keys and indexes.
fn role(
    table: &SourceTable,
    column: &SourceColumn,
    ends: &BTreeSet<Column<'_>>,
    mapping: &Mapping,
) -> ColumnRole {
    let is_it = |name: &str| name.eq_ignore_ascii_case(&column.name);
    let uses_column =
        |index: &&SourceIndex| index.columns.iter().filter_map(|key| key.column.as_deref()).any(is_it);
    let added = mapping.tables.get(&table.name).is_some_and(|decided| {
        decided.indexes.iter().any(|index| index.columns.iter().any(|name| is_it(name)))
    });
    ColumnRole {
        is_key: column.primary_key_position > 0
            || table.indexes.iter().filter(uses_column).any(|index| index.unique),
        is_foreign_key: ends.contains(&(table.name.as_str(), column.name.as_str())),
        is_indexed: added || table.indexes.iter().any(|index| uses_column(&index)),
        is_collated: (table.indexes.iter().flat_map(|index| &index.columns))
            .filter(|key| key.column.as_deref().is_some_and(is_it))
            .any(|key| !key.collation.eq_ignore_ascii_case("BINARY")),
        is_text: false,
        is_numbered: table.rowid_alias().is_some_and(|alias| alias.name == column.name),
    }
}

/// The names of a table and of its column.
type Column<'a> = (&'a str, &'a str);

/// The columns that foreign keys join, the child's first.
fn joined<'a>(moving: &[&'a SourceTable]) -> Vec<(Column<'a>, Column<'a>)> {
    let mut joined = Vec::new();
    for table in moving {
        for key in &table.foreign_keys {
            let parent = moving.iter().find(|parent| parent.name.eq_ignore_ascii_case(&key.parent_table));
            let Some(parent) = parent else { continue };
            let parents: Vec<Option<&SourceColumn>> = if key.parent_columns.is_empty() {
                parent.primary_key().into_iter().map(Some).collect()
            } else {
                key.parent_columns.iter().map(|name| parent.column(name)).collect()
            };
            if parents.len() != key.columns.len() {
                continue;
            }
            for (child, parent_column) in key.columns.iter().zip(parents) {
                if let (Some(child), Some(parent_column)) = (table.column(child), parent_column) {
                    joined.push((
                        (table.name.as_str(), child.name.as_str()),
                        (parent.name.as_str(), parent_column.name.as_str()),
                    ));
                }
            }
        }
    }
    joined
}
