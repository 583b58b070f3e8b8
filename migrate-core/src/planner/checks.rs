//! Reports, before anything moves, where a planned table exceeds PostgreSQL's limits, or has a type that a key cannot have.

use super::PlanningError;
use crate::conversion::{Conversion, PgType};
use crate::mapping::IndexMethod;
use crate::operator_class::has_default;
use crate::plan::PlannedTable;

/// The most columns of a table (manual, appendix K).
const COLUMNS_MAX: usize = 1600;

/// The most columns of an index, and so of a key (manual, appendix K); foreign keys have the same limit.
const KEY_COLUMNS_MAX: usize = 32;

/// A key or an index, as far as it matters here.
struct Key<'a> {
    /// Such as `primary key` or `index by_name`.
    name: String,
    columns: Vec<KeyColumn<'a>>,
    is_unique: bool,
    method: IndexMethod,
}

/// A column of a key.
struct KeyColumn<'a> {
    name: &'a str,
    /// Whether a human chose its operator class.
    has_class: bool,
}

/// Refuses a definition that PostgreSQL would refuse after the rows have moved.
pub(super) fn check_table(table: &PlannedTable) -> Result<(), PlanningError> {
    let column_count = table.columns.len() + table.searches.len();
    if column_count > COLUMNS_MAX {
        let (table, found) = (table.source.clone(), column_count);
        return Err(PlanningError::TooManyTableColumns { table, found, max: COLUMNS_MAX });
    }
    if table.existing.is_some() {
        // PostgreSQL has already accepted its keys; whether rows fit them is checked before they move.
        return Ok(());
    }
    let is_search = |name: &str| table.searches.iter().any(|search| search.target == name);
    for key in keys(table) {
        check_limit(&format!("{} of {}", key.name, table.source), key.columns.len(), KEY_COLUMNS_MAX)?;
        for column in key.columns.iter().filter(|column| !is_search(column.name)) {
            check_key_column(table, &key, column)?;
        }
    }
    for key in &table.foreign_keys {
        let what = format!("the foreign key of {} to {}", table.source, key.parent_table);
        check_limit(&what, key.columns.len(), KEY_COLUMNS_MAX)?;
    }
    Ok(())
}

fn keys(table: &PlannedTable) -> Vec<Key<'_>> {
    let primary = table.primary_key.iter().map(|key| ("the primary key".to_owned(), &key.columns));
    let unique =
        table.unique.iter().map(|key| (format!("UNIQUE ({})", key.columns.join(", ")), &key.columns));
    let mut keys: Vec<Key<'_>> = (primary.chain(unique))
        .map(|(name, columns)| Key {
            name,
            columns: columns.iter().map(|name| KeyColumn { name, has_class: false }).collect(),
            is_unique: true,
            method: IndexMethod::Btree,
        })
        .collect();
    keys.extend(table.indexes.iter().map(|index| {
        Key {
            name: format!("index {}", index.name),
            columns: (index.columns.iter())
                .filter(|key| key.expression.is_none())
                .map(|key| KeyColumn { name: &key.column, has_class: key.ops.is_some() })
                .collect(),
            is_unique: index.unique,
            method: index.method,
        }
    }));
    keys
}

fn check_limit(what: &str, found: usize, max: usize) -> Result<(), PlanningError> {
    if found <= max {
        return Ok(());
    }
    Err(PlanningError::TooManyColumns { what: what.to_owned(), found, max })
}

fn check_key_column(
    table: &PlannedTable,
    key: &Key<'_>,
    key_column: &KeyColumn<'_>,
) -> Result<(), PlanningError> {
    let refused = |column: &str, problem| {
        Err(PlanningError::KeyColumn {
            key: key.name.clone(),
            table: table.source.clone(),
            column: column.to_owned(),
            problem,
        })
    };
    let Some(column) = table.target_column(key_column.name) else {
        return refused(key_column.name, "which is a generated column and is not migrated; remove the index");
    };
    let has_class = |kind: PgType, method: IndexMethod| key_column.has_class || has_default(method, kind);
    match (column.conversion.target_type(), key.method) {
        (kind, IndexMethod::Gin) if !has_class(kind, IndexMethod::Gin) => refused(
            &column.source,
            "and a gin index needs jsonb or an array, or in `ops` an operator class for the type; name the conversion jsonb for it",
        ),
        (PgType::Json, _) if key.is_unique => {
            refused(&column.source, "which is json, and PostgreSQL cannot compare that; keep it text")
        }
        (PgType::Json, _) => {
            refused(&column.source, "which is json, and PostgreSQL cannot order that; make it jsonb or text")
        }
        (PgType::Jsonb, _) if key.is_unique => refused(
            &column.source,
            "which is jsonb: texts that differ in SQLite may be one document there, and one value twice breaks the key; \
             keep it text",
        ),
        (kind, IndexMethod::Hash) if !has_class(kind, IndexMethod::Hash) => {
            refused(&column.source, "of which PostgreSQL computes no hash; make it a btree index")
        }
        _ if key.is_unique && matches!(column.conversion, Conversion::TimestamptzFromIso8601(_)) => refused(
            &column.source,
            "which is timestamptz: texts that differ in SQLite may name one instant there, and one value twice breaks the \
             key; keep it text",
        ),
        _ => Ok(()),
    }
}
