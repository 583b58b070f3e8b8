//! What becomes of virtual tables, their storage, and the triggers that keep them in step.
//!
//! One that holds rows of its own is planned like any table; what is planned here is the search that it offered. Everything that
//! stays behind for it is named with the reason.

mod reasons;
mod search;

use std::collections::BTreeMap;

use super::{PlanningError, behind};
use crate::mapping::Mapping;
use crate::plan::{LeftBehind, PlannedTable};
use crate::source_schema::{SourceObject, SourceObjectKind, SourceSchema, SourceTable};
use crate::source_sql::{FullTextContent, VirtualTableFacts, trigger_writes_only, virtual_table_facts};
use search::Outcome;

/// What became of a virtual table that is no table of the plan, by its name.
pub(super) type Fates = BTreeMap<String, Fate>;

#[derive(Debug)]
pub(super) struct Fate {
    /// Why it stays behind, in words.
    reason: String,
    /// The column that searches in its place, in words.
    column: Option<String>,
}

/// Plans the search on `tables`; what it costs goes to `left_behind`.
///
/// # Errors
/// [`PlanningError`] where the stored SQL of a table cannot be read.
pub(super) fn plan(
    schema: &SourceSchema,
    mapping: &Mapping,
    tables: &mut [PlannedTable],
    left_behind: &mut Vec<LeftBehind>,
) -> Result<Fates, PlanningError> {
    let mut fates = Fates::new();
    for object in schema.others.iter().filter(|object| object.kind == SourceObjectKind::VirtualTable) {
        let fate = match virtual_table_facts(&object.name, &object.sql) {
            Ok(_) if mapping.leave_behind.contains_key(&object.name) => continue,
            Ok(facts) => fate(schema, object, &facts, tables)?,
            Err(error) => Fate { reason: error.to_string(), column: None },
        };
        fates.insert(object.name.clone(), fate);
    }
    for source in schema.tables.iter().filter(|table| table.module.is_some()) {
        own_rows(source, tables, left_behind)?;
    }
    Ok(fates)
}

/// Tells in `left_behind` why virtual tables, their storage and their triggers stay there, once all that stays is in it.
pub(super) fn explain(
    schema: &SourceSchema,
    mapping: &Mapping,
    fates: &Fates,
    left_behind: &mut [LeftBehind],
) {
    for item in left_behind.iter_mut().filter(|item| !mapping.leave_behind.contains_key(&item.name)) {
        if let Some(why) = reason(schema, fates, item) {
            item.reason = why.words;
            // What PostgreSQL does by itself is nothing to write by hand.
            item.sql = item.sql.take().filter(|_| !why.is_needless);
        }
    }
}

/// What becomes of a virtual table that holds no rows which can be read through it.
fn fate(
    schema: &SourceSchema,
    object: &SourceObject,
    facts: &VirtualTableFacts,
    tables: &mut [PlannedTable],
) -> Result<Fate, PlanningError> {
    let Some(full_text) = facts.full_text() else {
        return Ok(Fate { reason: reasons::of_module(&object.name, &facts.module), column: None });
    };
    let content = match &full_text.content {
        FullTextContent::None => {
            return Ok(Fate { reason: reasons::CONTENTLESS.to_owned(), column: None });
        }
        FullTextContent::Own => {
            return Ok(Fate { reason: reasons::of_unreadable(&object.name), column: None });
        }
        FullTextContent::Table(content) => content,
    };
    let source = schema.tables.iter().find(|table| table.name.eq_ignore_ascii_case(content));
    let planned = source.and_then(|source| tables.iter_mut().find(|table| table.source == source.name));
    let (Some(source), Some(planned)) = (source, planned) else {
        return Ok(Fate { reason: reasons::of_absent_content(content), column: None });
    };
    let wanted = search::Wanted { name: &object.name, sql: &object.sql, facts: &full_text };
    Ok(match search::add(source, planned, &wanted)? {
        Outcome::Added { column, words } => Fate {
            reason: format!("its text is that of table {}: {words}", planned.target),
            column: Some(format!("{}.{column}", planned.target)),
        },
        Outcome::Refused(reason) => Fate { reason, column: None },
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
        left_behind.push(behind("spatial index", &source.name, &reasons::of_rtree(planned)));
    }
    let Some(full_text) = facts.full_text() else { return Ok(()) };
    let wanted = search::Wanted { name: &source.name, sql: &source.sql, facts: &full_text };
    if let Outcome::Refused(reason) = search::add(source, planned, &wanted)? {
        left_behind.push(behind("full-text index", &source.name, &reason));
    }
    Ok(())
}

/// Why something stays behind that has to do with a virtual table.
struct Why {
    words: String,
    /// Whether PostgreSQL needs nothing in its place.
    is_needless: bool,
}

/// Why something stays behind that has to do with a virtual table; none where it has not.
fn reason(schema: &SourceSchema, fates: &Fates, item: &LeftBehind) -> Option<Why> {
    let is_it = |object: &&SourceObject| object.name == item.name;
    let plainly = |words: String| Why { words, is_needless: false };
    match item.kind.as_str() {
        "virtual table" => fates.get(&item.name).map(|fate| plainly(fate.reason.clone())),
        "shadow table" => Some(plainly(storage(schema, fates, &item.name))),
        "trigger" => {
            let trigger = schema.others.iter().filter(|object| object.kind == SourceObjectKind::Trigger);
            let sql = &trigger.into_iter().find(is_it)?.sql;
            let written = trigger_writes_only(&item.name, sql).ok()??;
            let (name, fate) = fates.iter().find(|(name, _)| name.eq_ignore_ascii_case(&written))?;
            let words = match &fate.column {
                Some(column) => {
                    format!("it only updates the full-text index {name}, and {column} updates itself")
                }
                None => format!("it only writes to the virtual table {name}, which is not migrated"),
            };
            Some(Why { words, is_needless: fate.column.is_some() })
        }
        _ => None,
    }
}

/// Why a shadow table stays behind: its virtual table's name and an underscore stand before its own (SQLite manual, "The Virtual
/// Table Mechanism Of SQLite", section 2.19).
fn storage(schema: &SourceSchema, fates: &Fates, shadow: &str) -> String {
    let owns = |name: &str| {
        shadow.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
            && shadow.as_bytes().get(name.len()) == Some(&b'_')
    };
    let virtual_tables = schema.tables.iter().filter(|table| table.module.is_some());
    let names = virtual_tables.map(|table| &table.name).chain(fates.keys());
    match names.filter(|name| owns(name)).max_by_key(|name| name.len()) {
        Some(owner) => match fates.get(owner) {
            None => format!("it is the storage of the virtual table {owner}, whose rows are migrated"),
            Some(Fate { column: Some(column), .. }) => {
                format!("it is the storage of the full-text index {owner}, which {column} replaces")
            }
            Some(_) => format!("it is the storage of the virtual table {owner}"),
        },
        None => "it is the storage of a virtual table".to_owned(),
    }
}
