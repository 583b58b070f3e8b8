//! Checks whether two databases report the same time, in the form that a column's conversion writes, with tolerance for two machines.

use migrate_core::conversion::PgType;
use migrate_core::plan::PlannedColumn;
use migrate_core::source_sql::Clock;
use migrate_core::value::SourceValue;

/// The seconds of a day.
const DAY_SECONDS: f64 = 86_400.0;

/// Clocks that differ by more than this many seconds are not compared.
const SKEW_MAX_SECONDS: f64 = 60.0;

/// Time that may pass between the two queries, in seconds.
const BETWEEN_SECONDS: f64 = 5.0;

/// How far apart two clocks are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skew(f64);

impl Skew {
    /// From two clocks that report these seconds since 1970 at about the same time.
    pub(super) fn between(one: f64, other: f64) -> Skew {
        Skew((one - other).abs())
    }

    /// Whether moments can be compared in spite of it.
    pub(super) fn is_small(self) -> bool {
        self.0 <= SKEW_MAX_SECONDS
    }

    /// The tolerance in full seconds.
    pub(super) fn seconds(self) -> u64 {
        self.0 as u64
    }
}

/// Whether PostgreSQL's bytes and SQLite's value are the same moment, which is now.
pub(super) fn is_same_moment(
    column: &PlannedColumn,
    clock: Clock,
    source: SourceValue<'_>,
    wire: &[u8],
    skew: Skew,
) -> bool {
    let mut encoded = Vec::new();
    if source.is_null() || column.encode(source, &mut encoded).is_err() {
        return false;
    }
    if column.target_type == PgType::Text {
        return is_same_text(clock, &encoded, wire);
    }
    let seconds = |bytes: &[u8]| seconds(column.target_type, clock, bytes);
    let (Some(ours), Some(theirs)) = (seconds(&encoded), seconds(wire)) else { return false };
    let apart = (ours - theirs).abs();
    let room = skew.0 + BETWEEN_SECONDS;
    match (clock, column.target_type) {
        // Midnight may have struck between the two.
        (Clock::Time, _) | (_, PgType::Time) => apart.min(DAY_SECONDS - apart) <= room,
        (Clock::Date, _) | (_, PgType::Date) => apart < 1.0,
        _ => apart <= room,
    }
}

/// The time in the bytes of a column, in seconds.
fn seconds(target_type: PgType, clock: Clock, bytes: &[u8]) -> Option<f64> {
    const MICROSECOND: f64 = 1e-6;
    let unit = match clock {
        Clock::Milliseconds => 1e-3,
        Clock::Microseconds => MICROSECOND,
        Clock::JulianDay => DAY_SECONDS,
        _ => 1.0,
    };
    let i64_of = || bytes.try_into().ok().map(i64::from_be_bytes).map(|number| number as f64);
    let i32_of = || bytes.try_into().ok().map(i32::from_be_bytes).map(f64::from);
    match target_type {
        PgType::Timestamptz | PgType::Timestamp | PgType::Time => i64_of().map(|number| number * MICROSECOND),
        PgType::Date => i32_of().map(|days| days * DAY_SECONDS),
        PgType::Bigint => i64_of().map(|number| number * unit),
        PgType::Integer => i32_of().map(|number| number * unit),
        PgType::DoublePrecision => bytes.try_into().ok().map(f64::from_be_bytes).map(|number| number * unit),
        _ => None,
    }
}

/// Whether two texts are the same to the minute, with digits in the same positions.
fn is_same_text(clock: Clock, one: &[u8], other: &[u8]) -> bool {
    let minutes = if clock == Clock::Time { "HH:MM".len() } else { "YYYY-MM-DD HH:MM".len() };
    let is_alike =
        |(one, other): (&u8, &u8)| one == other || (one.is_ascii_digit() && other.is_ascii_digit());
    one.len() == other.len()
        && one.iter().zip(other).all(is_alike)
        && one.iter().zip(other).take(minutes).all(|(one, other)| one == other)
}
