//! Moments as the app has them: UTC, in milliseconds.

use std::fmt;

use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Timestamptz};
use diesel::sqlite::Sqlite;

/// Milliseconds from 1970 to 2000, where PostgreSQL begins to count.
const POSTGRES_EPOCH_MS: i64 = 946_684_800_000;

/// The first moment of `timestamptz`, in 4714 BC, in milliseconds since 1970.
const POSTGRES_FIRST_MS: i64 = -211_813_488_000_000 + POSTGRES_EPOCH_MS;

/// The first moment after the last one of `timestamptz`, in 294277, in milliseconds since 1970.
const POSTGRES_END_MS: i64 = 9_223_371_331_200_000 + POSTGRES_EPOCH_MS;

/// A moment in UTC, in milliseconds since 1970, as JavaScript's `Date` holds it.
///
/// PostgreSQL's `timestamptz` has microseconds: a moment that was written with more digits is rounded down when it is read, as
/// node-postgres does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression)]
#[diesel(sql_type = BigInt)]
#[diesel(sql_type = Timestamptz)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment so many milliseconds after 1970 began.
    #[must_use]
    pub const fn from_epoch_ms(epoch_ms: i64) -> Timestamp {
        Timestamp(epoch_ms)
    }

    /// Milliseconds since 1970 began; negative before.
    #[must_use]
    pub const fn epoch_ms(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to this moment; negative if `earlier` is later.
    #[must_use]
    pub const fn ms_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whether PostgreSQL can hold it.
    #[must_use]
    pub const fn is_within_postgres(self) -> bool {
        POSTGRES_FIRST_MS <= self.0 && self.0 < POSTGRES_END_MS
    }

    /// The moment so many microseconds after 2000 began; none for PostgreSQL's `infinity` and `-infinity`.
    pub(crate) const fn from_postgres(microseconds: i64) -> Option<Timestamp> {
        match microseconds {
            i64::MIN | i64::MAX => None,
            _ => Some(Timestamp(microseconds.div_euclid(1_000) + POSTGRES_EPOCH_MS)),
        }
    }
}

impl ToSql<BigInt, Sqlite> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0);
        Ok(IsNull::No)
    }
}

impl ToSql<Timestamptz, Pg> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let microseconds = self.0.checked_sub(POSTGRES_EPOCH_MS).and_then(|ms| ms.checked_mul(1_000));
        let microseconds = microseconds.ok_or("a moment that PostgreSQL cannot hold")?;
        ToSql::<BigInt, Pg>::to_sql(&microseconds, &mut out.reborrow())
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(moment: jiff::Timestamp) -> Timestamp {
        Timestamp(moment.as_nanosecond().div_euclid(1_000_000).try_into().unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment}"),
            // Beyond the year 9999.
            Err(_) => write!(f, "{} ms since 1970", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_rounded_down_and_printed_in_utc() {
        for (text, epoch_ms, printed) in [
            ("2024-01-15T10:00:00.123999Z", 1_705_312_800_123, "2024-01-15T10:00:00.123Z"),
            ("1969-12-31T23:59:59.9999Z", -1, "1969-12-31T23:59:59.999Z"),
            ("2024-01-15T11:00:00+01:00", 1_705_312_800_000, "2024-01-15T10:00:00Z"),
        ] {
            let moment = Timestamp::from(text.parse::<jiff::Timestamp>().unwrap());
            assert_eq!((moment.epoch_ms(), moment.to_string().as_str()), (epoch_ms, printed));
        }
        assert_eq!(Timestamp::from_epoch_ms(i64::MAX).to_string(), "9223372036854775807 ms since 1970");
    }
}
