//! Amounts to `money`, which PostgreSQL keeps as an integer of hundredths (`cash_send` in its `cash.c`): INTEGER, REAL and TEXT decimals of
//! at most two digits behind the point, or INTEGER hundredths where a person says so.
//!
//! How many decimals `money` shows is a setting of the server (`lc_monetary`); nearly all locales have two. Two values are the same when
//! the amount is; the class and zeros at the end are not kept.

use super::{Output, PgType, Refusal, Spec, Undecodable, bigint};
use crate::value::SourceValue;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    Units,
    Hundredths,
}

pub(super) const fn spec(counts: Counts) -> Spec {
    let of_units = Spec {
        faithful_type: PgType::Numeric,
        keeps_order: false,
        not_kept: Some(
            "money holds hundredths, for an lc_monetary of two decimals; zeros at the end of a decimal are not kept",
        ),
        ..Spec::new(
            PgType::Money,
            "INTEGER, REAL or TEXT decimal of at most two digits behind the point to money",
            SourceValue::Text(b"-12.34"),
        )
    };
    match counts {
        Counts::Units => of_units,
        Counts::Hundredths => Spec {
            description: "INTEGER hundredths to money",
            example: SourceValue::Integer(-1234),
            faithful_type: PgType::Bigint,
            keeps_order: true,
            needs_decision: true,
            not_kept: None,
            ..of_units
        },
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output, counts: Counts) -> Result<(), Refusal> {
    out.append(&hundredths(value, counts)?.to_be_bytes());
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    counts: Counts,
) -> Result<SourceValue<'a>, Undecodable> {
    let hundredths = bigint::read(wire, "money")?;
    if counts == Counts::Hundredths {
        return Ok(SourceValue::Integer(hundredths));
    }
    let (sign, all) = (if hundredths < 0 { "-" } else { "" }, hundredths.unsigned_abs());
    scratch.clear();
    scratch.extend_from_slice(format!("{sign}{}.{:02}", all / 100, all % 100).as_bytes());
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, counts: Counts) -> bool {
    matches!((hundredths(source, counts), hundredths(target, counts)), (Ok(source), Ok(target)) if source == target)
}

fn hundredths(value: SourceValue<'_>, counts: Counts) -> Result<i64, Refusal> {
    let refused =
        Refusal::Form { expected: "a decimal of at most two digits behind the point, in the range of money" };
    match (value, counts) {
        (SourceValue::Integer(integer), Counts::Hundredths) => Ok(integer),
        (SourceValue::Integer(integer), Counts::Units) => integer.checked_mul(100).ok_or(refused),
        // Display writes the shortest decimal of a float, without an exponent.
        (SourceValue::Real(real), Counts::Units) => decimal(&format!("{real}")).ok_or(refused),
        (SourceValue::Text(bytes), Counts::Units) => {
            std::str::from_utf8(bytes).ok().and_then(decimal).ok_or(refused)
        }
        (_, Counts::Hundredths) => {
            Err(Refusal::StorageClass { found: value.storage_class(), expected: "integer" })
        }
        _ => Err(Refusal::StorageClass { found: value.storage_class(), expected: "integer, real or text" }),
    }
}

/// A plain decimal in hundredths.
fn decimal(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_digits(whole) && is_digits(fraction) && (whole == "0" || !whole.starts_with('0'));
    if !is_plain || fraction.len() > 2 {
        return None;
    }
    // The lowest number has no positive counterpart.
    let all: i128 = format!("{whole}{fraction:0<2}").parse().ok()?;
    i64::try_from(all * sign).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_amount_comes_back(hundredths: i64, small in -1_000_000_000_i64..1_000_000_000) {
            let (mut scratch, bytes) = (Vec::new(), hundredths.to_be_bytes());
            let text = decode(&bytes, &mut scratch, Counts::Units).unwrap();
            check_round_trip(&Conversion::Money, text);
            prop_assert_eq!(super::hundredths(text, Counts::Units), Ok(hundredths));
            check_round_trip(&Conversion::Money, SourceValue::Real(small as f64 / 100.0));
            check_round_trip(&Conversion::Money, SourceValue::Integer(small));
            check_round_trip(&Conversion::MoneyFromHundredths, SourceValue::Integer(hundredths));
        }
    }

    #[test]
    fn what_money_would_round_is_refused() {
        for (value, amount) in [
            (SourceValue::Text(b"12.5"), Some(1250)),
            (SourceValue::Real(0.1), Some(10)),
            (SourceValue::Real(-0.01), Some(-1)),
            (SourceValue::Integer(3), Some(300)),
            (SourceValue::Real(0.001), None),
            (SourceValue::Real(f64::INFINITY), None),
            (SourceValue::Text(b"12.345"), None),
            (SourceValue::Text(b"$12"), None),
            (SourceValue::Text(b"1,000"), None),
            (SourceValue::Text(b"012"), None),
            (SourceValue::Text(b""), None),
            (SourceValue::Integer(i64::MAX), None),
            (SourceValue::Blob(b"1"), None),
        ] {
            assert_eq!(hundredths(value, Counts::Units).ok(), amount, "{value:?}");
        }
        assert!(hundredths(SourceValue::Real(1.0), Counts::Hundredths).is_err());
    }
}
