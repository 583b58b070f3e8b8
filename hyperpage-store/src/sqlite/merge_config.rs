//! Merging settings in SQLite: the document is read and written in one transaction.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::dialect::Connection;
use super::schema::tool_configs;
use crate::domain::ConfigMerge;
use crate::stored::{Stored, known_or_null};
use crate::{Error, Result, Table, Timestamp, json};

/// An unknown value of the column.
const UNKNOWN: Error = Error::UnknownValue { table: Table::ToolConfigs, column: "config" };

pub(super) fn merge(
    connection: &mut Connection,
    tool_name: &str,
    keys: &Map<String, Value>,
    now: Timestamp,
) -> Result<ConfigMerge> {
    let query =
        tool_configs::table.filter(tool_configs::tool_name.eq(tool_name)).select(tool_configs::config);
    let config: Option<Option<Stored<String>>> = query.first(connection).optional()?;
    let Some(config) = config else { return Ok(ConfigMerge::NotFound) };
    let config = known_or_null(config, Table::ToolConfigs, "config")?;
    let config = config.as_deref().unwrap_or("{}");
    if !json::parse(config).ok_or(UNKNOWN)?.is_object() {
        return Ok(ConfigMerge::NotAnObject);
    }
    // The members that stay are copied as text, so that no digit of a number changes.
    let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(config).map_err(|_| UNKNOWN)?;
    for (key, value) in keys {
        members.insert(
            key.clone(),
            serde_json::value::to_raw_value(&json::canonical(value.clone())).map_err(|_| UNKNOWN)?,
        );
    }
    let merged = serde_json::to_string(&members).map_err(|_| UNKNOWN)?;
    diesel::update(tool_configs::table)
        .filter(tool_configs::tool_name.eq(tool_name))
        .set((tool_configs::config.eq(&merged), tool_configs::updated_at.eq(now)))
        .execute(connection)?;
    json::parse(&merged).map(ConfigMerge::Merged).ok_or(UNKNOWN)
}
