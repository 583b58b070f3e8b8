//! Keys, foreign keys, CHECKs and indexes of a table.

use migrate_core::terms::IndexMethod;

use super::Imports;
use crate::model::{Database, ForeignKey, Index, IndexKey, Key, Table};
use crate::names::{TABLE_PARAMETER, string};

/// Returns the constraints and indexes, each as an expression.
pub(super) fn lines(database: &Database<'_>, table: &Table<'_>, imports: &mut Imports) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(key) = &table.primary_key {
        let columns = list(table, TABLE_PARAMETER, &key.columns);
        let function = imports.core("primaryKey");
        lines.push(format!("{function}({{ name: {}, columns: [{columns}] }})", string(key.name)));
    }
    lines.extend(table.unique.iter().map(|key| unique(table, key, imports)));
    lines.extend(table.foreign_keys.iter().map(|key| foreign_key(database, table, key, imports)));
    lines.extend(table.checks.iter().map(|check| {
        let condition = imports.sql(&check.expression);
        format!("{}({}, {condition})", imports.core("check"), string(&check.name))
    }));
    lines.extend(table.indexes.iter().map(|index| self::index(table, index, imports)));
    lines
}

fn unique(table: &Table<'_>, key: &Key<'_>, imports: &mut Imports) -> String {
    let columns = list(table, TABLE_PARAMETER, &key.columns);
    format!("{}({}).on({columns})", imports.core("unique"), string(key.name))
}

fn foreign_key(
    database: &Database<'_>,
    table: &Table<'_>,
    key: &ForeignKey<'_>,
    imports: &mut Imports,
) -> String {
    let columns = list(table, TABLE_PARAMETER, &key.columns);
    let foreign = match database.tables.get(key.parent) {
        Some(parent) if parent.constant != table.constant => {
            list(parent, &parent.constant, &key.parent_columns)
        }
        _ => list(table, TABLE_PARAMETER, &key.parent_columns),
    };
    let name = string(&key.planned.name);
    let mut text = format!(
        "{}({{ name: {name}, columns: [{columns}], foreignColumns: [{foreign}] }})",
        imports.core("foreignKey")
    );
    for (event, action) in [("onUpdate", &key.planned.on_update), ("onDelete", &key.planned.on_delete)] {
        if action != "NO ACTION" {
            text.push_str(&format!(".{event}({})", string(&action.to_lowercase())));
        }
    }
    text
}

fn index(table: &Table<'_>, index: &Index<'_>, imports: &mut Imports) -> String {
    let function = imports.core(if index.planned.unique { "uniqueIndex" } else { "index" });
    let keys: Vec<String> = index
        .keys
        .iter()
        .map(|key| match key {
            IndexKey::Column { name, descending, class } => {
                let order = if *descending { ".desc().nullsFirst()" } else { "" };
                let class = class.as_ref().map(|class| format!(".op({})", string(class))).unwrap_or_default();
                format!("{}{order}{class}", member(table, TABLE_PARAMETER, name))
            }
            IndexKey::Expression(sql) => imports.sql(sql),
        })
        .collect();
    let keys = keys.join(", ");
    let on = match index.planned.method {
        IndexMethod::Btree => format!("on({keys})"),
        method => format!("using({}, {keys})", string(method.sql())),
    };
    let mut text = format!("{function}({}).{on}", string(&index.planned.name));
    if let Some(predicate) = &index.planned.predicate {
        text.push_str(&format!(".where({})", imports.sql(predicate)));
    }
    text
}

fn list(table: &Table<'_>, constant: &str, columns: &[&str]) -> String {
    columns.iter().map(|name| member(table, constant, name)).collect::<Vec<_>>().join(", ")
}

/// A column as a property of its table.
fn member(table: &Table<'_>, constant: &str, name: &str) -> String {
    let property = table.column(name).map(|column| column.property.as_str()).unwrap_or_default();
    format!("{constant}.{property}")
}
