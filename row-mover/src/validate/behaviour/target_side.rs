//! Runs the trials in PostgreSQL: one transaction for each table, each trial undone at once, everything rolled back. Refusals are caught
//! inside the server, so that rows that violate a constraint do not appear in its log.

use std::collections::BTreeMap;

use migrate_core::finding::Reason;
use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::{PlannedCheck, PlannedColumn, PlannedForeignKey, PlannedTable};

use super::Answer;
use super::candidates::{Candidate, fresh, typed};
use super::constraint::{self, Key};
use crate::error::{Error, Result};
use crate::observer::Observer;
use postgres_client::connection::Connection;
use postgres_client::guarded::{Guarded, Then};
use postgres_client::server_error::{LOCK_NOT_AVAILABLE, ServerError};

/// The statements that begin the transaction. A lock that an app holds, or a long search of a large table, ends the trial instead of
/// blocking the app.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '5s'; \
                     SET CONSTRAINTS ALL IMMEDIATE";

const NOT_NULL: &str = "23502";
const FOREIGN_KEY: &str = "23503";
const UNIQUE: &str = "23505";
const CHECK: &str = "23514";
const QUERY_CANCELED: &str = "57014";

/// Expressions in place of columns' own values, by target name.
type Changes = BTreeMap<String, String>;

/// The transaction in which the constraints of one table are tried.
pub(super) struct TargetSide<'c, 'p> {
    connection: &'c mut Connection,
    pub(super) table: &'p PlannedTable,
    pub(super) tables: &'p [&'p PlannedTable],
    keys: Vec<Key<'p>>,
    /// Whether statements can be guarded in this database.
    can_guard: bool,
    observer: &'c dyn Observer,
}

/// The server's response to a row.
enum Reply {
    Taken,
    NoRow,
    Refused(ServerError),
}

impl<'c, 'p> TargetSide<'c, 'p> {
    pub(super) fn begin(
        connection: &'c mut Connection,
        table: &'p PlannedTable,
        tables: &'p [&'p PlannedTable],
        can_guard: bool,
        observer: &'c dyn Observer,
    ) -> Result<TargetSide<'c, 'p>> {
        connection.script(BEGIN)?;
        Ok(TargetSide { connection, table, tables, keys: constraint::keys(table), can_guard, observer })
    }

    /// Undoes everything.
    pub(super) fn end(self) -> Result<()> {
        self.connection.query("ROLLBACK", &[]).map(|_| ())
    }

    /// Why nothing of this table is tried, if so.
    pub(super) fn obstacle(&mut self) -> Result<Option<Reason>> {
        if self.table.existing.is_some() {
            return Ok(Some(Reason::TableOfApp));
        }
        if !self.can_guard {
            return Ok(Some(Reason::NoProceduralLanguage));
        }
        let name = quote_pg_literal(&self.table.qualified(&self.table.target));
        let sql = format!(
            "SELECT (SELECT count(*) FROM pg_trigger WHERE tgrelid = {name}::regclass AND NOT tgisinternal), \
             (SELECT count(*) FROM pg_rewrite WHERE ev_class = {name}::regclass), \
             (SELECT count(*) FROM pg_attribute WHERE attrelid = {name}::regclass AND attnum > 0 AND NOT attisdropped \
              AND attgenerated = ''), \
             has_table_privilege({name}::regclass, 'INSERT'), \
             EXISTS (SELECT FROM {})",
            self.table.qualified(&self.table.target)
        );
        // It holds no value, and comes first: where it is refused, nothing else is tried.
        let answer = match self.connection.query(&sql, &[]) {
            Ok(rows) => rows.into_iter().next().unwrap_or_default(),
            Err(error) => return Ok(Some(self.unreadable(error)?)),
        };
        let answer: Vec<&str> = answer.iter().map(|field| field.as_deref().unwrap_or_default()).collect();
        let [triggers, rules, columns, may_insert, has_rows] = answer.as_slice() else {
            return Ok(Some(Reason::CatalogUnreadable { cause: None }));
        };
        let sent = self.table.sent_positions().len().to_string();
        Ok(if *triggers != "0" || *rules != "0" {
            Some(Reason::TriggersOrRules)
        } else if *columns != sent {
            Some(Reason::OtherColumns)
        } else if *may_insert != "t" {
            Some(Reason::NoRightToInsert)
        } else if *has_rows != "t" {
            Some(Reason::NoRow)
        } else {
            None
        })
    }

    /// NULL in a column, which PostgreSQL refuses before it checks anything else.
    pub(super) fn not_null(&mut self, column: &PlannedColumn) -> Result<Answer> {
        if column.generated.is_some() {
            return Ok(Answer::Untried(Reason::GeneratedColumn));
        }
        let reply = self.insert(&change(column, "NULL"), &[])?;
        Ok(match reply {
            Reply::Refused(error) if is(&error, NOT_NULL, error.column.as_ref(), &column.target) => {
                Answer::Refused
            }
            // Another column was NULL before it: none is, in a row that is there, so this is the one that is missed.
            Reply::Refused(error) if has(&error, &[CHECK, UNIQUE, FOREIGN_KEY]) => Answer::Taken,
            other => untried(other),
        })
    }

    /// A row that is there once more, with the other keys made new where they would answer first.
    pub(super) fn key(&mut self, key: &Key<'_>) -> Result<Answer> {
        let mut conditions: Vec<String> =
            key.parts.iter().map(|part| format!("{part} IS NOT NULL")).collect();
        conditions.extend(key.predicate.map(|predicate| format!("({predicate})")));
        let fixed: Vec<&str> = key.columns.iter().map(|column| column.target.as_str()).collect();
        let reply = self.insert_apart(&Changes::new(), &fixed, Some(key.name), &conditions, |error| {
            is(error, UNIQUE, error.constraint.as_ref(), key.name)
        })?;
        Ok(match reply {
            Reply::Refused(error) if is(&error, UNIQUE, error.constraint.as_ref(), key.name) => {
                Answer::Refused
            }
            // Foreign keys are checked after keys, so the key accepted it.
            Reply::Refused(error) if has(&error, &[FOREIGN_KEY]) => Answer::Taken,
            other => untried(other),
        })
    }

    /// Values that SQLite's condition forbids. The first that the plan's condition forbids, too, must be refused.
    pub(super) fn check(&mut self, check: &PlannedCheck, candidates: &[Candidate<'_>]) -> Result<Answer> {
        let mut last = Answer::Untried(Reason::NoViolationInBoth);
        for candidate in candidates {
            let changes = change(candidate.column, &candidate.of_target);
            // In one statement, so that the row that is read is the one that is inserted.
            let from = format!("{} WHERE ({}\n) IS FALSE", self.row(&changes), check.expression);
            match self.insert_from(&from, &Changes::new())? {
                Reply::NoRow => {}
                Reply::Refused(error) if is(&error, CHECK, error.constraint.as_ref(), &check.name) => {
                    return Ok(Answer::Refused);
                }
                // PostgreSQL checks conditions before keys and foreign keys.
                Reply::Taken => return Ok(Answer::Taken),
                Reply::Refused(error) if has(&error, &[UNIQUE, FOREIGN_KEY]) => return Ok(Answer::Taken),
                other => last = untried(other),
            }
        }
        Ok(last)
    }

    /// A row with a key that its parent has not: one column after the other, since some may belong to other keys, then all.
    pub(super) fn foreign_key(&mut self, key: &PlannedForeignKey) -> Result<Answer> {
        let table = self.table;
        let columns: Vec<&PlannedColumn> =
            key.columns.iter().filter_map(|name| table.target_column(name)).collect();
        let Some(parent) = self.tables.iter().find(|parent| parent.target == key.parent_table) else {
            return Ok(Answer::Untried(Reason::ParentNotCompared));
        };
        let pairs: Vec<(&PlannedColumn, &str)> =
            columns.iter().copied().zip(key.parent_columns.iter().map(String::as_str)).collect();
        let is_own_parent = parent.target == table.target;
        if is_own_parent && key.columns == key.parent_columns {
            return Ok(Answer::Untried(Reason::OwnParent));
        }
        let fixed: Vec<&str> = key.columns.iter().map(String::as_str).collect();
        let not_null: Vec<String> =
            key.columns.iter().map(|column| format!("{} IS NOT NULL", quote_pg(column))).collect();
        let mut last = Answer::Untried(Reason::NoKeyWithoutParent);
        // A row that references itself would still do so after a change of a column that is part of both keys.
        let is_of_both =
            |column: &PlannedColumn| is_own_parent && key.parent_columns.contains(&column.target);
        let single = pairs.iter().filter(|(column, _)| pairs.len() > 1 && !is_of_both(column));
        let mut tries: Vec<_> = single.map(|pair| (vec![*pair], not_null.as_slice())).collect();
        tries.push((pairs, &[]));
        for (changed, conditions) in tries {
            for variant in 0..3 {
                let mut changes = Changes::new();
                for (place, (column, _)) in changed.iter().enumerate() {
                    if let Some(value) = fresh(column, 50 + place).get(variant) {
                        changes.insert(column.target.clone(), value.clone());
                    }
                }
                if changes.len() < changed.len() || self.has_parent(parent, &changed, &changes)? {
                    continue;
                }
                let is_own =
                    |error: &ServerError| is(error, FOREIGN_KEY, error.constraint.as_ref(), &key.name);
                match self.insert_apart(&changes, &fixed, None, conditions, is_own)? {
                    Reply::Refused(error) if is_own(&error) => return Ok(Answer::Refused),
                    Reply::Taken => return Ok(Answer::Taken),
                    other => last = untried(other),
                }
            }
        }
        Ok(last)
    }

    fn has_parent(
        &mut self,
        parent: &PlannedTable,
        changed: &[(&PlannedColumn, &str)],
        changes: &Changes,
    ) -> Result<bool> {
        let equal = |(column, parent): &(&PlannedColumn, &str)| {
            changes.get(&column.target).map(|value| format!("{} = {value}", quote_pg(parent)))
        };
        let equal: Vec<String> = changed.iter().filter_map(equal).collect();
        let from = parent.qualified(&parent.target);
        let rows = self.guarded(&format!("SELECT 1 FROM {from} WHERE {} LIMIT 1", equal.join(" AND ")))?;
        Ok(rows.map_or(true, |rows| rows > 0))
    }

    /// Inserts a row; where another key than `own` answers, once more with a column of that key changed, which is none of `fixed`.
    /// NULL is taken first, which no key minds, then values that no row has.
    fn insert_apart(
        &mut self,
        changes: &Changes,
        fixed: &[&str],
        own: Option<&str>,
        conditions: &[String],
        is_wanted: impl Fn(&ServerError) -> bool,
    ) -> Result<Reply> {
        let mut reply = Reply::NoRow;
        for variant in 0..4 {
            let mut changes = changes.clone();
            for _ in 0..=self.keys.len() {
                reply = self.insert(&changes, conditions)?;
                let other = match &reply {
                    Reply::Refused(error) if has(error, &[UNIQUE]) => error.constraint.as_deref(),
                    _ => None,
                };
                let Some(other) =
                    self.keys.iter().find(|key| Some(key.name) == other && own != Some(key.name))
                else {
                    break;
                };
                let free = other.columns.iter().find(|column| {
                    column.generated.is_none()
                        && !fixed.contains(&column.target.as_str())
                        && !changes.contains_key(&column.target)
                });
                let Some(free) = free else { break };
                let value = match variant {
                    0 if !free.not_null => Some(typed(free, "NULL")),
                    0 => fresh(free, changes.len()).into_iter().next(),
                    number => fresh(free, changes.len()).into_iter().nth(number - 1),
                };
                let Some(value) = value else { break };
                changes.insert(free.target.clone(), value);
            }
            match &reply {
                Reply::Refused(error) if !is_wanted(error) && has(error, &[CHECK, UNIQUE, NOT_NULL]) => {}
                _ => break,
            }
        }
        Ok(reply)
    }

    /// Inserts the first row that `conditions` hold for once more, with some columns changed, and undoes it.
    fn insert(&mut self, changes: &Changes, conditions: &[String]) -> Result<Reply> {
        let table = self.table.qualified(&self.table.target);
        self.insert_from(&format!("{table}{}", self.filter(conditions)), changes)
    }

    fn insert_from(&mut self, from: &str, changes: &Changes) -> Result<Reply> {
        let names: Vec<String> = self.sent().map(|column| quote_pg(&column.target)).collect();
        let values: Vec<String> = self.sent().map(|column| value(column, changes)).collect();
        let sql = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {from} LIMIT 1",
            self.table.qualified(&self.table.target),
            names.join(", "),
            values.join(", "),
        );
        Ok(match self.guarded(&sql)? {
            Ok(0) => Reply::NoRow,
            Ok(_) => Reply::Taken,
            Err(error) => Reply::Refused(error),
        })
    }

    fn sent(&self) -> impl Iterator<Item = &'p PlannedColumn> + use<'p> {
        self.table.columns.iter().filter(|column| column.generated.is_none())
    }

    /// The row that [`TargetSide::insert`] inserts, as something to select from, with its generated columns.
    fn row(&self, changes: &Changes) -> String {
        let named =
            |column: &PlannedColumn, value: String| format!("{value} AS {}", quote_pg(&column.target));
        let values: Vec<String> = self.sent().map(|column| named(column, value(column, changes))).collect();
        let generated: Vec<String> = (self.table.columns.iter())
            .filter_map(|column| Some((column, column.generated.as_ref()?)))
            .map(|(column, generated)| format!(", {}", named(column, format!("({})", generated.expression))))
            .collect();
        let (table, name) = (self.table.qualified(&self.table.target), quote_pg(&self.table.target));
        format!(
            "(SELECT *{} FROM (SELECT {} FROM {table}{} LIMIT 1) AS {name}) AS {name}",
            generated.concat(),
            values.join(", "),
            self.filter(&[])
        )
    }

    /// Rows that conditions hold for. Those that are older than a CHECK are no rows to begin with.
    fn filter(&self, conditions: &[String]) -> String {
        let older = self.table.checks.iter().filter(|check| check.not_valid);
        let held = older.map(|check| format!("({}\n) IS NOT FALSE", check.expression));
        let all: Vec<String> = conditions.iter().cloned().chain(held).collect();
        if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) }
    }

    /// Why the catalog cannot be read; an error where the server is gone, or the work is to stop.
    fn unreadable(&self, error: Error) -> Result<Reason> {
        let refused = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<ServerError>());
        match refused {
            Some(refused) if has(refused, &[LOCK_NOT_AVAILABLE]) => Ok(Reason::Locked),
            Some(refused) if !self.is_end(refused) => {
                Ok(Reason::CatalogUnreadable { cause: Some(refused.to_string()) })
            }
            _ => Err(error),
        }
    }

    /// Whether the server is gone, or the work is to stop.
    fn is_end(&self, refused: &ServerError) -> bool {
        let is_gone = refused
            .sqlstate
            .as_deref()
            .is_none_or(|sqlstate| ["08", "57P", "25P03"].iter().any(|class| sqlstate.starts_with(class)));
        is_gone || (has(refused, &[QUERY_CANCELED]) && self.observer.is_stopped())
    }

    /// Runs a statement and undoes it; an error of the server is a result, a lost connection is an error.
    fn guarded(&mut self, sql: &str) -> Result<Guarded> {
        match self.connection.guarded(sql, Then::Undo)? {
            Err(refused) if self.is_end(&refused) => {
                Err(Error::new("a statement was refused").caused_by(refused))
            }
            answer => Ok(answer),
        }
    }
}

fn change(column: &PlannedColumn, value: &str) -> Changes {
    Changes::from([(column.target.clone(), value.to_owned())])
}

fn value(column: &PlannedColumn, changes: &Changes) -> String {
    match changes.get(&column.target) {
        Some(value) if value == "NULL" => typed(column, "NULL"),
        Some(value) => value.clone(),
        None => quote_pg(&column.target),
    }
}

fn is(error: &ServerError, sqlstate: &str, name: Option<&String>, wanted: &str) -> bool {
    has(error, &[sqlstate]) && name.is_some_and(|name| name == wanted)
}

fn has(error: &ServerError, sqlstates: &[&str]) -> bool {
    error.sqlstate.as_deref().is_some_and(|sqlstate| sqlstates.contains(&sqlstate))
}

fn untried(reply: Reply) -> Answer {
    match reply {
        Reply::Taken => Answer::Taken,
        Reply::NoRow => Answer::Untried(Reason::NoCompleteRow),
        Reply::Refused(error) if has(&error, &[LOCK_NOT_AVAILABLE]) => Answer::Untried(Reason::Locked),
        Reply::Refused(error) => Answer::Untried(Reason::OtherRefusal { cause: error.to_string() }),
    }
}
