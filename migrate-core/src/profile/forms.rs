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

/// Whether a conversion takes a text.
pub(super) fn takes(conversion: &Conversion, text: &[u8]) -> bool {
    conversion.takes(SourceValue::Text(text))
}

/// Whether a float holds `integer` exactly.
pub(super) fn is_exact_as_float(integer: i64) -> bool {
    const ALWAYS_EXACT: std::ops::RangeInclusive<i64> = -(1 << 53)..=1 << 53;
    ALWAYS_EXACT.contains(&integer) || Conversion::DoublePrecision.takes(SourceValue::Integer(integer))
}

/// Whether the text is an integer of 64 bits as SQLite would write it, where it is known to be a plain decimal.
pub(super) fn is_integer(plain_decimal: &str) -> bool {
    plain_decimal.parse::<i64>().is_ok()
}

/// The digits behind the point of a number that numeric gives back as it is written.
pub(super) fn decimal_scale(text: &str) -> Option<u64> {
    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len() as u64);
    takes(&Conversion::Numeric, text.as_bytes()).then_some(scale)
}

/// What the text names of date and time.
pub(super) fn date_or_time(text: &[u8]) -> Option<DateOrTime> {
    match text {
        [_, _, b':', ..] => takes(&Conversion::Time, text).then_some(DateOrTime::Time),
        [_, _, _, _, b'-', _, _, b'-', _, _] => takes(&Conversion::Date, text).then_some(DateOrTime::Date),
        [_, _, _, _, b'-', _, _, b'-', _, _, ..] => {
            if takes(&Conversion::TimestampFromIso8601, text) {
                Some(DateOrTime::Naive)
            } else {
                let instant = Conversion::TimestamptzFromIso8601(NaiveZone::default());
                takes(&instant, text).then_some(DateOrTime::WithOffset)
            }
        }
        _ => None,
    }
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
