//! Damage to sequences and to the lists of applied migrations.

use migrate_core::identifier::quote_pg;
use migrate_core::plan::PlannedTable;

use crate::demand::Demand;
use crate::draw::{Damage, Draw};
use crate::kinds::Kind;

/// The kinds of damage in this file.
pub const KINDS: &[Kind] = &[
    Kind::drawn("sequence: set back to 1", |draw| set(draw, |_| "1, false".to_owned())),
    Kind::drawn("sequence: set back by one", |draw| set(draw, |next| format!("{}, false", next - 1))),
    Kind::drawn("sequence: set to half", |draw| set(draw, |next| format!("{}, true", (next - 2).max(2) / 2))),
    Kind::drawn("sequence: another increment", |draw| altered(draw, "INCREMENT BY -1")),
    Kind::drawn("sequence: steps of two", |draw| altered(draw, "INCREMENT BY 2")),
    Kind::drawn("sequence: cycle", |draw| altered(draw, "CYCLE")),
    Kind::drawn("sequence: an end", |draw| altered(draw, "MAXVALUE 1000000")),
    Kind::drawn("sequence: a smaller type", |draw| altered(draw, "AS integer")),
    Kind::drawn("sequence: owned by none", |draw| altered(draw, "OWNED BY NONE")),
    Kind::drawn("sequence: gone", |draw| {
        let (table, _, sequence) = serial(draw)?;
        let sql = format!("DROP SEQUENCE {} CASCADE", table.qualified(&sequence));
        Some(Damage::new(vec![sql], sequence.clone(), Demand::schema(&sequence, "sequence")).of_schema())
    }),
    Kind::drawn("sequence: renamed", |draw| {
        let (table, _, sequence) = serial(draw)?;
        let sql = format!("ALTER SEQUENCE {} RENAME TO other_seq", table.qualified(&sequence));
        Some(Damage::new(vec![sql], sequence.clone(), Demand::schema(&sequence, "sequence")).of_schema())
    }),
    Kind::drawn("identity: gone", |draw| identity(draw, "DROP IDENTITY")),
    Kind::drawn("identity: always", |draw| identity(draw, "SET GENERATED ALWAYS")),
    Kind::drawn("bookkeeping: a migration is not known", |draw| {
        let schema = quote_pg(&draw.subject.case.plan.target_schema);
        let version = (draw.chance.below(2) + 1).to_string();
        let name = if version == "1" { "1_tables" } else { "2_constraints" };
        let sql = format!("DELETE FROM {schema}.__diesel_schema_migrations WHERE version = '{version}'");
        let demand = Demand { migrations: vec![name.to_owned()], ..Demand::default() };
        let images = vec![format!("SELECT count(*) FROM {schema}.__diesel_schema_migrations")];
        Some(Damage { images, ..Damage::new(vec![sql], name.to_owned(), demand) })
    }),
    Kind::drawn("baseline: gone", |draw| baseline(draw, "DROP TABLE {}", "is gone")),
    Kind::drawn("baseline: a row gone", |draw| {
        baseline(draw, "DELETE FROM {} WHERE id = {id}", "does not list the migration")
    }),
    Kind::drawn("baseline: another hash", |draw| {
        baseline(draw, "UPDATE {} SET hash = 'x' WHERE id = {id}", "another hash")
    }),
    Kind::drawn("baseline: another time", |draw| {
        baseline(
            draw,
            "UPDATE {} SET created_at = created_at + 1 WHERE id = {id}",
            "created_at of a migration is 17",
        )
    }),
    Kind::drawn("baseline: no time", |draw| {
        baseline(draw, "UPDATE {} SET created_at = NULL WHERE id = {id}", "created_at of a migration is NULL")
    }),
    Kind::drawn("baseline: a row without a time", |draw| {
        baseline(draw, "INSERT INTO {} (hash) VALUES ('x')", "has a row without created_at")
    }),
];

/// Damages the list of the app's own migrator; `{}` stands for it, and `{id}` for one of its rows.
fn baseline(draw: &mut Draw<'_>, sql: &str, words: &str) -> Option<Damage> {
    let list = draw.subject.case.request().baseline?.name();
    let id = draw.chance.below(2) + 1;
    let sql = sql.replace("{}", &list).replace("{id}", &id.to_string());
    let demand = Demand { baseline: vec![words.to_owned()], ..Demand::default() };
    let rows = format!("SELECT string_agg(r::text, ' ') FROM {list} AS r");
    let images = if sql.starts_with("DROP") { vec![] } else { vec![rows] };
    Some(Damage { images, ..Damage::new(vec![sql.clone()], sql, demand) })
}

/// Draws a table with a sequence, the numbered column, and the sequence.
fn numbered(draw: &mut Draw<'_>) -> Option<(PlannedTable, String, String)> {
    let table = draw.table(|table| table.existing.is_none() && table.sequence_column().is_some())?;
    let (column, sequence) = table.sequence_column()?;
    let (column, sequence) = (column.target.clone(), sequence.to_owned());
    Some((table, column, sequence))
}

/// The same, only for sequences that are not part of an identity.
fn serial(draw: &mut Draw<'_>) -> Option<(PlannedTable, String, String)> {
    let numbered = numbered(draw)?;
    numbered.0.sequence_column()?.0.numbering.is_serial().then_some(numbered)
}

fn set(draw: &mut Draw<'_>, value: fn(i64) -> String) -> Option<Damage> {
    let (table, _, sequence) = numbered(draw)?;
    let name = table.qualified(&sequence);
    let next = format!("SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM {name}");
    let next: i64 = draw.ask(&next)[0][0].as_ref()?.parse().unwrap();
    // An unused sequence cannot be set back.
    (next > 1).then_some(())?;
    let literal = migrate_core::identifier::quote_pg_literal(&name);
    let sql = format!("SELECT setval({literal}, {})", value(next));
    let demand = Demand { sequences: vec![format!("sequence {sequence}: ")], ..Demand::default() };
    let images = vec![format!("SELECT last_value, is_called FROM {name}")];
    Some(Damage { images, ..Damage::new(vec![sql], sequence, demand) })
}

fn altered(draw: &mut Draw<'_>, how: &str) -> Option<Damage> {
    let (table, _, sequence) = if how.starts_with("OWNED") { serial(draw)? } else { numbered(draw)? };
    let sql = format!("ALTER SEQUENCE {} {how}", table.qualified(&sequence));
    Some(Damage::new(vec![sql], sequence.clone(), Demand::schema(&sequence, "sequence")).of_schema())
}

fn identity(draw: &mut Draw<'_>, how: &str) -> Option<Damage> {
    let (table, column, _) = numbered(draw)?;
    let sql = format!("ALTER TABLE {} ALTER {} {how}", table.qualified(&table.target), quote_pg(&column));
    let demand = Demand::schema(&table.target, &format!("column {column}"));
    Some(Damage::new(vec![sql], table.source.clone(), demand).of_schema())
}
