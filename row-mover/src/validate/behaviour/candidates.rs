//! Candidate values that violate constraints: some that no row has, and some that a condition may forbid.

use migrate_core::conversion::PgType;
use migrate_core::identifier::quote_pg_literal;
use migrate_core::plan::PlannedColumn;
use migrate_core::value::SourceValue;
use rusqlite::types::Value;

use crate::validate::literal;

/// How long a text gets that a condition on its length may forbid.
const LENGTH_MAX_CHARS: usize = 20_000;

/// A condition of more than this is long.
const LONG_CONDITION_BYTES: usize = 100 << 10;

/// Maximum number of values that are derived from a long condition.
const CANDIDATES_OF_LONG_MAX: usize = 25;

/// The longest text of a condition that values are made of.
const TEXT_MAX_BYTES: usize = 64 << 10;

/// Maximum number of values that are derived from one condition.
const CANDIDATES_MAX: usize = 200;

/// Values of the column's type that hardly any row has, as PostgreSQL's SQL; others for each `number`.
pub(super) fn fresh(column: &PlannedColumn, number: usize) -> Vec<String> {
    let number = number % 100;
    let texts = match column.target_type {
        PgType::Bigint => vec![
            format!("{}", i64::MAX - 1000 - number as i64),
            format!("-{}", 4_000_000_000_000_000_000_i64 + number as i64),
        ],
        PgType::Integer => {
            vec![format!("{}", 2_147_480_000 + number), format!("-{}", 2_147_480_000 + number)]
        }
        PgType::Smallint => vec![format!("{}", 32_600 + number), format!("-{}", 32_600 + number)],
        PgType::Numeric => vec![format!("9{number:02}00000000000000000000000")],
        PgType::DoublePrecision => vec![format!("1.{number:02}e300"), format!("-1.{number:02}e300")],
        PgType::Real => vec![format!("1.{number:02}e30"), format!("-1.{number:02}e30")],
        PgType::Text => vec![
            format!("no row has this key, {number:02}"),
            format!("~{number:02}"),
            format!("https://no.row.has.this.invalid/{number:02}"),
        ],
        PgType::Uuid => vec![format!("f0f0f0f0-f0f0-4f0f-bf0f-f0f0f0f0{number:04}")],
        PgType::Bytea => vec![format!("\\xf0f0f0f0f0f0f0f0f0f0f0f0f0f0{number:04}")],
        PgType::Date => vec![format!("{}-12-31", 9800 + number)],
        PgType::Time => vec![format!("23:59:59.9999{number:02}")],
        PgType::Timestamp => vec![format!("{}-12-31 23:59:59", 9800 + number)],
        PgType::Timestamptz => vec![format!("{}-12-31 23:59:59+00", 9800 + number)],
        PgType::Json | PgType::Jsonb => vec![format!("{{\"no row has this\":{number}}}")],
        PgType::Interval => vec![format!("{} years", 100_000 + number)],
        PgType::Money => vec![format!("9000000000{number:02}.11")],
        PgType::Inet => vec![format!("203.0.113.{number}")],
        PgType::Cidr => vec![format!("203.0.113.{number}/32")],
        PgType::Macaddr => vec![format!("f0:f0:f0:f0:f0:{number:02}")],
        PgType::Macaddr8 => vec![format!("f0:f0:f0:f0:f0:f0:f0:{number:02}")],
        PgType::TextArray => vec![format!("{{no row has this,{number}}}")],
        PgType::SmallintArray => vec![format!("{{{}}}", 32_600 + number)],
        PgType::IntegerArray | PgType::BigintArray => vec![format!("{{{}}}", 2_147_480_000 + number)],
        PgType::DoublePrecisionArray | PgType::NumericArray => vec![format!("{{1.{number:02}e30}}")],
        PgType::UuidArray => vec![format!("{{f0f0f0f0-f0f0-4f0f-bf0f-f0f0f0f0{number:04}}}")],
        PgType::Boolean | PgType::BooleanArray => vec![],
    };
    texts.iter().map(|text| typed(column, &quote_pg_literal(text))).collect()
}

/// A literal, or NULL, of the column's type.
pub(super) fn typed(column: &PlannedColumn, literal: &str) -> String {
    let collation = if column.target_type == PgType::Text { " COLLATE \"C\"" } else { "" };
    format!("({literal})::{}{collation}", column.target_type)
}

/// A value that a condition may forbid.
pub(super) struct Candidate<'p> {
    /// The column that gets it.
    pub(super) column: &'p PlannedColumn,
    /// The value in SQLite.
    pub(super) of_source: Value,
    /// The converted value, as PostgreSQL's SQL.
    pub(super) of_target: String,
}

/// Values of a column that `condition`, in SQLite's SQL, may forbid, those that are likeliest to come first.
pub(super) fn of_condition<'p>(column: &'p PlannedColumn, condition: &str) -> Vec<Candidate<'p>> {
    let mut values = vec![Value::Null, Value::Text(String::new()), Value::Text("~ no such value".to_owned())];
    for integer in [
        0,
        -1,
        1,
        2,
        i64::MAX,
        i64::MIN,
        i64::from(i32::MAX),
        i64::from(i32::MIN),
        i64::from(i16::MIN),
        i64::from(i16::MAX),
    ] {
        values.push(Value::Integer(integer));
    }
    values.extend([0.5, -0.5, 1e300, -1e300].map(Value::Real));
    // A condition may name any number of values: no more are taken from it than are kept.
    for number in numbers(condition).take(CANDIDATES_MAX) {
        values.extend([number, number - 1.0, number + 1.0, -number].map(Value::Real));
        let whole = number as i64;
        values.extend(
            [whole, whole.saturating_sub(1), whole.saturating_add(1), whole.saturating_neg()]
                .map(Value::Integer),
        );
        let length = number.clamp(0.0, LENGTH_MAX_CHARS as f64) as usize;
        values.extend([length + 1, length.saturating_sub(1)].map(|length| Value::Text("x".repeat(length))));
    }
    for text in texts(condition).take(CANDIDATES_MAX) {
        let others = [text.to_uppercase(), text.to_lowercase(), format!("{text}~"), format!("~{text}"), text];
        values.extend(others.map(Value::Text));
    }
    values.extend(
        [
            "1000-01-01",
            "9000-12-31",
            "1000-01-01 00:00:00",
            "9000-12-31 23:59:59",
            "ffffffff-ffff-4fff-bfff-ffffffffffff",
        ]
        .map(|text| Value::Text(text.to_owned())),
    );
    values.push(Value::Text("x".repeat(LENGTH_MAX_CHARS)));
    values.push(Value::Blob(Vec::new()));
    // SQLite and PostgreSQL parse the condition for each of them.
    let is_long = condition.len() > LONG_CONDITION_BYTES;
    values.truncate(if is_long { CANDIDATES_OF_LONG_MAX } else { CANDIDATES_MAX });
    values.into_iter().filter_map(|value| candidate(column, value)).collect()
}

fn candidate(column: &PlannedColumn, value: Value) -> Option<Candidate<'_>> {
    let of_target = match &value {
        Value::Null if column.not_null || column.source_not_null => return None,
        Value::Null => "NULL".to_owned(),
        Value::Integer(integer) => literal::of_target(column, SourceValue::Integer(*integer))?,
        Value::Real(real) => literal::of_target(column, SourceValue::Real(*real))?,
        Value::Text(text) => literal::of_target(column, SourceValue::Text(text.as_bytes()))?,
        Value::Blob(blob) => literal::of_target(column, SourceValue::Blob(blob))?,
    };
    Some(Candidate { column, of_target: typed(column, &of_target), of_source: value })
}

/// The numbers in a condition.
fn numbers(condition: &str) -> impl Iterator<Item = f64> {
    let is_of_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.';
    condition
        .split(move |letter: char| !is_of_word(letter))
        .filter_map(|word| word.parse().ok())
        .filter(|number: &f64| number.is_finite())
}

/// The text literals of a condition, without those that are long.
fn texts(condition: &str) -> impl Iterator<Item = String> {
    let is_short = |text: &&str| text.len() <= TEXT_MAX_BYTES;
    condition.split('\'').skip(1).step_by(2).filter(is_short).map(str::to_owned)
}
