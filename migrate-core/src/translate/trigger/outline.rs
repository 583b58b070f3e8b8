//! The table of a trigger and the tables that it writes to, read from its SQL without a translation.

use sqlite3_parser::ast::{self, Stmt, TriggerCmd};

use crate::source_sql::plain_name;
use crate::translate::model::{Result, Untranslatable, with_stored};

/// When a trigger fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TriggerTime {
    /// Before the row is changed.
    Before,
    /// After the row was changed.
    After,
    /// Instead of the change of a view.
    InsteadOf,
}

/// The event that a trigger fires on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TriggerEvent {
    /// A new row.
    Insert,
    /// A changed row.
    Update,
    /// A deleted row.
    Delete,
}

/// The table of a trigger, its event, and the tables that it writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerOutline {
    /// Its name.
    pub name: String,
    /// Its table or view.
    pub table: String,
    /// When it fires.
    pub time: TriggerTime,
    /// Its event.
    pub event: TriggerEvent,
    /// The tables that its statements write to, with the kind of change.
    pub writes: Vec<(String, TriggerEvent)>,
}

impl TriggerTime {
    /// Returns the keyword of SQL.
    pub fn words(self) -> &'static str {
        match self {
            TriggerTime::Before => "BEFORE",
            TriggerTime::After => "AFTER",
            TriggerTime::InsteadOf => "INSTEAD OF",
        }
    }
}

impl TriggerEvent {
    /// Returns the keyword of SQL.
    pub fn words(self) -> &'static str {
        match self {
            TriggerEvent::Insert => "INSERT",
            TriggerEvent::Update => "UPDATE",
            TriggerEvent::Delete => "DELETE",
        }
    }
}

/// Reads a stored `CREATE TRIGGER`.
///
/// # Errors
/// [`super::super::Untranslatable`] if it cannot be parsed.
pub fn outline(sql: &str) -> Result<TriggerOutline> {
    with_stored(sql, |statement| {
        let Stmt::CreateTrigger { trigger_name, time, event, tbl_name, commands, .. } = statement else {
            return Err(Untranslatable::NotATrigger);
        };
        let mut writes = Vec::new();
        for command in *commands {
            match command {
                TriggerCmd::Update { tbl_name, .. } => {
                    writes.push((plain_name(tbl_name.name.0), TriggerEvent::Update));
                }
                TriggerCmd::Insert { tbl_name, or_conflict, upsert, .. } => {
                    let table = plain_name(tbl_name.name.0);
                    writes.push((table.clone(), TriggerEvent::Insert));
                    if upsert.is_some() {
                        writes.push((table.clone(), TriggerEvent::Update));
                    }
                    if *or_conflict == Some(ast::ResolveType::Replace) {
                        writes.push((table, TriggerEvent::Delete));
                    }
                }
                TriggerCmd::Delete { tbl_name, .. } => {
                    writes.push((plain_name(tbl_name.name.0), TriggerEvent::Delete));
                }
                TriggerCmd::Select(_) => {}
            }
        }
        Ok(TriggerOutline {
            name: plain_name(trigger_name.name.0),
            table: plain_name(tbl_name.name.0),
            time: match time {
                None | Some(ast::TriggerTime::Before) => TriggerTime::Before,
                Some(ast::TriggerTime::After) => TriggerTime::After,
                Some(ast::TriggerTime::InsteadOf) => TriggerTime::InsteadOf,
            },
            event: match event {
                ast::TriggerEvent::Insert => TriggerEvent::Insert,
                ast::TriggerEvent::Update | ast::TriggerEvent::UpdateOf(_) => TriggerEvent::Update,
                ast::TriggerEvent::Delete => TriggerEvent::Delete,
            },
            writes,
        })
    })
}

/// Whether the statements of a trigger may fire it again: directly, through other triggers, or through foreign keys.
pub(super) fn may_recurse(
    outline: &TriggerOutline,
    others: &[TriggerOutline],
    cascades: &[(String, String)],
) -> bool {
    let key = |(table, event): &(String, TriggerEvent)| (table.to_ascii_lowercase(), *event);
    let mut waiting: Vec<(String, TriggerEvent)> = outline.writes.iter().map(key).collect();
    let mut reached = std::collections::BTreeSet::new();
    while let Some((table, event)) = waiting.pop() {
        if !reached.insert((table.clone(), event)) {
            continue;
        }
        let fired =
            others.iter().filter(|other| other.event == event && other.table.eq_ignore_ascii_case(&table));
        waiting.extend(fired.flat_map(|other| other.writes.iter().map(key)));
        if event != TriggerEvent::Insert {
            let children = cascades.iter().filter(|(parent, _)| parent.eq_ignore_ascii_case(&table));
            waiting.extend(children.flat_map(|(_, child)| {
                [TriggerEvent::Update, TriggerEvent::Delete].map(|event| (child.to_ascii_lowercase(), event))
            }));
        }
    }
    reached.contains(&(outline.table.to_ascii_lowercase(), outline.event))
}
