//! Adds the probable meaning of a misspelt key or value of a mapping to the parser's message.

use crate::nearest::nearest;

/// The words of a parser's `error`, and the nearest of what it expected where that could be meant.
pub(super) fn explained(error: &toml::de::Error) -> String {
    let words = error.to_string().trim_end().to_owned();
    match meant(error.message()) {
        Some(name) => format!("{words}\ndid you mean `{name}`?"),
        None => words,
    }
}

/// What was meant, given what serde says of an unknown field or variant: the found name, and those that it knows.
fn meant(message: &str) -> Option<&str> {
    let rest =
        message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"))?;
    // The name that was found may hold anything, the expected ones hold no backtick.
    let (found, expected) = rest.rsplit_once("`, expected ")?;
    nearest(found, expected.split('`').skip(1).step_by(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_what_is_expected_is_meant() {
        for (message, expected) in [
            ("unknown field `ass`, expected one of `as`, `rename`, `skip`", Some("as")),
            ("unknown field `skipp`, expected `rename` or `skip`", Some("skip")),
            ("unknown variant `jsnob`, expected one of `json`, `jsonb`", Some("json")),
            ("unknown field `a`, expected b`, expected `skip`", None),
            ("unknown field `elsewhere`, expected one of `as`, `rename`", None),
            ("missing field `format`", None),
            ("invalid type: integer `1`, expected a string", None),
        ] {
            assert_eq!(meant(message), expected, "{message}");
        }
    }
}
