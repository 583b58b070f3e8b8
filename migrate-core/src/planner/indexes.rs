//! Plans the indexes of `CREATE INDEX`, with their expressions and conditions, and those that a human adds.

use super::collation::{Fold, fold, folded};
use super::{Context, names, not_migrated};
use crate::identifier::quote_pg;
use crate::mapping::{IndexMethod, TableMapping};
use crate::plan::{LeftBehind, PlannedIndex, PlannedIndexColumn};
use crate::source_schema::{SourceIndex, SourceIndexColumn, SourceIndexOrigin};
use crate::source_sql::index_facts;
use crate::translate;

/// Plans the indexes; one that cannot be kept goes to `left_behind`.
pub(super) fn plan(
    context: &Context<'_>,
    mapping: &TableMapping,
    left_behind: &mut Vec<LeftBehind>,
) -> Vec<PlannedIndex> {
    let table = context.table;
    let mut planned = Vec::new();
    for index in table.indexes.iter().filter(|index| index.origin == SourceIndexOrigin::CreateIndex) {
        match kept(context, mapping, index) {
            Ok(index) => planned.push(index),
            Err(reason) => {
                let name =
                    format!("{} on {}: {}", index.name, table.name, index.sql.as_deref().unwrap_or(""));
                left_behind.push(not_migrated("index", name.trim_end_matches([':', ' ']), &reason));
            }
        }
    }
    planned.extend(mapping.indexes.iter().map(|index| {
        PlannedIndex {
            name: names::target(&index.name),
            source: None,
            method: index.method,
            unique: false,
            columns: (index.columns.iter())
                .map(|column| PlannedIndexColumn {
                    ops: index.ops.of_column(column).cloned(),
                    descending: index.descending.contains(column),
                    ..PlannedIndexColumn::of_column(context.names.column(&table.name, column))
                })
                .collect(),
            predicate: None,
            source_sql: None,
            added_because: Some(index.why.clone()),
            notes: Vec::new(),
        }
    }));
    planned
}

fn kept(context: &Context<'_>, mapping: &TableMapping, index: &SourceIndex) -> Result<PlannedIndex, String> {
    let facts = match &index.sql {
        Some(sql) => index_facts(&index.name, sql).map_err(|error| error.to_string())?,
        None => return Err("SQLite has stored no statement for it".to_owned()),
    };
    if facts.keys.len() != index.columns.len() {
        return Err("its stored statement does not describe the index that SQLite has".to_owned());
    }
    let classes = mapping.index_ops.get(&index.name);
    let mut notes = Vec::new();
    let mut columns = Vec::with_capacity(index.columns.len());
    for (key, sql) in index.columns.iter().zip(&facts.keys) {
        if let Some(column) =
            key.column.as_deref().filter(|column| context.is_skipped(&context.table.name, column))
        {
            return Err(format!("its column {column} is not migrated"));
        }
        note_collation(context, index, key, &mut notes);
        let planned = match column_key(context, key) {
            Some(planned) => planned,
            None => expression_key(context, key, sql, &mut notes)?,
        };
        let class = classes.and_then(|classes| match &key.column {
            Some(column) => classes.of_column(column),
            None => classes.of_expression(sql),
        });
        columns.push(PlannedIndexColumn { ops: class.cloned(), ..planned });
    }
    let predicate = match &facts.predicate {
        None => None,
        Some(sql) => {
            let translated = translate::predicate(sql, &context.scope)
                .map_err(|error| format!("its condition cannot be translated: {error}"))?;
            notes.extend(translated.notes.iter().map(ToString::to_string));
            Some(translated.sql)
        }
    };
    let is_translated = predicate.is_some() || columns.iter().any(|key| key.expression.is_some());
    Ok(PlannedIndex {
        name: context.names.index(&context.table.name, &index.name),
        source: Some(index.name.clone()),
        method: IndexMethod::Btree,
        unique: index.unique,
        columns,
        predicate,
        source_sql: index.sql.clone().filter(|_| is_translated),
        added_because: None,
        notes,
    })
}

/// The key for a column of an index: the column, or the expression for its collation; none if the key is an expression.
pub(super) fn column_key(context: &Context<'_>, key: &SourceIndexColumn) -> Option<PlannedIndexColumn> {
    let column = context.column(key.column.as_deref()?)?;
    let expression = folded(fold(&key.collation, column), column);
    let name = if expression.is_some() { String::new() } else { column.target.clone() };
    Some(PlannedIndexColumn { column: name, expression, ops: None, descending: key.descending })
}

fn expression_key(
    context: &Context<'_>,
    key: &SourceIndexColumn,
    sql: &str,
    notes: &mut Vec<String>,
) -> Result<PlannedIndexColumn, String> {
    let translated = translate::index_key(sql, &context.scope)
        .map_err(|error| format!("its key {sql} cannot be translated: {error}"))?;
    notes.extend(translated.notes.iter().map(ToString::to_string));
    // A key that is just a column, such as the rowid by its own name, needs no brackets and no expression.
    let bare = context.columns.iter().find(|column| quote_pg(&column.target) == translated.sql);
    Ok(PlannedIndexColumn {
        column: bare.map(|column| column.target.clone()).unwrap_or_default(),
        expression: if bare.is_some() { None } else { Some(translated.sql) },
        ops: None,
        descending: key.descending,
    })
}

fn note_collation(
    context: &Context<'_>,
    index: &SourceIndex,
    key: &SourceIndexColumn,
    notes: &mut Vec<String>,
) {
    let Some(column) = key.column.as_deref().and_then(|name| context.column(name)) else { return };
    let name = quote_pg(&column.target);
    match fold(&key.collation, column) {
        Fold::None => {}
        Fold::Lower => notes.push(format!(
            "COLLATE NOCASE: it serves lookups by lower({name}) = lower(…); queries that compare {name} itself distinguish case"
        )),
        Fold::TrimRight => notes.push(format!("COLLATE RTRIM: it serves lookups by rtrim({name}, ' ') = …")),
        Fold::Unknown if index.unique => notes.push(format!(
            "the source compares it by {}, a collation that only the app defines; here values are unique byte by byte",
            key.collation
        )),
        Fold::Unknown => notes.push(format!(
            "the source sorts it by the app's own collation {}; here it is sorted byte by byte",
            key.collation
        )),
    }
}
