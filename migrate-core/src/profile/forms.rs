//! The forms of values, each determined by its conversion.

use crate::conversion::{Conversion, NaiveZone};
use crate::value::SourceValue;

/// The kind of a date or time.
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

/// The effect of jsonb on a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Json {
    /// It keeps every value.
    KeptByJsonb,
    /// It keeps the last value of a repeated key.
    RepeatsKeys,
    /// It drops the sign of a zero.
    SignsZero,
    /// It drops values of a repeated key, and the sign of a zero.
    RepeatsKeysAndSignsZero,
    /// It refuses it.
    RefusedByJsonb,
}

/// Whether a conversion accepts a text.
pub(super) fn takes(conversion: &Conversion, text: &[u8]) -> bool {
    conversion.takes(SourceValue::Text(text))
}

/// Whether a float represents `integer` exactly.
pub(super) fn is_exact_as_float(integer: i64) -> bool {
    const ALWAYS_EXACT: std::ops::RangeInclusive<i64> = -(1 << 53)..=1 << 53;
    ALWAYS_EXACT.contains(&integer) || Conversion::DoublePrecision.takes(SourceValue::Integer(integer))
}

/// Whether a plain decimal is a 64-bit integer.
pub(super) fn is_integer(plain_decimal: &str) -> bool {
    plain_decimal.parse::<i64>().is_ok()
}

/// Returns the number of decimals of a text that numeric returns unchanged.
pub(super) fn decimal_scale(text: &str) -> Option<u64> {
    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len() as u64);
    takes(&Conversion::Numeric, text.as_bytes()).then_some(scale)
}

/// Returns the kind of date or time of a text.
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

/// Returns the effect of jsonb on a text; `None` if it is not JSON.
pub(super) fn json(text: &str) -> Option<Json> {
    let text = text.as_bytes();
    if takes(&Conversion::Jsonb, text) {
        Some(Json::KeptByJsonb)
    } else if takes(&Conversion::JsonbLastKeyWins, text) {
        Some(Json::RepeatsKeys)
    } else if takes(&Conversion::JsonbUnsignedZero, text) {
        Some(Json::SignsZero)
    } else if takes(&Conversion::JsonbLastKeyWinsUnsignedZero, text) {
        Some(Json::RepeatsKeysAndSignsZero)
    } else if takes(&Conversion::Json, text) {
        Some(Json::RefusedByJsonb)
    } else {
        None
    }
}

/// Whether a blob is the text of a JSON object or array of which jsonb keeps every value, and that SQLite reads as text.
pub(super) fn is_json_blob(blob: &[u8]) -> bool {
    let text = blob.trim_ascii();
    let is_document =
        matches!((text.first(), text.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')));
    // SQLite takes a blob for its own binary JSON first. There the first byte of a text is the header of an array, whose length is 7 for
    // `{` and 5 for `[`; of the texts of such a length, only those that begin like this may be valid (`jsonArgIsJsonb`).
    let is_binary = blob.len() == 6 && matches!(blob, [b'[', b'\t' | b'\n', ..]);
    is_document && !is_binary && takes(&Conversion::Jsonb, blob)
}

/// The largest scale that is distinguished.
pub(super) const SCALE_MAX: u64 = 16;

/// Returns the larger of `scale_max` and the decimals of `real` in its shortest form; at most [`SCALE_MAX`].
pub(super) fn raise_scale(scale_max: u64, real: f64) -> u64 {
    /// Up to here floats represent all integers exactly.
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
        // A correctly rounded division of two exact numbers is the float of this decimal number.
        if whole / power == real {
            return scale;
        }
        power *= 10.0;
    }
    SCALE_MAX
}

/// Returns the number of decimals of a float in its shortest form.
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
