//! The limits of a column within its type: `varchar(5)`, `numeric(10,2)`, an enum.
//!
//! PostgreSQL rounds or pads some of what goes beyond (manual, sections 8.1.2, 8.3 and 8.5): here it is refused, and what
//! PostgreSQL adds to a value of its own accord is taken away again before the value is compared.

use serde::{Deserialize, Serialize};

use super::{Refusal, bigint};
use crate::value::SourceValue;

/// A limit of a column within its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Limit {
    /// `varchar(n)`: so many characters.
    Characters(u32),
    /// `char(n)`: so many characters, blanks at the end being PostgreSQL's own.
    Padded(u32),
    /// An enum: one of these texts.
    Labels(Vec<String>),
    /// `citext`: any text, but two that differ in case alone are one.
    FoldedCase,
    /// `numeric(precision, scale)`: so many digits, and so many of them behind the point.
    Digits {
        /// All digits.
        precision: u32,
        /// Those behind the point, which PostgreSQL fills with zeros.
        scale: u32,
    },
    /// `timestamp(n)` and its like: so many digits of a second behind the point.
    SecondDigits(u32),
}

impl Limit {
    /// The value in the form that is encoded and compared: zeros at the end of a fraction are free where PostgreSQL adds its own.
    pub fn plain<'a>(&self, value: SourceValue<'a>) -> SourceValue<'a> {
        match (self, value) {
            (Limit::Digits { .. }, SourceValue::Text(text)) if has_fraction(text) => {
                let text = trimmed(text, b'0');
                SourceValue::Text(text.strip_suffix(b".").unwrap_or(text))
            }
            _ => value,
        }
    }

    /// A value that PostgreSQL gave, without what it added.
    pub(crate) fn stripped<'a>(&self, value: SourceValue<'a>) -> SourceValue<'a> {
        match (self, value) {
            (Limit::Padded(_), SourceValue::Text(text)) => SourceValue::Text(trimmed(text, b' ')),
            _ => self.plain(value),
        }
    }

    /// Whether values within the limit have the order that their type has.
    pub fn keeps_order(&self) -> bool {
        !matches!(self, Limit::Labels(_) | Limit::FoldedCase)
    }

    /// Refuses what goes beyond the limit, given its bytes in PostgreSQL's binary format.
    ///
    /// # Errors
    /// The [`Refusal`] that says what the limit is.
    pub fn check(&self, wire: &[u8]) -> Result<(), Refusal> {
        match self {
            Limit::FoldedCase => Ok(()),
            Limit::Characters(max) => check_length(wire, *max),
            Limit::Padded(_) if wire.ends_with(b" ") => Err(Refusal::Form {
                expected: "text without a blank at its end, which char would not tell from its own",
            }),
            Limit::Padded(max) => check_length(wire, *max),
            Limit::Labels(labels) if labels.iter().any(|label| label.as_bytes() == wire) => Ok(()),
            Limit::Labels(labels) => Err(Refusal::Label { labels: labels.clone() }),
            Limit::Digits { precision, scale } => check_digits(wire, *precision, *scale),
            Limit::SecondDigits(digits) => check_second(wire, *digits),
        }
    }
}

/// Whether a text ends in one point and digits behind it.
fn has_fraction(text: &[u8]) -> bool {
    let point = text.iter().position(|&byte| byte == b'.');
    let fraction = point.and_then(|point| text.get(point + 1..)).unwrap_or_default();
    !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit)
}

fn trimmed(text: &[u8], end: u8) -> &[u8] {
    let kept = text.iter().rposition(|&byte| byte != end).map_or(0, |last| last + 1);
    text.get(..kept).unwrap_or_default()
}

fn check_length(wire: &[u8], max: u32) -> Result<(), Refusal> {
    // Every character of UTF-8 has one byte that continues none.
    let characters = wire.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
    if u32::try_from(characters).is_ok_and(|characters| characters <= max) {
        return Ok(());
    }
    Err(Refusal::TooManyCharacters { max })
}

/// The form of `numeric_send`: groups, weight of the first group, sign, digits behind the point; then the groups of four digits.
fn check_digits(wire: &[u8], precision: u32, scale: u32) -> Result<(), Refusal> {
    let beyond = || Refusal::TooManyDigits { precision, scale };
    let field = |place: usize| {
        wire.get(2 * place..2 * place + 2)
            .map(|bytes| bytes.iter().fold(0_u16, |value, byte| value << 8 | u16::from(*byte)))
    };
    let [Some(groups), Some(weight), Some(sign), Some(behind)] = [field(0), field(1), field(2), field(3)]
    else {
        return Err(beyond());
    };
    // An infinity has a sign of its own, and fits no number of digits.
    if !matches!(sign, 0 | 0x4000) || u32::from(behind) > scale {
        return Err(beyond());
    }
    let weight = i32::from(weight.cast_signed());
    if groups == 0 || weight < 0 {
        return Ok(());
    }
    let first = field(4).unwrap_or(0).checked_ilog10().map_or(0, |power| power + 1);
    let before = weight.unsigned_abs() * 4 + first;
    if before + scale <= precision { Ok(()) } else { Err(beyond()) }
}

fn check_second(wire: &[u8], digits: u32) -> Result<(), Refusal> {
    let unit = 10_i64.pow(6_u32.saturating_sub(digits));
    match bigint::read(wire, "a time") {
        Ok(us) if us % unit == 0 => Ok(()),
        _ => Err(Refusal::DateTime { problem: "a finer fraction of a second than its column keeps" }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Conversion;
    use super::*;
    use proptest::prelude::*;

    fn refusal(conversion: &Conversion, limit: &Limit, value: SourceValue<'_>) -> Option<String> {
        let mut wire = Vec::new();
        conversion.encode(limit.plain(value), &mut wire).unwrap();
        limit.check(&wire).err().map(|refusal| refusal.to_string())
    }

    #[test]
    fn what_goes_beyond_is_refused() {
        let digits = Limit::Digits { precision: 5, scale: 2 };
        let labels = Limit::Labels(vec!["new".to_owned(), "done".to_owned()]);
        for (conversion, limit, text, fits) in [
            (Conversion::Text, Limit::Characters(5), "ärger", true),
            (Conversion::Text, Limit::Characters(5), "argern", false),
            (Conversion::Text, Limit::Characters(5), "abcd  ", false),
            (Conversion::Text, Limit::Padded(5), "abc", true),
            (Conversion::Text, Limit::Padded(5), "abc ", false),
            (Conversion::Text, Limit::Padded(5), "abcdef", false),
            (Conversion::Text, labels.clone(), "done", true),
            (Conversion::Text, labels, "Done", false),
            (Conversion::Numeric, digits.clone(), "999.99", true),
            (Conversion::Numeric, digits.clone(), "-999.9900", true),
            (Conversion::Numeric, digits.clone(), "1000", false),
            (Conversion::Numeric, digits.clone(), "0.001", false),
            (Conversion::Numeric, digits.clone(), "0", true),
            (Conversion::Numeric, Limit::Digits { precision: 9, scale: 0 }, "999999999", true),
            (Conversion::Numeric, Limit::Digits { precision: 9, scale: 0 }, "1000000000", false),
            (Conversion::TimestampFromIso8601, Limit::SecondDigits(3), "2024-05-06 07:08:09.123", true),
            (Conversion::TimestampFromIso8601, Limit::SecondDigits(3), "2024-05-06 07:08:09.1234", false),
            (Conversion::TimestampFromIso8601, Limit::SecondDigits(0), "1969-12-31 23:59:59.5", false),
        ] {
            let found = refusal(&conversion, &limit, SourceValue::Text(text.as_bytes()));
            assert_eq!(found.is_none(), fits, "{limit:?} {text}: {found:?}");
        }
        assert!(refusal(&Conversion::Numeric, &digits, SourceValue::Real(f64::INFINITY)).is_some());
    }

    proptest! {
        #[test]
        fn numbers_fit_where_their_digits_do(whole in 0_u32..100_000, cents in 0_u32..100, precision in 2_u32..9) {
            let text = format!("{whole}.{cents:02}");
            let limit = Limit::Digits { precision, scale: 2 };
            let fits = whole == 0 || whole.ilog10() + 1 + 2 <= precision;
            prop_assert_eq!(refusal(&Conversion::Numeric, &limit, SourceValue::Text(text.as_bytes())).is_none(), fits);
        }

        #[test]
        fn what_postgresql_adds_is_taken_away(text in "[a-z]{0,5}", blanks in 0_usize..5, zeros in 0_usize..5) {
            let padded = format!("{text}{}", " ".repeat(blanks));
            prop_assert_eq!(Limit::Padded(9).stripped(SourceValue::Text(padded.as_bytes())), SourceValue::Text(text.as_bytes()));
            let scaled = format!("100.5{}", "0".repeat(zeros));
            let limit = Limit::Digits { precision: 9, scale: 5 };
            prop_assert_eq!(limit.stripped(SourceValue::Text(scaled.as_bytes())), SourceValue::Text(b"100.5"));
            prop_assert_eq!(limit.stripped(SourceValue::Text(b"100")), SourceValue::Text(b"100"));
        }

        #[test]
        fn any_bytes_are_checked_without_harm(wire: Vec<u8>) {
            for limit in [Limit::Digits { precision: 5, scale: 2 }, Limit::SecondDigits(3), Limit::Characters(3)] {
                let _ = limit.check(&wire);
            }
        }
    }
}
