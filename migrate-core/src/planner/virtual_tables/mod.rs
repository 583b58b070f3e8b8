//! Plans virtual tables, their storage, and the triggers that keep them up to date.
//!
//! A virtual table with rows of its own is planned like any table; this module plans the search that it offered, and names the
//! parts that are not migrated, each with the reason.

mod reasons;
mod search;

use std::collections::BTreeMap;

use super::{PlanningError, not_migrated};
use crate::mapping::Mapping;
use crate::plan::{LeftBehind, PlannedTable};
use crate::source_schema::{SourceObject, SourceObjectKind, SourceSchema, SourceTable};
use crate::source_sql::{FullTextContent, VirtualTableFacts, trigger_writes_only, virtual_table_facts};
use search::Outcome;

/// The virtual tables that are no tables of the plan, by name.
pub(super) type Unplanned = BTreeMap<String, UnplannedTable>;

#[derive(Debug)]
pub(super) struct UnplannedTable {
    /// Why it is not migrated.
    reason: String,
    /// The column that replaces it for searches.
    column: Option<String>,
}

/// Plans the search on `tables`; parts that are not migrated go to `left_behind`.
///
/// # Errors
/// [`PlanningError`] where the stored SQL of a table cannot be read.
pub(super) fn plan(
    schema: &SourceSchema,
    mapping: &Mapping,
    tables: &mut [PlannedTable],
    left_behind: &mut Vec<LeftBehind>,
) -> Result<Unplanned, PlanningError> {
    let mut unplanned = Unplanned::new();
    for object in schema.others.iter().filter(|object| object.kind == SourceObjectKind::VirtualTable) {
        let unplanned_table = match virtual_table_facts(&object.name, &object.sql) {
            Ok(_) if mapping.leave_behind.contains_key(&object.name) => continue,
            Ok(facts) => unplanned_table(schema, object, &facts, tables)?,
            Err(error) => UnplannedTable { reason: error.to_string(), column: None },
        };
        unplanned.insert(object.name.clone(), unplanned_table);
    }
    for source in schema.tables.iter().filter(|table| table.module.is_some()) {
        own_rows(source, tables, left_behind)?;
    }
    Ok(unplanned)
}

/// Replaces the reasons in the complete `left_behind` for virtual tables, their storage and their triggers.
pub(super) fn explain(
    schema: &SourceSchema,
    mapping: &Mapping,
    unplanned: &Unplanned,
    left_behind: &mut [LeftBehind],
) {
    for item in left_behind.iter_mut().filter(|item| !mapping.leave_behind.contains_key(&item.name)) {
        if let Some(why) = reason(schema, unplanned, item) {
            item.reason = why.words;
            // PostgreSQL updates its own index, so no trigger is needed.
            item.sql = item.sql.take().filter(|_| !why.is_needless);
        }
    }
}

/// Decides about a virtual table without rows that can be read through it.
fn unplanned_table(
    schema: &SourceSchema,
    object: &SourceObject,
    facts: &VirtualTableFacts,
    tables: &mut [PlannedTable],
) -> Result<UnplannedTable, PlanningError> {
    let Some(full_text) = facts.full_text() else {
        return Ok(UnplannedTable { reason: reasons::of_module(&object.name, &facts.module), column: None });
    };
    let content = match &full_text.content {
        FullTextContent::None => {
            return Ok(UnplannedTable { reason: reasons::CONTENTLESS.to_owned(), column: None });
        }
        FullTextContent::Own => {
            return Ok(UnplannedTable { reason: reasons::of_unreadable(&object.name), column: None });
        }
        FullTextContent::Table(content) => content,
    };
    let source = schema.tables.iter().find(|table| table.name.eq_ignore_ascii_case(content));
    let planned = source.and_then(|source| tables.iter_mut().find(|table| table.source == source.name));
    let (Some(source), Some(planned)) = (source, planned) else {
        return Ok(UnplannedTable { reason: reasons::of_absent_content(content), column: None });
    };
    if planned.existing.is_some() {
        return Ok(UnplannedTable { reason: reasons::of_app(&planned.target), column: None });
    }
    let wanted = search::Wanted { name: &object.name, sql: &object.sql, facts: &full_text };
    Ok(match search::add(source, planned, &wanted)? {
        Outcome::Added { column, words } => UnplannedTable {
            reason: format!("its text is that of table {}: {words}", planned.target),
            column: Some(format!("{}.{column}", planned.target)),
        },
        Outcome::Refused(reason) => UnplannedTable { reason, column: None },
    })
}

/// Plans the search of a virtual table whose rows move.
fn own_rows(
    source: &SourceTable,
    tables: &mut [PlannedTable],
    left_behind: &mut Vec<LeftBehind>,
) -> Result<(), PlanningError> {
    let Some(planned) = tables.iter_mut().find(|table| table.source == source.name) else { return Ok(()) };
    let Ok(facts) = virtual_table_facts(&source.name, &source.sql) else { return Ok(()) };
    if facts.is_rtree() {
        left_behind.push(not_migrated("spatial index", &source.name, &reasons::of_rtree(planned)));
    }
    let Some(full_text) = facts.full_text() else { return Ok(()) };
    if planned.existing.is_some() {
        left_behind.push(not_migrated("full-text index", &source.name, &reasons::of_app(&planned.target)));
        return Ok(());
    }
    let wanted = search::Wanted { name: &source.name, sql: &source.sql, facts: &full_text };
    if let Outcome::Refused(reason) = search::add(source, planned, &wanted)? {
        left_behind.push(not_migrated("full-text index", &source.name, &reason));
    }
    Ok(())
}

/// The reason why an item that belongs to a virtual table is not migrated.
struct Why {
    words: String,
    /// Whether PostgreSQL needs nothing in its place.
    is_needless: bool,
}

/// The reason why an item that belongs to a virtual table is not migrated; none for other items.
fn reason(schema: &SourceSchema, unplanned: &Unplanned, item: &LeftBehind) -> Option<Why> {
    let is_it = |object: &&SourceObject| object.name == item.name;
    let plainly = |words: String| Why { words, is_needless: false };
    match item.kind.as_str() {
        "virtual table" => unplanned.get(&item.name).map(|table| plainly(table.reason.clone())),
        "shadow table" => Some(plainly(storage(schema, unplanned, &item.name))),
        "trigger" => {
            let trigger = schema.others.iter().filter(|object| object.kind == SourceObjectKind::Trigger);
            let sql = &trigger.into_iter().find(is_it)?.sql;
            let written = trigger_writes_only(&item.name, sql).ok()??;
            let (name, table) = unplanned.iter().find(|(name, _)| name.eq_ignore_ascii_case(&written))?;
            let words = match &table.column {
                Some(column) => {
                    format!("it only updates the full-text index {name}, and {column} updates itself")
                }
                None => format!("it only writes to the virtual table {name}, which is not migrated"),
            };
            Some(Why { words, is_needless: table.column.is_some() })
        }
        _ => None,
    }
}

/// The reason why a shadow table is not migrated: its name begins with its virtual table's name and an underscore (SQLite manual, "The
/// Virtual Table Mechanism Of SQLite", section 2.19).
fn storage(schema: &SourceSchema, unplanned: &Unplanned, shadow: &str) -> String {
    let owns = |name: &str| {
        shadow.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
            && shadow.as_bytes().get(name.len()) == Some(&b'_')
    };
    let virtual_tables = schema.tables.iter().filter(|table| table.module.is_some());
    let names = virtual_tables.map(|table| &table.name).chain(unplanned.keys());
    match names.filter(|name| owns(name)).max_by_key(|name| name.len()) {
        Some(owner) => match unplanned.get(owner) {
            None => format!("it is the storage of the virtual table {owner}, whose rows are migrated"),
            Some(UnplannedTable { column: Some(column), .. }) => {
                format!("it is the storage of the full-text index {owner}, which {column} replaces")
            }
            Some(_) => format!("it is the storage of the virtual table {owner}"),
        },
        None => "it is the storage of a virtual table".to_owned(),
    }
}
