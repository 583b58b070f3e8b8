//! Inserts new rows on both sides: PostgreSQL must refuse what SQLite refuses, and accept what SQLite accepts. Tests only tables that
//! migrated completely, and only columns whose values are written in the same way on both sides.

use rusqlite::Connection;

use super::prng::Prng;
use super::schema::quoted;
use super::values::Kind;
use crate::engine::{Case, chain};

/// Number of rows tried for each table.
const ROWS: u64 = 12;

/// A column that a new row may fill.
struct Field<'a> {
    source: &'a str,
    target: &'a str,
    kind: Kind,
    is_key: bool,
}

/// Returns the disagreements of the two sides.
pub fn disagreements(case: &Case, seed: u64) -> Vec<String> {
    let source = Connection::open(&case.source).unwrap();
    source.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = ON").unwrap();
    let mut target = case.session();
    let mut prng = Prng::new(seed ^ 0x0b5e);
    let mut wrong = Vec::new();
    for table in &case.plan.tables {
        let is_part = |item: &migrate_core::plan::LeftBehind| item.name.contains(&table.source);
        let is_weaker = case.plan.breaches.iter().any(|breach| breach.table == table.source);
        if is_weaker || case.plan.left_behind.iter().any(is_part) {
            continue;
        }
        let is_key = |column: &str| {
            table.primary_key.as_ref().is_some_and(|key| key.columns.iter().any(|name| name == column))
        };
        // SQLite assigns a number to a NULL id, and accepts NULL in other keys. PostgreSQL does neither, as documented.
        let writable: Vec<Field<'_>> = (table.columns.iter())
            .filter(|column| column.generated.is_none() && column.sequence.is_none())
            .filter_map(|column| {
                let kind = kind(column.target_type.sql())?;
                Some(Field {
                    source: &column.source,
                    target: &column.target,
                    kind,
                    is_key: is_key(&column.target),
                })
            })
            .collect();
        if table.columns.iter().any(|column| {
            is_key(&column.target) && column.sequence.is_none() && kind(column.target_type.sql()).is_none()
        }) {
            continue;
        }
        for _ in 0..ROWS {
            let chosen: Vec<_> = writable.iter().filter(|field| field.is_key || !prng.one_in(5)).collect();
            let values: Vec<String> = chosen.iter().map(|field| value(&mut prng, field)).collect();
            let names = |of: &dyn Fn(&Field<'_>) -> String| {
                chosen.iter().map(|field| of(field)).collect::<Vec<_>>().join(", ")
            };
            let there =
                insert(&table.target, &names(&|field| quoted(field.target)), &in_postgres(&chosen, &values));
            let here = insert(&table.source, &names(&|field| quoted(field.source)), &values.join(", "));
            let taken_here = tried(&source, &here);
            target.query("BEGIN", &[]).unwrap();
            // A deferred foreign key fails only at commit.
            let taken_there =
                target.query(&there, &[]).and_then(|_| target.query("SET CONSTRAINTS ALL IMMEDIATE", &[]));
            target.query("ROLLBACK", &[]).unwrap();
            match (taken_here, taken_there) {
                (Ok(()), Ok(_)) | (Err(_), Err(_)) => {}
                (Err(why), Ok(_)) => wrong.push(format!("PostgreSQL takes {there}, and SQLite says {why}")),
                (Ok(()), Err(error)) => {
                    wrong.push(format!("SQLite takes {here}, and PostgreSQL says {}", chain(&error)))
                }
            }
        }
    }
    wrong
}

/// A kind of values that both sides write in the same way.
fn kind(target_type: &str) -> Option<Kind> {
    match target_type {
        "text" => Some(Kind::Word),
        "bigint" | "integer" | "smallint" => Some(Kind::Boolean),
        "double precision" => Some(Kind::Float),
        "boolean" => Some(Kind::Boolean),
        "bytea" => Some(Kind::Bytes),
        _ => None,
    }
}

fn value(prng: &mut Prng, field: &Field<'_>) -> String {
    if !field.is_key && prng.one_in(8) { "NULL".to_owned() } else { field.kind.value(prng) }
}

/// Converts SQLite's literals for PostgreSQL: all quoted, so that the column determines their type.
fn in_postgres(fields: &[&Field<'_>], values: &[String]) -> String {
    let literal = |(field, value): (&&Field<'_>, &String)| match (value.as_str(), field.kind) {
        ("NULL", _) => value.clone(),
        ("9e999", _) => "'Infinity'".to_owned(),
        ("-9e999", _) => "'-Infinity'".to_owned(),
        ("zeroblob(1000)", _) => "decode(repeat('00', 1000), 'hex')".to_owned(),
        (blob, Kind::Bytes) => format!("'\\x{}'", blob.trim_start_matches('x').trim_matches('\'')),
        (text, _) if text.starts_with('\'') => text.to_owned(),
        (number, _) => format!("'{number}'"),
    };
    fields.iter().zip(values).map(literal).collect::<Vec<_>>().join(", ")
}

fn insert(table: &str, names: &str, values: &str) -> String {
    if names.is_empty() {
        return format!("INSERT INTO {} DEFAULT VALUES", quoted(table));
    }
    format!("INSERT INTO {} ({names}) VALUES ({values})", quoted(table))
}

/// Whether SQLite accepts a row; rolled back afterwards.
fn tried(source: &Connection, sql: &str) -> Result<(), String> {
    source.execute_batch("BEGIN").unwrap();
    let done = source.execute_batch(sql).map_err(|error| error.to_string());
    // A deferred foreign key fails only at commit; violations before that are not errors.
    let broken =
        done.is_ok() && source.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap_or(true);
    source.execute_batch("ROLLBACK").unwrap();
    if broken { Err("a row points nowhere".to_owned()) } else { done }
}
