//! When two values are one to a unique index of PostgreSQL: the form in which they then have the same bytes.
//!
//! Only the form; who looks for duplicates, and what becomes of them, is decided elsewhere.

use crate::conversion::{Conversion, PgType, Refusal};
use crate::value::SourceValue;

/// How text is changed before it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folding {
    /// Not at all.
    None,
    /// The letters of ASCII are made small: NOCASE, which becomes `lower()` under `COLLATE "C"`.
    Lower,
    /// Blanks at the end go: RTRIM.
    TrimRight,
}

impl Folding {
    /// What `collation` asks of text that comes by `conversion`; nothing where PostgreSQL's type is not text. What a collation of
    /// the app's own asks is not known, and PostgreSQL compares by the bytes.
    pub fn of(collation: &str, conversion: &Conversion) -> Folding {
        if conversion.target_type() != PgType::Text {
            Folding::None
        } else if collation.eq_ignore_ascii_case("NOCASE") {
            Folding::Lower
        } else if collation.eq_ignore_ascii_case("RTRIM") {
            Folding::TrimRight
        } else {
            Folding::None
        }
    }
}

/// Appends the form of a `value` that is not NULL; its length stands before it, so that forms can follow each other.
///
/// # Errors
/// The [`Refusal`] of [`Conversion::encode`].
pub fn append_unique_form(
    conversion: &Conversion,
    folding: Folding,
    value: SourceValue<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let length_at = out.len();
    out.extend_from_slice(&[0; 8]);
    let begin = out.len();
    conversion.encode(value, out)?;
    match folding {
        Folding::None => {}
        Folding::Lower => out[begin..].make_ascii_lowercase(),
        Folding::TrimRight => {
            let trimmed = out[begin..].iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
            out.truncate(begin + trimmed);
        }
    }
    if conversion.target_type() == PgType::Numeric {
        forget_scale(&mut out[begin..]);
    }
    let length = (out.len() - begin) as u64;
    out[length_at..begin].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Zeroes the number of digits to be shown behind the point, in which 1.0 and 1.00 differ and nothing else: the fourth of the
/// 16-bit fields of numeric's binary form.
fn forget_scale(numeric: &mut [u8]) {
    if let Some(scale) = numeric.get_mut(6..8) {
        scale.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_postgresql_holds_equal_have_one_form() {
        let text = |text: &'static str| SourceValue::Text(text.as_bytes());
        for (conversion, folding, left, right, is_one) in [
            (Conversion::Text, Folding::None, text("a"), text("A"), false),
            (Conversion::Text, Folding::Lower, text("aÉ"), text("AÉ"), true),
            (Conversion::Text, Folding::Lower, text("é"), text("É"), false),
            (Conversion::Text, Folding::TrimRight, text("a  "), text("a"), true),
            (Conversion::Text, Folding::TrimRight, text("   "), text(""), true),
            (Conversion::Text, Folding::TrimRight, text(" a"), text("a"), false),
            (Conversion::Numeric, Folding::None, text("1.0"), text("1.00"), true),
            (Conversion::Numeric, Folding::None, text("1.0"), SourceValue::Integer(1), true),
            (Conversion::Numeric, Folding::None, text("10"), text("1"), false),
            (Conversion::Numeric, Folding::None, text("0"), text("0.00"), true),
            (Conversion::BooleanFromWords, Folding::None, text("yes"), SourceValue::Integer(1), true),
            (Conversion::TextFromAny, Folding::None, text("1"), SourceValue::Integer(1), true),
            (Conversion::Time, Folding::None, text("12:34"), text("12:34:00"), true),
        ] {
            let form = |value| {
                let mut form = Vec::new();
                append_unique_form(&conversion, folding, value, &mut form).unwrap();
                form
            };
            assert_eq!(form(left) == form(right), is_one, "{conversion:?} {folding:?} {left:?} {right:?}");
        }
    }
}
