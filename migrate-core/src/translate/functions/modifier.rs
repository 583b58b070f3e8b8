//! Date modifiers (SQLite manual, "Date And Time Functions", section 3).

use crate::translate::model::{Note, Notes, Result, Untranslatable};
use crate::translate::operators::{moment, moment::Moment};

/// The amount that a modifier adds.
#[derive(Debug, PartialEq, Eq)]
enum Amount {
    Milliseconds(i64),
    Days(i64),
    Months(i64),
}

pub(super) fn apply(notes: &mut Notes, moment: Moment, modifier: &str) -> Result<Moment> {
    let start = |unit: &str| {
        Ok(Moment {
            wall: format!("date_trunc('{unit}', {})", moment.wall),
            is_fine: false,
            ..moment.clone()
        })
    };
    let wall = match modifier {
        "start of day" => return start("day"),
        "start of month" => return start("month"),
        "start of year" => return start("year"),
        "subsec" | "subsecond" => return Ok(Moment { is_subsec: true, ..moment }),
        "utc" if moment.is_clock && !moment.wall.contains("localtimestamp") => return Ok(moment),
        "localtime" if moment.is_clock && moment.wall == moment::now().wall => {
            notes.insert(Note::LocalTime);
            return Ok(Moment { wall: "localtimestamp".to_owned(), ..moment });
        }
        _ => match (weekday(modifier), amount(modifier)) {
            (Some(day), _) => {
                let wall = &moment.wall;
                let days = format!("({} - extract(dow from {wall})::int) % 7", day + 7);
                format!("({wall} + {days} * interval '1 day')")
            }
            (None, Some(amount)) => {
                // Fractions of a millisecond only matter if fractions of a second are added.
                let is_whole = !matches!(amount, Amount::Milliseconds(number) if number % 1000 != 0);
                let wall = if is_whole { moment.wall.clone() } else { moment.rounded() };
                let is_fine = moment.is_fine && is_whole;
                let is_moved = moment.is_moved || !moment.is_clock;
                return Ok(Moment { wall: later(&wall, &amount), is_fine, is_moved, ..moment });
            }
            (None, None) => return Err(Untranslatable::Modifier { modifier: modifier.to_owned() }),
        },
    };
    let is_moved = moment.is_moved || !moment.is_clock;
    Ok(Moment { wall, is_moved, ..moment })
}

fn later(wall: &str, amount: &Amount) -> String {
    match amount {
        Amount::Days(days) => format!("({wall} + interval '{days} days')"),
        Amount::Milliseconds(milliseconds) if milliseconds % 1000 == 0 => {
            let seconds = milliseconds / 1000;
            let (number, unit) = match seconds {
                _ if seconds % 3600 == 0 => (seconds / 3600, "hours"),
                _ if seconds % 60 == 0 => (seconds / 60, "minutes"),
                _ => (seconds, "seconds"),
            };
            format!("({wall} + interval '{number} {unit}')")
        }
        Amount::Milliseconds(milliseconds) => format!("({wall} + interval '{milliseconds} milliseconds')"),
        // In a month of 30 days SQLite turns the 31st into the 1st of the next month, PostgreSQL into the 30th.
        Amount::Months(months) => format!(
            "(date_trunc('month', {wall}) + interval '{months} months' + ({wall} - date_trunc('month', {wall})))"
        ),
    }
}

/// Parses `weekday N`, from 0 for Sunday to 6.
fn weekday(modifier: &str) -> Option<i64> {
    modifier.strip_prefix("weekday ")?.trim().parse().ok().filter(|day| (0..=6).contains(day))
}

/// Parses the amount of a modifier such as `+1 day`, `-1.5 hours` or `+02:30`.
fn amount(modifier: &str) -> Option<Amount> {
    let unsigned = modifier.strip_prefix(['+', '-']).unwrap_or(modifier);
    let sign = if modifier.starts_with('-') { -1 } else { 1 };
    if !unsigned.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    if unsigned.contains(':') {
        return clock(unsigned).map(|milliseconds| Amount::Milliseconds(sign * milliseconds));
    }
    let (number, unit) = unsigned.split_once(' ')?;
    let thousandths = sign * thousandths(number)?;
    let whole = || (thousandths % 1000 == 0).then_some(thousandths / 1000);
    let unit = unit.trim();
    Some(match unit.strip_suffix('s').unwrap_or(unit) {
        "second" => Amount::Milliseconds(thousandths),
        "minute" => Amount::Milliseconds(thousandths.checked_mul(60)?),
        "hour" => Amount::Milliseconds(thousandths.checked_mul(3600)?),
        "day" => match whole() {
            Some(days) => Amount::Days(days),
            None => Amount::Milliseconds(thousandths.checked_mul(86_400)?),
        },
        "month" => Amount::Months(whole()?),
        "year" => Amount::Months(whole()?.checked_mul(12)?),
        _ => return None,
    })
}

/// Parses a decimal number in thousandths; `None` if it is finer, or too large.
fn thousandths(number: &str) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() > 9 || fraction.len() > 3 || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let fraction: i64 = format!("{fraction:0<3}").parse().ok()?;
    Some(whole * 1000 + fraction)
}

/// Parses `HH:MM[:SS[.SSS]]` in milliseconds.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let two = |part: Option<&str>| -> Option<i64> {
        part.filter(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
    };
    let (hours, minutes) = (two(parts.next())?, two(parts.next())?);
    let seconds = match parts.next() {
        None => 0,
        Some(part) => thousandths(part).filter(|_| part.len() >= 2)?,
    };
    let is_valid = parts.next().is_none() && hours < 24 && minutes < 60 && seconds < 60_000;
    is_valid.then_some((hours * 60 + minutes) * 60_000 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        for (modifier, expected) in [
            ("+1 day", Some(Amount::Days(1))),
            ("-3 days", Some(Amount::Days(-3))),
            ("1 month", Some(Amount::Months(1))),
            ("+2 years", Some(Amount::Months(24))),
            ("+1.5 hours", Some(Amount::Milliseconds(5_400_000))),
            ("+0.5 days", Some(Amount::Milliseconds(43_200_000))),
            ("-1.001 seconds", Some(Amount::Milliseconds(-1001))),
            ("+02:30", Some(Amount::Milliseconds(9_000_000))),
            ("-00:00:01.500", Some(Amount::Milliseconds(-1500))),
            ("+1.5 months", None),
            ("+1.0001 seconds", None),
            ("+24:00", None),
            ("+1", None),
            ("day", None),
            ("+x day", None),
            ("9999999999 days", None),
        ] {
            assert_eq!(amount(modifier), expected, "{modifier}");
        }
    }
}
