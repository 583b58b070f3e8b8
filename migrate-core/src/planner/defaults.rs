//! The value that SQLite would store for a default, which is evidence of what a column holds. Its SQL is `translate`'s part.

use crate::affinity::Affinity;
use crate::source_sql::DefaultMeaning;

/// What SQLite stores where a column of this affinity takes the default (manual, "Datatypes In SQLite", section 3).
pub(super) fn stored(meaning: DefaultMeaning, affinity: Affinity) -> DefaultMeaning {
    use DefaultMeaning as Is;
    match (affinity, meaning) {
        (Affinity::Text, Is::Integer(value)) => Is::Text(value.to_string()),
        (Affinity::Integer | Affinity::Numeric | Affinity::Real, Is::Text(text)) => {
            numeric(&text).unwrap_or(Is::Text(text))
        }
        (Affinity::Integer | Affinity::Numeric, Is::Number(number)) => {
            numeric(&number).unwrap_or(Is::Number(number))
        }
        (_, meaning) => meaning,
    }
}

/// The number that `text` is to a column of numbers; none where it is no number.
fn numeric(text: &str) -> Option<DefaultMeaning> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    // Rust also reads words such as `inf`, which SQLite keeps as text.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    if let Ok(integer) = text.parse() {
        return Some(DefaultMeaning::Integer(integer));
    }
    let float: f64 = text.parse().ok()?;
    // Up to here every whole float is one integer, in both databases.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT_MAX {
        return format!("{float:.0}").parse().ok().map(DefaultMeaning::Integer);
    }
    Some(DefaultMeaning::Number(text.to_owned()))
}
