//! Functions that are known and have no counterpart, each with the reason.

use crate::translate::model::{Node, Result, untranslatable};

/// The functions, and why they are refused.
pub(crate) const REASONS: &[(&[&str], &str)] = &[
    (
        &[
            "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "degrees", "exp",
            "ln", "log", "log10", "log2", "pow", "power", "radians", "sin", "sinh", "tan", "tanh",
        ],
        "whose last digit is not the same everywhere",
    ),
    (&["mod"], "which is of floats in SQLite, and which PostgreSQL does not have for them"),
    (&["round"], "of floats to decimals: the two databases round other digits"),
    (&["changes", "total_changes"], "which counts the rows of a statement"),
    (
        &["sqlite_version", "sqlite_source_id", "sqlite_compileoption_get", "sqlite_compileoption_used"],
        "which tells of SQLite itself",
    ),
    (&["soundex"], "which PostgreSQL has only in an extension, and not with the same results"),
    (&["load_extension"], "which loads code into SQLite"),
    (&["sqlite_offset"], "which tells where SQLite stores a row"),
    (&["sum", "total", "avg", "count", "group_concat", "string_agg"], "which is an aggregate"),
    (
        &[
            "json_array",
            "json_object",
            "json_quote",
            "json_insert",
            "json_replace",
            "json_set",
            "json_remove",
            "json_patch",
            "json_pretty",
            "json_group_array",
            "json_group_object",
            "jsonb",
            "jsonb_array",
            "jsonb_object",
            "jsonb_set",
        ],
        "whose result is the text of a document, with spacing that jsonb does not keep",
    ),
    (&["json_error_position"], "which tells where SQLite's own reader stops"),
    (&["timediff"], "which counts months and days in a way of its own"),
    (&["zeroblob", "char"], "of what is no literal in range"),
    (&["unistr", "unistr_quote"], "which PostgreSQL has not"),
];

/// The refusal of a function by its name.
pub(super) fn call(name: &str, arguments: usize) -> Result<Node> {
    let reason = REASONS.iter().find(|(names, _)| names.contains(&name)).map(|(_, reason)| *reason);
    untranslatable(match reason {
        Some(reason) => format!("the function {name}, {reason}"),
        None => format!("the function {name} with {arguments} arguments"),
    })
}
