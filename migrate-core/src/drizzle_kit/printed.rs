//! Defaults of a plan as PostgreSQL prints them in its catalogue (`pg_get_expr`): constants, and the clock.

use crate::conversion::PgType;

/// The clock in all forms that the translation gives it, but for `to_char`, and each as PostgreSQL 14 and later print it.
const CLOCK: [(&str, &str); 7] = [
    ("now()", "now()"),
    ("(now() at time zone 'UTC')", "(now() AT TIME ZONE 'UTC'::text)"),
    ("((now() at time zone 'UTC'))::date", "((now() AT TIME ZONE 'UTC'::text))::date"),
    (
        "date_trunc('second', (now() at time zone 'UTC'))::time",
        "(date_trunc('second'::text, (now() AT TIME ZONE 'UTC'::text)))::time without time zone",
    ),
    ("floor(extract(epoch from now()))::bigint", "(floor(EXTRACT(epoch FROM now())))::bigint"),
    (
        "floor(extract(epoch from now()))::bigint * 1000",
        "((floor(EXTRACT(epoch FROM now())))::bigint * 1000)",
    ),
    (
        "floor(extract(epoch from now()) * 1000)::bigint",
        "(floor((EXTRACT(epoch FROM now()) * (1000)::numeric)))::bigint",
    ),
];

/// The beginning of random hexadecimal digits, before the number of bytes, and how PostgreSQL prints it.
const RANDOM: (&str, &str) = (
    "encode(substring(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) from 1 for ",
    "encode(SUBSTRING(sha256((uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))) FROM 1 FOR ",
);

/// Returns how PostgreSQL prints the default `sql` of a column of this type; `None` if that depends on the server or is not known.
pub(super) fn printed(sql: &str, pg_type: PgType) -> Option<String> {
    if matches!(sql, "true" | "false") {
        return Some(sql.to_owned());
    }
    if let Some((_, printed)) = CLOCK.iter().find(|(clock, _)| *clock == sql) {
        return Some((*printed).to_owned());
    }
    if let Some(pattern) = sql.strip_prefix("to_char(now() at time zone 'UTC', ") {
        let content = content(pattern.strip_suffix(')')?)?;
        return Some(format!("to_char((now() AT TIME ZONE 'UTC'::text), {}::text)", quoted(&content)));
    }
    if let Some(bytes) = sql.strip_prefix(RANDOM.0).and_then(|rest| rest.strip_suffix(", 'hex')")) {
        let is_count =
            bytes.strip_suffix(')').is_some_and(|count| count.bytes().all(|byte| byte.is_ascii_digit()));
        return is_count.then(|| format!("{}{bytes}, 'hex'::text)", RANDOM.1));
    }
    if let Some(number) = number(sql) {
        return Some(number);
    }
    match pg_type {
        PgType::Text => Some(format!("{}::text", quoted(&content(sql)?))),
        _ => {
            let literal = sql.strip_suffix(pg_type.sql())?.strip_suffix("::")?;
            typed(&content(literal)?, pg_type)
        }
    }
}

/// A constant that is given as text, in the form that its type prints.
fn typed(content: &str, pg_type: PgType) -> Option<String> {
    let text = match pg_type {
        PgType::Boolean => {
            let first = content.trim().to_ascii_lowercase();
            let is_true = match first.as_str() {
                "t" | "true" | "y" | "yes" | "on" | "1" => true,
                "f" | "false" | "n" | "no" | "off" | "0" => false,
                _ => return None,
            };
            return Some(is_true.to_string());
        }
        PgType::Bytea | PgType::Uuid => content.to_ascii_lowercase(),
        PgType::Json
        | PgType::Jsonb
        | PgType::Date
        | PgType::Timestamp
        | PgType::Time
        | PgType::Inet
        | PgType::Cidr
        | PgType::Macaddr
        | PgType::Macaddr8 => content.to_owned(),
        _ => return None,
    };
    Some(format!("{}::{}", quoted(&text), pg_type.sql()))
}

/// A number. PostgreSQL prints one that is no `integer`, or that has a sign, as a quoted text with its type.
fn number(sql: &str) -> Option<String> {
    let (sign, digits) = match sql.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", sql),
    };
    let (mantissa, exponent) = match digits.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_plain(whole) || !is_plain(fraction) {
        return None;
    }
    if mantissa == digits && fraction.is_empty() && !mantissa.contains('.') {
        return Some(match sql.parse::<i64>() {
            Ok(value) if value >= 0 && i32::try_from(value).is_ok() => sql.to_owned(),
            Ok(value) if i32::try_from(value).is_ok() => format!("'{sql}'::integer"),
            Ok(_) => format!("'{sql}'::bigint"),
            Err(_) => format!("'{sql}'::numeric"),
        });
    }
    let value = decimal(whole, fraction, exponent)?;
    let is_zero = value.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = if is_zero { "" } else { sign };
    Some(match sign.is_empty() && value.contains('.') {
        true => value,
        false => format!("'{sign}{value}'::numeric"),
    })
}

/// A number without its exponent, as `numeric` prints it.
fn decimal(whole: &str, fraction: &str, exponent: i64) -> Option<String> {
    // A float has an exponent of three digits at most.
    let exponent = i64::from(i16::try_from(exponent).ok()?);
    let mut digits = format!("{whole}{fraction}");
    let scale = i64::try_from(fraction.len()).ok()? - exponent;
    if scale < 0 {
        digits.push_str(&"0".repeat(usize::try_from(-scale).ok()?));
    }
    let behind = usize::try_from(scale.max(0)).ok()?;
    let missing = (behind + 1).saturating_sub(digits.len());
    let digits = format!("{}{digits}", "0".repeat(missing));
    let (whole, fraction) = digits.split_at(digits.len() - behind);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

/// The content of a string literal of ours that is nothing else.
fn content(sql: &str) -> Option<String> {
    let (inner, has_escapes) = match sql.strip_prefix("E'") {
        Some(inner) => (inner, true),
        None => (sql.strip_prefix('\'')?, false),
    };
    let inner = inner.strip_suffix('\'')?;
    let mut out = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        if letter == '\'' || (letter == '\\' && has_escapes) {
            // Ours are doubled and nothing else.
            letters.next().filter(|next| *next == letter)?;
        }
        out.push(letter);
    }
    Some(out)
}

/// A string literal as PostgreSQL prints it: backslashes stand for themselves.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
