//! Queries on `tool_configs`.

use diesel::prelude::*;
use serde_json::Value;

use super::dialect::{Connection, document, flag, number};
use super::schema::tool_configs;
use crate::domain::{NewToolConfig, ToolConfig};
use crate::stored::{Stored, known_or_null};
use crate::{Error, Result, Table, Timestamp};

pub(super) use super::merge_config::merge;

#[derive(Queryable, Selectable)]
#[diesel(table_name = tool_configs)]
struct Row {
    tool_name: Stored<String>,
    enabled: Stored<bool>,
    config: Option<Stored<Value>>,
    refresh_interval: Option<Stored<i32>>,
    notifications: Stored<bool>,
    updated_at: Stored<Timestamp>,
}

impl TryFrom<Row> for ToolConfig {
    type Error = Error;

    fn try_from(row: Row) -> Result<ToolConfig> {
        let table = Table::ToolConfigs;
        Ok(ToolConfig {
            tool_name: row.tool_name.known(table, "tool_name")?,
            enabled: row.enabled.known(table, "enabled")?,
            config: known_or_null(row.config, table, "config")?,
            refresh_interval_ms: known_or_null(row.refresh_interval, table, "refresh_interval")?,
            notifications: row.notifications.known(table, "notifications")?,
            updated_at: row.updated_at.known(table, "updated_at")?,
        })
    }
}

pub(super) fn find(connection: &mut Connection, tool_name: &str) -> Result<Option<ToolConfig>> {
    let query = tool_configs::table.filter(tool_configs::tool_name.eq(tool_name)).select(Row::as_select());
    query.first(connection).optional()?.map(ToolConfig::try_from).transpose()
}

pub(super) fn save(connection: &mut Connection, config: &NewToolConfig, now: Timestamp) -> Result<()> {
    let settings = config.config.as_ref().map(document);
    let change = (
        tool_configs::enabled.eq(flag(config.enabled)),
        tool_configs::config.eq(&settings),
        tool_configs::refresh_interval.eq(config.refresh_interval_ms.map(number)),
        tool_configs::notifications.eq(flag(config.notifications)),
        tool_configs::updated_at.eq(now),
    );
    diesel::insert_into(tool_configs::table)
        .values((tool_configs::tool_name.eq(&config.tool_name), change))
        .on_conflict(tool_configs::tool_name)
        .do_update()
        .set(change)
        .execute(connection)?;
    Ok(())
}

pub(super) fn enabled(connection: &mut Connection) -> Result<Vec<ToolConfig>> {
    let query = tool_configs::table
        .filter(tool_configs::enabled.eq(flag(true)))
        .order(tool_configs::tool_name)
        .select(Row::as_select());
    query.load(connection)?.into_iter().map(ToolConfig::try_from).collect()
}
