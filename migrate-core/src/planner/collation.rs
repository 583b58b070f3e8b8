//! What becomes of SQLite's collations (SQLite manual, "Datatypes In SQLite", section 7). The target's text is `COLLATE "C"`, which
//! is BINARY; under it `lower()` folds the 26 letters of ASCII and no others, which is NOCASE.

use crate::conversion::PgType;
use crate::identifier::quote_pg;
use crate::plan::PlannedColumn;

/// What must be done to text so that comparing it byte by byte is comparing it by a collation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    /// Nothing.
    None,
    /// NOCASE.
    Lower,
    /// RTRIM.
    TrimRight,
    /// The collation is the app's own, and what it does is not known here.
    Unknown,
}

/// What `collation` asks of the values of `column`; nothing where they are no text in PostgreSQL.
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

/// The expression that an index stands on so that it compares as `fold` says; none where the column itself does.
pub(super) fn folded(fold: Fold, column: &PlannedColumn) -> Option<String> {
    let column = quote_pg(&column.target);
    match fold {
        Fold::None | Fold::Unknown => None,
        Fold::Lower => Some(format!("lower({column})")),
        Fold::TrimRight => Some(format!("rtrim({column}, ' ')")),
    }
}
