//! Functions of date and time (SQLite manual, "Date And Time Functions").

use super::modifier;
use crate::conversion::{Conversion, NaiveZone};
use crate::translate::model::{
    Constant, Family, Kind, Native, Node, Notes, Result, Untranslatable, Volatility,
};
use crate::translate::operators::{arithmetic, moment, moment::Moment};
use crate::value::SourceValue;

pub(super) fn call(notes: &mut Notes, name: &str, arguments: &[Node]) -> Option<Result<Node>> {
    let of_moment: fn(&Moment) -> Node = match name {
        "datetime" => Moment::datetime,
        "date" => Moment::date,
        "time" => Moment::time,
        "unixepoch" => Moment::epoch_seconds,
        "julianday" => Moment::julian_day,
        "strftime" => {
            let (format, rest) = arguments.split_first()?;
            return Some(strftime(notes, format, rest));
        }
        _ => return None,
    };
    Some(moment(notes, arguments).map(|moment| of_moment(&moment)))
}

fn strftime(notes: &mut Notes, format: &Node, rest: &[Node]) -> Result<Node> {
    let Some(Constant::Text(format)) = &format.constant else {
        return Err(Untranslatable::StrftimeFormat);
    };
    let parts = parts(format);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    moment(notes, rest)?.formatted(&parts)
}

/// Splits a format into directives and characters; `%F`, `%T` and `%R` are expanded.
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

/// Translates a time value and its modifiers.
fn moment(notes: &mut Notes, arguments: &[Node]) -> Result<Moment> {
    let Some((value, modifiers)) = arguments.split_first() else { return Ok(moment::now()) };
    let modifiers: Vec<String> = modifiers
        .iter()
        .map(|modifier| match &modifier.constant {
            Some(Constant::Text(text)) => Ok(text.trim().to_ascii_lowercase()),
            _ => Err(Untranslatable::ModifierLiteral),
        })
        .collect::<Result<_>>()?;
    let is_epoch = modifiers.first().is_some_and(|modifier| modifier == "unixepoch");
    let mut moment = if is_epoch { from_epoch(value)? } else { from_value(value)? };
    if is_epoch {
        // SQLite rounds the seconds first.
        if moment.is_fine {
            moment.wall.push_str("::timestamp(3)");
        }
        moment.is_fine = false;
    }
    for modifier in modifiers.iter().skip(usize::from(is_epoch)) {
        moment = modifier::apply(notes, moment, modifier)?;
    }
    Ok(moment)
}

fn from_epoch(value: &Node) -> Result<Moment> {
    if let Some(Native { family: Family::EpochSeconds, sql }) = &value.native {
        let moment = Moment::of(format!("({sql} at time zone 'UTC')"), value);
        return Ok(Moment { is_fine: true, ..moment });
    }
    let number = value.number()?;
    let (first, last) = ("-62135596800", "253402300799.999");
    let is_small = number.kind == Kind::Integer && number.bound <= SECONDS_FITTING;
    let seconds = arithmetic::float(&number);
    let wall = match number.kind {
        Kind::Integer if is_small => format!("(to_timestamp({seconds}) at time zone 'UTC')"),
        Kind::Integer | Kind::Real | Kind::Number => format!(
            "(to_timestamp(CASE WHEN {seconds} BETWEEN {first} AND {last} THEN {seconds} END) at time zone 'UTC')"
        ),
        _ => return Err(Untranslatable::EpochOfNoNumber),
    };
    let is_fine = number.kind != Kind::Integer;
    let is_constant = number.constant.is_some();
    Ok(Moment { is_fine, is_moved: !is_constant, ..Moment::of(wall, &number) })
}

/// The distance from 1970 that `timestamptz` covers on both sides, in seconds.
const SECONDS_FITTING: i128 = 200_000_000_000;

fn from_value(value: &Node) -> Result<Moment> {
    if let Some(native) = &value.native {
        let sql = &native.sql;
        let fine = |wall: String| Moment { is_fine: true, ..Moment::of(wall, value) };
        match native.family {
            Family::Instant => return Ok(fine(format!("({sql} at time zone 'UTC')"))),
            Family::Wall => {
                let is_clock = value.volatility > Volatility::Immutable;
                return Ok(Moment { is_clock, is_fine: !is_clock, ..Moment::of(sql.clone(), value) });
            }
            Family::Date => return Ok(Moment::of(format!("({sql})::timestamp"), value)),
            // SQLite's date for a time of day.
            Family::Time => return Ok(fine(format!("(date '2000-01-01' + {sql})"))),
            Family::JulianDay => return Ok(Moment::of(format!("({sql} at time zone 'UTC')"), value)),
            _ => {}
        }
    }
    match &value.constant {
        Some(Constant::Text(text)) if text.eq_ignore_ascii_case("now") => Ok(moment::now()),
        Some(Constant::Text(text)) => {
            // A literal that both databases read alike, without a zone.
            let is_iso = Conversion::TimestamptzFromIso8601(NaiveZone::default())
                .takes(SourceValue::Text(text.as_bytes()));
            match moment::constant(Family::Wall, &Constant::Text(text.clone())).filter(|_| is_iso) {
                Some(wall) => Ok(Moment { is_fine: text.contains('.'), ..Moment::of(wall, value) }),
                None => Err(Untranslatable::TimeFormat),
            }
        }
        _ => Err(Untranslatable::TimeOfNoTime),
    }
}
