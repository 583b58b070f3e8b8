//! TEXT that is a length of time to `interval`: ISO 8601 (`P1DT2H30M`), a clock (`02:30:00.5`, `1 02:30:00`, `1 day, 2:30:00`) and words as
//! PostgreSQL prints them (`1 year 2 mons 3 days 04:05:06`).
//!
//! PostgreSQL keeps months, days and microseconds apart, and so do all comparisons here: a day is not 24 hours. Two texts are the same
//! when all three are; the spelling is not kept.

use super::{Output, PgType, Refusal, Spec, Undecodable, bigint, text};
use crate::value::SourceValue;

/// A length of time as PostgreSQL keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) months: i32,
    pub(super) days: i32,
    pub(super) us: i64,
}

const FORM: Refusal =
    Refusal::Form { expected: "a length of time such as P1DT2H30M, 02:30:00 or 1 day 02:30:00" };

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some("the spelling of a length of time is not kept, its months, days and microseconds are"),
        ..Spec::new(
            PgType::Interval,
            "TEXT holding a length of time, as ISO 8601, as a clock or in words, to interval; the spelling is not kept",
            SourceValue::Text(b"P1DT2H30M0.5S"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    append(read(value)?, out);
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let Span { months, days, us } = span(wire)?;
    let sign = if us < 0 { "-" } else { "" };
    let (seconds, fraction) = (us.unsigned_abs() / 1_000_000, us.unsigned_abs() % 1_000_000);
    scratch.clear();
    scratch.extend_from_slice(format!("P{months}M{days}DT{sign}{seconds}.{fraction:06}S").as_bytes());
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((read(source), read(target)), (Ok(source), Ok(target)) if source == target)
}

/// Appends a span in PostgreSQL's binary format (`interval_send`).
pub(super) fn append(span: Span, out: &mut impl Output) {
    out.append(&span.us.to_be_bytes());
    out.append(&span.days.to_be_bytes());
    out.append(&span.months.to_be_bytes());
}

/// The span in PostgreSQL's bytes.
pub(super) fn span(wire: &[u8]) -> Result<Span, Undecodable> {
    let bytes: [u8; 16] = bigint::fixed(wire, "interval", "16")?;
    let all = u128::from_be_bytes(bytes);
    Ok(Span { us: (all >> 64) as i64, days: (all >> 32) as i32, months: all as i32 })
}

fn read(value: SourceValue<'_>) -> Result<Span, Refusal> {
    let text = text::checked(value)?;
    match text.strip_prefix('-').unwrap_or(text).strip_prefix('P') {
        Some(rest) => iso8601(rest, text.starts_with('-')),
        None => words(text),
    }
    .ok_or(FORM)
}

/// Reads what follows the `P`.
fn iso8601(text: &str, is_negative: bool) -> Option<Span> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut span = Span::default();
    let mut has_part = false;
    for (part, units) in [(date, "YMWD"), (time.unwrap_or_default(), "HMS")] {
        let mut rest = part;
        let mut last = None;
        while !rest.is_empty() {
            let at = rest.find(|letter: char| letter.is_ascii_uppercase())?;
            let (number, unit) = rest.split_at(at);
            let unit = unit.get(..1)?;
            // Each unit once, the larger ones first.
            let place = units.find(unit).filter(|place| last.is_none_or(|last| *place > last))?;
            last = Some(place);
            let name = match (units, unit) {
                ("HMS", "M") => "minute",
                (_, "Y") => "year",
                (_, "M") => "month",
                (_, "W") => "week",
                (_, "D") => "day",
                (_, "H") => "hour",
                _ => "second",
            };
            span.add(number, name)?;
            has_part = true;
            rest = rest.get(at + 1..)?;
        }
    }
    let has_time = time.is_none_or(|time| !time.is_empty());
    (has_part && has_time)
        .then_some(span)
        .and_then(|span| if is_negative { span.negated() } else { Some(span) })
}

/// Reads numbers with their units, a clock at the end, or both.
fn words(text: &str) -> Option<Span> {
    let mut span = Span::default();
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty()).peekable();
    words.peek()?;
    while let Some(word) = words.next() {
        if word.contains(':') {
            span.us = span.us.checked_add(clock(word)?)?;
            return words.next().is_none().then_some(span);
        }
        match words.peek() {
            // `1 02:30:00` has days before the clock.
            Some(next) if next.contains(':') => span.add(word, "day")?,
            Some(_) => span.add(word, words.next()?)?,
            None => return None,
        }
    }
    Some(span)
}

/// Reads `H:MM[:SS[.ffffff]]`, in microseconds.
fn clock(text: &str) -> Option<i64> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next());
    let is_sixty = |part: &str| part.len() >= 2 && part.as_bytes().first().is_some_and(|digit| *digit < b'6');
    let whole = seconds.map_or("00", |seconds| seconds.split('.').next().unwrap_or_default());
    if parts.next().is_some()
        || minutes.len() != 2
        || whole.len() != 2
        || !is_sixty(minutes)
        || !is_sixty(whole)
    {
        return None;
    }
    let hours = digits(hours)?.checked_mul(3_600_000_000)?;
    let us =
        hours.checked_add(digits(minutes)? * 60_000_000)?.checked_add(seconds_us(seconds.unwrap_or("0"))?)?;
    if is_negative { us.checked_neg() } else { Some(us) }
}

/// A number without a sign.
fn digits(text: &str) -> Option<i64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// Seconds with at most six decimals, without a sign, in microseconds.
fn seconds_us(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let kept = fraction.trim_end_matches('0');
    let is_plain =
        !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) && kept.len() <= 6;
    let us: i64 = format!("{kept:0<6}").parse().ok().filter(|_| is_plain)?;
    digits(whole)?.checked_mul(1_000_000)?.checked_add(us)
}

impl Span {
    /// Adds a number of units.
    fn add(&mut self, number: &str, unit: &str) -> Option<()> {
        let (sign, number) = match number.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, number.strip_prefix('+').unwrap_or(number)),
        };
        let whole = || digits(number).and_then(|number| number.checked_mul(sign));
        let small = |factor: i32| whole().and_then(|number| i32::try_from(number).ok())?.checked_mul(factor);
        let long = |factor: i64| whole()?.checked_mul(factor);
        match unit.strip_suffix('s').unwrap_or(unit) {
            "year" => self.months = self.months.checked_add(small(12)?)?,
            "month" | "mon" => self.months = self.months.checked_add(small(1)?)?,
            "week" => self.days = self.days.checked_add(small(7)?)?,
            "day" => self.days = self.days.checked_add(small(1)?)?,
            "hour" => self.us = self.us.checked_add(long(3_600_000_000)?)?,
            "minute" | "min" => self.us = self.us.checked_add(long(60_000_000)?)?,
            "second" | "sec" => self.us = self.us.checked_add(seconds_us(number)?.checked_mul(sign)?)?,
            _ => return None,
        }
        Some(())
    }

    fn negated(self) -> Option<Span> {
        let Span { months, days, us } = self;
        Some(Span { months: months.checked_neg()?, days: days.checked_neg()?, us: us.checked_neg()? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_span_comes_back(months: i32, days: i32, us in -i64::MAX..=i64::MAX) {
            let (mut wire, mut scratch) = (Vec::new(), Vec::new());
            append(Span { months, days, us }, &mut wire);
            let SourceValue::Text(text) = decode(&wire, &mut scratch).unwrap() else { panic!() };
            check_round_trip(&Conversion::Interval, SourceValue::Text(text));
            let mut back = Vec::new();
            encode(SourceValue::Text(text), &mut back).unwrap();
            prop_assert_eq!(back, wire);
        }

        #[test]
        fn any_text_is_read_without_harm(text in "[-+P0-9YMWDTHS:., daysmon]{0,20}") {
            if read(SourceValue::Text(text.as_bytes())).is_ok() {
                check_round_trip(&Conversion::Interval, SourceValue::Text(text.as_bytes()));
            }
        }
    }

    #[test]
    fn all_spellings_are_read() {
        let hour = 3_600_000_000;
        for (text, months, days, us) in [
            ("PT0S", 0, 0, 0),
            ("P1DT2H30M", 0, 1, 2 * hour + hour / 2),
            ("-P1DT2H", 0, -1, -2 * hour),
            ("P1Y2M-3DT0.000001S", 14, -3, 1),
            ("P2W", 0, 14, 0),
            ("02:30:00", 0, 0, 2 * hour + hour / 2),
            ("2:30", 0, 0, 2 * hour + hour / 2),
            ("-00:00:00.5", 0, 0, -500_000),
            ("100:00:00", 0, 0, 100 * hour),
            ("1 02:00:00", 0, 1, 2 * hour),
            ("1 day, 2:00:00", 0, 1, 2 * hour),
            ("-1 day, 23:59:59.999999", 0, -1, 24 * hour - 1),
            ("1 year 2 mons 3 days 04:00:00", 14, 3, 4 * hour),
            ("5 minutes", 0, 0, hour / 12),
            ("1.5 seconds", 0, 0, 1_500_000),
        ] {
            assert_eq!(read(SourceValue::Text(text.as_bytes())), Ok(Span { months, days, us }), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "P1DT",
            "P1H",
            "PT1D",
            "P1D2Y",
            "P1.5D",
            "1",
            "1 02",
            "2:3",
            "2:60",
            "2:30:61",
            "1 fortnight",
            "00:00:00.1234567",
            "x",
            "P99999999999Y",
            ":",
        ] {
            assert!(read(SourceValue::Text(text.as_bytes())).is_err(), "{text}");
        }
        assert!(read(SourceValue::Integer(1)).is_err());
        assert!(!same(SourceValue::Text(b"P1D"), SourceValue::Text(b"PT24H")));
    }
}
