//! A trigger that, once a row is written, updates columns of that very row: in PostgreSQL one that sets them before it is written.

use sqlite3_parser::ast::{Expr, Operator, ResolveType, TriggerCmd};

use super::write::{self, Assignments};
use super::{Body, INNER, Trigger, TriggerEvent, TriggerTime, block};
use crate::source_sql::plain_name;
use crate::translate::model::{Relation, Result, Scope, ScopeColumn, ScopeTable};
use crate::translate::query::{Frame, Part, Translator, conjuncts};

/// The function's body without its end; none where the trigger does something else, or where setting the columns before would
/// mean something else to other triggers.
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
    let mut translator = Translator::of_part(&scope, frame.depth, Part::new(frame.environment));
    let Some(mut conditions) = pinned(trigger, &mut translator, condition)? else { return Ok(None) };
    let Ok(Assignments { list }) = write::assignments(&mut translator, trigger.own, writes, sets) else {
        return Ok(None);
    };
    // One after the other they must give what they give at once, and no other row may matter.
    let is_read_later = list.iter().enumerate().any(|(place, set)| {
        let before = list.iter().take(place);
        before
            .into_iter()
            .any(|earlier| set.reads.iter().any(|(table, read)| *table < 2 && *read == earlier.place))
    });
    let sets_key = list.iter().any(|set| {
        trigger.own.rowid == Some(set.place) || trigger.own.keys.iter().any(|key| key.contains(&set.place))
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
    notes.push(
        "SQLite updates the row once more after it was written; here its columns are set before, which gives the same row"
            .to_owned(),
    );
    Ok(Some(Body { lines, notes }))
}

/// Whether another trigger would see a difference: one that the second UPDATE fires, or that fires beside this one.
fn is_seen_by_others(trigger: &Trigger<'_>) -> bool {
    let own = trigger.outline;
    trigger.others.iter().any(|other| {
        let is_missing = |table: &str| {
            trigger.catalog.missing.iter().any(|(missing, _)| missing.eq_ignore_ascii_case(table))
        };
        // A trigger that writes to what does not move does not move either.
        let moves = !other.writes.iter().any(|(table, _)| is_missing(table));
        let fires = other.event == TriggerEvent::Update || other.event == own.event;
        other.name != own.name && moves && fires && other.table.eq_ignore_ascii_case(&own.table)
    })
}

/// The row by the table's own name, as the columns of NEW; then NEW and OLD by theirs.
fn row_scope(trigger: &Trigger<'_>, name: &str) -> Scope {
    let columns: Vec<ScopeColumn> = (trigger.own.columns.iter())
        .map(|column| ScopeColumn { sql: format!("NEW.{}", column.sql), ..column.clone() })
        .collect();
    let row = ScopeTable { names: vec![name.to_owned()], columns, rowid: trigger.own.rowid };
    let mut scope = trigger.scope.clone();
    scope.hidden = scope.hidden.into_iter().map(|(table, column)| (table + 1, column)).collect();
    scope.tables.insert(0, row);
    scope
}

/// The conditions beside the key, in PostgreSQL's SQL; none where the key does not name the row that was written.
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
            if let Some((place, record)) = found {
                if record == "old"
                    && let Some(name) =
                        place.and_then(|place| own.columns.get(place)).map(|column| &column.sql)
                {
                    conditions.push(format!("NEW.{name} = OLD.{name}"));
                }
                match place {
                    Some(place) => known.push(place),
                    None => is_pinned = true,
                }
                continue;
            }
        }
        let node = translator.node(part)?;
        conditions.push(node.condition_operand()?);
    }
    is_pinned |= own.keys.iter().any(|key| key.iter().all(|place| known.contains(place)));
    Ok(is_pinned.then_some(conditions))
}

/// The column that is compared with itself in NEW or OLD, and which of them; its place is none where it is a rowid without a name.
fn key_column(own: &Relation, column: &Expr<'_>, value: &Expr<'_>) -> Option<(Option<usize>, String)> {
    let column = match column {
        Expr::Id(id) => plain_name(id.0),
        Expr::Name(name) => plain_name(name.0),
        Expr::Qualified(table, name) if plain_name(table.0).eq_ignore_ascii_case(&own.source) => {
            plain_name(name.0)
        }
        _ => return None,
    };
    let Expr::Qualified(record, name) = value else { return None };
    let record = plain_name(record.0).to_ascii_lowercase();
    let place = |name: &str| {
        let named = own.columns.iter().position(|column| column.source.eq_ignore_ascii_case(name));
        let is_rowid = ["rowid", "_rowid_", "oid"].iter().any(|rowid| rowid.eq_ignore_ascii_case(name));
        match (named, own.rowid) {
            (Some(place), _) => Some(Some(place)),
            (None, rowid) if is_rowid => Some(rowid),
            _ => None,
        }
    };
    let (one, other) = (place(&column)?, place(&plain_name(name.0))?);
    ((record == "new" || record == "old") && one == other).then_some((one, record))
}
