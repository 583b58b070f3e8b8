//! Known functions without a counterpart, each with the reason.

use crate::translate::model::{NoCounterpart, Node, Result, Untranslatable};

/// The functions, and why each has no counterpart.
const REASONS: &[(&[&str], NoCounterpart)] = &[
    (
        &[
            "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "degrees", "exp",
            "ln", "log", "log10", "log2", "pow", "power", "radians", "sin", "sinh", "tan", "tanh",
        ],
        NoCounterpart::LastDigit,
    ),
    (&["mod"], NoCounterpart::FloatModulo),
    (&["round"], NoCounterpart::FloatDecimals),
    (&["changes", "total_changes"], NoCounterpart::RowCount),
    (
        &["sqlite_version", "sqlite_source_id", "sqlite_compileoption_get", "sqlite_compileoption_used"],
        NoCounterpart::AboutSqlite,
    ),
    (&["soundex"], NoCounterpart::Extension),
    (&["load_extension"], NoCounterpart::LoadsCode),
    (&["sqlite_offset"], NoCounterpart::RowOffset),
    (&["sum", "total", "avg", "count", "group_concat", "string_agg"], NoCounterpart::Aggregate),
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
        NoCounterpart::DocumentText,
    ),
    (&["json_error_position"], NoCounterpart::JsonErrorPosition),
    (&["timediff"], NoCounterpart::TimeDifference),
    (&["zeroblob", "char"], NoCounterpart::NotALiteral),
    (&["unistr", "unistr_quote"], NoCounterpart::Missing),
];

/// Refuses a function by its name.
pub(super) fn call(name: &str, arguments: usize) -> Result<Node> {
    let function = name.to_owned();
    Err(match REASONS.iter().find(|(names, _)| names.contains(&name)) {
        Some((_, why)) => Untranslatable::NoCounterpart { function, why: why.clone() },
        None => Untranslatable::UnknownFunction { function, arguments },
    })
}
