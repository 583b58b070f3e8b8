//! The columns of a table or a view.

use migrate_core::conversion::PgType;
use migrate_core::plan::{DrizzleDates, PlannedColumn};

use super::{Imports, comment_lines};
use crate::model::{Column, Default, Kind};
use crate::names::string;

/// Returns the object of a table's columns, with the comments of `planned`.
pub(super) fn text(planned: &[PlannedColumn], columns: &[Column<'_>], imports: &mut Imports) -> String {
    let mut out = "{\n".to_owned();
    for column in columns {
        let comment = planned.iter().find(|planned| planned.target == column.name);
        out.push_str(&comment_lines(comment.and_then(|planned| planned.comment.as_deref()), "  "));
        out.push_str(&format!("  {}: {},\n", column.property, self::column(column, imports)));
    }
    out.push('}');
    out
}

fn column(column: &Column<'_>, imports: &mut Imports) -> String {
    let mut text = builder(column, imports);
    if let Some(documents) = &column.documents {
        text.push_str(&format!(".$type<{documents}>()"));
        imports.documents.insert(documents.clone());
    }
    if let Some(identity) = &column.identity {
        text.push_str(&format!(".generatedByDefaultAsIdentity({{ name: {} }})", string(&identity.sequence)));
    }
    if column.is_primary_key {
        text.push_str(".primaryKey()");
    } else if column.not_null && !matches!(column.kind, Kind::Serial(_)) && column.identity.is_none() {
        text.push_str(".notNull()");
    }
    match &column.default {
        Some(Default::Now) => text.push_str(&match column.kind {
            Kind::Plain { dates: DrizzleDates::Date, .. } => ".defaultNow()".to_owned(),
            _ => format!(".default({})", imports.sql("now()")),
        }),
        Some(Default::Number(digits)) => text.push_str(&format!(".default({digits})")),
        Some(Default::Boolean(value)) => text.push_str(&format!(".default({value})")),
        Some(Default::Text(value)) => text.push_str(&format!(".default({})", string(value))),
        Some(Default::Sql(sql)) => text.push_str(&format!(".default({})", imports.sql(sql))),
        None => {}
    }
    if let Some(expression) = column.generated {
        text.push_str(&format!(".generatedAlwaysAs({})", imports.sql(expression)));
    }
    text
}

/// The call that makes a column of its type.
fn builder(column: &Column<'_>, imports: &mut Imports) -> String {
    let name = string(column.name);
    let (pg_type, dates, is_number) = match column.kind {
        Kind::Search => return format!("{}({name})", imports.custom("tsvector")),
        Kind::Serial(pg_type) => return serial(pg_type, &name, imports),
        Kind::Plain { pg_type, dates, is_number } => (pg_type, dates, is_number),
    };
    let is_milliseconds = dates == DrizzleDates::Milliseconds;
    let (function, options) = match pg_type {
        PgType::Bytea => (imports.custom("bytea"), ""),
        PgType::Money => (imports.custom("money"), ""),
        PgType::Timestamptz if is_milliseconds => (imports.custom("milliseconds"), ""),
        PgType::Timestamp if is_milliseconds => (imports.custom("utcMilliseconds"), ""),
        _ => {
            let (function, options) = standard(pg_type, is_number);
            (imports.core(function), options)
        }
    };
    let array = if is_array(pg_type) { ".array()" } else { "" };
    format!("{function}({name}{options}){array}")
}

fn serial(pg_type: PgType, name: &str, imports: &mut Imports) -> String {
    match pg_type {
        PgType::Smallint => format!("{}({name})", imports.core("smallserial")),
        PgType::Integer => format!("{}({name})", imports.core("serial")),
        _ => format!("{}({name}, {{ mode: 'number' }})", imports.core("bigserial")),
    }
}

/// The function of `pg-core` for a type or for the elements of an array, and its options.
fn standard(pg_type: PgType, is_number: bool) -> (&'static str, &'static str) {
    const NUMBER: &str = ", { mode: 'number' }";
    match pg_type {
        PgType::Text | PgType::TextArray | PgType::Bytea | PgType::Money => ("text", ""),
        PgType::Bigint | PgType::BigintArray => ("bigint", NUMBER),
        PgType::Integer | PgType::IntegerArray => ("integer", ""),
        PgType::Smallint | PgType::SmallintArray => ("smallint", ""),
        PgType::Boolean | PgType::BooleanArray => ("boolean", ""),
        PgType::DoublePrecision | PgType::DoublePrecisionArray => ("doublePrecision", ""),
        PgType::Real => ("real", ""),
        PgType::Numeric if !is_number => ("numeric", ""),
        PgType::Numeric | PgType::NumericArray => ("numeric", NUMBER),
        PgType::Uuid | PgType::UuidArray => ("uuid", ""),
        PgType::Json => ("json", ""),
        PgType::Jsonb => ("jsonb", ""),
        PgType::Timestamptz => ("timestamp", ", { withTimezone: true, mode: 'date' }"),
        PgType::Timestamp => ("timestamp", ", { mode: 'date' }"),
        PgType::Date => ("date", ", { mode: 'string' }"),
        PgType::Time => ("time", ""),
        PgType::Interval => ("interval", ""),
        PgType::Inet => ("inet", ""),
        PgType::Cidr => ("cidr", ""),
        PgType::Macaddr => ("macaddr", ""),
        PgType::Macaddr8 => ("macaddr8", ""),
    }
}

fn is_array(pg_type: PgType) -> bool {
    matches!(
        pg_type,
        PgType::TextArray
            | PgType::SmallintArray
            | PgType::IntegerArray
            | PgType::BigintArray
            | PgType::BooleanArray
            | PgType::DoublePrecisionArray
            | PgType::NumericArray
            | PgType::UuidArray
    )
}
