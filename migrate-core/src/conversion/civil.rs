//! Calendar dates and times of day: read from text, written as text, counted in microseconds.
//!
//! The proleptic Gregorian calendar without leap seconds, as PostgreSQL and ISO 8601 have it. Knows no time zones but
//! fixed offsets.

/// From 1970-01-01 to 2000-01-01, in days.
const DAYS_FROM_1970_TO_2000: i64 = 10_957;

/// A day, in microseconds.
pub(super) const DAY_US: i64 = 86_400_000_000;

/// The largest offset from UTC that is taken, as in PostgreSQL.
const OFFSET_MAX_S: i32 = 16 * 3600 - 60;

/// A date of the years 0001 to 9999 and a time of day, both of which exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    microsecond: i32,
}

/// What a text says about its offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offset {
    /// Nothing.
    Naive,
    /// This many seconds ahead of UTC.
    Seconds(i32),
}

/// The problem of a fraction that PostgreSQL would round.
pub(super) const FINER: &str = "a fraction of a second finer than a microsecond, which PostgreSQL would round; round = \"microseconds\" in mapping.toml does so";

const FORM: &str = "not of the form YYYY-MM-DD[ HH:MM[:SS[.ffffff]][Z or an offset]]";

impl Civil {
    /// Reads a text, or says why it names no date and time.
    pub(super) fn read(text: &[u8]) -> Result<(Civil, Offset), &'static str> {
        let mut rest = text;
        let year = i16::from(two_digits(&mut rest)?) * 100 + i16::from(two_digits(&mut rest)?);
        expect(&mut rest, b'-')?;
        let month = two_digits(&mut rest)?;
        expect(&mut rest, b'-')?;
        let day = two_digits(&mut rest)?;
        let mut civil = Civil { year, month, day, hour: 0, minute: 0, second: 0, microsecond: 0 };
        let offset = match rest {
            [] => Offset::Naive,
            [b' ' | b'T', time @ ..] => match civil.read_time(time)? {
                [] => Offset::Naive,
                [b' ', zone @ ..] | zone => Offset::Seconds(read_offset(zone)?),
            },
            _ => return Err(FORM),
        };
        civil.check()?;
        Ok((civil, offset))
    }

    /// Reads `HH:MM[:SS[.f…]]`, and returns what follows.
    fn read_time<'t>(&mut self, text: &'t [u8]) -> Result<&'t [u8], &'static str> {
        let mut rest = text;
        self.hour = two_digits(&mut rest)?;
        expect(&mut rest, b':')?;
        self.minute = two_digits(&mut rest)?;
        let [b':', seconds @ ..] = rest else { return Ok(rest) };
        rest = seconds;
        self.second = two_digits(&mut rest)?;
        let [b'.', fraction @ ..] = rest else { return Ok(rest) };
        let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = fraction.split_at(length);
        if digits.is_empty() {
            return Err(FORM);
        }
        if digits.iter().skip(6).any(|&digit| digit != b'0') {
            return Err(FINER);
        }
        let digit = |place| i32::from(digits.get(place).map_or(0, |digit: &u8| digit - b'0'));
        self.microsecond = (0..6).fold(0, |microsecond, place| microsecond * 10 + digit(place));
        Ok(rest)
    }

    /// Says what does not exist.
    fn check(&self) -> Result<(), &'static str> {
        if self.year == 0 {
            return Err("the year 0000, where 0001 to 9999 are expected");
        }
        if !(1..=12).contains(&self.month) || !(1..=self.days_in_month()).contains(&self.day) {
            return Err("a date that does not exist");
        }
        match (self.hour, self.minute, self.second) {
            (24, 0, 0) => Err("hour 24, which is 00 of the next day"),
            (0..=23, 0..=59, 0..=59) => Ok(()),
            (0..=23, 0..=59, 60) => Err("second 60, a leap second, which PostgreSQL does not have"),
            _ => Err("a time of day that does not exist"),
        }
    }

    fn days_in_month(&self) -> i8 {
        match self.month {
            4 | 6 | 9 | 11 => 30,
            2 if self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0) => 29,
            2 => 28,
            _ => 31,
        }
    }

    /// Microseconds since 2000-01-01 00:00 by the same clock.
    pub(super) fn since_2000_us(&self) -> i64 {
        let of_day_s = (i64::from(self.hour) * 60 + i64::from(self.minute)) * 60 + i64::from(self.second);
        self.days_since_2000() * DAY_US + of_day_s * 1_000_000 + i64::from(self.microsecond)
    }

    /// Years are counted from March, so that a leap day ends its year; eras are 400 years, after which the calendar repeats
    /// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
    fn days_since_2000(&self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468 - DAYS_FROM_1970_TO_2000
    }

    /// The inverse of [`Civil::since_2000_us`]; none outside the years 0001 to 9999 (`civil_from_days` of the same paper).
    pub(super) fn from_since_2000_us(us: i64) -> Option<Civil> {
        let (day_number, of_day_us) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
        let from_era_0 = day_number + DAYS_FROM_1970_TO_2000 + 719_468;
        let (era, day_of_era) = (from_era_0.div_euclid(146_097), from_era_0.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        if !(1..=9999).contains(&year) {
            return None;
        }
        let of_day_s = of_day_us / 1_000_000;
        Some(Civil {
            year: year as i16,
            month: month as i8,
            day: (day_of_year - (153 * month_from_march + 2) / 5 + 1) as i8,
            hour: (of_day_s / 3600) as i8,
            minute: (of_day_s / 60 % 60) as i8,
            second: (of_day_s % 60) as i8,
            microsecond: (of_day_us % 1_000_000) as i32,
        })
    }

    /// The same date and time as jiff has it.
    pub(super) fn to_jiff(self) -> Option<jiff::civil::DateTime> {
        let Civil { year, month, day, hour, minute, second, microsecond } = self;
        jiff::civil::DateTime::new(year, month, day, hour, minute, second, microsecond * 1000).ok()
    }

    /// Appends `YYYY-MM-DD HH:MM:SS.ffffff`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.write_date(out);
        out.push(b' ');
        self.write_time(out);
    }

    /// Appends `YYYY-MM-DD`.
    pub(super) fn write_date(&self, out: &mut Vec<u8>) {
        write_number(self.year.into(), 4, b"-", out);
        write_number(self.month.into(), 2, b"-", out);
        write_number(self.day.into(), 2, b"", out);
    }

    /// Appends `HH:MM:SS.ffffff`.
    pub(super) fn write_time(&self, out: &mut Vec<u8>) {
        write_number(self.hour.into(), 2, b":", out);
        write_number(self.minute.into(), 2, b":", out);
        write_number(self.second.into(), 2, b".", out);
        write_number(self.microsecond, 6, b"", out);
    }

    /// Reads `YYYY-MM-DD` and nothing more.
    pub(super) fn read_date(text: &[u8]) -> Result<Civil, &'static str> {
        match Civil::read(text) {
            Ok((civil, _)) if text.len() == "YYYY-MM-DD".len() => Ok(civil),
            Ok(_) | Err(FORM) => Err("not of the form YYYY-MM-DD"),
            Err(problem) => Err(problem),
        }
    }

    /// Reads `HH:MM[:SS[.ffffff]]` and nothing more, as a time of 2000-01-01.
    pub(super) fn read_time_of_day(text: &[u8]) -> Result<Civil, &'static str> {
        const TIME_FORM: &str = "not of the form HH:MM[:SS[.ffffff]]";
        let mut civil = Civil { year: 2000, month: 1, day: 1, hour: 0, minute: 0, second: 0, microsecond: 0 };
        let read = civil.read_time(text).and_then(|rest| if rest.is_empty() { Ok(()) } else { Err(FORM) });
        read.and_then(|()| civil.check()).map_err(|problem| match problem {
            FORM => TIME_FORM,
            "hour 24, which is 00 of the next day" => "a time of day that does not exist",
            problem => problem,
        })?;
        Ok(civil)
    }
}

fn write_number(value: i32, digits: u32, end: &[u8], out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        out.push(b'0' + (value / 10_i32.pow(place) % 10) as u8);
    }
    out.extend_from_slice(end);
}

/// Appends the instant, in microseconds since 2000-01-01 UTC, as `YYYY-MM-DD HH:MM:SS.ffffffZ`. Just outside the years 0001
/// to 9999 in UTC, where a clock somewhere shows them, it has that clock's largest offset instead. Whether there is a text.
pub(super) fn write(since_2000_us: i64, out: &mut Vec<u8>) -> bool {
    let offset_max_us = i64::from(OFFSET_MAX_S) * 1_000_000;
    for (offset_us, name) in [(0, "Z"), (offset_max_us, "+15:59"), (-offset_max_us, "-15:59")] {
        let local = since_2000_us.checked_add(offset_us).and_then(Civil::from_since_2000_us);
        if let Some(civil) = local {
            civil.write(out);
            out.extend_from_slice(name.as_bytes());
            return true;
        }
    }
    false
}

/// Reads `Z`, `+HH`, `+HHMM` or `+HH:MM`, the whole text, in seconds ahead of UTC.
pub(super) fn read_offset(text: &[u8]) -> Result<i32, &'static str> {
    let (sign, mut rest) = match text {
        [b'Z'] => return Ok(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return Err(FORM),
    };
    let hours = i32::from(two_digits(&mut rest)?);
    let mut minutes = 0;
    if !rest.is_empty() {
        rest = rest.strip_prefix(b":").unwrap_or(rest);
        minutes = i32::from(two_digits(&mut rest)?);
    }
    if !rest.is_empty() {
        return Err(FORM);
    }
    let offset_s = (hours * 60 + minutes) * 60;
    if minutes > 59 || offset_s > OFFSET_MAX_S {
        return Err("an offset that does not exist");
    }
    Ok(sign * offset_s)
}

/// Takes two digits off the front.
fn two_digits(rest: &mut &[u8]) -> Result<i8, &'static str> {
    match **rest {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9', ref after @ ..] => {
            *rest = after;
            Ok(((tens - b'0') * 10 + (ones - b'0')) as i8)
        }
        _ => Err(FORM),
    }
}

/// Takes `byte` off the front.
fn expect(rest: &mut &[u8], byte: u8) -> Result<(), &'static str> {
    *rest = rest.strip_prefix(&[byte]).ok_or(FORM)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_the_calendar_is_counted_as_jiff_counts_it() {
        let mut day = jiff::civil::date(1, 1, 1);
        let epoch = jiff::civil::date(2000, 1, 1);
        let first = -epoch.since(day).unwrap().get_days();
        let (mut days, mut counted) = (i64::from(first), 0);
        loop {
            let civil = Civil::from_since_2000_us(days * DAY_US + 1).unwrap();
            assert_eq!(civil.to_jiff().unwrap().date(), day);
            assert_eq!(civil.since_2000_us(), days * DAY_US + 1);
            assert_eq!(civil.day == civil.days_in_month(), day == day.last_of_month());
            (days, counted) = (days + 1, counted + 1);
            match day.tomorrow() {
                Ok(tomorrow) => day = tomorrow,
                Err(_) => break,
            }
        }
        assert_eq!(counted, 3_652_059);
        assert_eq!(Civil::from_since_2000_us(days * DAY_US), None);
        assert_eq!(Civil::from_since_2000_us(i64::from(first) * DAY_US - 1), None);
    }
}
