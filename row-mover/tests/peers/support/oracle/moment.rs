//! Timestamps, dates and times of day in microseconds: a small calendar, independent of the engine.

/// Microseconds of a day.
pub const DAY_MICROS: i128 = 86_400_000_000;

/// The meaning of a number as a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    JulianDays,
}

impl Unit {
    /// Returns the meaning for the name of a conversion.
    pub fn of_conversion(name: &str) -> Unit {
        match name {
            name if name.contains("julian") => Unit::JulianDays,
            name if name.contains("epoch_ms") => Unit::Milliseconds,
            name if name.contains("epoch_us") => Unit::Microseconds,
            name if name.contains("epoch_ns") => Unit::Nanoseconds,
            _ => Unit::Seconds,
        }
    }
}

/// Returns the microseconds since 1970 of a decimal number, or none if they are not an integer.
pub fn number_micros(unit: Unit, number: &str) -> Option<i128> {
    let factor_ten = match unit {
        // A Julian day in a float is exact to about a millisecond. SQLite rounds it in the same way.
        Unit::JulianDays => {
            let days: f64 = number.parse().ok()?;
            let millis = (days * 86_400_000.0 + 0.5).floor() as i128 - 210_866_760_000_000;
            return Some(millis * 1000);
        }
        Unit::Seconds => 6,
        Unit::Milliseconds => 3,
        Unit::Microseconds => 0,
        Unit::Nanoseconds => -3,
    };
    let (sign, digits) = number.strip_prefix('-').map_or((1, number), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = i64::try_from(fraction.len()).ok()?;
    let all: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = factor_ten - scale;
    let power = 10_i128.checked_pow(u32::try_from(shift.abs()).ok()?)?;
    let micros = if shift >= 0 {
        all.checked_mul(power)?
    } else {
        // The shortest digits of a float may be too precise. Round to the nearest microsecond.
        (all + power / 2) / power
    };
    Some(sign * micros)
}

/// Returns the microseconds since 1970 of `YYYY-MM-DD[( |T)HH:MM[:SS[.fff]]][offset]`, in UTC if there is no offset.
pub fn moment_micros(text: &str) -> Option<i128> {
    let text = text.trim();
    let (text, era) = text.strip_suffix(" BC").map_or((text, 1), |text| (text, -1));
    let (date, rest) =
        text.split_at_checked(text.get(1..)?.match_indices('-').nth(1).map(|(at, _)| at + 4)?)?;
    let mut parts = date.split('-');
    let year: i128 = parts.next()?.parse().ok()?;
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let year = if era < 0 { 1 - year } else { year };
    let midnight = days_from_civil(year, month, day) * DAY_MICROS;
    let rest = rest.strip_prefix(['T', ' ']).unwrap_or(rest).trim();
    if rest.is_empty() {
        return Some(midnight);
    }
    let zone_at = rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len());
    let clock = clock_micros(rest[..zone_at].trim())?;
    Some(midnight + clock - offset_micros(rest[zone_at..].trim())?)
}

/// Returns the microseconds of `HH:MM[:SS[.fff]]`, or none if a digit would be lost.
pub fn clock_micros(text: &str) -> Option<i128> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':').map(|part| part.parse::<i128>().ok());
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().map_or(Some(0), |part| part)?;
    let lost = fraction.get(6..).unwrap_or("").trim_end_matches('0');
    if parts.next().is_some() || !lost.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept = fraction.get(..6).unwrap_or(fraction);
    let micros: i128 = format!("{kept:0<6}").parse().ok()?;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
}

fn offset_micros(text: &str) -> Option<i128> {
    let named = ["", "Z", "z", "UTC", "GMT"];
    if named.contains(&text) {
        return Some(0);
    }
    let digits = text.get(1..)?.split(' ').next()?.replace(':', "");
    let number = |range: std::ops::Range<usize>| digits.get(range).map_or(Some(0), |part| part.parse().ok());
    let minutes: i128 = number(0..2)? * 60 + number(2..4)?;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    Some(sign * minutes * 60_000_000)
}

/// Returns the days since 1970-01-01 in the proleptic Gregorian calendar.
fn days_from_civil(year: i128, month: i128, day: i128) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[test]
fn moments_are_those_that_sqlite_reads() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    for text in [
        "1970-01-01",
        "1969-12-31 23:59:59",
        "2000-02-29T12:34",
        "2024-07-01 12:00:00.678",
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59.999",
        "2024-01-02T03:04:05+02:00",
        "2024-01-02 03:04:05.5 -03:30",
        "2024-01-02 03:04:05Z",
    ] {
        let sql = "SELECT CAST(round((julianday(?1) - 2440587.5) * 86400000) AS INTEGER)";
        let expected: i64 = connection.query_row(sql, [text], |row| row.get(0)).unwrap();
        assert_eq!(
            moment_micros(text).map(|micros| micros.div_euclid(1000)),
            Some(expected.into()),
            "{text}"
        );
    }
    assert_eq!(number_micros(Unit::Milliseconds, "1700000000123"), Some(1_700_000_000_123_000));
    assert_eq!(number_micros(Unit::Seconds, "-1.5"), Some(-1_500_000));
    assert_eq!(number_micros(Unit::JulianDays, "2460000.5"), moment_micros("2023-02-25"));
    assert_eq!(clock_micros("12:34"), Some(45_240_000_000));
    assert_eq!(clock_micros("12:34:56.1234567"), None);
    assert_eq!(moment_micros("0001-01-01 00:00:00 BC"), moment_micros("0000-01-01 00:00:00"));
}
