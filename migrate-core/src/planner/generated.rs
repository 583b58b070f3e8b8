//! Plans generated columns: generated in PostgreSQL too if the expression can be translated, else plain columns with the values that
//! SQLite computed.

use super::{not_migrated, scope};
use crate::plan::{LeftBehind, PlannedColumn, PlannedGenerated};
use crate::source_schema::SourceTable;
use crate::source_sql::TableSqlFacts;
use crate::translate::{self, Scope, Translated};

/// Translates the expressions of the generated columns among `columns`; one that cannot be goes to `left_behind`, and its column
/// becomes a plain one.
pub(super) fn plan(
    table: &SourceTable,
    facts: &TableSqlFacts,
    columns: &mut [PlannedColumn],
    left_behind: &mut Vec<LeftBehind>,
) {
    let mut waiting: Vec<usize> = (0..columns.len())
        .filter(|&place| table.column(&columns[place].source).is_some_and(|column| column.generated))
        .collect();
    // PostgreSQL's generated columns cannot reference each other, so the expression of one that others read is substituted into theirs;
    // whatever their order, each round completes at least one.
    let mut reasons: Vec<(usize, String)> = Vec::new();
    loop {
        let before = waiting.len();
        reasons.clear();
        waiting.retain(|&place| match translate(table, facts, columns, place) {
            Ok(generated) => {
                columns[place].generated = Some(generated);
                columns[place].default = None;
                false
            }
            Err(error) => {
                reasons.push((place, error));
                true
            }
        });
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    for (place, reason) in reasons {
        let column = &mut columns[place];
        let name = format!("{}.{}", table.name, column.source);
        let reason = format!(
            "its expression cannot be translated ({reason}): the values are copied as they are, and no longer follow the other \
             columns"
        );
        left_behind.push(not_migrated("generated column", &name, &reason));
        column.why.push_str("; generated in SQLite, a plain column here");
        // SQLite's NOT NULL was about the expression; the app must be able to omit a plain column.
        column.not_null = false;
    }
}

fn translate(
    table: &SourceTable,
    facts: &TableSqlFacts,
    columns: &[PlannedColumn],
    place: usize,
) -> Result<PlannedGenerated, String> {
    let none = || "the stored SQL has no expression for it".to_owned();
    let column = columns.get(place).ok_or_else(none)?;
    let sql = facts.generated.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.source));
    let (_, sql) = sql.ok_or_else(none)?;
    let is_rejected = column.profile.is_some_and(|seen| seen.rejects(&column.conversion) > 0);
    if column.profile.is_some_and(|seen| seen.uncomputed > 0) {
        return Err("SQLite cannot compute some of its values".to_owned());
    }
    if is_rejected {
        return Err(format!("some of its values are none of {}", column.target_type));
    }
    let affinity =
        table.column(&column.source).map(|column| scope::affinity(table, column)).ok_or_else(none)?;
    let Translated { sql: expression, .. } =
        translate::generated(sql, &known_columns(table, facts, columns), &column.conversion, affinity)
            .map_err(|error| error.to_string())?;
    Ok(PlannedGenerated { expression, source: sql.clone() })
}

/// The columns that the expression may name: the plain ones, and those generated ones that are translated already, by their
/// expressions.
pub(super) fn known_columns(table: &SourceTable, facts: &TableSqlFacts, columns: &[PlannedColumn]) -> Scope {
    let mut known = scope::table(table, facts, columns, &[table.name.as_str()]);
    known.columns.iter_mut().zip(columns).for_each(|(column, planned)| {
        if let Some(generated) = &planned.generated {
            column.sql = format!("({})", generated.expression);
        }
    });
    let is_plain = |name: &str| table.column(name).is_some_and(|column| !column.generated);
    let rowid = known.rowid.and_then(|place| known.columns.get(place)).map(|column| column.source.clone());
    known.columns.retain(|column| {
        is_plain(&column.source)
            || columns.iter().any(|planned| planned.source == column.source && planned.generated.is_some())
    });
    known.rowid = rowid.and_then(|name| known.columns.iter().position(|column| column.source == name));
    Scope { tables: vec![known], ..Scope::default() }
}
