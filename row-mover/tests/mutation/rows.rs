//! Damage to complete rows, and values that move from one row or column to another.

use migrate_core::conversion::{Conversion, PgType};
use migrate_core::identifier::quote_pg;
use migrate_core::plan::PlannedTable;
use migrate_core::value::SourceValue;
use row_mover::source::scan::describe_key;

use crate::demand::{ANY_KEY, Demand, Different, TableDemand};
use crate::draw::{Damage, Draw, computed, free_columns};
use crate::kinds::Kind;
use crate::subject::is_keyed;

/// The kinds of damage in this file.
pub const KINDS: &[Kind] = &[
    Kind::drawn("rows: the values of two exchanged", |draw| exchanged(draw, 1_000)),
    Kind::drawn("rows: the values of neighbours exchanged", |draw| exchanged(draw, 1)),
    Kind::drawn("rows: a column shifted by one", shifted),
    Kind::drawn("rows: the values of two columns exchanged", columns_exchanged),
    Kind::drawn("rows: the value of another column of it", column_copied),
    Kind::drawn("rows: all others of a row exchanged", everything_exchanged),
    Kind::drawn("rows: one gone", dropped),
    Kind::drawn("rows: the first or the last gone", end_dropped),
    Kind::drawn("rows: all gone", emptied),
    Kind::drawn("rows: one more, with a new key", inserted),
    Kind::drawn("rows: one more that is there (no key)", doubled),
    Kind::drawn("rows: one for another that is there (no key)", replaced),
    Kind::drawn("rows: another key", key_changed),
    Kind::drawn("rows: moved to another table", moved),
    Kind::drawn("rows: a key that no source has", impossible_key),
    Kind::drawn("rows: a key that is NULL", null_key),
];

/// Demands rows of one table that differ in a column.
fn differ(table: &PlannedTable, keys: &[String], columns: &[usize], is_any: bool) -> TableDemand {
    let names: Vec<String> = columns.iter().map(|&at| table.columns[at].source.clone()).collect();
    let (must, mut may) = if is_any { (Vec::new(), names) } else { (names, Vec::new()) };
    may.extend(computed(table));
    let mut demand = TableDemand::new(&table.source, is_keyed(table));
    for key in keys {
        demand.different.push(Different { key: key.clone(), must: must.clone(), may: may.clone() });
    }
    demand
}

fn exchanged(draw: &mut Draw<'_>, apart: usize) -> Option<Damage> {
    let (table, at) = draw.column(|_| true)?;
    let name = quote_pg(&table.columns[at].target);
    let one = draw.row(&table, &name, "true")?;
    let place: usize = one.place.parse().unwrap();
    let near = format!(
        "row_place BETWEEN {} AND {} AND row_place <> {place} AND {name}::text IS DISTINCT FROM (SELECT x.{name}::text FROM {} AS x WHERE x.ctid = '{}')",
        place.saturating_sub(apart),
        place + apart,
        table.qualified(&table.target),
        one.ctid
    );
    let other = draw.row(&table, &name, &near)?;
    let sql = swap(&table, &[at], &one.ctid, &other.ctid);
    let what = format!("{}.{} at {} and {}", table.source, table.columns[at].source, one.key, other.key);
    let demand = differ(&table, &[one.key, other.key], &[at], false);
    Some(Damage::new(vec![sql], what, Demand::table(demand)).of_rows([&table]))
}

/// Returns the statement that swaps columns of two rows.
fn swap(table: &PlannedTable, columns: &[usize], one: &str, other: &str) -> String {
    let name = table.qualified(&table.target);
    let set: Vec<String> = columns
        .iter()
        .map(|&at| {
            let column = quote_pg(&table.columns[at].target);
            format!("{column} = o.{column}")
        })
        .collect();
    format!(
        "UPDATE {name} AS t SET {} FROM {name} AS o WHERE (t.ctid = '{one}' AND o.ctid = '{other}') OR (t.ctid = '{other}' AND o.ctid = '{one}')",
        set.join(", ")
    )
}

fn everything_exchanged(draw: &mut Draw<'_>) -> Option<Damage> {
    let table = draw.table(|table| is_keyed(table) && free_columns(table, &|_| true).len() > 1)?;
    let columns = free_columns(&table, &|_| true);
    let (one, other) = (draw.row(&table, "NULL", "true")?, draw.row(&table, "NULL", "true")?);
    (one.ctid != other.ctid).then_some(())?;
    let sql = swap(&table, &columns, &one.ctid, &other.ctid);
    let what = format!("{} at {} and {}", table.source, one.key, other.key);
    let demand = differ(&table, &[one.key, other.key], &columns, true);
    Some(Damage::new(vec![sql], what, Demand::table(demand)).of_rows([&table]))
}

/// Shifts a column of a small table by one row.
fn shifted(draw: &mut Draw<'_>) -> Option<Damage> {
    let (table, at) = draw.column(|_| true)?;
    (is_keyed(&table) && table.source != "events" && table.source != "pairs").then_some(())?;
    let (name, column) = (table.qualified(&table.target), quote_pg(&table.columns[at].target));
    let key: Vec<String> = (table.key_positions().iter())
        .map(|&at| {
            let collation = if table.columns[at].target_type == PgType::Text { " COLLATE \"C\"" } else { "" };
            format!("{}{collation}", quote_pg(&table.columns[at].target))
        })
        .collect();
    let before = format!(
        "SELECT ctid, row_number() OVER w - 1 AS n, {column} AS was, lag({column}) OVER w AS v, row_number() OVER w AS nr FROM {name} WINDOW w AS (ORDER BY {})",
        key.join(", ")
    );
    let changed = format!(
        "SELECT n FROM ({before}) AS b WHERE nr > 1 AND v::text IS DISTINCT FROM was::text ORDER BY n"
    );
    let places: Vec<String> = draw.ask(&changed).into_iter().filter_map(|row| row[0].clone()).collect();
    let keys: Vec<String> = places.iter().map(|place| draw.subject.key_words(&table, place)).collect();
    let sql = format!(
        "UPDATE {name} AS t SET {column} = b.v FROM ({before}) AS b WHERE b.ctid = t.ctid AND b.nr > 1"
    );
    let what = format!("{}.{}, {} rows", table.source, table.columns[at].source, keys.len());
    let demand = differ(&table, &keys, &[at], false);
    Some(Damage::new(vec![sql], what, Demand::table(demand)).of_rows([&table]))
}

/// Draws two columns of a table with the same type.
fn pair(draw: &mut Draw<'_>) -> Option<(PlannedTable, usize, usize)> {
    let (table, one) = draw.column(|_| true)?;
    let kind = table.columns[one].target_type;
    let others = free_columns(&table, &|column| column.target_type == kind);
    let others: Vec<usize> = others.into_iter().filter(|other| *other != one).collect();
    let other = *draw.chance.pick(&others)?;
    Some((table, one, other))
}

fn columns_exchanged(draw: &mut Draw<'_>) -> Option<Damage> {
    let (table, one, other) = pair(draw)?;
    let [a, b] = [one, other].map(|at| quote_pg(&table.columns[at].target));
    let row = draw.row(&table, "NULL", &format!("{a}::text IS DISTINCT FROM {b}::text"))?;
    let name = table.qualified(&table.target);
    let sql = format!("UPDATE {name} SET {a} = {b}, {b} = {a} WHERE ctid = '{}'", row.ctid);
    let what = format!("{}: {a} and {b} at {}", table.source, row.key);
    let demand = differ(&table, &[row.key], &[one, other], false);
    Some(Damage::new(vec![sql], what, Demand::table(demand)).of_rows([&table]))
}

fn column_copied(draw: &mut Draw<'_>) -> Option<Damage> {
    let (table, one, other) = pair(draw)?;
    let [a, b] = [one, other].map(|at| quote_pg(&table.columns[at].target));
    let row = draw.row(&table, "NULL", &format!("{a}::text IS DISTINCT FROM {b}::text"))?;
    let sql = format!("UPDATE {} SET {a} = {b} WHERE ctid = '{}'", table.qualified(&table.target), row.ctid);
    let what = format!("{}: {a} from {b} at {}", table.source, row.key);
    let demand = differ(&table, &[row.key], &[one], false);
    Some(Damage::new(vec![sql], what, Demand::table(demand)).of_rows([&table]))
}

fn delete(table: &PlannedTable, row: crate::draw::Row) -> Damage {
    let sql = format!("DELETE FROM {} WHERE ctid = '{}'", table.qualified(&table.target), row.ctid);
    let what = format!("{} at {}", table.source, row.key);
    let mut demand = TableDemand::new(&table.source, is_keyed(table));
    demand.missing.push(row.key);
    Damage::new(vec![sql], what, Demand::table(demand)).of_rows([table])
}

fn dropped(draw: &mut Draw<'_>) -> Option<Damage> {
    let table = draw.table(|_| true)?;
    let row = draw.row(&table, "NULL", "true")?;
    Some(delete(&table, row))
}

fn end_dropped(draw: &mut Draw<'_>) -> Option<Damage> {
    let table = draw.table(is_keyed)?;
    let end = if draw.chance.below(2) == 0 { "min" } else { "max" };
    let row = draw.row(
        &table,
        "NULL",
        &format!(
            "row_place = (SELECT CASE '{end}' WHEN 'min' THEN 0 ELSE count(*) - 1 END FROM {})",
            table.loaded_rows_sql()
        ),
    )?;
    Some(delete(&table, row))
}

fn emptied(draw: &mut Draw<'_>) -> Option<Damage> {
    let table = draw.table(|table| table.existing.is_none())?;
    let name = table.qualified(&table.target);
    let count: usize = draw.ask(&format!("SELECT count(*) FROM {name}"))[0][0].as_ref()?.parse().unwrap();
    let mut demand = TableDemand::new(&table.source, is_keyed(&table));
    demand.missing = (0..count.min(2_000))
        .map(|place| {
            if is_keyed(&table) { draw.subject.key_words(&table, &place.to_string()) } else { String::new() }
        })
        .collect();
    demand.missing.resize(count, "further".to_owned());
    Some(
        Damage::new(vec![format!("DELETE FROM {name}")], table.source.clone(), Demand::table(demand))
            .of_rows([&table]),
    )
}

/// Returns the last column of a key, if new values for it can be generated.
fn key_column(table: &PlannedTable) -> Option<usize> {
    let at = *table.key_positions().last()?;
    let known =
        matches!(table.columns[at].conversion, Conversion::Bigint | Conversion::Integer | Conversion::Text);
    (is_keyed(table) && known).then_some(at)
}

/// Returns the SQL of a new value for the last column of a row's key, and the resulting key as text.
fn new_key(draw: &mut Draw<'_>, table: &PlannedTable, ctid: &str) -> Option<(usize, String, String)> {
    let at = key_column(table)?;
    let key = table.key_positions();
    let columns: Vec<String> =
        key.iter().map(|&at| format!("{}::text", quote_pg(&table.columns[at].target))).collect();
    let name = table.qualified(&table.target);
    let mut values: Vec<String> = draw
        .ask(&format!("SELECT {} FROM {name} WHERE ctid = '{ctid}'", columns.join(", ")))
        .remove(0)
        .into_iter()
        .collect::<Option<_>>()?;
    let last = values.last_mut()?;
    let chance = draw.chance.below(1_000_000);
    *last = match table.columns[at].target_type {
        PgType::Text => {
            [format!("{last} "), format!("new {chance}"), last.to_uppercase(), format!("{last}\u{200b}")]
                [draw.chance.below(4)]
            .clone()
        }
        _ => [last.parse::<i64>().unwrap() + 1, chance as i64 + 1_000_000, -(chance as i64) - 1]
            [draw.chance.below(3)]
        .to_string(),
    };
    let literal =
        format!("{}::{}", migrate_core::identifier::quote_pg_literal(last), table.columns[at].target_type);
    let typed: Option<Vec<SourceValue<'_>>> = (key.iter().zip(&values))
        .map(|(&at, text)| match table.columns[at].conversion {
            Conversion::Bigint | Conversion::Integer => text.parse().ok().map(SourceValue::Integer),
            Conversion::Text => Some(SourceValue::Text(text.as_bytes())),
            _ => None,
        })
        .collect();
    Some((at, literal, describe_key(table, &key, &typed?)))
}

fn inserted(draw: &mut Draw<'_>) -> Option<Damage> {
    let table = draw.table(|table| key_column(table).is_some())?;
    let row = draw.row(&table, "NULL", "true")?;
    let (at, literal, key) = new_key(draw, &table, &row.ctid)?;
    let columns: Vec<String> =
        table.sent_positions().iter().map(|&at| quote_pg(&table.columns[at].target)).collect();
    let key_name = quote_pg(&table.columns[at].target);
    let values: Vec<String> = columns
        .iter()
        .map(|column| if *column == key_name { literal.clone() } else { column.clone() })
        .collect();
    let name = table.qualified(&table.target);
    let sql = format!(
        "INSERT INTO {name} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {name} WHERE ctid = '{}'",
        columns.join(", "),
        values.join(", "),
        row.ctid
    );
    let mut demand = TableDemand::new(&table.source, true);
    demand.extra.push(key);
    Some(Damage::new(vec![sql], table.source.clone(), Demand::table(demand)).of_rows([&table]))
}

fn key_changed(draw: &mut Draw<'_>) -> Option<Damage> {
    let table = draw.table(|table| key_column(table).is_some() && table.existing.is_none())?;
    let row = draw.row(&table, "NULL", "true")?;
    let (at, literal, key) = new_key(draw, &table, &row.ctid)?;
    let name = table.qualified(&table.target);
    let sql = format!(
        "UPDATE {name} SET {} = {literal} WHERE ctid = '{}'",
        quote_pg(&table.columns[at].target),
        row.ctid
    );
    let mut demand = TableDemand::new(&table.source, true);
    demand.missing.push(row.key);
    demand.extra.push(key);
    Some(Damage::new(vec![sql], table.source.clone(), Demand::table(demand)).of_rows([&table]))
}

fn doubled(draw: &mut Draw<'_>) -> Option<Damage> {
    let table = draw.table(|table| table.primary_key.is_none())?;
    let row = draw.row(&table, "NULL", "true")?;
    let name = table.qualified(&table.target);
    let sql = format!("INSERT INTO {name} SELECT * FROM {name} WHERE ctid = '{}'", row.ctid);
    let mut demand = TableDemand::new(&table.source, false);
    demand.extra.push(String::new());
    Some(Damage::new(vec![sql], table.source.clone(), Demand::table(demand)).of_rows([&table]))
}

fn replaced(draw: &mut Draw<'_>) -> Option<Damage> {
    let table = draw.table(|table| table.primary_key.is_none())?;
    let (one, other) = (draw.row(&table, "NULL", "true")?, draw.row(&table, "NULL", "true")?);
    (one.ctid != other.ctid).then_some(())?;
    let name = table.qualified(&table.target);
    let sql = vec![
        format!("INSERT INTO {name} SELECT * FROM {name} WHERE ctid = '{}'", one.ctid),
        format!("DELETE FROM {name} WHERE ctid = '{}'", other.ctid),
    ];
    let mut demand = TableDemand::new(&table.source, false);
    demand.extra.push(String::new());
    demand.missing.push(String::new());
    Some(Damage::new(sql, table.source.clone(), Demand::table(demand)).of_rows([&table]))
}

/// Moves a row to a table with the same columns.
fn moved(draw: &mut Draw<'_>) -> Option<Damage> {
    let shape = |table: &PlannedTable| -> Vec<(String, PgType, bool)> {
        table
            .columns
            .iter()
            .map(|column| (column.target.clone(), column.target_type, column.secret))
            .collect()
    };
    let from = draw.table(|_| true)?;
    let to = draw.table(|to| to.source != from.source && shape(to) == shape(&from))?;
    let row = draw.row(&from, "NULL", "true")?;
    let (from_name, to_name) = (from.qualified(&from.target), to.qualified(&to.target));
    let sql = vec![
        format!(
            "INSERT INTO {to_name} OVERRIDING SYSTEM VALUE SELECT * FROM {from_name} WHERE ctid = '{}'",
            row.ctid
        ),
        format!("DELETE FROM {from_name} WHERE ctid = '{}'", row.ctid),
    ];
    let what = format!("{} at {} to {}", from.source, row.key, to.source);
    let mut missing = TableDemand::new(&from.source, is_keyed(&from));
    missing.missing.push(row.key.clone());
    let mut extra = TableDemand::new(&to.source, is_keyed(&to));
    extra.extra.push(row.key);
    let demand = Demand { tables: vec![missing, extra], ..Demand::default() };
    Some(Damage::new(sql, what, demand).of_rows([&from, &to]))
}

/// Sets the last column of a key to NaN or infinity, which no conversion decodes.
fn impossible_key(draw: &mut Draw<'_>) -> Option<Damage> {
    const KINDS: [PgType; 5] =
        [PgType::Timestamptz, PgType::Timestamp, PgType::Date, PgType::DoublePrecision, PgType::Numeric];
    let last = |table: &PlannedTable| table.key_positions().last().map(|&at| table.columns[at].clone());
    let table = draw
        .table(|table| is_keyed(table) && last(table).is_some_and(|key| KINDS.contains(&key.target_type)))?;
    let key = last(&table)?;
    let value = if key.target_type == PgType::DoublePrecision { "NaN" } else { "infinity" };
    let row = draw.row(&table, "NULL", "true")?;
    let name = table.qualified(&table.target);
    let sql = format!("UPDATE {name} SET {} = '{value}' WHERE ctid = '{}'", quote_pg(&key.target), row.ctid);
    let mut demand = TableDemand::new(&table.source, true);
    demand.missing.push(row.key);
    demand.extra.push(ANY_KEY.to_owned());
    let demand = Demand::table(demand);
    Some(Damage::new(vec![sql], table.source.clone(), demand).of_rows([&table]))
}

fn null_key(draw: &mut Draw<'_>) -> Option<Damage> {
    let table = draw.table(|table| is_keyed(table) && table.existing.is_none())?;
    let primary = table.primary_key.clone()?;
    let column = quote_pg(primary.columns.last()?);
    let row = draw.row(&table, "NULL", "true")?;
    let name = table.qualified(&table.target);
    let sql = vec![
        format!("ALTER TABLE {name} DROP CONSTRAINT {} CASCADE", quote_pg(&primary.name)),
        format!("ALTER TABLE {name} ALTER {column} DROP IDENTITY IF EXISTS"),
        format!("ALTER TABLE {name} ALTER {column} DROP NOT NULL"),
        format!("UPDATE {name} SET {column} = NULL WHERE ctid = '{}'", row.ctid),
    ];
    let mut demand = TableDemand::new(&table.source, true);
    demand.missing.push(row.key);
    demand.extra.push(ANY_KEY.to_owned());
    let demand = Demand {
        schema: vec![format!("{}: constraint {} ", table.target, primary.name)],
        ..Demand::table(demand)
    };
    Some(Damage::new(sql, table.source.clone(), demand).of_rows([&table]))
}
