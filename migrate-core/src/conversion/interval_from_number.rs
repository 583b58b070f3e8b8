//! INTEGER seconds, milliseconds or microseconds (as Django stores them), and REAL seconds, to `interval`: hours, minutes and seconds
//! without days or months, since a day is not 24 hours. Only a person knows the unit.

use super::interval::{self, Span};
use super::{Output, PgType, Refusal, Spec, Undecodable};
use crate::value::SourceValue;

/// The unit, by its microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit(pub(super) i64);

impl Unit {
    pub(super) const SECOND: Unit = Unit(1_000_000);
    pub(super) const MILLISECOND: Unit = Unit(1_000);
    pub(super) const MICROSECOND: Unit = Unit(1);
}

pub(super) const fn spec(unit: Unit) -> Spec {
    let (description, example) = match unit {
        Unit::SECOND => ("INTEGER or REAL seconds to interval", SourceValue::Real(90.5)),
        Unit::MILLISECOND => ("INTEGER milliseconds to interval", SourceValue::Integer(90_500)),
        _ => ("INTEGER microseconds to interval", SourceValue::Integer(90_500_000)),
    };
    Spec {
        faithful_type: PgType::Bigint,
        keeps_order: false,
        needs_decision: true,
        ..Spec::new(PgType::Interval, description, example)
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output, unit: Unit) -> Result<(), Refusal> {
    interval::append(Span { us: microseconds(value, unit)?, ..Span::default() }, out);
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    _scratch: &'a mut Vec<u8>,
    unit: Unit,
) -> Result<SourceValue<'a>, Undecodable> {
    match interval::span(wire)? {
        Span { months: 0, days: 0, us } if us % unit.0 == 0 => Ok(SourceValue::Integer(us / unit.0)),
        Span { months: 0, days: 0, us } if unit == Unit::SECOND => Ok(SourceValue::Real(us as f64 / 1e6)),
        Span { months: 0, days: 0, .. } => Err(Undecodable::NoSourceValue {
            what: "a length of time between two units, in a column of whole ones",
        }),
        _ => Err(Undecodable::NoSourceValue { what: "a length of time with days or months" }),
    }
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, unit: Unit) -> bool {
    matches!((microseconds(source, unit), microseconds(target, unit)), (Ok(source), Ok(target)) if source == target)
}

fn microseconds(value: SourceValue<'_>, unit: Unit) -> Result<i64, Refusal> {
    let beyond = Refusal::OutOfRange { target: "interval", range: "microseconds of 64 bits" };
    match value {
        SourceValue::Integer(number) => number.checked_mul(unit.0).ok_or(beyond),
        SourceValue::Real(seconds) if unit == Unit::SECOND => {
            let us = (seconds * 1e6).round();
            // Up to here every whole float is one integer.
            let is_exact = us.abs() <= 9_007_199_254_740_992.0 && us / 1e6 == seconds;
            is_exact.then_some(us as i64).ok_or(Refusal::DateTime { problem: super::civil::FINER })
        }
        _ => Err(Refusal::StorageClass { found: value.storage_class(), expected: "integer" }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_comes_back(number in -9_000_000_000_000_i64..9_000_000_000_000) {
            check_round_trip(&Conversion::IntervalFromS, SourceValue::Integer(number));
            check_round_trip(&Conversion::IntervalFromS, SourceValue::Real(number as f64 / 1e6));
            check_round_trip(&Conversion::IntervalFromMs, SourceValue::Integer(number));
            check_round_trip(&Conversion::IntervalFromUs, SourceValue::Integer(number * 1000 + 1));
        }
    }

    #[test]
    fn days_and_what_is_finer_are_refused() {
        let mut wire = Vec::new();
        interval::append(Span { days: 1, ..Span::default() }, &mut wire);
        assert!(decode(&wire, &mut Vec::new(), Unit::SECOND).is_err());
        assert!(encode(SourceValue::Real(0.000_000_1), &mut Vec::new(), Unit::SECOND).is_err());
        assert!(encode(SourceValue::Real(0.5), &mut Vec::new(), Unit::MILLISECOND).is_err());
        assert!(encode(SourceValue::Integer(i64::MAX), &mut Vec::new(), Unit::SECOND).is_err());
        assert!(encode(SourceValue::Text(b"1"), &mut Vec::new(), Unit::SECOND).is_err());
    }
}
