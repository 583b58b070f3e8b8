//! Containment of JSON documents, exactly as PostgreSQL's operator `@>` (manual, section 8.14.3), for the database without it.

use serde_json::Value;

/// Returns whether `document` contains `pattern`. Both must be in the form of [`crate::json::canonical`].
///
/// Objects contain an object if each of its members is contained in the member of the same key. Arrays contain an array if each of its
/// items is contained in one of theirs, whatever the order and however often. At the top, an array also contains a primitive value that
/// is one of its items.
pub(crate) fn contains(document: &Value, pattern: &Value) -> bool {
    match (document, pattern) {
        (Value::Array(items), Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            items.contains(pattern)
        }
        _ => contains_nested(document, pattern),
    }
}

fn contains_nested(document: &Value, pattern: &Value) -> bool {
    match (document, pattern) {
        (Value::Object(members), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| members.get(key).is_some_and(|member| contains_nested(member, value))),
        (Value::Array(items), Value::Array(wanted)) => {
            wanted.iter().all(|value| items.iter().any(|item| contains_nested(item, value)))
        }
        _ => document == pattern,
    }
}

/// The texts of a pattern, keys and strings, that each document which contains it has somewhere.
pub(crate) fn required_texts(pattern: &Value) -> Vec<&str> {
    let mut texts = Vec::new();
    let mut open = vec![pattern];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => texts.push(text.as_str()),
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                texts.extend(members.keys().map(String::as_str));
                open.extend(members.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    texts
}
