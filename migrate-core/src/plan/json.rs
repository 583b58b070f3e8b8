//! The plan's JSON: values that fit are written on one line, so that a changed column is a changed line.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Plan;

/// An object or array that is shorter than this is written on one line.
const LINE_LENGTH_MAX_CHARS: usize = 400;

/// The JSON form of `plan`, with a line break at its end.
pub fn plan_json(plan: &Plan) -> String {
    let mut out = String::new();
    plan_json_pieces(plan, &mut |piece| out.push_str(piece));
    out
}

/// Hands the same to `piece` in pieces: that of a plan of thousands of tables is nearly as large as the plan.
pub fn plan_json_pieces(plan: &Plan, piece: &mut dyn FnMut(&str)) {
    pieces(plan, plan.format, piece);
}

/// Hands the JSON form of `plan`, as one of this format, to `piece`: tables one by one, since the form of all tables at once takes many
/// times as much memory as the plan itself.
pub(super) fn pieces(plan: &Plan, format: u32, piece: &mut dyn FnMut(&str)) {
    let Value::Object(fields) = value(&Plan { format, ..plan.without_tables() }) else { return };
    piece("{");
    for (position, (name, field)) in fields.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        let mut out = format!("{comma}\n  {}: ", Value::from(name.as_str()));
        if name == "tables" && !plan.tables.is_empty() {
            for (position, table) in plan.tables.iter().enumerate() {
                out.push_str(if position == 0 { "[\n    " } else { ",\n    " });
                write_value(&value(table), 2, &mut out);
                piece(&out);
                out.clear();
            }
            out.push_str("\n  ]");
        } else {
            write_value(field, 1, &mut out);
        }
        piece(&out);
    }
    piece("\n}\n");
}

/// Reads a list into no more memory than it needs: a plan may have thousands of tables, each with a few short lists.
pub(super) fn exact<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let mut list = Vec::deserialize(from)?;
    list.shrink_to_fit();
    Ok(list)
}

/// A plan is made of strings, numbers and lists alone, which JSON always has a form for.
fn value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or(Value::Null)
}

fn write_value(value: &Value, depth: usize, out: &mut String) {
    let compact = spaced(value);
    let holds_objects = match value {
        Value::Array(items) => items.iter().any(|item| item.is_object() || item.is_array()),
        Value::Object(fields) => {
            fields.values().any(|field| matches!(field, Value::Array(items) if items.len() > 1))
        }
        _ => false,
    };
    // The outermost levels are always expanded: a table's keys and lists are on separate lines.
    let is_short = compact.len() <= LINE_LENGTH_MAX_CHARS;
    match value {
        Value::Array(items) if !items.is_empty() && (holds_objects || !is_short) => {
            let lines = items.iter().map(|item| (String::new(), item));
            write_lines('[', ']', lines, depth, out);
        }
        Value::Object(fields) if depth < 1 || is_table(fields) || !is_short => {
            let lines =
                fields.iter().map(|(name, field)| (format!("{}: ", Value::from(name.as_str())), field));
            write_lines('{', '}', lines, depth, out);
        }
        _ => out.push_str(&compact),
    }
}

fn is_table(fields: &serde_json::Map<String, Value>) -> bool {
    fields.contains_key("foreign_keys")
}

fn write_lines<'a>(
    open: char,
    close: char,
    lines: impl Iterator<Item = (String, &'a Value)>,
    depth: usize,
    out: &mut String,
) {
    out.push(open);
    for (position, (label, value)) in lines.enumerate() {
        out.push_str(if position == 0 { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth + 1));
        out.push_str(&label);
        write_value(value, depth + 1, out);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}

/// The value on one line, with a blank after each comma and colon.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, field)| format!("{}: {}", Value::from(name.as_str()), spaced(field)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}
