//! Points in time: the clock, constants of the types of time, and SQLite's text forms of them.
//!
//! Values of columns are written without `to_char`, which is not immutable in PostgreSQL, so that they are allowed in
//! generated columns and indexes.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::column;
use crate::conversion::{Conversion, NaiveZone};
use crate::identifier::quote_pg_literal;
use crate::translate::model::{
    Caveat, Constant, Family, Kind, Native, Node, Origin, Result, Untranslatable, Volatility,
};
use crate::value::SourceValue;

/// A point in time on the wall clock of UTC, as a `timestamp` of PostgreSQL.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// SQL of type `timestamp`.
    pub(crate) wall: String,
    /// Whether it is the clock instead of a value of the row.
    pub(crate) is_clock: bool,
    /// Whether it may have fractions of a millisecond, which SQLite rounds first.
    pub(crate) is_fine: bool,
    /// Whether it is written with milliseconds.
    pub(crate) is_subsec: bool,
    /// Whether it may lie outside the years 1 to 9999, in which the two databases agree.
    pub(crate) is_moved: bool,
    /// The volatility of its parts.
    pub(crate) volatility: Volatility,
    pub(crate) is_not_null: bool,
}

/// The largest distance of a `timestamp` from 1970, in seconds.
const SECONDS_BOUND: i128 = 1 << 44;

/// Returns the clock.
pub(crate) fn now() -> Moment {
    Moment {
        wall: "(now() at time zone 'UTC')".to_owned(),
        is_clock: true,
        is_fine: false,
        is_subsec: false,
        is_moved: false,
        volatility: Volatility::Stable,
        is_not_null: true,
    }
}

/// Converts a wall clock of UTC to an instant.
pub(crate) fn instant(wall: &str) -> String {
    if wall == now().wall { "now()".to_owned() } else { format!("({wall} at time zone 'UTC')") }
}

const DATE: [&str; 5] = ["%Y", "-", "%m", "-", "%d"];
const DATETIME: [&str; 11] = ["%Y", "-", "%m", "-", "%d", " ", "%H", ":", "%M", ":", "%S"];
const DATETIME_SUBSEC: [&str; 11] = ["%Y", "-", "%m", "-", "%d", " ", "%H", ":", "%M", ":", "%f"];
const TIME: [&str; 5] = ["%H", ":", "%M", ":", "%S"];
const TIME_SUBSEC: [&str; 5] = ["%H", ":", "%M", ":", "%f"];

impl Moment {
    /// Creates a moment from a wall clock of UTC that is a value of the row.
    pub(crate) fn of(wall: String, value: &Node) -> Moment {
        Moment {
            wall,
            is_clock: false,
            is_fine: false,
            is_subsec: false,
            is_moved: value.has(Caveat::MovedMoment),
            volatility: value.volatility,
            is_not_null: value.is_not_null,
        }
    }

    /// Returns it rounded to milliseconds as in SQLite: to the nearest one, but never to the next second.
    pub(crate) fn rounded(&self) -> String {
        if !self.is_fine {
            return self.wall.clone();
        }
        let wall = &self.wall;
        format!("least({wall}::timestamp(3), date_trunc('second', {wall}) + interval '0.999 seconds')")
    }

    /// `datetime(…)`: `YYYY-MM-DD HH:MM:SS`.
    pub(crate) fn datetime(&self) -> Node {
        if self.is_subsec {
            let wall = format!("date_trunc('milliseconds', {})", self.rounded());
            return self.text(&DATETIME_SUBSEC).with_native(Family::Wall, wall);
        }
        let wall =
            if self.is_clock { self.wall.clone() } else { format!("date_trunc('second', {})", self.wall) };
        self.text(&DATETIME).with_native(Family::Wall, wall)
    }

    /// `date(…)`: `YYYY-MM-DD`.
    pub(crate) fn date(&self) -> Node {
        self.text(&DATE).with_native(Family::Date, format!("({})::date", self.wall))
    }

    /// `time(…)`: `HH:MM:SS`.
    pub(crate) fn time(&self) -> Node {
        if self.is_subsec {
            let time = format!("date_trunc('milliseconds', {})::time", self.rounded());
            return self.text(&TIME_SUBSEC).with_native(Family::Time, time);
        }
        let time = format!("date_trunc('second', {})::time", self.wall);
        self.text(&TIME).with_native(Family::Time, time)
    }

    /// Returns the seconds since 1970, as an integer unless `subsec` is given.
    pub(crate) fn epoch_seconds(&self) -> Node {
        let epoch = if self.is_clock && self.wall == now().wall {
            "extract(epoch from now())".to_owned()
        } else {
            format!("extract(epoch from {})", self.wall)
        };
        if self.is_subsec {
            let epoch = format!("extract(epoch from {})", self.rounded());
            let sql = format!("floor({epoch} * 1000)::float8 / 1000");
            return Node { is_atom: false, ..self.node(Kind::Real, sql) };
        }
        Node { bound: SECONDS_BOUND, ..self.node(Kind::Integer, format!("floor({epoch})::bigint")) }
    }

    /// Returns the Julian day.
    pub(crate) fn julian_day(&self) -> Node {
        let sql = column::julian_day(&format!("extract(epoch from {})", self.rounded()));
        Node { is_atom: false, ..self.node(Kind::Real, sql) }
    }

    /// Returns the text of `strftime` for the parts of a format, each a directive or literal text.
    pub(crate) fn formatted(&self, parts: &[&str]) -> Result<Node> {
        if let ["%s"] = parts {
            let seconds = self.epoch_seconds();
            return Ok(Node {
                origin: Origin::Digits,
                ..self.node(Kind::Text, format!("{}::text", seconds.operand()))
            });
        }
        if self.is_clock && parts.iter().all(|part| pattern(part).is_some()) {
            let mut node = self.text(parts);
            if let ["%Y", "-", "%m", "-", "%d", " " | "T", "%H", ":", "%M", ":", "%S" | "%f"]
            | ["%Y", "-", "%m", "-", "%d", " " | "T", "%H", ":", "%M", ":", "%S" | "%f", "Z"] = parts
            {
                node = node.with_native(Family::Wall, self.wall.clone());
            }
            return Ok(node);
        }
        for part in parts {
            if part.starts_with('%') && self.part(part).is_none() {
                return Err(Untranslatable::StrftimeDirective { directive: (*part).to_owned() });
            }
        }
        Ok(self.text(parts))
    }

    fn node(&self, kind: Kind, sql: String) -> Node {
        let Moment { volatility, is_moved, is_not_null, .. } = *self;
        let caveats = is_moved.then_some(Caveat::MovedMoment).into_iter().collect();
        Node { volatility, caveats, is_not_null, ..Node::atom(kind, sql) }
    }

    /// Returns text by a pattern of `to_char` for the clock, else concatenated from its parts.
    fn text(&self, parts: &[&str]) -> Node {
        let pattern = parts.iter().map(|part| pattern(part)).collect::<Option<String>>();
        if let Some(pattern) = pattern.filter(|pattern| self.is_clock && !pattern.is_empty()) {
            let sql = if self.wall == now().wall {
                format!("to_char(now() at time zone 'UTC', '{pattern}')")
            } else {
                format!("to_char({}, '{pattern}')", self.wall)
            };
            return self.node(Kind::Text, sql);
        }
        let mut pieces: Vec<String> = Vec::new();
        let mut plain = String::new();
        for part in parts {
            match self.part(part) {
                Some(sql) => {
                    if !plain.is_empty() {
                        pieces.push(quote_pg_literal(&std::mem::take(&mut plain)));
                    }
                    pieces.push(sql);
                }
                None => plain.push_str(if *part == "%%" { "%" } else { part }),
            }
        }
        if !plain.is_empty() || pieces.is_empty() {
            pieces.push(quote_pg_literal(&plain));
        }
        let is_digits = matches!(parts, ["%Y" | "%m" | "%d" | "%H" | "%M" | "%S" | "%j" | "%w"]);
        let node = self.node(Kind::Text, pieces.join(" || "));
        let origin = if is_digits { Origin::Digits } else { Origin::Computed };
        Node { is_atom: pieces.len() == 1, origin, ..node }
    }

    /// Returns the SQL of a directive; `None` if it is unknown.
    fn part(&self, directive: &str) -> Option<String> {
        let field = |name: &str| format!("extract({name} from {})::int", self.wall);
        let padded =
            |number: &str, width: u32, with: char| format!("lpad(({number})::text, {width}, '{with}')");
        let zeroed = |name: &str, width: u32| {
            format!("lpad(floor(extract({name} from {}))::int::text, {width}, '0')", self.wall)
        };
        // From 1 to 12.
        let hour = || format!("({} + 11) % 12 + 1", field("hour"));
        Some(match directive {
            "%Y" => zeroed("year", 4),
            "%m" => zeroed("month", 2),
            "%d" => zeroed("day", 2),
            "%e" => padded(&field("day"), 2, ' '),
            "%H" => zeroed("hour", 2),
            "%k" => padded(&field("hour"), 2, ' '),
            "%I" => padded(&hour(), 2, '0'),
            "%l" => padded(&hour(), 2, ' '),
            "%p" => format!("(CASE WHEN {} < 12 THEN 'AM' ELSE 'PM' END)", field("hour")),
            "%P" => format!("(CASE WHEN {} < 12 THEN 'am' ELSE 'pm' END)", field("hour")),
            "%M" => zeroed("minute", 2),
            "%S" => zeroed("second", 2),
            "%j" => zeroed("doy", 3),
            "%w" => format!("extract(dow from {})::int::text", self.wall),
            "%u" => format!("extract(isodow from {})::int::text", self.wall),
            "%V" => zeroed("week", 2),
            "%G" => zeroed("isoyear", 4),
            "%g" => padded(&format!("{} % 100", field("isoyear")), 2, '0'),
            "%U" => padded(&format!("({} + 6 - {}) / 7", field("doy"), field("dow")), 2, '0'),
            "%W" => padded(&format!("({} + 6 - ({} + 6) % 7) / 7", field("doy"), field("dow")), 2, '0'),
            "%f" => format!("lpad(round(extract(second from {}), 3)::text, 6, '0')", self.rounded()),
            "%s" => self.epoch_seconds().sql + "::text",
            _ => return None,
        })
    }
}

impl Node {
    fn with_native(self, family: Family, sql: String) -> Node {
        Node { native: Some(Native { family, sql }), ..self }
    }
}

/// Returns the pattern of `to_char` for a part of a format of `strftime`; `None` if there is none.
fn pattern(part: &str) -> Option<String> {
    Some(match part {
        "%Y" => "YYYY".to_owned(),
        "%m" => "MM".to_owned(),
        "%d" => "DD".to_owned(),
        "%H" => "HH24".to_owned(),
        "%M" => "MI".to_owned(),
        "%S" => "SS".to_owned(),
        "%f" => "SS.MS".to_owned(),
        "%j" => "DDD".to_owned(),
        "%%" => "\"%\"".to_owned(),
        part if part.starts_with('%') => return None,
        part if part.bytes().all(|byte| b"-: ./".contains(&byte)) => part.to_owned(),
        part if part.contains(['"', '\'', '\\']) => return None,
        part => format!("\"{part}\""),
    })
}

/// Returns a constant in PostgreSQL's own form; `None` if none is certain to mean the same.
pub(crate) fn constant(family: Family, constant: &Constant) -> Option<String> {
    match (family, constant) {
        (Family::Boolean, Constant::Integer(value @ (0 | 1))) => Some((*value == 1).to_string()),
        (Family::EpochMilliseconds, Constant::Integer(value)) => {
            from_epoch(Timestamp::from_millisecond(*value).ok()?)
        }
        (Family::EpochSeconds, Constant::Integer(value)) => from_epoch(Timestamp::from_second(*value).ok()?),
        (Family::EpochMicroseconds, Constant::Integer(value)) => {
            from_epoch(Timestamp::from_microsecond(*value).ok()?)
        }
        (Family::Instant, Constant::Text(text)) => {
            let since_2000_us = encoded(&Conversion::TimestamptzFromIso8601(NaiveZone::default()), text)?;
            from_epoch(since_2000(since_2000_us)?)
        }
        (Family::Wall, Constant::Text(text)) => {
            let since_2000_us = encoded(&Conversion::TimestamptzFromIso8601(NaiveZone::default()), text)?;
            let has_zone =
                text.ends_with(['Z', 'z']) || text.get(11..).is_some_and(|time| time.contains(['+', '-']));
            let civil = since_2000(since_2000_us)?.to_zoned(TimeZone::UTC).datetime();
            (!has_zone && civil.year() > 0)
                .then(|| format!("timestamp '{}'", civil.to_string().replace('T', " ")))
        }
        (Family::Date, Constant::Text(text)) => typed("date", &Conversion::Date, text),
        (Family::Time, Constant::Text(text)) => typed("time", &Conversion::Time, text),
        (Family::Uuid, Constant::Text(text)) => typed("uuid", &Conversion::Uuid, text),
        _ => None,
    }
}

/// Returns a literal of a type; `None` if the conversion does not accept it.
fn typed(name: &str, conversion: &Conversion, text: &str) -> Option<String> {
    conversion.takes(SourceValue::Text(text.as_bytes())).then(|| format!("{name} {}", quote_pg_literal(text)))
}

fn encoded(conversion: &Conversion, text: &str) -> Option<i64> {
    let mut wire = Vec::new();
    conversion.encode(SourceValue::Text(text.as_bytes()), &mut wire).ok()?;
    Some(i64::from_be_bytes(wire.try_into().ok()?))
}

fn since_2000(us: i64) -> Option<Timestamp> {
    const EPOCH_DIFFERENCE_US: i64 = 946_684_800_000_000;
    Timestamp::from_microsecond(us.checked_add(EPOCH_DIFFERENCE_US)?).ok()
}

fn from_epoch(at: Timestamp) -> Option<String> {
    let civil = at.to_zoned(TimeZone::UTC).datetime();
    (civil.year() > 0).then(|| format!("timestamptz '{}+00'", civil.to_string().replace('T', " ")))
}
