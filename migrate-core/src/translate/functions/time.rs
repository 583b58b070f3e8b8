//! Functions of date and time (SQLite manual, "Date And Time Functions").

use super::super::expression::Translator;
use super::super::moment::{self, Moment};
use super::super::node::{Constant, Family, Kind, Node};
use super::super::{Result, arithmetic, untranslatable};
use crate::conversion::{Conversion, NaiveZone};
use crate::value::SourceValue;

pub(super) fn call(translator: &mut Translator<'_>, name: &str, arguments: &[Node]) -> Option<Result<Node>> {
    let of_moment: fn(&Moment) -> Node = match name {
        "datetime" => Moment::datetime,
        "date" => Moment::date,
        "time" => Moment::time,
        "unixepoch" => Moment::epoch_seconds,
        "julianday" => Moment::julian_day,
        "strftime" => {
            let (format, rest) = arguments.split_first()?;
            return Some(strftime(translator, format, rest));
        }
        _ => return None,
    };
    Some(moment(translator, arguments).map(|moment| of_moment(&moment)))
}

fn strftime(translator: &mut Translator<'_>, format: &Node, rest: &[Node]) -> Result<Node> {
    let Some(Constant::Text(format)) = &format.constant else {
        return untranslatable("strftime with a format that is no literal");
    };
    let parts = parts(format);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    moment(translator, rest)?.formatted(&parts)
}

/// A format in its directives and the text between them; `%F`, `%T` and `%R` are written out.
fn parts(format: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        let part =
            if letter == '%' { format!("%{}", letters.next().unwrap_or(' ')) } else { letter.to_string() };
        match part.as_str() {
            "%F" => parts.extend(["%Y", "-", "%m", "-", "%d"].map(str::to_owned)),
            "%T" => parts.extend(["%H", ":", "%M", ":", "%S"].map(str::to_owned)),
            "%R" => parts.extend(["%H", ":", "%M"].map(str::to_owned)),
            _ => parts.push(part),
        }
    }
    parts
}

/// The point in time that a time value and its modifiers name.
fn moment(translator: &mut Translator<'_>, arguments: &[Node]) -> Result<Moment> {
    let Some((value, modifiers)) = arguments.split_first() else { return Ok(moment::now()) };
    let modifiers: Vec<String> = modifiers
        .iter()
        .map(|modifier| match &modifier.constant {
            Some(Constant::Text(text)) => Ok(text.trim().to_ascii_lowercase()),
            _ => untranslatable("a modifier of a time that is no literal"),
        })
        .collect::<Result<_>>()?;
    let is_epoch = modifiers.first().is_some_and(|modifier| modifier == "unixepoch");
    let mut moment = if is_epoch { from_epoch(value)? } else { from_value(value)? };
    for modifier in modifiers.iter().skip(usize::from(is_epoch)) {
        moment = modified(translator, moment, modifier)?;
    }
    Ok(moment)
}

fn from_epoch(value: &Node) -> Result<Moment> {
    let number = value.number()?;
    let wall = match (&number.constant, number.kind) {
        (_, Kind::Integer | Kind::Real | Kind::Number) => {
            format!("(to_timestamp({}) at time zone 'UTC')", arithmetic::float(&number))
        }
        _ => return untranslatable("seconds since 1970 that are no number"),
    };
    Ok(Moment { wall, is_clock: false, volatility: number.volatility, is_not_null: number.is_not_null })
}

fn from_value(value: &Node) -> Result<Moment> {
    let of = |wall: String, is_clock: bool| Moment {
        wall,
        is_clock,
        volatility: value.volatility,
        is_not_null: value.is_not_null,
    };
    if let Some(native) = &value.native {
        let sql = &native.sql;
        match native.family {
            Family::Instant => return Ok(of(format!("({sql} at time zone 'UTC')"), false)),
            Family::Wall => {
                return Ok(of(sql.clone(), value.volatility > super::super::Volatility::Immutable));
            }
            Family::Date => return Ok(of(format!("({sql})::timestamp"), false)),
            _ => {}
        }
    }
    match &value.constant {
        Some(Constant::Text(text)) if text.eq_ignore_ascii_case("now") => Ok(moment::now()),
        Some(Constant::Text(text)) => {
            // A literal that both databases read alike, and that names no zone.
            let is_iso = Conversion::TimestamptzFromIso8601(NaiveZone::default())
                .encode(SourceValue::Text(text.as_bytes()), &mut Vec::new())
                .is_ok();
            match moment::constant(Family::Wall, &Constant::Text(text.clone())).filter(|_| is_iso) {
                Some(wall) => Ok(of(wall, false)),
                None => untranslatable("a time that is no plain ISO 8601"),
            }
        }
        _ => untranslatable("a time from a value that is no time in PostgreSQL"),
    }
}

fn modified(translator: &mut Translator<'_>, moment: Moment, modifier: &str) -> Result<Moment> {
    let wall = &moment.wall;
    let wall = match modifier {
        "start of day" => format!("date_trunc('day', {wall})"),
        "start of month" => format!("date_trunc('month', {wall})"),
        "start of year" => format!("date_trunc('year', {wall})"),
        "subsec" | "subsecond" => return untranslatable("the modifier subsec"),
        "utc" if moment.is_clock => wall.clone(),
        "localtime" if moment.is_clock && *wall == moment::now().wall => {
            translator.note(
                "'localtime' is the zone of the machine that runs SQLite; in PostgreSQL it is the session's TimeZone",
            );
            "localtimestamp".to_owned()
        }
        _ => match interval(modifier) {
            Some((amount, unit @ ("months" | "years"))) if moment.is_clock => {
                translator.note(
                    "months and years later on the 29th to 31st are some days apart in the two databases",
                );
                format!("({wall} + interval '{amount} {unit}')")
            }
            Some((_, "months" | "years")) => {
                return untranslatable("months and years later, which the two databases count differently");
            }
            Some((amount, unit)) => format!("({wall} + interval '{amount} {unit}')"),
            None => return untranslatable(format!("the modifier of a time {modifier:?}")),
        },
    };
    Ok(Moment { wall, ..moment })
}

/// The amount and unit of a modifier such as `+1 day`.
fn interval(modifier: &str) -> Option<(&str, &'static str)> {
    let (amount, unit) = modifier.split_once(' ')?;
    let digits = amount.strip_prefix(['+', '-']).unwrap_or(amount);
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unit = match unit.trim().strip_suffix('s').unwrap_or(unit.trim()) {
        "second" => "seconds",
        "minute" => "minutes",
        "hour" => "hours",
        "day" => "days",
        "month" => "months",
        "year" => "years",
        _ => return None,
    };
    Some((amount.strip_prefix('+').unwrap_or(amount), unit))
}
