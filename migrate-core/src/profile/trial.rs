//! Counts how many values of a column each conversion accepts, for columns whose type the target has decided.
//!
//! Nothing is inferred from the forms of values here: the conversions themselves are tried on each value.

use std::collections::BTreeMap;

use crate::conversion::{Conversion, Limit, LongValue, PgType, Refusal, rounding};
use crate::terms::Rounding;
use crate::value::{SourceValue, StorageClass};

/// The conversions to try, none of them used yet: table name, then column name.
pub type Trials = BTreeMap<String, BTreeMap<String, Vec<Trial>>>;

/// 2000-01-01 to 2100-01-01, and 1900-01-01 to 2201-01-01, in microseconds since 2000.
const PLAUSIBLE_US: std::ops::Range<i64> = 0..3_155_760_000_000_000;
const CREDIBLE_US: std::ops::Range<i64> = -3_155_673_600_000_000..6_342_969_600_000_000;

/// A day, in microseconds.
const DAY_US: i64 = 86_400_000_000;

/// The result of a conversion on the values of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The conversion.
    pub conversion: Conversion,
    /// How values are rounded before.
    pub round: Option<Rounding>,
    /// The limit of the column.
    pub limit: Option<Limit>,
    /// The number of values that it accepts.
    pub taken: u64,
    /// Of these, the numbers that it turns into dates or times.
    pub moments: u64,
    /// Of these, those from 2000 to 2100.
    pub plausible: u64,
    /// Of these, those before 1900 or after 2200.
    pub far: u64,
}

impl Trial {
    /// A conversion that has not been tried yet.
    pub fn new(conversion: Conversion, round: Option<Rounding>, limit: Option<Limit>) -> Trial {
        Trial { conversion, round, limit, taken: 0, moments: 0, plausible: 0, far: 0 }
    }

    /// Tries a value; `scratch` is a buffer.
    pub fn count(&mut self, value: SourceValue<'_>, scratch: &mut Vec<u8>) {
        scratch.clear();
        let plain = self.limit.as_ref().map_or(value, |limit| limit.plain(value));
        let encoded = match self.round {
            _ if value.is_null() => return,
            None => self.conversion.encode(plain, scratch),
            Some(round) => rounding::encode(round, &self.conversion, self.limit.as_ref(), plain, scratch),
        };
        let is_within = |limit: &Limit| limit.check(scratch).is_ok();
        if encoded.is_err() || !self.limit.as_ref().is_none_or(is_within) {
            return;
        }
        self.taken += 1;
        let is_number = matches!(value, SourceValue::Integer(_) | SourceValue::Real(_));
        let Some(us) = self.moment(scratch).filter(|_| is_number) else { return };
        self.moments += 1;
        self.plausible += u64::from(PLAUSIBLE_US.contains(&us));
        self.far += u64::from(!CREDIBLE_US.contains(&us));
    }

    /// Tries a value of which only the length is in memory; `check` is the result of the text conversion for its bytes. Whether the
    /// value has to be tried in one piece.
    pub fn count_long(&mut self, class: StorageClass, bytes: u64, check: &Result<(), Refusal>) -> bool {
        match LongValue::of(&self.conversion, self.limit.as_ref(), class, bytes) {
            Err(_) => false,
            Ok(LongValue::Unsplit) => true,
            Ok(LongValue::Bytes) => {
                self.taken += 1;
                false
            }
            Ok(LongValue::Text(_)) => {
                self.taken += u64::from(check.is_ok());
                false
            }
        }
    }

    /// Adds the result for other values of the same column.
    pub fn merge(&mut self, other: &Trial) {
        self.taken += other.taken;
        self.moments += other.moments;
        self.plausible += other.plausible;
        self.far += other.far;
    }

    /// The date or time in PostgreSQL's bytes, in microseconds since 2000; none for other types.
    fn moment(&self, wire: &[u8]) -> Option<i64> {
        match self.conversion.target_type() {
            PgType::Timestamp | PgType::Timestamptz => Some(i64::from_be_bytes(wire.try_into().ok()?)),
            PgType::Date => i64::from(i32::from_be_bytes(wire.try_into().ok()?)).checked_mul(DAY_US),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart_by_the_years_that_they_lead_to() {
        let counts = |conversion: Conversion, values: &[SourceValue<'_>]| {
            let (mut trial, mut scratch) = (Trial::new(conversion, None, None), Vec::new());
            values.iter().for_each(|value| trial.count(*value, &mut scratch));
            [trial.taken, trial.moments, trial.plausible, trial.far]
        };
        let us = [
            SourceValue::Integer(1_700_000_000_000_000),
            SourceValue::Integer(0),
            SourceValue::Text(b"x"),
            SourceValue::Null,
        ];
        assert_eq!(counts(Conversion::TimestampFromEpochUs, &us), [2, 2, 1, 0]);
        assert_eq!(counts(Conversion::TimestampFromEpochMs, &us), [2, 2, 0, 1]);
        assert_eq!(counts(Conversion::TimestampFromEpochNs, &us), [2, 2, 0, 0]);
        assert_eq!(counts(Conversion::Bigint, &us), [2, 0, 0, 0]);
        let texts = [SourceValue::Text(b"0001-01-01"), SourceValue::Text(b"2024-01-01 00:00")];
        assert_eq!(counts(Conversion::TimestampFromIso8601, &texts), [2, 0, 0, 0]);
    }

    #[test]
    fn the_limit_of_a_column_counts() {
        let limit = Limit::Labels(vec!["new".to_owned(), "done".to_owned()]);
        let (mut trial, mut scratch) = (Trial::new(Conversion::Text, None, Some(limit)), Vec::new());
        for text in [&b"new"[..], b"New", b"done", b""] {
            trial.count(SourceValue::Text(text), &mut scratch);
        }
        assert_eq!(trial.taken, 2);
    }

    #[test]
    fn the_bounds_are_whole_years() {
        let counts = |ms| {
            let (mut trial, mut scratch) =
                (Trial::new(Conversion::TimestamptzFromEpochMs, None, None), Vec::new());
            trial.count(SourceValue::Integer(ms), &mut scratch);
            [trial.plausible, trial.far]
        };
        for (timestamp, expected) in [
            ("1899-12-31T23:59:59.999Z", [0, 1]),
            ("1900-01-01T00:00:00Z", [0, 0]),
            ("1999-12-31T23:59:59.999Z", [0, 0]),
            ("2000-01-01T00:00:00Z", [1, 0]),
            ("2099-12-31T23:59:59.999Z", [1, 0]),
            ("2100-01-01T00:00:00Z", [0, 0]),
            ("2200-12-31T23:59:59.999Z", [0, 0]),
            ("2201-01-01T00:00:00Z", [0, 1]),
        ] {
            let ms = timestamp.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            assert_eq!(counts(ms), expected, "{timestamp}");
        }
    }
}
