//! 0, 1 and the words that people write for them to `boolean`: INTEGER and REAL 0 and 1, and TEXT `true`, `false`, `t`, `f`, `yes`,
//! `no`, `y`, `n`, `on`, `off`, `1`, `0` in any case. Two of them are the same when they mean the same.

pub(super) use super::boolean::decode;
use super::{Output, PgType, Refusal, Spec};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        keeps_order: false,
        ..Spec::new(
            PgType::Boolean,
            "0, 1 and words such as true, f, YES or off to boolean: everything else is refused",
            SourceValue::Text(b"yes"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let refused = Refusal::Form { expected: "0, 1, or a word such as true or false" };
    out.append(&[u8::from(meaning(value).ok_or(refused)?)]);
    Ok(())
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((meaning(source), meaning(target)), (Some(source), Some(target)) if source == target)
}

fn meaning(value: SourceValue<'_>) -> Option<bool> {
    match value {
        SourceValue::Integer(0) => Some(false),
        SourceValue::Integer(1) => Some(true),
        SourceValue::Real(0.0) => Some(false),
        SourceValue::Real(1.0) => Some(true),
        SourceValue::Text(word) => {
            let is = |words: &[&str]| words.iter().any(|other| word.eq_ignore_ascii_case(other.as_bytes()));
            if is(&["true", "t", "yes", "y", "on", "1"]) {
                Some(true)
            } else if is(&["false", "f", "no", "n", "off", "0"]) {
                Some(false)
            } else {
                None
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;

    #[test]
    fn words_are_what_they_mean() {
        for value in [
            SourceValue::Integer(1),
            SourceValue::Real(0.0),
            SourceValue::Text(b"TRUE"),
            SourceValue::Text(b"f"),
            SourceValue::Text(b"Off"),
            SourceValue::Text(b"1"),
        ] {
            check_round_trip(&Conversion::BooleanFromWords, value);
        }
        for value in [
            SourceValue::Integer(2),
            SourceValue::Real(0.5),
            SourceValue::Text(b""),
            SourceValue::Text(b" true"),
            SourceValue::Text(b"maybe"),
            SourceValue::Blob(b"1"),
        ] {
            assert!(encode(value, &mut Vec::new()).is_err(), "{value:?}");
        }
        assert!(!same(SourceValue::Text(b"yes"), SourceValue::Integer(0)));
    }
}
