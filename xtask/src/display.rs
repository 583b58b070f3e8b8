//! Plans made safe for a terminal. For people only: JSON has its own escapes and stays exact.

use migrate_core::plan::Plan;
pub(crate) use migrate_core::printable::{is_deceptive, printable, printable_lines};

/// Returns a plan of which every text is printable, to be shown and for nothing else.
///
/// # Errors
/// None that is known: escaping leaves a plan a plan.
pub(crate) fn printable_plan(plan: &Plan) -> anyhow::Result<Plan> {
    let mut value = serde_json::to_value(plan)?;
    escape_strings(&mut value);
    let mut printable: Plan = serde_json::from_value(value)?;
    let columns = plan.tables.iter().flat_map(|table| &table.columns);
    let suggested = printable.tables.iter_mut().flat_map(|table| &mut table.columns).zip(columns);
    for (printable, column) in suggested {
        printable.suggestion = column.suggestion.as_deref().map(printable_suggestion);
    }
    Ok(printable)
}

/// Escapes a suggestion. It ends with two lines to paste, which are kept as lines; line breaks before them are escaped.
fn printable_suggestion(suggestion: &str) -> String {
    let mut parts: Vec<String> = suggestion.rsplitn(3, '\n').map(printable).collect();
    parts.reverse();
    parts.join("\n")
}

fn escape_strings(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = printable(text),
        serde_json::Value::Array(values) => values.iter_mut().for_each(escape_strings),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(escape_strings),
        _ => {}
    }
}

/// A word as a shell reads it.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+:@%=,".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
