//! Triggers: a stored `CREATE TRIGGER` as a trigger of PostgreSQL and the PL/pgSQL of its function.
//!
//! SQLite runs a trigger's statements row by row, and a trigger that is running does not fire itself (manual, "PRAGMA
//! recursive_triggers", off by default). PostgreSQL's would, so that one that may come back to itself is kept from it.

mod outline;
mod raise;
mod same_row;
mod statement;
mod write;

use sqlite3_parser::ast::{self, Stmt, TriggerCmd};

use crate::identifier::{hashed_pg, quote_pg_literal};
use crate::source_sql::plain_name;
use crate::translate::model::{
    Catalog, Relation, Result, Scope, ScopeColumn, ScopeTable, untranslatable, with_stored,
};
use crate::translate::query::{Environment, Frame, Part, Translator, relation};
use outline::may_come_back;

pub use outline::{TriggerEvent, TriggerOutline, TriggerTime, outline};

/// A translated trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslatedTrigger {
    /// The table or view that it is on, by its name in SQLite.
    pub table: String,
    /// When it fires, such as `BEFORE UPDATE OF a, b`.
    pub event: String,
    /// The condition under which it fires.
    pub condition: Option<String>,
    /// The body of its function.
    pub body: String,
    /// What a reviewer should know of the translation.
    pub notes: Vec<String>,
}

/// The trigger at hand, as its parts need to know it.
struct Trigger<'a> {
    /// The statement that SQLite stored.
    sql: &'a str,
    outline: &'a TriggerOutline,
    others: &'a [TriggerOutline],
    own: &'a Relation,
    catalog: &'a Catalog,
    /// What NEW and OLD mean.
    scope: Scope,
    /// Keeps it from running within itself, where that may come.
    guard: Option<Guard>,
}

/// A function's body, and what goes with it.
#[derive(Default)]
struct Body {
    /// Its lines; what stands in one may have line breaks of its own, within a literal.
    lines: Vec<String>,
    notes: Vec<String>,
}

impl Trigger<'_> {
    fn environment(&self) -> Environment<'_> {
        Environment::of(self.catalog, self.sql)
    }

    /// What the function gives back where it has nothing against the change: the row, or nothing once it is written.
    fn result(&self) -> &'static str {
        match (self.outline.time, self.outline.event) {
            (TriggerTime::After, _) => "NULL",
            (_, TriggerEvent::Delete) => "OLD",
            _ => "NEW",
        }
    }

    /// Leaves the function with this result.
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
            return untranslatable("its SQL is no CREATE TRIGGER");
        };
        let environment = Environment::of(catalog, sql);
        let own = relation(&environment, &ast::QualifiedName::single(tbl_name.name.clone()))?;
        if (own.writes.is_none()) != (outline.time == TriggerTime::InsteadOf) {
            return untranslatable("INSTEAD OF is for views, and for nothing else");
        }
        generated_are_known(own, &outline, sql)?;
        let mut scope = scope(own, outline.event);
        scope.aliases.extend(catalog.schemas.iter().cloned());
        let guard = may_come_back(&outline, others, cascades).then(|| Guard::new(&outline.name));
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
            // PostgreSQL wants such a condition within the function.
            body.lines = block(format!("IF {sql} THEN"), body.lines, "END IF;");
        }
        if let Some(guard) = &trigger.guard {
            body.notes
                .push("it does not fire itself, as in SQLite where recursive_triggers is off".to_owned());
            body.lines.splice(0..0, guard.begin(trigger.result()));
        }
        body.lines.push(trigger.leave(trigger.result()));
        Ok(finished(&trigger, outline.time, &columns, body, condition))
    })
}

/// Refuses a generated column of a row that is not written yet: PostgreSQL computes it afterwards (manual, section 5.4).
fn generated_are_known(own: &Relation, outline: &TriggerOutline, sql: &str) -> Result<()> {
    if outline.time != TriggerTime::Before || outline.event == TriggerEvent::Delete {
        return Ok(());
    }
    let sql = sql.to_ascii_lowercase();
    let generated = own.writes.iter().flat_map(|writes| &writes.generated);
    let mut columns = generated.filter_map(|place| own.columns.get(*place));
    // Whatever the word means there: that it does not stand there is enough.
    match columns.find(|column| sql.contains(&column.source.to_ascii_lowercase())) {
        Some(column) => {
            untranslatable(format!("the generated column {} before the row is written", column.source))
        }
        None => Ok(()),
    }
}

/// The whole of it, once its parts are there.
fn finished(
    trigger: &Trigger<'_>,
    time: TriggerTime,
    columns: &str,
    mut body: Body,
    condition: Option<String>,
) -> TranslatedTrigger {
    body.notes.sort();
    body.notes.dedup();
    TranslatedTrigger {
        table: trigger.own.source.clone(),
        event: format!("{} {}{columns}", time.words(), trigger.outline.event.words()),
        condition,
        body: block("BEGIN".to_owned(), body.lines, "END").join("\n"),
        notes: body.notes,
    }
}

/// `OF` and the columns of an UPDATE that it fires on; empty where it fires on all.
fn columns(trigger: &Trigger<'_>, event: &ast::TriggerEvent<'_>) -> Result<String> {
    let ast::TriggerEvent::UpdateOf(names) = event else { return Ok(String::new()) };
    if trigger.outline.time == TriggerTime::InsteadOf {
        return untranslatable("INSTEAD OF UPDATE OF some columns, which PostgreSQL has not");
    }
    let mut columns = Vec::new();
    for name in names.iter().map(|name| plain_name(name.0)) {
        let found = trigger.own.columns.iter().find(|column| column.source.eq_ignore_ascii_case(&name));
        match found {
            Some(column) => columns.push(column.sql.clone()),
            None => return untranslatable(format!("the column {name}, which is not there")),
        }
    }
    Ok(format!(" OF {}", columns.join(", ")))
}

/// What NEW and OLD mean; only qualified names mean their columns.
fn scope(own: &Relation, event: TriggerEvent) -> Scope {
    let mut scope = Scope::default();
    let records: &[&str] = match event {
        TriggerEvent::Insert => &["new"],
        TriggerEvent::Update => &["new", "old"],
        TriggerEvent::Delete => &["old"],
    };
    scope.aliases.extend(["new", "old"].map(str::to_owned));
    for (place, name) in records.iter().enumerate() {
        let table = record(own, name);
        scope.hidden.extend((0..table.columns.len()).map(|column| (place, column)));
        scope.tables.push(table);
    }
    scope
}

/// The columns of NEW or OLD.
fn record(own: &Relation, name: &str) -> ScopeTable {
    let prefix = name.to_ascii_uppercase();
    let columns = (own.columns.iter())
        .map(|column| ScopeColumn { sql: format!("{prefix}.{}", column.sql), ..column.clone() })
        .collect();
    ScopeTable { names: vec![name.to_owned()], columns, rowid: own.rowid }
}

/// The condition of WHEN.
#[derive(Default)]
struct When {
    sql: Option<String>,
    has_query: bool,
    notes: Vec<String>,
}

fn when(trigger: &Trigger<'_>, clause: Option<&ast::Expr<'_>>) -> Result<When> {
    let Some(clause) = clause else { return Ok(When::default()) };
    let environment = trigger.environment();
    let mut translator = Translator::of_part(&trigger.scope, INNER, Part::new(&environment));
    let sql = translator.node(clause)?.condition()?;
    let has_query = translator.part.has_queries;
    Ok(When { sql: Some(sql), has_query, notes: translator.notes })
}

/// The depth of the statements of a trigger, so that each stands on one line.
const INNER: usize = 1;

/// All statements of a body.
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
                return untranslatable(
                    "it inserts what it reads from its own table, where PostgreSQL shows all rows of a statement as changed already",
                );
            }
            body.notes.push(
                "where a statement changes several rows, it sees its table with all of them changed, in SQLite with those before"
                    .to_owned(),
            );
        }
    }
    Ok(body)
}

/// Keeps a function from running within itself: by a setting that lasts no longer than the transaction.
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

/// Lines between two others, indented.
fn block(begin: String, lines: Vec<String>, end: &str) -> Vec<String> {
    let inner = lines.into_iter().map(|line| format!("  {line}"));
    std::iter::once(begin).chain(inner).chain([end.to_owned()]).collect()
}
