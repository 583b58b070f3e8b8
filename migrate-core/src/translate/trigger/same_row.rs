//! A trigger that updates columns of the row that was written: in PostgreSQL a trigger that sets them before it is written.

use sqlite3_parser::ast::{Expr, Operator, ResolveType, TriggerCmd};

use super::write;
use super::{Body, INNER, Trigger, TriggerEvent, TriggerTime, block};
use crate::source_sql::plain_name;
use crate::translate::model::{Note, Relation, Result, Scope, is_rowid};
use crate::translate::query::{Frame, Translator, bare_name, conjuncts};

/// Returns the function's body without its end; `None` if the trigger does something else, or if other triggers would see
/// a difference.
pub(super) fn body(trigger: &Trigger<'_>, commands: &[TriggerCmd<'_>]) -> Result<Option<Body>> {
    let outline = trigger.outline;
    let [
        TriggerCmd::Update {
            or_conflict: None | Some(ResolveType::Abort),
            tbl_name,
            sets,
            from: None,
            where_clause: Some(condition),
        },
    ] = commands
    else {
        return Ok(None);
    };
    let is_own = plain_name(tbl_name.name.0).eq_ignore_ascii_case(&trigger.own.source);
    let Some(writes) = trigger.own.writes.as_ref().filter(|_| is_own) else { return Ok(None) };
    if outline.time != TriggerTime::After
        || outline.event == TriggerEvent::Delete
        || is_seen_by_others(trigger)
    {
        return Ok(None);
    }
    let environment = trigger.environment();
    let frame = Frame { environment: &environment, outer: None, depth: INNER };
    let scope = row_scope(trigger, &plain_name(tbl_name.name.0));
    let mut translator = frame.translator(&scope);
    let Some(mut conditions) = pinned(trigger, &mut translator, condition)? else { return Ok(None) };
    let Ok(list) = write::assignments(&mut translator, trigger.own, writes, sets) else {
        return Ok(None);
    };
    // Consecutive assignments must have the same effect as simultaneous ones, and other rows must not matter.
    let is_read_later = list.iter().enumerate().any(|(index, set)| {
        let before = list.iter().take(index);
        before
            .into_iter()
            .any(|earlier| set.reads.iter().any(|(table, read)| *table < 2 && *read == earlier.index))
    });
    let sets_key = list.iter().any(|set| {
        trigger.own.rowid == Some(set.index) || trigger.own.keys.iter().any(|key| key.contains(&set.index))
    });
    if is_read_later || sets_key || environment.read.borrow().contains(&trigger.own.source) {
        return Ok(None);
    }
    let mut lines: Vec<String> =
        list.iter().map(|set| format!("NEW.{} := {};", set.column, set.value)).collect();
    conditions.dedup();
    if !conditions.is_empty() {
        lines = block(format!("IF {} THEN", conditions.join(" AND ")), lines, "END IF;");
    }
    let mut notes = translator.notes;
    notes.insert(Note::SetBefore);
    Ok(Some(Body { lines, notes }))
}

/// Whether another trigger would see a difference: one that the second UPDATE fires, or that fires on the same event.
fn is_seen_by_others(trigger: &Trigger<'_>) -> bool {
    let own = trigger.outline;
    trigger.others.iter().any(|other| {
        let is_missing = |table: &str| {
            trigger.catalog.missing.iter().any(|(missing, _)| missing.eq_ignore_ascii_case(table))
        };
        // A trigger that writes to a table that is not migrated is not migrated either.
        let moves = !other.writes.iter().any(|(table, _)| is_missing(table));
        let fires = other.event == TriggerEvent::Update || other.event == own.event;
        other.name != own.name && moves && fires && other.table.eq_ignore_ascii_case(&own.table)
    })
}

/// Returns a scope with the columns of NEW under the table's own name, then NEW and OLD.
fn row_scope(trigger: &Trigger<'_>, name: &str) -> Scope {
    let mut scope = trigger.scope.clone();
    scope.hidden = scope.hidden.into_iter().map(|(table, column)| (table + 1, column)).collect();
    scope.tables.insert(0, trigger.own.scope_table(name, "NEW"));
    scope
}

/// Returns the conditions other than the key; `None` if the key does not select the row that was written.
fn pinned(
    trigger: &Trigger<'_>,
    translator: &mut Translator<'_>,
    condition: &Expr<'_>,
) -> Result<Option<Vec<String>>> {
    let own = trigger.own;
    let (mut known, mut conditions, mut is_pinned) = (Vec::new(), Vec::new(), false);
    for part in conjuncts(condition) {
        if let Expr::Binary(left, Operator::Equals, right) = part {
            let sides = [(left, right), (right, left)];
            let found = sides.iter().find_map(|(column, value)| key_column(own, column, value));
            if let Some((index, record)) = found {
                if record == "old"
                    && let Some(name) =
                        index.and_then(|index| own.columns.get(index)).map(|column| &column.sql)
                {
                    conditions.push(format!("NEW.{name} = OLD.{name}"));
                }
                match index {
                    Some(index) => known.push(index),
                    None => is_pinned = true,
                }
                continue;
            }
        }
        let node = translator.node(part)?;
        conditions.push(node.condition_operand()?);
    }
    is_pinned |= own.keys.iter().any(|key| key.iter().all(|index| known.contains(index)));
    Ok(is_pinned.then_some(conditions))
}

/// Returns the column that is compared with itself in NEW or OLD, and which of them; its index is `None` for an unnamed rowid.
fn key_column(own: &Relation, column: &Expr<'_>, value: &Expr<'_>) -> Option<(Option<usize>, String)> {
    let column = match column {
        Expr::Qualified(table, name) if plain_name(table.0).eq_ignore_ascii_case(&own.source) => {
            plain_name(name.0)
        }
        other => bare_name(other)?,
    };
    let Expr::Qualified(record, name) = value else { return None };
    let record = plain_name(record.0).to_ascii_lowercase();
    let index = |name: &str| {
        let named = own.columns.iter().position(|column| column.source.eq_ignore_ascii_case(name));
        match (named, own.rowid) {
            (Some(index), _) => Some(Some(index)),
            (None, rowid) if is_rowid(name) => Some(rowid),
            _ => None,
        }
    };
    let (one, other) = (index(&column)?, index(&plain_name(name.0))?);
    ((record == "new" || record == "old") && one == other).then_some((one, record))
}
