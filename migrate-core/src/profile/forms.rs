//! The forms that a value may have, each decided by the conversion that would take it.

use crate::conversion::{Conversion, NaiveZone};
use crate::value::SourceValue;

/// What a text names of date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DateOrTime {
    /// A date alone.
    Date,
    /// A time of day alone.
    Time,
    /// Both, and no offset.
    Naive,
    /// Both, and `Z` or an offset.
    WithOffset,
}

/// What jsonb does with a text that is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Json {
    /// It keeps every value.
    KeptByJsonb,
    /// It keeps the last value of a repeated key.
    RepeatsKeys,
    /// It refuses it.
    RefusedByJsonb,
}

fn takes(conversion: &Conversion, text: &[u8]) -> bool {
    conversion.encode(SourceValue::Text(text), &mut Vec::new()).is_ok()
}

/// Whether a float holds `integer` exactly.
pub(super) fn is_exact_as_float(integer: i64) -> bool {
    const ALWAYS_EXACT: std::ops::RangeInclusive<i64> = -(1 << 53)..=1 << 53;
    ALWAYS_EXACT.contains(&integer)
        || Conversion::DoublePrecision.encode(SourceValue::Integer(integer), &mut Vec::new()).is_ok()
}

/// Whether the text is a UUID with hyphens in which no letter is `excluded`.
pub(super) fn is_uuid(text: &[u8], excluded: fn(&u8) -> bool) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit() && !excluded(byte),
        })
}

/// Whether the text is a word for true or false.
pub(super) fn is_boolean_word(text: &[u8]) -> bool {
    const WORDS: [&str; 10] = ["true", "false", "t", "f", "yes", "no", "y", "n", "on", "off"];
    text.len() <= 5 && WORDS.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether the text is an integer of 64 bits as SQLite would write it.
pub(super) fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_canonical = !text.starts_with('+') && (digits == "0" || !digits.starts_with('0')) && text != "-0";
    is_canonical && text.parse::<i64>().is_ok()
}

/// The digits behind the point of a decimal number that PostgreSQL's numeric gives back as it is written.
pub(super) fn decimal_scale(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'));
    let is_negative_zero = text.starts_with('-') && !text.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    let scale = if digits.contains('.') { fraction.len() as u64 } else { 0 };
    (is_canonical && !is_negative_zero).then_some(scale)
}

/// What the text names of date and time.
pub(super) fn date_or_time(text: &[u8]) -> Option<DateOrTime> {
    match text {
        [_, _, b':', ..] => is_time(text).then_some(DateOrTime::Time),
        [_, _, _, _, b'-', _, _, b'-', _, _, rest @ ..] => {
            if !takes(&Conversion::TimestamptzFromIso8601(NaiveZone::default()), text) {
                return None;
            }
            let has_offset = rest.iter().any(|byte| matches!(byte, b'Z' | b'+' | b'-'));
            Some(match (rest.is_empty(), has_offset) {
                (true, _) => DateOrTime::Date,
                (false, true) => DateOrTime::WithOffset,
                (false, false) => DateOrTime::Naive,
            })
        }
        _ => None,
    }
}

fn is_time(text: &[u8]) -> bool {
    let mut dated = b"2000-01-01 ".to_vec();
    dated.extend_from_slice(text);
    !text.iter().any(|byte| matches!(byte, b'Z' | b'+' | b'-'))
        && text.len() <= 15
        && takes(&Conversion::TimestamptzFromIso8601(NaiveZone::default()), &dated)
}

/// Whether the text is JSON, and what jsonb does with it.
pub(super) fn json(text: &str) -> Option<Json> {
    let text = text.as_bytes();
    if takes(&Conversion::Jsonb, text) {
        Some(Json::KeptByJsonb)
    } else if takes(&Conversion::JsonbLastKeyWins, text) {
        Some(Json::RepeatsKeys)
    } else if takes(&Conversion::Json, text) {
        Some(Json::RefusedByJsonb)
    } else {
        None
    }
}

/// What stands for every scale that is larger.
pub(super) const SCALE_MAX: u64 = 16;

/// The larger of `scale_max` and the digits behind the point of `real` in its shortest form; [`SCALE_MAX`] at most.
pub(super) fn raise_scale(scale_max: u64, real: f64) -> u64 {
    /// Up to here every whole float is one integer, and so exact.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if real.fract() == 0.0 {
        return scale_max;
    }
    let mut power = 10_f64.powi(i32::try_from(scale_max).unwrap_or(i32::MAX));
    for scale in scale_max..SCALE_MAX {
        let whole = (real * power).round();
        if whole.abs() > EXACT_MAX {
            return shortest_scale(real).clamp(scale_max, SCALE_MAX);
        }
        // One correctly rounded division of two exact numbers: the float that this decimal number is read as.
        if whole / power == real {
            return scale;
        }
        power *= 10.0;
    }
    SCALE_MAX
}

/// The digits behind the point of a float in its shortest form.
fn shortest_scale(real: f64) -> u64 {
    let shortest = format!("{real:e}");
    let Some((digits, exponent)) = shortest.split_once('e') else { return 0 };
    let fraction = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
    let exponent: i64 = exponent.parse().unwrap_or(0);
    u64::try_from(fraction - exponent).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_scale_is_that_of_the_shortest_form(whole in -1_000_000_000_i64..1_000_000_000, power in 0_i32..14, bits: u64) {
            for real in [whole as f64 / 10_f64.powi(power), f64::from_bits(bits)] {
                prop_assume!(real.is_finite());
                let expected = shortest_scale(real).min(SCALE_MAX);
                prop_assert_eq!(raise_scale(0, real), expected, "{}", real);
                prop_assert_eq!(raise_scale(5, real), expected.max(5), "{}", real);
            }
        }
    }

    #[test]
    fn a_shortest_form_has_no_more_digits_than_it_needs() {
        for (real, scale) in [
            (0.0, 0),
            (-12.0, 0),
            (0.1, 1),
            (19.999, 3),
            (1230.99, 2),
            (1e300, 0),
            (1e-9, 9),
            (0.1 + 0.2, 16),
            (1_700_000_000.123_456_7, 7),
        ] {
            assert_eq!(raise_scale(0, real), scale, "{real}");
        }
    }
}
