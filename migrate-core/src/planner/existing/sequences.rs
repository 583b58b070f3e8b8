//! Plans which sequences of the target have to be set past the loaded rows.

use super::{Obstacle, Obstacles};
use crate::identifier::qualified_pg;
use crate::mapping::Mapping;
use crate::nearest::nearest;
use crate::plan::{Plan, PlannedSequence, PlannedTable};
use crate::target_schema::{SequenceLink, SequenceUse, TargetSchema, TargetSequence};

/// The sequences from which columns of tables that get rows draw, those that `mapping.toml` ties to a column, and those in the schemas
/// of these tables from which no column is known to draw. A name that is not known goes to `obstacles`.
pub(super) fn plan_sequences(
    plan: &Plan,
    target: Option<&TargetSchema>,
    mapping: &Mapping,
    obstacles: &mut Obstacles,
) -> Vec<PlannedSequence> {
    let none = TargetSchema::default();
    let target = target.unwrap_or(&none);
    let mut tied: Vec<Option<SequenceUse>> = vec![None; target.sequences.len()];
    for (name, column) in &mapping.sequences {
        let found = position(&target.sequences, name)
            .and_then(|position| Ok((position, named_column(plan, name, column)?)));
        match found {
            Err(obstacle) => obstacles.push(obstacle),
            Ok((position, column)) => {
                if let Some(tie) = tied.get_mut(position) {
                    *tie = Some(column);
                }
            }
        }
    }
    let is_loaded = |used: &SequenceUse| {
        loaded(plan).any(|table| table.target == used.table && table.schema_name() == used.schema)
    };
    let is_near =
        |sequence: &TargetSequence| loaded(plan).any(|table| table.schema_name() == sequence.schema);
    let mut planned = Vec::new();
    for (sequence, tie) in target.sequences.iter().zip(tied) {
        let mut columns = sequence.uses.clone();
        if let Some(tie) = tie {
            let is_other = |used: &SequenceUse| {
                (&used.schema, &used.table, &used.column) != (&tie.schema, &tie.table, &tie.column)
            };
            columns.retain(is_other);
            columns.push(tie);
        }
        let is_concerned = columns.iter().any(is_loaded) || (columns.is_empty() && is_near(sequence));
        if is_concerned {
            planned.push(PlannedSequence { name: qualified_pg(&sequence.schema, &sequence.name), columns });
        }
    }
    planned
}

/// The tables of an app that get rows.
fn loaded(plan: &Plan) -> impl Iterator<Item = &PlannedTable> {
    plan.existing_tables().map(|(table, _)| table)
}

/// The sequence that `mapping.toml` names, with or without its schema.
fn position(sequences: &[TargetSequence], name: &str) -> Result<usize, Obstacle> {
    let full: Vec<String> =
        sequences.iter().map(|sequence| format!("{}.{}", sequence.schema, sequence.name)).collect();
    let fits: Vec<usize> = (0..)
        .zip(sequences.iter().zip(&full))
        .filter(|(_, (sequence, full))| sequence.name == name || *full == name)
        .map(|(position, _)| position)
        .collect();
    match fits.as_slice() {
        [one] => Ok(*one),
        several => Err(Obstacle::UnknownDerived {
            section: "sequences",
            name: name.to_owned(),
            problem: match several.is_empty() {
                true => "and the target has no such sequence",
                false => "and several schemas have such a sequence: write it as \"SCHEMA.NAME\"",
            },
            nearest: nearest(
                name,
                sequences
                    .iter()
                    .map(|sequence| sequence.name.as_str())
                    .chain(full.iter().map(String::as_str)),
            )
            .map(str::to_owned)
            .filter(|_| several.is_empty()),
        }),
    }
}

/// The column that `mapping.toml` names for a sequence, by the names of either side.
fn named_column(plan: &Plan, sequence: &str, text: &str) -> Result<SequenceUse, Obstacle> {
    let unknown = |problem, nearest: Option<&str>| Obstacle::UnknownDerived {
        section: "sequences",
        name: format!("{text} for {sequence}"),
        problem,
        nearest: nearest.map(str::to_owned),
    };
    let found = loaded(plan).find_map(|table| {
        let names = [table.target.as_str(), table.source.as_str()];
        let column = names.iter().find_map(|name| text.strip_prefix(name)?.strip_prefix('.'))?;
        Some((table, column))
    });
    let Some((table, column)) = found else {
        let known: Vec<String> = loaded(plan).map(|table| format!("{}.", table.target)).collect();
        return Err(unknown(
            "which is not TABLE.COLUMN of a table that gets rows",
            nearest(text, known.iter().map(String::as_str)),
        ));
    };
    let planned =
        table.columns.iter().find(|planned| planned.source == column).map(|planned| &planned.target);
    let columns = table.existing.iter().flat_map(|existing| &existing.table.columns);
    let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    let column =
        [Some(column), planned.map(String::as_str)].into_iter().flatten().find(|name| names.contains(name));
    match column {
        None => Err(unknown("and that table has no such column", nearest(text, names))),
        Some(column) => Ok(SequenceUse {
            schema: table.schema_name().to_owned(),
            table: table.target.clone(),
            column: column.to_owned(),
            by: SequenceLink::Mapping,
        }),
    }
}
