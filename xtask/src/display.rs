//! Names and words of others, made safe for a terminal. For people only: JSON has its own escapes and stays exact.

use migrate_core::plan::Plan;

/// Text on one line: what could move the cursor, end the line or turn the reading direction is escaped.
pub(crate) fn printable(text: &str) -> String {
    escaped(text, is_deceptive)
}

/// Text that may have several lines; all else that could move the cursor or turn the reading direction is escaped.
pub(crate) fn printable_lines(text: &str) -> String {
    escaped(text, |letter| letter != '\n' && is_deceptive(letter))
}

/// A plan of which every text is printable, to be shown and for nothing else.
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

/// A suggestion ends with two lines to paste, which stay lines; all else is escaped, line breaks among it.
fn printable_suggestion(suggestion: &str) -> String {
    let mut parts: Vec<String> =
        suggestion.rsplitn(3, '\n').map(|part| escaped(part, is_deceptive)).collect();
    parts.reverse();
    parts.join("\n")
}

/// Control characters, and marks that break a line or turn the direction of text.
pub(crate) fn is_deceptive(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_escaped(letter) {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

fn escape_strings(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = printable(text),
        serde_json::Value::Array(values) => values.iter_mut().for_each(escape_strings),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(escape_strings),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_is_escaped() {
        for (text, shown, lines) in [
            ("jobs", "jobs", "jobs"),
            ("größe “x”", "größe “x”", "größe “x”"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\nb\r\t", "a\\nb\\r\\t", "a\nb\\r\\t"),
            ("\u{202e}x\u{2028}", "\\u{202e}x\\u{2028}", "\\u{202e}x\\u{2028}"),
            ("\u{9b}2J", "\\u{9b}2J", "\\u{9b}2J"),
        ] {
            assert_eq!((printable(text).as_str(), printable_lines(text).as_str()), (shown, lines));
        }
    }
}
