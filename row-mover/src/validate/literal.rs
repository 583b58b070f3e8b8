//! Keys as SQL writes them, so that some rows can be asked for by their keys.

use migrate_core::conversion::PgType;
use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::PlannedColumn;
use migrate_core::value::SourceValue;

use super::bound::TargetFilter;
use super::parts::sqlite_text;

/// Whether keys of a column can be written, as far as its type says.
pub(super) fn has_literals(column: &PlannedColumn) -> bool {
    matches!(
        column.target_type,
        PgType::Bigint
            | PgType::Integer
            | PgType::Smallint
            | PgType::Text
            | PgType::Bytea
            | PgType::Uuid
            | PgType::Boolean
            | PgType::DoublePrecision
            | PgType::Date
            | PgType::Timestamp
            | PgType::Timestamptz
    )
}

/// A value of the source as PostgreSQL writes what it becomes; none for what does not move, or cannot be written.
pub(super) fn of_target(column: &PlannedColumn, value: SourceValue<'_>) -> Option<String> {
    const DAY_US: i64 = 86_400_000_000;
    let mut wire = Vec::new();
    if value.is_null() {
        return None;
    }
    column.encode(value, &mut wire).ok()?;
    // A quoted literal is of the type that it is compared with.
    let since_2000 = |begin: &str, us: i64| {
        let (days, rest) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
        format!("({begin} + interval '{days} days' + interval '{rest} microseconds')")
    };
    let number = || Some(i64::from_be_bytes(wire.as_slice().try_into().ok()?));
    Some(match column.target_type {
        PgType::Bigint => format!("'{}'", number()?),
        PgType::Integer => format!("'{}'", i32::from_be_bytes(wire.try_into().ok()?)),
        PgType::Smallint => format!("'{}'", i16::from_be_bytes(wire.try_into().ok()?)),
        PgType::Text => quote_pg_literal(str::from_utf8(&wire).ok()?),
        PgType::Bytea => format!("'\\x{}'", hex(&wire)),
        PgType::Uuid => format!("'{}'", hex(&wire)),
        PgType::Boolean => format!("'{}'", wire.first()?),
        PgType::DoublePrecision => format!("'{}'", f64::from_be_bytes(wire.try_into().ok()?)),
        PgType::Date => format!("(date '2000-01-01' + {})", i32::from_be_bytes(wire.try_into().ok()?)),
        PgType::Timestamp => since_2000("timestamp '2000-01-01'", number()?),
        PgType::Timestamptz => since_2000("timestamptz '2000-01-01 00:00:00+00'", number()?),
        _ => return None,
    })
}

/// A key of the source as texts that PostgreSQL reads as values of [`part_types`]; none for what does not move, or cannot be written.
pub(super) fn texts_of_target(column: &PlannedColumn, value: SourceValue<'_>) -> Option<Vec<String>> {
    const DAY_US: i64 = 86_400_000_000;
    let mut wire = Vec::new();
    if value.is_null() {
        return None;
    }
    column.encode(value, &mut wire).ok()?;
    let number = || Some(i64::from_be_bytes(wire.as_slice().try_into().ok()?));
    let text = match column.target_type {
        PgType::Bigint => number()?.to_string(),
        PgType::Integer | PgType::Date => i32::from_be_bytes(wire.try_into().ok()?).to_string(),
        PgType::Smallint => i16::from_be_bytes(wire.try_into().ok()?).to_string(),
        PgType::Text => String::from_utf8(wire).ok()?,
        PgType::Bytea => format!("\\x{}", hex(&wire)),
        PgType::Uuid => hex(&wire),
        PgType::Boolean => wire.first()?.to_string(),
        PgType::DoublePrecision => f64::from_be_bytes(wire.try_into().ok()?).to_string(),
        PgType::Timestamp | PgType::Timestamptz => {
            let us = number()?;
            return Some(vec![us.div_euclid(DAY_US).to_string(), us.rem_euclid(DAY_US).to_string()]);
        }
        _ => return None,
    };
    Some(vec![text])
}

/// The types of the texts of a column's keys.
fn part_types(column: &PlannedColumn) -> &'static [&'static str] {
    match column.target_type {
        PgType::Timestamp | PgType::Timestamptz => &["integer", "bigint"],
        PgType::Bigint => &["bigint"],
        PgType::Integer | PgType::Date => &["integer"],
        PgType::Smallint => &["smallint"],
        PgType::Bytea => &["bytea"],
        PgType::Uuid => &["uuid"],
        PgType::Boolean => &["boolean"],
        PgType::DoublePrecision => &["double precision"],
        _ => &["text"],
    }
}

/// The key that such parts make, given their names.
fn of_parts(column: &PlannedColumn, parts: &[String]) -> String {
    let begin = match column.target_type {
        PgType::Date => return format!("date '2000-01-01' + {}", parts.concat()),
        PgType::Timestamp => "timestamp '2000-01-01'",
        PgType::Timestamptz => "timestamptz '2000-01-01 00:00:00+00'",
        _ => return parts.concat(),
    };
    format!("{begin} + {} * interval '1 microsecond'", parts.join(" * interval '1 day' + "))
}

/// The condition that rows of the target have one of these keys, each with the texts of all of its columns.
pub(super) fn has_one_of(columns: &[&PlannedColumn], keys: &[Vec<String>]) -> TargetFilter {
    TargetFilter::new(|bindings| {
        let (mut arrays, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for column in columns {
            let of_column: Vec<String> = (part_types(column).iter())
                .map(|type_name| {
                    let texts: Vec<&str> =
                        keys.iter().filter_map(|key| key.get(names.len())).map(String::as_str).collect();
                    arrays.push(bindings.add_all(&texts, type_name));
                    names.push(format!("part_{}", names.len()));
                    names.last().cloned().unwrap_or_default()
                })
                .collect();
            values.push(of_parts(column, &of_column));
        }
        let columns: Vec<String> = columns.iter().map(|column| quote_pg(&column.target)).collect();
        format!(
            "({}) IN (SELECT {} FROM unnest({}) AS wanted ({}))",
            columns.join(", "),
            values.join(", "),
            arrays.join(", "),
            names.join(", ")
        )
    })
}

/// A value as SQLite writes it; none for floats, whose digits it may read as a neighbour.
pub(super) fn of_source(value: SourceValue<'_>) -> Option<String> {
    match value {
        SourceValue::Integer(integer) => Some(integer.to_string()),
        SourceValue::Text(bytes) => Some(sqlite_text(bytes)),
        SourceValue::Blob(bytes) => Some(format!("x'{}'", hex(bytes))),
        SourceValue::Null | SourceValue::Real(_) => None,
    }
}

/// The condition that some columns, as SQLite's SQL names them, have one of these lists of values.
pub(super) fn is_one_of(names: &[String], values: &[Vec<String>]) -> String {
    let [name] = names else {
        let rows: Vec<String> = values.iter().map(|row| format!("({})", row.join(", "))).collect();
        return format!("({}) IN (VALUES {})", names.join(", "), rows.join(", "));
    };
    let list: Vec<&str> = values.iter().flatten().map(String::as_str).collect();
    format!("{name} IN ({})", list.join(", "))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
