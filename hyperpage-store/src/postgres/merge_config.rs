//! Merging settings in PostgreSQL: one statement with the operator `||`.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Jsonb, Nullable};
use serde_json::{Map, Value};

use super::dialect::{Connection, document};
use super::schema::tool_configs;
use crate::domain::ConfigMerge;
use crate::stored::Stored;
use crate::{Result, Table, Timestamp};

diesel::define_sql_function! {
    /// The first argument, or the second one if that is NULL.
    fn coalesce(value: Nullable<Jsonb>, default: Jsonb) -> Jsonb;
}

diesel::define_sql_function! {
    /// The kind of a document.
    fn jsonb_typeof(document: Jsonb) -> Text;
}

pub(super) fn merge(
    connection: &mut Connection,
    tool_name: &str,
    keys: &Map<String, Value>,
    now: Timestamp,
) -> Result<ConfigMerge> {
    let keys = Value::Object(keys.clone());
    let empty = Value::Object(Map::new());
    let config = || coalesce(tool_configs::config, &empty);
    let merged: Option<Option<Stored<Value>>> = diesel::update(tool_configs::table)
        .filter(tool_configs::tool_name.eq(tool_name))
        .filter(jsonb_typeof(config()).eq("object"))
        .set((
            tool_configs::config.eq(config().concat(document(&keys)).nullable()),
            tool_configs::updated_at.eq(now),
        ))
        .returning(tool_configs::config)
        .get_result(connection)
        .optional()?;
    if let Some(Some(merged)) = merged {
        return merged.known(Table::ToolConfigs, "config").map(ConfigMerge::Merged);
    }
    let query = tool_configs::table.filter(tool_configs::tool_name.eq(tool_name)).select(sql::<Bool>("TRUE"));
    let exists: Option<bool> = query.first(connection).optional()?;
    Ok(exists.map_or(ConfigMerge::NotFound, |_| ConfigMerge::NotAnObject))
}
