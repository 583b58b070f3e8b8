//! Queries on `app_state`.

use diesel::prelude::*;

use super::dialect::Connection;
use super::schema::app_state;
use crate::domain::{Expected, StateEntry};
use crate::stored::{Stored, known_or_null};
use crate::{Error, Result, Table, Timestamp};

#[derive(Queryable, Selectable)]
#[diesel(table_name = app_state)]
struct Row {
    key: Stored<String>,
    value: Option<Stored<String>>,
    updated_at: Stored<Timestamp>,
}

impl TryFrom<Row> for StateEntry {
    type Error = Error;

    fn try_from(row: Row) -> Result<StateEntry> {
        Ok(StateEntry {
            key: row.key.known(Table::AppState, "key")?,
            value: known_or_null(row.value, Table::AppState, "value")?,
            updated_at: row.updated_at.known(Table::AppState, "updated_at")?,
        })
    }
}

pub(super) fn find(connection: &mut Connection, key: &str) -> Result<Option<StateEntry>> {
    let query = app_state::table.filter(app_state::key.eq(key)).select(Row::as_select());
    query.first(connection).optional()?.map(StateEntry::try_from).transpose()
}

pub(super) fn set(connection: &mut Connection, key: &str, value: Option<&str>, now: Timestamp) -> Result<()> {
    let change = (app_state::value.eq(value), app_state::updated_at.eq(now));
    diesel::insert_into(app_state::table)
        .values((app_state::key.eq(key), change))
        .on_conflict(app_state::key)
        .do_update()
        .set(change)
        .execute(connection)?;
    Ok(())
}

pub(super) fn compare_and_set(
    connection: &mut Connection,
    key: &str,
    expected: Expected<'_>,
    value: Option<&str>,
    now: Timestamp,
) -> Result<bool> {
    let change = (app_state::value.eq(value), app_state::updated_at.eq(now));
    let entry = diesel::update(app_state::table).filter(app_state::key.eq(key)).set(change);
    let changed = match expected {
        Expected::Absent => diesel::insert_into(app_state::table)
            .values((app_state::key.eq(key), change))
            .on_conflict_do_nothing()
            .execute(connection)?,
        Expected::Value(Some(value)) => entry.filter(app_state::value.eq(value)).execute(connection)?,
        Expected::Value(None) => entry.filter(app_state::value.is_null()).execute(connection)?,
    };
    Ok(changed == 1)
}

pub(super) fn delete(connection: &mut Connection, key: &str) -> Result<bool> {
    Ok(diesel::delete(app_state::table).filter(app_state::key.eq(key)).execute(connection)? == 1)
}
