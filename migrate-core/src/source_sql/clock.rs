//! Defaults that are the clock, and the form in which it is stored: what an app writes to such a column is a time in that form.

use sqlite3_parser::ast::{Expr, Literal, Operator};

use super::{plain_name, string_content, with_expression};

/// The form in which a default stores the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    /// Text of date and time in UTC, such as `CURRENT_TIMESTAMP`, with or without `Z`.
    Timestamp,
    /// Text of date and time in the zone of the machine that runs the app.
    LocalTimestamp,
    /// Text of a date.
    Date,
    /// Text of a time of day.
    Time,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// A Julian day.
    JulianDay,
}

/// The value of an expression, in relation to the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    /// Text.
    Text(Clock),
    /// The seconds since 1970, multiplied by a number.
    Epoch(f64),
    /// The Julian day.
    JulianDay,
    /// A number.
    Number(f64),
}

/// The Julian day on which 1970 begins.
const JULIAN_1970: f64 = 2_440_587.5;

/// The number of seconds in a day.
const DAY_S: f64 = 86_400.0;

/// Reads a default's SQL, as `PRAGMA table_xinfo` prints it; `None` if it is not the clock.
pub fn default_clock(sql: &str) -> Option<Clock> {
    match with_expression(sql, "a default", |_, expression| value_of(expression)).ok()??? {
        Value::Text(clock) => Some(clock),
        Value::JulianDay => Some(Clock::JulianDay),
        Value::Epoch(factor) => {
            [(1.0, Clock::Seconds), (1_000.0, Clock::Milliseconds), (1_000_000.0, Clock::Microseconds)]
                .into_iter()
                // The factor is a product of the app's numbers, and days are not an exact fraction.
                .find_map(|(unit, clock)| ((factor / unit - 1.0).abs() < 1e-9).then_some(clock))
        }
        Value::Number(_) => None,
    }
}

fn value_of(expression: &Expr<'_>) -> Option<Value> {
    match expression {
        Expr::Parenthesized(inner) => match inner.as_slice() {
            [only] => value_of(only),
            _ => None,
        },
        Expr::Literal(Literal::CurrentTimestamp) => Some(Value::Text(Clock::Timestamp)),
        Expr::Literal(Literal::CurrentDate) => Some(Value::Text(Clock::Date)),
        Expr::Literal(Literal::CurrentTime) => Some(Value::Text(Clock::Time)),
        Expr::Literal(Literal::Numeric(digits)) => digits.parse().ok().map(Value::Number),
        // A cast to a number and rounding keep the unit.
        Expr::Cast { expr, .. } => value_of(expr).filter(|value| !matches!(value, Value::Text(_))),
        Expr::Binary(left, operator, right) => combined(value_of(left)?, *operator, value_of(right)?),
        Expr::FunctionCall { name, distinctness: None, args, order_by: None, filter_over: None } => {
            let arguments = args.unwrap_or(&[]);
            match name.0.to_ascii_lowercase().as_str() {
                "round" | "floor" => value_of(arguments.first()?),
                function => called(function, &texts(arguments)?),
            }
        }
        _ => None,
    }
}

fn combined(left: Value, operator: Operator, right: Value) -> Option<Value> {
    use Value::{Epoch, JulianDay, Number};
    match (left, operator, right) {
        (Epoch(factor), Operator::Multiply, Number(number))
        | (Number(number), Operator::Multiply, Epoch(factor)) => Some(Epoch(factor * number)),
        (Epoch(factor), Operator::Divide, Number(number)) => Some(Epoch(factor / number)),
        (JulianDay, Operator::Subtract, Number(number)) if number == JULIAN_1970 => Some(Epoch(1.0 / DAY_S)),
        (Number(left), Operator::Multiply, Number(right)) => Some(Number(left * right)),
        _ => None,
    }
}

/// Returns the arguments; `None` if one is not literal text.
fn texts(arguments: &[Expr<'_>]) -> Option<Vec<String>> {
    let text = |argument: &Expr<'_>| match argument {
        Expr::Literal(Literal::String(quoted)) => Some(string_content(quoted)),
        // SQLite reads an unknown quoted name as text.
        Expr::Id(id) => Some(plain_name(id.0)),
        Expr::Name(name) => Some(plain_name(name.0)),
        _ => None,
    };
    arguments.iter().map(text).collect()
}

/// Returns the value of a call of one of SQLite's functions of date and time (manual, "Date And Time Functions").
fn called(function: &str, arguments: &[String]) -> Option<Value> {
    let is_formatted = function == "strftime";
    let (format, arguments) = match arguments {
        [format, rest @ ..] if is_formatted => (format.as_str(), rest),
        rest if !is_formatted => ("", rest),
        _ => return None,
    };
    let (moment, modifiers) =
        arguments.split_first().map_or(("now", &[][..]), |(first, rest)| (first.as_str(), rest));
    if !["now", "subsec", "subsecond"].iter().any(|now| moment.eq_ignore_ascii_case(now)) {
        return None;
    }
    let has = |wanted: &str| modifiers.iter().any(|modifier| modifier.eq_ignore_ascii_case(wanted));
    let timestamp = if has("localtime") { Clock::LocalTimestamp } else { Clock::Timestamp };
    match function {
        "datetime" => Some(Value::Text(timestamp)),
        "date" => Some(Value::Text(Clock::Date)),
        "time" => Some(Value::Text(Clock::Time)),
        "unixepoch" => Some(Value::Epoch(1.0)),
        "julianday" => Some(Value::JulianDay),
        "strftime" => match format {
            "%s" => Some(Value::Epoch(1.0)),
            "%J" => Some(Value::JulianDay),
            "%Y-%m-%d" | "%F" => Some(Value::Text(Clock::Date)),
            "%H:%M:%S" | "%H:%M:%f" | "%H:%M" | "%T" | "%R" => Some(Value::Text(Clock::Time)),
            _ if is_timestamp_format(format) => Some(Value::Text(timestamp)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether `strftime` returns an ISO 8601 date and time for a format.
fn is_timestamp_format(format: &str) -> bool {
    let Some(rest) = ["%Y-%m-%d", "%F"].iter().find_map(|date| format.strip_prefix(date)) else {
        return false;
    };
    let Some(rest) = rest.strip_prefix(['T', ' ']) else { return false };
    let times = ["%H:%M:%S", "%H:%M:%f", "%H:%M", "%T", "%R"];
    let Some(rest) = times.iter().find_map(|time| rest.strip_prefix(time)) else { return false };
    matches!(rest, "" | "Z" | ".000Z" | ".000" | "+00:00" | ".000+00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_known_by_their_form() {
        use Clock::*;
        for (sql, clock) in [
            ("CURRENT_TIMESTAMP", Some(Timestamp)),
            ("current_timestamp", Some(Timestamp)),
            ("CURRENT_DATE", Some(Date)),
            ("CURRENT_TIME", Some(Time)),
            ("datetime()", Some(Timestamp)),
            ("(datetime('now'))", Some(Timestamp)),
            ("datetime(\"now\")", Some(Timestamp)),
            ("datetime('now', '+7 days')", Some(Timestamp)),
            ("datetime('now','localtime')", Some(LocalTimestamp)),
            ("date('now')", Some(Date)),
            ("time('now')", Some(Time)),
            ("strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", Some(Timestamp)),
            ("strftime('%Y-%m-%d %H:%M:%S', 'now')", Some(Timestamp)),
            ("strftime('%Y-%m-%d %H:%M:%S', 'now', 'localtime')", Some(LocalTimestamp)),
            ("strftime('%FT%T.000Z')", Some(Timestamp)),
            ("strftime('%Y-%m-%d', 'now')", Some(Date)),
            ("strftime('%Y', 'now')", None),
            ("strftime('%s', 'now')", Some(Seconds)),
            ("cast(strftime('%s','now') as int)", Some(Seconds)),
            ("unixepoch()", Some(Seconds)),
            ("unixepoch() * 1000", Some(Milliseconds)),
            ("1000 * unixepoch('now')", Some(Milliseconds)),
            ("CAST(unixepoch('subsec') * 1000 AS INTEGER)", Some(Milliseconds)),
            ("CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)", Some(Milliseconds)),
            ("unixepoch() * 1000 * 1000", Some(Microseconds)),
            ("unixepoch() * 1000000", Some(Microseconds)),
            ("unixepoch() * 60", None),
            ("unixepoch() / 60", None),
            ("julianday('now')", Some(JulianDay)),
            ("CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", Some(Milliseconds)),
            ("CAST(ROUND((julianday('now') - 2440587.5)*86400.0) AS INTEGER)", Some(Seconds)),
            ("(julianday('now') - 2440587.5)", None),
            ("unixepoch('2020-01-01')", None),
            ("datetime('2020-01-01')", None),
            ("'CURRENT_TIMESTAMP'", None),
            ("0", None),
            ("NULL", None),
            ("random()", None),
            ("1) FROM (SELECT 2", None),
            ("'", None),
        ] {
            assert_eq!(default_clock(sql), clock, "{sql}");
        }
    }
}
