//! Triggers: a stored `CREATE TRIGGER` as a trigger of PostgreSQL and the PL/pgSQL of its function.
//!
//! SQLite runs a trigger's statements row by row, and a trigger that is running does not fire itself (manual, "PRAGMA
//! recursive_triggers", off by default). PostgreSQL's does, so that a trigger that may fire itself is guarded by a setting.

mod outline;
mod raise;
mod same_row;
mod statement;
mod write;

use sqlite3_parser::ast::{self, Stmt, TriggerCmd};

use crate::identifier::{hashed_pg, quote_pg_literal};
use crate::source_sql::plain_name;
use crate::translate::model::{Catalog, Note, Notes, Relation, Result, Scope, Untranslatable, with_stored};
use crate::translate::query::{Environment, Frame, QueryContext, Translator, relation};
use outline::may_recurse;

pub use outline::{TriggerEvent, TriggerOutline, TriggerTime, outline};

/// A translated trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslatedTrigger {
    /// The name in SQLite of its table or view.
    pub table: String,
    /// Its event, such as `BEFORE UPDATE OF a, b`.
    pub event: String,
    /// The condition under which it fires.
    pub condition: Option<String>,
    /// The body of its function.
    pub body: String,
    /// What a reviewer should know of the translation.
    pub notes: Notes,
}

/// The trigger that is being translated.
struct Trigger<'a> {
    /// The statement that SQLite stored.
    sql: &'a str,
    outline: &'a TriggerOutline,
    others: &'a [TriggerOutline],
    own: &'a Relation,
    catalog: &'a Catalog,
    /// The scope of NEW and OLD.
    scope: Scope,
    /// Prevents it from firing itself, if it might.
    guard: Option<Guard>,
}

/// The body of a function, with notes.
#[derive(Default)]
struct Body {
    /// Its lines; a literal in one may have line breaks.
    lines: Vec<String>,
    notes: Notes,
}

impl Trigger<'_> {
    fn environment(&self) -> Environment<'_> {
        Environment::of(self.catalog, self.sql)
    }

    /// Returns the result of the function if it permits the change: the row, or NULL once it is written.
    fn result(&self) -> &'static str {
        match (self.outline.time, self.outline.event) {
            (TriggerTime::After, _) => "NULL",
            (_, TriggerEvent::Delete) => "OLD",
            _ => "NEW",
        }
    }

    /// Returns a statement that leaves the function with this result.
    fn leave(&self, result: &str) -> String {
        let open = self.guard.as_ref().map(|guard| format!("{} ", guard.end())).unwrap_or_default();
        format!("{open}RETURN {result};")
    }
}

/// Translates a stored `CREATE TRIGGER` of a database whose other triggers are `others`, and where changing the first table of a
/// pair in `cascades` may change the second by a foreign key.
///
/// # Errors
/// [`super::Untranslatable`] with the reason.
pub fn trigger(
    sql: &str,
    catalog: &Catalog,
    others: &[TriggerOutline],
    cascades: &[(String, String)],
) -> Result<TranslatedTrigger> {
    let outline = outline(sql)?;
    with_stored(sql, |statement| {
        let Stmt::CreateTrigger { tbl_name, event, when_clause, commands, .. } = statement else {
            return Err(Untranslatable::NotATrigger);
        };
        let environment = Environment::of(catalog, sql);
        let own = relation(&environment, &ast::QualifiedName::single(tbl_name.name.clone()))?;
        if (own.writes.is_none()) != (outline.time == TriggerTime::InsteadOf) {
            return Err(Untranslatable::InsteadOf);
        }
        generated_are_known(own, &outline, sql)?;
        let mut scope = scope(own, outline.event);
        scope.aliases.extend(catalog.schemas.iter().cloned());
        let guard = may_recurse(&outline, others, cascades).then(|| Guard::new(&outline.name));
        let trigger = Trigger { sql, outline: &outline, others, own, catalog, scope, guard };
        let columns = columns(&trigger, event)?;
        let when = when(&trigger, when_clause.as_ref())?;
        if let Some(mut body) = same_row::body(&trigger, commands)?
            && !when.has_query
        {
            body.notes.extend(when.notes);
            body.lines.push("RETURN NEW;".to_owned());
            return Ok(finished(&trigger, TriggerTime::Before, &columns, body, when.sql));
        }
        let mut body = statements(&trigger, commands)?;
        body.notes.extend(when.notes);
        let mut condition = when.sql;
        if let Some(sql) = condition.take_if(|_| when.has_query || outline.time == TriggerTime::InsteadOf) {
            // PostgreSQL only allows such a condition in the function.
            body.lines = block(format!("IF {sql} THEN"), body.lines, "END IF;");
        }
        if let Some(guard) = &trigger.guard {
            body.notes.insert(Note::NotRecursive);
            body.lines.splice(0..0, guard.begin(trigger.result()));
        }
        body.lines.push(trigger.leave(trigger.result()));
        Ok(finished(&trigger, outline.time, &columns, body, condition))
    })
}

/// Refuses a generated column of a row that is not yet written: PostgreSQL computes it later (manual, section 5.4).
fn generated_are_known(own: &Relation, outline: &TriggerOutline, sql: &str) -> Result<()> {
    if outline.time != TriggerTime::Before || outline.event == TriggerEvent::Delete {
        return Ok(());
    }
    let sql = sql.to_ascii_lowercase();
    let generated = own.writes.iter().flat_map(|writes| &writes.generated);
    let mut columns = generated.filter_map(|index| own.columns.get(*index));
    // The word may mean something else; this check is conservative.
    match columns.find(|column| sql.contains(&column.source.to_ascii_lowercase())) {
        Some(column) => Err(Untranslatable::GeneratedBefore { column: column.source.clone() }),
        None => Ok(()),
    }
}

/// Assembles the trigger.
fn finished(
    trigger: &Trigger<'_>,
    time: TriggerTime,
    columns: &str,
    body: Body,
    condition: Option<String>,
) -> TranslatedTrigger {
    TranslatedTrigger {
        table: trigger.own.source.clone(),
        event: format!("{} {}{columns}", time.words(), trigger.outline.event.words()),
        condition,
        body: block("BEGIN".to_owned(), body.lines, "END").join("\n"),
        notes: body.notes,
    }
}

/// Returns `OF` and the columns of an UPDATE that it fires on; empty if it fires on all.
fn columns(trigger: &Trigger<'_>, event: &ast::TriggerEvent<'_>) -> Result<String> {
    let ast::TriggerEvent::UpdateOf(names) = event else { return Ok(String::new()) };
    if trigger.outline.time == TriggerTime::InsteadOf {
        return Err(Untranslatable::InsteadOfColumns);
    }
    let mut columns = Vec::new();
    for name in names.iter().map(|name| plain_name(name.0)) {
        let found = trigger.own.columns.iter().find(|column| column.source.eq_ignore_ascii_case(&name));
        match found {
            Some(column) => columns.push(column.sql.clone()),
            None => return Err(Untranslatable::UnknownColumn { column: name }),
        }
    }
    Ok(format!(" OF {}", columns.join(", ")))
}

/// Returns the scope of NEW and OLD; only qualified names refer to their columns.
fn scope(own: &Relation, event: TriggerEvent) -> Scope {
    let mut scope = Scope::default();
    let records: &[&str] = match event {
        TriggerEvent::Insert => &["new"],
        TriggerEvent::Update => &["new", "old"],
        TriggerEvent::Delete => &["old"],
    };
    scope.aliases.extend(["new", "old"].map(str::to_owned));
    for (index, name) in records.iter().enumerate() {
        let table = own.scope_table(name, &name.to_ascii_uppercase());
        scope.hidden.extend((0..table.columns.len()).map(|column| (index, column)));
        scope.tables.push(table);
    }
    scope
}

/// The condition of WHEN.
#[derive(Default)]
struct When {
    sql: Option<String>,
    has_query: bool,
    notes: Notes,
}

fn when(trigger: &Trigger<'_>, clause: Option<&ast::Expr<'_>>) -> Result<When> {
    let Some(clause) = clause else { return Ok(When::default()) };
    let environment = trigger.environment();
    let mut translator = Translator::of_part(&trigger.scope, INNER, QueryContext::new(&environment));
    let sql = translator.node(clause)?.condition()?;
    let has_query = translator.context.has_queries;
    Ok(When { sql: Some(sql), has_query, notes: translator.notes })
}

/// The depth of the statements of a trigger, so that each is on one line.
const INNER: usize = 1;

/// Translates all statements of a body.
fn statements(trigger: &Trigger<'_>, commands: &[TriggerCmd<'_>]) -> Result<Body> {
    let mut body = Body::default();
    for command in commands {
        let environment = trigger.environment();
        let frame = Frame { environment: &environment, outer: Some(&trigger.scope), depth: INNER };
        let (lines, notes) = statement::statement(trigger, &frame, command)?;
        body.lines.extend(lines);
        body.notes.extend(notes);
        let reads_own = environment.read.take().contains(&trigger.own.source);
        if trigger.outline.time == TriggerTime::After && reads_own {
            if matches!(command, TriggerCmd::Insert { .. }) {
                return Err(Untranslatable::InsertsOwnRows);
            }
            body.notes.insert(Note::SeesAllRows);
        }
    }
    Ok(body)
}

/// Prevents a function from running recursively, by a setting of the transaction.
struct Guard {
    setting: String,
}

impl Guard {
    fn new(name: &str) -> Guard {
        Guard { setting: quote_pg_literal(&format!("triggers.{}", hashed_pg("t", name))) }
    }

    fn begin(&self, result: &str) -> [String; 2] {
        [
            format!("IF current_setting({}, true) = 'on' THEN RETURN {result}; END IF;", self.setting),
            format!("PERFORM set_config({}, 'on', true);", self.setting),
        ]
    }

    fn end(&self) -> String {
        format!("PERFORM set_config({}, 'off', true);", self.setting)
    }
}

/// Returns indented lines between two others.
fn block(begin: String, lines: Vec<String>, end: &str) -> Vec<String> {
    let inner = lines.into_iter().map(|line| format!("  {line}"));
    std::iter::once(begin).chain(inner).chain([end.to_owned()]).collect()
}
