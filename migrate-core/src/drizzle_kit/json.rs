//! JSON documents as JavaScript prints them after reading them.

use serde_json::{Map, Number, Value};

/// Up to here JavaScript has all integers.
const SAFE_INTEGER_MAX: u64 = 1 << 53;

/// Returns `JSON.stringify(JSON.parse(text))` for the text that PostgreSQL prints for a document; `None` if it is no JSON, or has numbers
/// that JavaScript prints in another form than this function. `is_binary` documents are `jsonb`, which sorts its keys.
pub(super) fn stringified(text: &str, is_binary: bool) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    serde_json::to_string(&plain(value, is_binary)?).ok()
}

fn plain(value: Value, is_binary: bool) -> Option<Value> {
    let plain = |value| plain(value, is_binary);
    Some(match value {
        Value::Number(number) => Value::Number(plain_number(&number)?),
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect::<Option<_>>()?),
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            if is_binary {
                fields.sort_by(|(one, _), (other, _)| (one.len(), one).cmp(&(other.len(), other)));
            }
            // An object lists keys that are array indexes first, in their order.
            fields.sort_by_key(|(key, _)| array_index(key).map_or((1, 0), |index| (0, index)));
            let fields = fields.into_iter().map(|(key, value)| Some((key, plain(value)?)));
            Value::Object(fields.collect::<Option<Map<_, _>>>()?)
        }
        other => other,
    })
}

fn array_index(key: &str) -> Option<u32> {
    key.parse().ok().filter(|index: &u32| index.to_string() == key && *index < u32::MAX)
}

fn plain_number(number: &Number) -> Option<Number> {
    if number.as_u64().is_some_and(|value| value <= SAFE_INTEGER_MAX)
        || number.as_i64().is_some_and(|value| value.unsigned_abs() <= SAFE_INTEGER_MAX)
    {
        return Some(number.clone());
    }
    let float = number.as_f64().filter(|_| number.is_f64())?;
    if float.fract() == 0.0 {
        // JavaScript prints 1.0 as 1.
        #[allow(clippy::cast_possible_truncation, reason = "all integers up to the bound are floats")]
        return (float.abs() <= SAFE_INTEGER_MAX as f64).then(|| Number::from(float as i64));
    }
    // Outside these bounds it prints an exponent.
    ((1e-6..1e15).contains(&float.abs())).then(|| number.clone())
}
