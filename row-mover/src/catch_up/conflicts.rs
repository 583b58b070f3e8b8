//! Finds what the order of right changes would break: unique keys whose values move between rows, and foreign keys that would act on
//! rows which are not to change.

use std::ops::Deref;

use migrate_core::identifier::quote_pg;
use postgres_client::connection::Connection;
use postgres_client::guarded::Then;

use super::apply::{Work, as_the_app};
use super::net::NetChanges;
use super::relations::{ForeignKey, UniqueIndex};
use super::set_aside::SetAside;
use super::staged::{StagedColumn, StagedTable};
use crate::error::{Context, Result};

/// The SQLSTATEs of a unique key and of an exclusion constraint that a row violates.
const IS_TAKEN: [&str; 2] = ["23505", "23P01"];

/// The columns, quoted, that are NULL in changed rows before they get their new values.
#[derive(Debug, Default)]
pub(super) struct Parked(Vec<String>);

impl Deref for Parked {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

/// Tries the updates of a table. Where a value moves from one row to another, the unique key's column is parked, or else the key is
/// dropped and made again.
pub(super) fn parked(
    work: &Work<'_>,
    table: &StagedTable<'_>,
    net: &NetChanges,
    aside: &mut SetAside,
    target: &mut Connection,
) -> Result<Parked> {
    let Some(update) = table.update_sql().filter(|_| net.is_keyed && net.kept > 0) else {
        return Ok(Parked::default());
    };
    let mut left: Vec<&UniqueIndex> = Vec::new();
    for index in work.relations.unique_indexes.iter().filter(|index| index.table == table.name) {
        if may_move(table, index, target)? {
            left.push(index);
        }
    }
    // Which key is parked by which column; all of them are dropped if NULL is refused.
    let mut parked: Vec<(&UniqueIndex, String)> = Vec::new();
    while !left.is_empty() {
        let columns: Vec<String> = parked.iter().map(|(_, column)| column.clone()).collect();
        let statement = match columns.is_empty() {
            true => update.clone(),
            false => format!("{}; {update}", table.park_sql(&columns)),
        };
        let tried = as_the_app(table, target, |target| Ok(target.guarded(&statement, Then::Undo)?))?;
        let Err(refused) = tried else { break };
        let is_taken = refused.sqlstate.as_deref().is_some_and(|sqlstate| IS_TAKEN.contains(&sqlstate));
        let taken = left.iter().position(|index| Some(&index.name) == refused.constraint.as_ref());
        match taken.filter(|_| is_taken) {
            Some(place) => {
                let index = left.remove(place);
                match parkable(work, table, index) {
                    Some(column) => {
                        parked.push((index, column));
                        // If that does not help, it is dropped.
                        left.push(index);
                        if parked.iter().filter(|(other, _)| other.name == index.name).count() > 1 {
                            left.pop();
                            parked.retain(|(other, _)| other.name != index.name);
                            drop_now(index, work, aside, target)?;
                        }
                    }
                    None => drop_now(index, work, aside, target)?,
                }
            }
            None if !parked.is_empty() => {
                for (index, _) in std::mem::take(&mut parked) {
                    left.retain(|other| other.name != index.name);
                    drop_now(index, work, aside, target)?;
                }
            }
            // The change itself reports it.
            None => break,
        }
    }
    Ok(Parked(parked.into_iter().map(|(_, column)| column).collect()))
}

fn drop_now(
    index: &UniqueIndex,
    work: &Work<'_>,
    aside: &mut SetAside,
    target: &mut Connection,
) -> Result<()> {
    aside.drop_unique(index, &work.relations);
    aside.set_aside(target)
}

/// Whether a row that stays may get another value of a unique key.
fn may_move(table: &StagedTable<'_>, index: &UniqueIndex, target: &mut Connection) -> Result<bool> {
    let is_key =
        |names: &[String]| names.iter().all(|name| table.key_columns().any(|key| key.name == quote_pg(name)));
    match &index.columns {
        Some(names) if is_key(names) => Ok(false),
        Some(names) => match table.changes_sql(names) {
            Some(sql) => target.one(&sql, &[]).context(|| "the unique keys of the target cannot be compared"),
            None => Ok(true),
        },
        None => Ok(true),
    }
}

/// A column of a unique key that can be NULL meanwhile, quoted: one that no foreign key has.
fn parkable(work: &Work<'_>, table: &StagedTable<'_>, index: &UniqueIndex) -> Option<String> {
    let is_referenced = |name: &String| {
        work.relations.foreign_keys.iter().any(|key| {
            (key.child == table.name && key.child_columns.contains(name))
                || (key.parent == table.name && key.parent_columns.contains(name))
        })
    };
    let is_free = |name: &&String| {
        let quoted = quote_pg(name);
        table.columns.iter().any(|column| column.name == quoted)
            && !table.key_columns().any(|column| column.name == quoted)
            && !is_referenced(name)
    };
    index.nullable.iter().find(is_free).map(|name| quote_pg(name))
}

/// The foreign keys that would act on rows which are not to change, or refuse at once what is right in the end.
pub(super) fn acting_keys<'w>(
    work: &'w Work<'_>,
    aside: &SetAside,
    target: &mut Connection,
) -> Result<Vec<&'w ForeignKey>> {
    let mut acting = Vec::new();
    for key in &work.relations.foreign_keys {
        if aside.has_dropped(key) || !(key.acts_on_delete || key.acts_on_update) {
            continue;
        }
        let Some(parent) = work.staged.iter().position(|table| table.name == key.parent) else { continue };
        if acts(work, key, parent, target)? {
            acting.push(key);
        }
    }
    Ok(acting)
}

fn acts(work: &Work<'_>, key: &ForeignKey, parent: usize, target: &mut Connection) -> Result<bool> {
    let (Some(table), Some(net)) = (work.staged.get(parent), work.net.get(parent)) else { return Ok(false) };
    if net.deleted == 0 && net.kept == 0 {
        return Ok(false);
    }
    let Some(gone) = gone_values(table, net, key) else { return Ok(true) };
    let pairs = key
        .child_columns
        .iter()
        .enumerate()
        .map(|(place, name)| format!("c.{} = g.c{place}", quote_pg(name)));
    let pairs: Vec<String> = pairs.collect();
    let sql = format!(
        "SELECT EXISTS (SELECT FROM {} AS c JOIN ({gone}) AS g ON {}{})",
        key.child,
        pairs.join(" AND "),
        still_there(work, key, parent)
    );
    target.one(&sql, &[]).context(|| format!("foreign key {} cannot be examined", key.name))
}

/// The columns of a table with these names; none where one of them is not sent.
fn sent_columns<'t>(table: &'t StagedTable<'_>, names: &[String]) -> Option<Vec<&'t StagedColumn>> {
    let of_name = |name: &String| table.columns.iter().find(|column| column.name == quote_pg(name));
    names.iter().map(of_name).collect()
}

/// The values of a parent's referenced columns that it will not have any more, as `c0`, `c1` and so on; none where that is not known.
fn gone_values(table: &StagedTable<'_>, net: &NetChanges, key: &ForeignKey) -> Option<String> {
    let columns = sent_columns(table, &key.parent_columns);
    if !net.is_keyed {
        let values = columns?.into_iter().enumerate();
        let values: Vec<String> =
            values.map(|(place, column)| format!("{} AS c{place}", column.value("s"))).collect();
        return Some(format!("SELECT {} FROM {} AS s", values.join(", "), table.removed_name()));
    }
    let names = key.parent_columns.iter().enumerate();
    let names: Vec<String> = names.map(|(place, name)| format!("t.{} AS c{place}", quote_pg(name))).collect();
    let of_key = format!("SELECT FROM {} AS s WHERE {}", table.added_name(), table.same_staged_key("s", "r"));
    let mut conditions = Vec::new();
    if key.acts_on_delete {
        conditions.push(format!("NOT EXISTS ({of_key})"));
    }
    // Columns that are not sent keep their values.
    if let Some(columns) = columns.filter(|_| key.acts_on_update) {
        let stored: Vec<String> = columns.iter().map(|column| column.stored("t")).collect();
        let values: Vec<String> = columns.iter().map(|column| column.value("s")).collect();
        conditions.push(format!(
            "EXISTS ({of_key} AND ROW({})::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW({})::pg_catalog.record)",
            stored.join(", "),
            values.join(", ")
        ));
    }
    let condition = if conditions.is_empty() { "false".to_owned() } else { conditions.join(" OR ") };
    Some(format!(
        "SELECT {} FROM {} AS t JOIN {} AS r ON {} WHERE {condition}",
        names.join(", "),
        table.name,
        table.removed_name(),
        table.same_key("t", "r")
    ))
}

/// The condition that a child `c` still points to its parent when that is changed: those that are deleted or changed before do not.
fn still_there(work: &Work<'_>, key: &ForeignKey, parent: usize) -> String {
    let Some(child) = work.staged.iter().position(|table| table.name == key.child) else {
        return String::new();
    };
    let turn = |place: usize| work.order.iter().position(|other| *other == place);
    let (Some(table), Some(net)) = (work.staged.get(child), work.net.get(child)) else {
        return String::new();
    };
    if !net.is_keyed || turn(child) > turn(parent) {
        return String::new();
    }
    let mut sql = format!(
        " WHERE NOT EXISTS (SELECT FROM {} AS r WHERE {} AND NOT EXISTS (SELECT FROM {} AS s WHERE {}))",
        table.removed_name(),
        table.same_key("c", "r"),
        table.added_name(),
        table.same_staged_key("s", "r")
    );
    // Within one table rows are deleted before others are changed.
    if let Some(columns) = sent_columns(table, &key.child_columns).filter(|_| child != parent) {
        let stored: Vec<String> = columns.iter().map(|column| column.stored("c")).collect();
        let values: Vec<String> = columns.iter().map(|column| column.value("s")).collect();
        sql.push_str(&format!(
            " AND NOT EXISTS (SELECT FROM {} AS s WHERE {} AND ROW({})::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW({})::pg_catalog.record)",
            table.added_name(),
            table.same_key("c", "s"),
            stored.join(", "),
            values.join(", ")
        ));
    }
    sql
}
