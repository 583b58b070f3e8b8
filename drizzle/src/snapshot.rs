//! The snapshots of drizzle-kit, `meta/NNNN_snapshot.json`: what `generate` compares `schema.ts` with.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::journal::{VERSION, pretty};
use crate::model::{Column, Database, ForeignKey, Index, IndexKey, PUBLIC, Sequence, Table, View};

/// The `prevId` of the first snapshot.
const ORIGIN: &str = "00000000-0000-0000-0000-000000000000";

/// Returns the texts of the two snapshots: tables without constraints, then everything.
pub(crate) fn snapshots(database: &Database<'_>) -> [String; 2] {
    let first = content(database, false);
    let second = content(database, true);
    let first_id = id(&first, ORIGIN);
    let second_id = id(&second, &first_id);
    [with_ids(&first_id, ORIGIN, first), with_ids(&second_id, &first_id, second)]
}

fn with_ids(id: &str, previous: &str, content: Map<String, Value>) -> String {
    let mut snapshot = Map::new();
    snapshot.insert("id".to_owned(), Value::from(id));
    snapshot.insert("prevId".to_owned(), Value::from(previous));
    snapshot.extend(content);
    pretty(&Value::Object(snapshot))
}

/// A UUID of version 8 (RFC 9562, section 5.8) that follows from the content, so that each run gives the same.
fn id(content: &Map<String, Value>, previous: &str) -> String {
    let text = format!("{previous} {}", Value::Object(content.clone()));
    let mut bytes: Vec<u8> = Sha256::digest(text.as_bytes()).to_vec();
    bytes.truncate(16);
    for (place, byte) in bytes.iter_mut().enumerate() {
        match place {
            6 => *byte = *byte & 0x0f | 0x80,
            8 => *byte = *byte & 0x3f | 0x80,
            _ => {}
        }
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

fn content(database: &Database<'_>, with_constraints: bool) -> Map<String, Value> {
    let tables = database.tables.iter().map(|table| {
        let key = format!("{}.{}", table.planned.schema_name(), table.planned.target);
        (key, self::table(database, table, with_constraints))
    });
    let views = database.views.iter().filter(|_| with_constraints);
    let views = views.map(|view| (format!("{}.{}", view.schema, view.planned.target), self::view(view)));
    let schemas = database.schemas.iter().map(|schema| (schema.name.to_owned(), Value::from(schema.name)));
    let sequences = database
        .sequences
        .iter()
        .map(|sequence| (format!("{}.{}", sequence.schema, sequence.name), self::sequence(sequence)));
    let content = json!({
        "version": VERSION,
        "dialect": "postgresql",
        "tables": object(tables),
        "enums": {},
        "schemas": object(schemas),
        "sequences": object(sequences),
        "roles": {},
        "policies": {},
        "views": object(views),
        "_meta": { "schemas": {}, "tables": {}, "columns": {} },
    });
    match content {
        Value::Object(content) => content,
        _ => Map::new(),
    }
}

fn object(entries: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(entries.collect())
}

fn table(database: &Database<'_>, table: &Table<'_>, with_constraints: bool) -> Value {
    let columns =
        table.columns.iter().map(|column| (column.name.to_owned(), self::column(column, with_constraints)));
    let mut value = json!({
        "name": table.planned.target,
        "schema": if table.planned.schema_name() == PUBLIC { "" } else { table.planned.schema_name() },
        "columns": object(columns),
        "indexes": {},
        "foreignKeys": {},
        "compositePrimaryKeys": {},
        "uniqueConstraints": {},
        "policies": {},
        "checkConstraints": {},
        "isRLSEnabled": false,
    });
    if !with_constraints {
        return value;
    }
    let keys = table.primary_key.iter();
    value["compositePrimaryKeys"] =
        object(keys.map(|key| (key.name.to_owned(), json!({ "name": key.name, "columns": key.columns }))));
    value["uniqueConstraints"] = object(table.unique.iter().map(|key| {
        let constraint = json!({ "name": key.name, "nullsNotDistinct": false, "columns": key.columns });
        (key.name.to_owned(), constraint)
    }));
    value["indexes"] =
        object(table.indexes.iter().map(|index| (index.planned.name.clone(), self::index(index))));
    let foreign_keys = table.foreign_keys.iter();
    value["foreignKeys"] =
        object(foreign_keys.map(|key| (key.planned.name.clone(), foreign_key(database, table, key))));
    value["checkConstraints"] = object(
        table
            .checks
            .iter()
            .map(|check| (check.name.clone(), json!({ "name": check.name, "value": check.expression }))),
    );
    value
}

fn column(column: &Column<'_>, with_constraints: bool) -> Value {
    let mut value = json!({
        "name": column.name,
        "type": column.kind.sql(),
        "primaryKey": column.is_primary_key && with_constraints,
        "notNull": column.not_null,
    });
    if let Some(expression) = column.generated {
        value["generated"] = json!({ "as": expression, "type": "stored" });
    }
    if let Some(identity) = &column.identity {
        value["identity"] = json!({
            "type": "byDefault",
            "name": identity.sequence,
            "schema": identity.schema,
            "increment": "1",
            "startWith": "1",
            "minValue": "1",
            "maxValue": identity.max,
            "cache": "1",
            "cycle": false,
        });
    }
    if let Some(default) = &column.default {
        value["default"] = default.snapshot();
    }
    value
}

fn index(index: &Index<'_>) -> Value {
    let keys = index.keys.iter().map(|key| match key {
        IndexKey::Column { name, descending, class } => {
            let mut key = json!({
                "expression": name,
                "isExpression": false,
                "asc": !descending,
                "nulls": if *descending { "first" } else { "last" },
            });
            if let Some(class) = class {
                key["opclass"] = Value::from(class.as_str());
            }
            key
        }
        IndexKey::Expression(sql) => {
            json!({ "expression": sql, "isExpression": true, "asc": true, "nulls": "last" })
        }
    });
    let mut value = json!({
        "name": index.planned.name,
        "columns": keys.collect::<Vec<_>>(),
        "isUnique": index.planned.unique,
        "concurrently": false,
        "method": index.planned.method.sql(),
        "with": {},
    });
    if let Some(predicate) = &index.planned.predicate {
        value["where"] = Value::from(predicate.as_str());
    }
    value
}

fn foreign_key(database: &Database<'_>, table: &Table<'_>, key: &ForeignKey<'_>) -> Value {
    let parent = database.tables.get(key.parent).map(|parent| parent.planned.schema_name());
    let mut value = json!({
        "name": key.planned.name,
        "tableFrom": table.planned.target,
        "tableTo": key.planned.parent_table,
        "columnsFrom": key.columns,
        "columnsTo": key.parent_columns,
        "onDelete": key.planned.on_delete.to_lowercase(),
        "onUpdate": key.planned.on_update.to_lowercase(),
    });
    if let Some(schema) = parent.filter(|schema| *schema != PUBLIC) {
        value["schemaTo"] = Value::from(schema);
    }
    value
}

fn sequence(sequence: &Sequence<'_>) -> Value {
    json!({
        "name": sequence.name,
        "schema": sequence.schema,
        "increment": "1",
        "startWith": "1",
        "minValue": "1",
        "maxValue": sequence.max,
        "cache": "1",
        "cycle": false,
    })
}

fn view(view: &View<'_>) -> Value {
    let columns = view.columns.iter().map(|column| (column.name.to_owned(), self::column(column, true)));
    json!({
        "name": view.planned.target,
        "schema": view.schema,
        "columns": object(columns),
        "definition": view.planned.query,
        "materialized": false,
        "isExisting": false,
    })
}
