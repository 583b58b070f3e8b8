//! Translates SQLite's expressions to PostgreSQL's, with the same effect and aware of what the columns became.
//!
//! Each subexpression is translated to a `node::Node`: SQL whose value is SQLite's, and what is known of it. A column whose
//! conversion changed its form (a truth value, a point in time) is known in both: as PostgreSQL has it, and with the
//! conversion undone in SQL. What may come to mean something else is refused with the reason; nothing is guessed.

mod arithmetic;
mod bits;
mod cast;
mod chain;
mod coerce;
mod column;
mod compare;
mod default;
mod expression;
mod functions;
mod literal;
mod moment;
mod node;
mod pattern;
mod query;
mod row;
mod trigger;
mod view;

use std::collections::BTreeSet;

use sqlite3_parser::ast::{Expr, OneSelect, ResultColumn, Stmt};

use crate::affinity::Affinity;
use crate::conversion::{Conversion, PgType};
use crate::source_sql::{extent, with_statement};
use expression::Translator;
use node::{Kind, Node};

pub use default::default;
pub use query::{Catalog, Relation, Writes};
pub use trigger::{TranslatedTrigger, TriggerEvent, TriggerOutline, TriggerTime, outline, trigger};
pub use view::{TranslatedView, view};

/// How text is compared (SQLite manual, "Datatypes In SQLite", section 7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Collation {
    /// Byte by byte.
    #[default]
    Binary,
    /// Without regard to the case of the letters of ASCII.
    Nocase,
    /// Without regard to blanks at the end.
    Rtrim,
    /// One that only the app knows.
    Other(String),
}

/// A column that expressions may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeColumn {
    /// Its name in SQLite.
    pub source: String,
    /// How PostgreSQL names it: quoted, and qualified where that is needed.
    pub sql: String,
    /// What became of its values.
    pub conversion: Conversion,
    /// Its affinity in SQLite.
    pub affinity: Affinity,
    /// How SQLite compares its text.
    pub collation: Collation,
    /// Whether it is NOT NULL in PostgreSQL.
    pub not_null: bool,
}

/// A table whose columns expressions may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeTable {
    /// The names by which SQL may qualify its columns.
    pub names: Vec<String>,
    /// Its columns.
    pub columns: Vec<ScopeColumn>,
    /// Which of them `rowid` and its like mean.
    pub rowid: Option<usize>,
}

/// What names in an expression mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The tables, in the order in which names are looked for.
    pub tables: Vec<ScopeTable>,
    /// Which columns of which tables only a qualified name means: those that USING has joined to others, and all of NEW and OLD.
    pub hidden: BTreeSet<(usize, usize)>,
    /// The names that PostgreSQL knows the tables of this and of the outer scopes by.
    pub aliases: BTreeSet<String>,
    /// Where names are looked for that mean nothing here: the query that this one stands in.
    pub outer: Option<Box<Scope>>,
}

/// How far a value depends on more than the expression (PostgreSQL manual, section 38.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    /// On nothing else: the same columns give the same value, always.
    #[default]
    Immutable,
    /// On the statement or the session, such as the clock.
    Stable,
    /// On each call, such as a random number.
    Volatile,
}

/// A translated expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated {
    /// The expression in PostgreSQL's SQL.
    pub sql: String,
    /// How far its value depends on more than itself.
    pub volatility: Volatility,
    /// What a reviewer should know of the translation.
    pub notes: Vec<String>,
}

/// An expression that has no translation that is sure to mean the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Untranslatable {
    /// What stands in the way, by the names of functions and operators.
    pub reason: String,
}

type Result<T> = std::result::Result<T, Untranslatable>;

fn untranslatable<T>(reason: impl Into<String>) -> Result<T> {
    Err(Untranslatable { reason: reason.into() })
}

/// Translates the condition of a CHECK. As in SQLite it holds where it is NULL.
///
/// # Errors
/// [`Untranslatable`] with the reason.
pub fn check(sql: &str, scope: &Scope) -> Result<Translated> {
    condition(sql, scope, Volatility::Volatile)
}

/// Translates the condition of a partial index.
///
/// # Errors
/// [`Untranslatable`] with the reason.
pub fn predicate(sql: &str, scope: &Scope) -> Result<Translated> {
    condition(sql, scope, Volatility::Immutable)
}

/// Translates a key of an index that is an expression.
///
/// # Errors
/// [`Untranslatable`] with the reason.
pub fn index_key(sql: &str, scope: &Scope) -> Result<Translated> {
    with_expression(sql, |expression| {
        let mut translator = Translator::new(scope);
        let node = certain(translator.node(expression)?)?;
        let volatility = node.volatility;
        let sql = node.key_sql()?;
        if node.kind == Kind::Json {
            translator.notes.extend(node.text()?.notes());
        }
        finished(Translated { sql, volatility, notes: translator.notes }, Volatility::Immutable)
    })
}

/// Translates the expression of a generated column to one of the column's type.
///
/// # Errors
/// [`Untranslatable`] with the reason.
pub fn generated(
    sql: &str,
    scope: &Scope,
    conversion: &Conversion,
    affinity: Affinity,
) -> Result<Translated> {
    with_expression(sql, |expression| {
        let mut translator = Translator::new(scope);
        let node = certain(translator.node(expression)?)?;
        if node.is_approximate {
            return untranslatable("its numbers may differ in the last digit");
        }
        // SQLite calculates on with floats where PostgreSQL fails.
        if node.kind == Kind::Integer && node.may_overflow && !holds_integers_alone(conversion) {
            return untranslatable("a calculation with integers may leave 64 bits behind");
        }
        let volatility = node.volatility;
        let sql = coerce::assigned(&node, conversion, affinity)?;
        if node.kind == Kind::Json && conversion.target_type() == PgType::Text {
            translator.notes.extend(node.text()?.notes());
        }
        finished(Translated { sql, volatility, notes: translator.notes }, Volatility::Immutable)
    })
}

fn holds_integers_alone(conversion: &Conversion) -> bool {
    matches!(conversion.target_type(), PgType::Bigint | PgType::Integer | PgType::Smallint)
}

fn condition(sql: &str, scope: &Scope, most: Volatility) -> Result<Translated> {
    with_expression(sql, |expression| {
        let mut translator = Translator::new(scope);
        let node = certain(translator.node(expression)?)?;
        let sql = node.condition()?;
        finished(Translated { sql, volatility: node.volatility, notes: translator.notes }, most)
    })
}

/// Refuses what may fail for rows that are there already.
fn certain(node: Node) -> Result<Node> {
    if node.is_text_document {
        return untranslatable(
            "a function of JSON on text that is no JSON in PostgreSQL: SQLite reads JSON5, too",
        );
    }
    Ok(node)
}

fn finished(mut translated: Translated, most: Volatility) -> Result<Translated> {
    if translated.volatility > most {
        return untranslatable("its value depends on more than the row, and PostgreSQL refuses that here");
    }
    translated.notes.sort();
    translated.notes.dedup();
    Ok(translated)
}

/// How deep brackets, calls and queries may lie in each other: what walks a tree calls itself for each level.
const NESTING_MAX: usize = 200;

/// Refuses what is nested too deeply to be walked.
fn check_nesting(statement: &Stmt<'_>) -> Result<()> {
    let nesting = extent(statement).nesting;
    if nesting > NESTING_MAX {
        return untranslatable(format!(
            "it is nested {nesting} levels deep, and at most {NESTING_MAX} are translated"
        ));
    }
    Ok(())
}

/// Parses a statement that SQLite stored, and hands it on.
fn with_stored<T>(sql: &str, read: impl FnOnce(&Stmt<'_>) -> Result<T>) -> Result<T> {
    // What `read` says goes past the parser's own error.
    let mut result = None;
    let parsed = with_statement(
        sql,
        || "the statement".to_owned(),
        |statement| {
            result = Some(check_nesting(statement).and_then(|()| read(statement)));
            Ok(())
        },
    );
    match (result, parsed) {
        (Some(result), _) => result,
        (None, Err(error)) => untranslatable(error.to_string()),
        (None, Ok(())) => untranslatable("its SQL is empty"),
    }
}

/// Parses an expression and hands it on.
fn with_expression<T>(sql: &str, read: impl FnOnce(&Expr<'_>) -> Result<T>) -> Result<T> {
    // What `read` says goes past the parser's own error.
    let mut result = None;
    let parsed = with_statement(
        &format!("SELECT ({sql}\n)"),
        || "the expression".to_owned(),
        |statement| {
            if let Stmt::Select(select) = statement
                && let OneSelect::Select {
                    columns: [ResultColumn::Expr(expression, None)], from: None, ..
                } = &select.body.select
            {
                result = Some(check_nesting(statement).and_then(|()| read(expression)));
            }
            Ok(())
        },
    );
    match (result, parsed) {
        (Some(result), _) => result,
        (None, Err(error)) => untranslatable(error.to_string()),
        (None, Ok(())) => untranslatable("it is no expression"),
    }
}
