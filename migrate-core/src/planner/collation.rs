//! Plans SQLite's collations (SQLite manual, "Datatypes In SQLite", section 7). The target's text is `COLLATE "C"`, which
//! is BINARY; under it `lower()` folds the 26 letters of ASCII and no others, which is NOCASE.

use super::not_migrated;
use crate::conversion::PgType;
use crate::identifier::quote_pg;
use crate::plan::{LeftBehind, PlannedColumn};
use crate::source_schema::{SourceIndex, SourceTable};
use crate::source_sql::TableSqlFacts;

/// The transformation of text after which comparing bytes equals comparing by a collation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    /// Nothing.
    None,
    /// NOCASE.
    Lower,
    /// RTRIM.
    TrimRight,
    /// The collation is the app's own, and its rules are unknown.
    Unknown,
}

/// The transformation that `collation` requires for the values of `column`; nothing if they are not text in PostgreSQL.
pub(super) fn fold(collation: &str, column: &PlannedColumn) -> Fold {
    if column.target_type != PgType::Text || collation.eq_ignore_ascii_case("BINARY") {
        Fold::None
    } else if collation.eq_ignore_ascii_case("NOCASE") {
        Fold::Lower
    } else if collation.eq_ignore_ascii_case("RTRIM") {
        Fold::TrimRight
    } else {
        Fold::Unknown
    }
}

/// The expression that an index uses to compare by `fold`; none if the column itself does.
pub(super) fn folded(fold: Fold, column: &PlannedColumn) -> Option<String> {
    let column = quote_pg(&column.target);
    match fold {
        Fold::None | Fold::Unknown => None,
        Fold::Lower => Some(format!("lower({column})")),
        Fold::TrimRight => Some(format!("rtrim({column}, ' ')")),
    }
}

/// Adds a note to each column that the source compares by a collation other than BINARY; a collation that only the app has goes to
/// `left_behind`.
pub(super) fn tell(
    table: &SourceTable,
    facts: &TableSqlFacts,
    columns: &mut [PlannedColumn],
    left_behind: &mut Vec<LeftBehind>,
) {
    for column in columns {
        let named = facts.collations.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.source));
        let Some((_, collation)) = named else { continue };
        let is_unique = table.indexes.iter().any(|index| is_unique_on(index, &column.source));
        match fold(collation, column) {
            Fold::None => {}
            Fold::Unknown => {
                let reason = format!(
                    "{collation} is a collation that only the app defines: here text is compared and sorted byte by byte"
                );
                left_behind.push(not_migrated(
                    "collation",
                    &format!("{}.{}", table.name, column.source),
                    &reason,
                ));
            }
            fold => column.notes.extend(in_words(fold, column, is_unique)),
        }
    }
}

fn is_unique_on(index: &SourceIndex, column: &str) -> bool {
    let is_it = |name: &String| name.eq_ignore_ascii_case(column);
    index.unique && index.columns.iter().any(|key| key.column.as_ref().is_some_and(is_it))
}

/// The replacement of a folded comparison, and the expression that the app has to use in its queries.
fn in_words(fold: Fold, column: &PlannedColumn, is_unique: bool) -> Option<String> {
    let folded = folded(fold, column)?;
    let (name, meaning, parameter) = match fold {
        Fold::Lower => ("NOCASE", "distinguishes a from A", "lower($1)"),
        _ => ("RTRIM", "respects trailing blanks", "rtrim($1, ' ')"),
    };
    let kept =
        if is_unique { format!("; a unique index on {folded} keeps what was unique") } else { String::new() };
    Some(format!(
        "compared and sorted as {name} in SQLite; PostgreSQL {meaning}: queries must use {folded} = {parameter} and ORDER BY \
         {folded}{kept}"
    ))
}
