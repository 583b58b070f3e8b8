//! The words for what a comparison of two databases found in rows and values, and what it could not compare.

use migrate_core::comparison::{ComparedColumn, Diagnosis, Gap, OtherForm, RowKind, TimeUnit};

use crate::figures::{count, counted};

/// How a value of the target is the source's value in another form.
pub fn other_form(form: OtherForm) -> String {
    match form {
        OtherForm::BooleanWord => "a word for 0 or 1".to_owned(),
        OtherForm::BooleanNumber => "0 or 1 for a word".to_owned(),
        OtherForm::NumberAsText => "a number as text".to_owned(),
        OtherForm::TextAsNumber => "text as a number".to_owned(),
        OtherForm::OtherScale => "the same number with other decimals".to_owned(),
        OtherForm::NumberAsMoment { unit } => format!("{} as a date and time", unit_words(unit)),
        OtherForm::MomentAsNumber { unit } => format!("a date and time as {}", unit_words(unit)),
        OtherForm::MomentSpelling => "a date or time in another spelling, read as UTC".to_owned(),
        OtherForm::JsonSpelling => "JSON in another spelling".to_owned(),
        OtherForm::BytesAsHex => "bytes as hexadecimal digits".to_owned(),
        OtherForm::BytesAsBase64 => "bytes as base64".to_owned(),
        OtherForm::HexAsBytes => "hexadecimal digits as bytes".to_owned(),
        OtherForm::Base64AsBytes => "base64 as bytes".to_owned(),
        OtherForm::TextAsBytes => "text as its bytes".to_owned(),
        OtherForm::BytesAsText => "bytes as text".to_owned(),
        OtherForm::UuidSpelling => "a UUID in another spelling".to_owned(),
        OtherForm::Printed => "as the type prints the value".to_owned(),
    }
}

fn unit_words(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Seconds => "seconds since 1970",
        TimeUnit::Milliseconds => "milliseconds since 1970",
        TimeUnit::Microseconds => "microseconds since 1970",
        TimeUnit::Nanoseconds => "nanoseconds since 1970",
        TimeUnit::JulianDays => "Julian days",
    }
}

/// What happened to a value that differs.
pub fn diagnosis(diagnosis: Diagnosis) -> String {
    let fixed = match diagnosis {
        Diagnosis::Shifted { seconds } => return shifted(seconds),
        Diagnosis::FractionLost { digits: 0 } => "lost its fraction of a second",
        Diagnosis::FractionLost { digits } => {
            return format!("lost its fraction of a second beyond {} digits", digits);
        }
        Diagnosis::WrongUnit { read, likely } => {
            return format!("{}, read as {}", unit_words(likely), unit_words(read));
        }
        Diagnosis::InconsistentForm => "in another form than other values of the column",
        Diagnosis::Scaled { power } => return scaled(power),
        Diagnosis::RoundedToDigits { digits } => return format!("rounded to {digits} significant digits"),
        Diagnosis::RoundedToDecimals { decimals } => {
            return format!("rounded to {}", counted(u64::from(decimals), "decimal"));
        }
        Diagnosis::Overflowed { bits } => return format!("lost what is beyond {bits} bits"),
        Diagnosis::Cut { characters } => return format!("cut to {}", counted(characters, "character")),
        Diagnosis::BytesCut { bytes } => return format!("cut to {}", counted(bytes, "byte")),
        Diagnosis::TimeLost => "lost its time of day",
        Diagnosis::InconsistentUnit => "read in another unit than other values of the column",
        Diagnosis::Clamped => "became the greatest or least number of its type",
        Diagnosis::BecameBoolean => "became true or false",
        Diagnosis::BecameZero => "became 0",
        Diagnosis::BecameEmpty => "became an empty text",
        Diagnosis::BecameNull => "became NULL",
        Diagnosis::EmptyBecameNull => "was empty and became NULL",
        Diagnosis::NullBecameZero => "was NULL and became 0",
        Diagnosis::NullBecameEmpty => "was NULL and became an empty text",
        Diagnosis::NullBecameWord => "was NULL and became a word for it",
        Diagnosis::NullBecameValue => "was NULL and became another value",
        Diagnosis::CutAtNul => "cut at a NUL character",
        Diagnosis::NulRemoved => "lost its NUL characters",
        Diagnosis::Replaced => "has replacement characters",
        Diagnosis::WrongEncoding => "decoded with the wrong encoding",
        Diagnosis::Trimmed => "has other white space at its ends",
        Diagnosis::LineEnds => "has other line ends",
        Diagnosis::CaseChanged => "has other upper and lower case",
        Diagnosis::Escapes => "has other escapes",
        Diagnosis::Quoted => "has other quotes",
        Diagnosis::BytesAsOtherText => "is text that is not these bytes",
        Diagnosis::DigitsAsBytes => "is the bytes of its hexadecimal digits or of its base64",
        Diagnosis::LeadingZerosLost => "lost zeros or a plus at its beginning",
        Diagnosis::Respelled => "has another spelling of the same number, time or UUID",
        Diagnosis::JsonContent => "is JSON with other content",
        Diagnosis::Uncomputed => "cannot be computed by SQLite",
        Diagnosis::Other => "differs",
    };
    fixed.to_owned()
}

fn scaled(power: i8) -> String {
    let factor = count(10_u64.saturating_pow(u32::from(power.unsigned_abs())));
    match power < 0 {
        true => format!("divided by {factor}"),
        false => format!("multiplied by {factor}"),
    }
}

fn shifted(seconds: i64) -> String {
    let direction = if seconds < 0 { "earlier" } else { "later" };
    let minutes = seconds.unsigned_abs() / 60;
    let (hours, rest) = (minutes / 60, minutes % 60);
    match (hours, rest) {
        (0, _) => format!("{} {direction}", counted(minutes, "minute")),
        (_, 0) => format!("{} {direction}", counted(hours, "hour")),
        _ => format!("{} and {} {direction}", counted(hours, "hour"), counted(rest, "minute")),
    }
}

/// What happened to the values of a column, one line for each kind of difference.
pub fn different_values(table: &str, column: &ComparedColumn) -> Vec<String> {
    let line = |values: u64, what: String, first: &[String]| {
        let first = if first.is_empty() { String::new() } else { format!(" ({})", some(values, first)) };
        format!("{table}.{}: {}: {what}{first}", column.column, counted(values, "value"))
    };
    column
        .differences
        .iter()
        .map(|found| line(found.values, diagnosis(found.diagnosis), &found.first))
        .collect()
}

/// The equal values of a column in another form, one line for each form.
pub fn other_forms(table: &str, column: &ComparedColumn) -> Vec<String> {
    let line = |values: u64, form: OtherForm| {
        format!("{table}.{}: {}: {}", column.column, counted(values, "value"), other_form(form))
    };
    column.forms.iter().map(|found| line(found.values, found.form)).collect()
}

/// The first few keys, with an ellipsis where there are more.
pub fn some(all: u64, first: &[String]) -> String {
    let shown = first.iter().take(3).map(String::as_str).collect::<Vec<_>>();
    let more = if all > shown.len() as u64 { "; …" } else { "" };
    format!("{}{more}", shown.join("; "))
}

/// What a row on one side is.
pub fn row_kind(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Missing => "missing",
        RowKind::Extra => "only in PostgreSQL",
        RowKind::Duplicate => "more than once",
    }
}

/// What has no counterpart.
pub fn gap(gap: &Gap) -> String {
    match gap {
        Gap::Table { table, rows, resembles } => {
            let like = match resembles.as_slice() {
                [] => String::new(),
                all => format!("; it resembles {}", all.join(" and ")),
            };
            format!("table {table} ({}) is not in PostgreSQL{like}", counted(*rows, "row"))
        }
        Gap::AmbiguousTable { table, rows, candidates } => format!(
            "table {table} ({}) can be {} in PostgreSQL: `rename` in mapping.toml decides",
            counted(*rows, "row"),
            candidates.join(" or ")
        ),
        Gap::TakenTable { table, rows, target, by } => {
            format!("table {table} ({}) would be {target}, which {by} is", counted(*rows, "row"))
        }
        Gap::Column { table, column, target, values, nearest } => {
            let nearest = nearest.as_ref();
            let nearest =
                nearest.map(|name| format!("; the nearest name there is {name}")).unwrap_or_default();
            format!("column {table}.{column} ({}) is not in {target}{nearest}", counted(*values, "value"))
        }
        Gap::AmbiguousColumn { table, column, candidates } => format!(
            "column {table}.{column} can be {} in PostgreSQL: `rename` in mapping.toml decides",
            candidates.join(" or ")
        ),
        Gap::TakenColumn { table, column, target, by } => {
            format!("column {table}.{column} would be {target}, which {by} is")
        }
        Gap::GeneratedColumn { table, column } => {
            format!("generated column {table}.{column} is not in PostgreSQL")
        }
        Gap::LeftBehind { kind, name, reason } => format!("{kind} {name} was not compared: {reason}"),
        Gap::OnlyInTarget { target, bookkeeping_of } => {
            let whose = bookkeeping_of.as_ref();
            let whose = whose.map(|tool| format!(" (bookkeeping of {tool})")).unwrap_or_default();
            format!("table {target} is only in PostgreSQL{whose}")
        }
        Gap::OnlyInTargetColumn { target, column, is_numbered } => {
            let numbered = if *is_numbered { ", and is numbered" } else { "" };
            format!("column {target}.{column} is only in PostgreSQL{numbered}")
        }
    }
}
