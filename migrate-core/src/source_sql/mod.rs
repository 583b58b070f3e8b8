//! Reads the SQL that SQLite stored, by SQLite's own grammar, for facts that the pragmas do not return.
//!
//! Nothing is executed, and nothing is parsed by patterns. SQL that cannot be parsed is an error that names the
//! table, never a missing fact.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sqlite3_parser::ast::{
    Cmd, ColumnConstraint, CreateTableBody, Expr, Literal, OneSelect, Operator, ResolveType, ResultColumn,
    SortedColumn, Stmt, TableConstraint, UnaryOperator,
};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator};

mod clock;
mod comments;
mod extent;
mod index;
mod text_use;
mod trigger_targets;
mod virtual_table;

pub use clock::{Clock, default_clock};
pub use comments::{TableComments, table_comments};
pub(crate) use extent::extent;
pub use extent::{SqlExtent, sql_extent, text_use};
pub use index::{IndexSqlFacts, index_facts};
pub use text_use::TextUse;
pub use trigger_targets::trigger_writes_only;
pub use virtual_table::{FullTextContent, FullTextFacts, RowNumber, VirtualTableFacts, virtual_table_facts};

/// The facts of a stored `CREATE TABLE` that the pragmas do not return.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSqlFacts {
    /// Whether the primary key is AUTOINCREMENT.
    pub autoincrement: bool,
    /// The CHECK constraints, in order.
    pub checks: Vec<CheckFact>,
    /// The generated columns and their expressions, as SQL.
    pub generated: Vec<(String, String)>,
    /// Columns with a collation that is not BINARY, and its name.
    pub collations: Vec<(String, String)>,
    /// Foreign keys that are DEFERRABLE INITIALLY DEFERRED, by their columns, in lower case.
    pub deferred_foreign_keys: Vec<Vec<String>>,
    /// Constraints with an `ON CONFLICT` other than ABORT, such as `NOT NULL ON CONFLICT IGNORE`, with the column of a column
    /// constraint. That of a CHECK is ignored, as in SQLite.
    pub conflict_clauses: Vec<(Option<String>, String)>,
}

/// A CHECK constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFact {
    /// The name from `CONSTRAINT name`.
    pub name: Option<String>,
    /// The column of a column constraint.
    pub column: Option<String>,
    /// The condition, as SQL.
    pub sql: String,
}

/// SQL that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored SQL of {what} cannot be read: {problem}")]
pub struct UnreadableSql {
    /// The object whose SQL it is.
    pub what: String,
    /// The message of the parser.
    pub problem: String,
}

/// The meaning of a column default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultMeaning {
    /// NULL, which is the same as no default.
    Null,
    /// An integer literal.
    Integer(i64),
    /// A number that is not a 64-bit integer, as written.
    Number(String),
    /// A string literal.
    Text(String),
    /// A blob literal's hexadecimal digits.
    Blob(String),
    /// `CURRENT_TIMESTAMP`, `datetime('now')`: the clock as `YYYY-MM-DD HH:MM:SS` text.
    ClockText,
    /// `unixepoch()` and similar: the clock in seconds since 1970.
    ClockSeconds,
    /// `unixepoch() * 1000` and similar: the clock in milliseconds since 1970.
    ClockMilliseconds,
    /// Anything else, as written.
    Other(String),
}

/// Reads a stored `CREATE TABLE`. A virtual table has no facts here.
///
/// # Errors
/// [`UnreadableSql`] if it cannot be parsed.
pub fn table_facts(table: &str, sql: &str) -> Result<TableSqlFacts, UnreadableSql> {
    let what = || format!("table {table}");
    with_statement(sql, what, |statement| {
        if let Stmt::CreateVirtualTable { .. } = statement {
            return Ok(TableSqlFacts::default());
        }
        let Stmt::CreateTable { body, .. } = statement else {
            return Err(UnreadableSql { what: what(), problem: "it is not a CREATE TABLE".to_owned() });
        };
        let CreateTableBody::ColumnsAndConstraints { columns, constraints, .. } = body else {
            return Ok(TableSqlFacts::default());
        };
        let mut facts = TableSqlFacts::default();
        for column in columns.iter() {
            for named in column.constraints {
                let name = named.name.as_ref().map(|name| plain_name(name.0));
                facts.add_column_constraint(&plain_name(column.col_name.0), name, &named.constraint);
            }
        }
        for named in constraints.iter().flat_map(|constraints| constraints.iter()) {
            let name = named.name.as_ref().map(|name| plain_name(name.0));
            facts.add_table_constraint(name, &named.constraint);
        }
        Ok(facts)
    })
}

/// Reads a default's SQL, as `PRAGMA table_xinfo` prints it.
pub fn default_meaning(sql: &str) -> DefaultMeaning {
    let meaning = with_expression(sql, "a default", |_, expression| meaning_of(expression));
    meaning.ok().flatten().flatten().unwrap_or_else(|| DefaultMeaning::Other(sql.to_owned()))
}

impl TableSqlFacts {
    fn add_column_constraint(
        &mut self,
        column: &str,
        name: Option<String>,
        constraint: &ColumnConstraint<'_>,
    ) {
        match constraint {
            ColumnConstraint::PrimaryKey { auto_increment, conflict_clause, .. } => {
                self.autoincrement |= auto_increment;
                self.add_conflict_clause(Some(column), "PRIMARY KEY", *conflict_clause);
            }
            ColumnConstraint::NotNull { nullable: false, conflict_clause } => {
                self.add_conflict_clause(Some(column), "NOT NULL", *conflict_clause);
            }
            ColumnConstraint::Unique(conflict_clause) => {
                self.add_conflict_clause(Some(column), "UNIQUE", *conflict_clause);
            }
            ColumnConstraint::Check(expression) => {
                let column = Some(column.to_owned());
                self.checks.push(CheckFact { name, column, sql: expression.to_string() });
            }
            ColumnConstraint::Generated { expr, .. } => {
                self.generated.push((column.to_owned(), expr.to_string()));
            }
            ColumnConstraint::Collate { collation_name } => {
                let collation = plain_name(collation_name.0);
                if !collation.eq_ignore_ascii_case("BINARY") {
                    self.collations.push((column.to_owned(), collation));
                }
            }
            ColumnConstraint::ForeignKey { defer_clause: Some(clause), .. }
            | ColumnConstraint::Defer(clause)
                if is_deferred(clause) =>
            {
                self.deferred_foreign_keys.push(vec![column.to_ascii_lowercase()]);
            }
            _ => {}
        }
    }

    fn add_table_constraint(&mut self, name: Option<String>, constraint: &TableConstraint<'_>) {
        match constraint {
            TableConstraint::PrimaryKey { columns, auto_increment, conflict_clause } => {
                self.autoincrement |= auto_increment;
                self.add_conflict_clause(None, &key_words("PRIMARY KEY", columns), *conflict_clause);
            }
            TableConstraint::Unique { columns, conflict_clause } => {
                self.add_conflict_clause(None, &key_words("UNIQUE", columns), *conflict_clause);
            }
            TableConstraint::Check(expression, _) => {
                self.checks.push(CheckFact { name, column: None, sql: expression.to_string() });
            }
            TableConstraint::ForeignKey { columns, defer_clause: Some(clause), .. }
                if is_deferred(clause) =>
            {
                let names = columns.iter().map(|column| plain_name(column.col_name.0).to_ascii_lowercase());
                self.deferred_foreign_keys.push(names.collect());
            }
            _ => {}
        }
    }

    fn add_conflict_clause(&mut self, column: Option<&str>, constraint: &str, clause: Option<ResolveType>) {
        let action = match clause {
            None | Some(ResolveType::Abort) => return,
            Some(ResolveType::Rollback) => "ROLLBACK",
            Some(ResolveType::Fail) => "FAIL",
            Some(ResolveType::Ignore) => "IGNORE",
            Some(ResolveType::Replace) => "REPLACE",
        };
        let clause = format!("{constraint} ON CONFLICT {action}");
        self.conflict_clauses.push((column.map(str::to_owned), clause));
    }
}

/// Returns a table constraint in words, such as `UNIQUE (a, b)`.
fn key_words(kind: &str, columns: &[SortedColumn<'_>]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| plain_name(&column.expr.to_string())).collect();
    format!("{kind} ({})", columns.join(", "))
}

/// Parses one statement and calls `read` with it. The parser may panic on unusual input, so that a panic is caught and
/// becomes an error.
pub(crate) fn with_statement<T>(
    sql: &str,
    what: impl Fn() -> String,
    read: impl FnOnce(&Stmt<'_>) -> Result<T, UnreadableSql>,
) -> Result<T, UnreadableSql> {
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        let bump = Bump::new();
        let mut parser = Parser::new(&bump, sql.as_bytes());
        match parser.next() {
            Ok(Some(Cmd::Stmt(statement))) => read(&statement),
            Ok(_) => Err(UnreadableSql { what: what(), problem: "it is not a statement".to_owned() }),
            Err(error) => Err(UnreadableSql { what: what(), problem: error.to_string() }),
        }
    }));
    attempt.unwrap_or_else(|_| Err(UnreadableSql { what: what(), problem: "the parser gave up".to_owned() }))
}

/// Parses an expression and calls `read` with it and the statement around it; `None` if the SQL is not a single expression.
pub(crate) fn with_expression<T>(
    sql: &str,
    what: &str,
    read: impl FnOnce(&Stmt<'_>, &Expr<'_>) -> T,
) -> Result<Option<T>, UnreadableSql> {
    with_statement(
        &format!("SELECT ({sql}\n)"),
        || what.to_owned(),
        |statement| {
            if let Stmt::Select(select) = statement
                && let OneSelect::Select {
                    columns: [ResultColumn::Expr(expression, None)], from: None, ..
                } = &select.body.select
            {
                return Ok(Some(read(statement, expression)));
            }
            Ok(None)
        },
    )
}

fn meaning_of(expression: &Expr<'_>) -> Option<DefaultMeaning> {
    match expression {
        Expr::Parenthesized(inner) => match inner.as_slice() {
            [only] => meaning_of(only),
            _ => None,
        },
        Expr::Literal(literal) => literal_meaning(literal),
        Expr::Unary(UnaryOperator::Positive, inner) => meaning_of(inner),
        // The smallest integer, whose digits alone overflow. In brackets SQLite reads them first, as a float.
        Expr::Unary(UnaryOperator::Negative, Expr::Literal(Literal::Numeric("9223372036854775808"))) => {
            Some(DefaultMeaning::Integer(i64::MIN))
        }
        Expr::Unary(UnaryOperator::Negative, inner) => match meaning_of(inner)? {
            DefaultMeaning::Integer(integer) => integer.checked_neg().map(DefaultMeaning::Integer),
            DefaultMeaning::Number(number) => Some(DefaultMeaning::Number(format!("-{number}"))),
            _ => None,
        },
        Expr::Binary(left, Operator::Multiply, right) => match (meaning_of(left)?, meaning_of(right)?) {
            (DefaultMeaning::ClockSeconds, DefaultMeaning::Integer(1000))
            | (DefaultMeaning::Integer(1000), DefaultMeaning::ClockSeconds) => {
                Some(DefaultMeaning::ClockMilliseconds)
            }
            _ => None,
        },
        Expr::Cast { expr, type_name: Some(to) } if to.name.eq_ignore_ascii_case("INTEGER") => {
            meaning_of(expr).filter(|meaning| *meaning == DefaultMeaning::ClockSeconds)
        }
        Expr::FunctionCall { name, distinctness: None, args, order_by: None, filter_over: None } => {
            clock_meaning(name.0, args.unwrap_or(&[]))
        }
        // SQLite reads a bare word in a default as a string literal, also in `DEFAULT "text"`; TRUE and FALSE are 1
        // and 0.
        Expr::Id(id) if id.0.eq_ignore_ascii_case("true") => Some(DefaultMeaning::Integer(1)),
        Expr::Id(id) if id.0.eq_ignore_ascii_case("false") => Some(DefaultMeaning::Integer(0)),
        Expr::Id(id) => Some(DefaultMeaning::Text(plain_name(id.0))),
        Expr::Name(name) => Some(DefaultMeaning::Text(plain_name(name.0))),
        _ => None,
    }
}

fn literal_meaning(literal: &Literal<'_>) -> Option<DefaultMeaning> {
    Some(match literal {
        Literal::Null => DefaultMeaning::Null,
        Literal::Numeric(digits) => number_meaning(digits),
        Literal::String(quoted) => DefaultMeaning::Text(string_content(quoted)),
        Literal::Blob(digits) => DefaultMeaning::Blob((*digits).to_owned()),
        Literal::CurrentTimestamp => DefaultMeaning::ClockText,
        _ => return None,
    })
}

fn number_meaning(digits: &str) -> DefaultMeaning {
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let integer = match hexadecimal {
        // SQLite reads hexadecimal as two's complement (manual, "Hexadecimal integer literals").
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(u64::cast_signed),
        None => digits.parse().ok(),
    };
    integer.map_or_else(|| DefaultMeaning::Number(digits.to_owned()), DefaultMeaning::Integer)
}

fn clock_meaning(function: &str, arguments: &[Expr<'_>]) -> Option<DefaultMeaning> {
    let texts: Option<Vec<String>> = arguments
        .iter()
        .map(|argument| match argument {
            Expr::Literal(Literal::String(quoted)) => Some(string_content(quoted).to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    let texts = texts?;
    let arguments: Vec<&str> = texts.iter().map(String::as_str).collect();
    match (function.to_ascii_lowercase().as_str(), arguments.as_slice()) {
        ("unixepoch", [] | ["now"]) | ("strftime", ["%s"] | ["%s", "now"]) => {
            Some(DefaultMeaning::ClockSeconds)
        }
        ("datetime", [] | ["now"]) => Some(DefaultMeaning::ClockText),
        _ => None,
    }
}

fn is_deferred(clause: &sqlite3_parser::ast::DeferSubclause) -> bool {
    clause.deferrable
        && matches!(clause.init_deferred, Some(sqlite3_parser::ast::InitDeferredPred::InitiallyDeferred))
}

/// Returns the content of a string literal without its quotes.
pub(crate) fn string_content(quoted: &str) -> String {
    match quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'"),
        None => quoted.to_owned(),
    }
}

/// Returns a name without SQLite's quotes.
pub(crate) fn plain_name(name: &str) -> String {
    for (open, close) in [('"', '"'), ('`', '`'), ('[', ']'), ('\'', '\'')] {
        if let Some(inner) = name.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)) {
            return inner.replace(&format!("{close}{close}"), &close.to_string());
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_understood() {
        use DefaultMeaning::*;
        for (sql, meaning) in [
            ("0", Integer(0)),
            ("-1", Integer(-1)),
            ("0x7fffffffffffffff", Integer(i64::MAX)),
            ("-9223372036854775808", Integer(i64::MIN)),
            ("-(9223372036854775808)", Number("-9223372036854775808".to_owned())),
            ("9223372036854775808", Number("9223372036854775808".to_owned())),
            ("1.50", Number("1.50".to_owned())),
            ("'Bearer'", Text("Bearer".to_owned())),
            ("'it''s'", Text("it's".to_owned())),
            ("\"quoted\"", Text("quoted".to_owned())),
            ("TRUE", Integer(1)),
            ("NULL", Null),
            ("x'00ff'", Blob("00ff".to_owned())),
            ("unixepoch() * 1000", ClockMilliseconds),
            ("(unixepoch() * 1000)", ClockMilliseconds),
            ("1000 * unixepoch('now')", ClockMilliseconds),
            ("cast(strftime('%s', 'now') as integer) * 1000", ClockMilliseconds),
            ("unixepoch()", ClockSeconds),
            ("CURRENT_TIMESTAMP", ClockText),
            ("datetime('now')", ClockText),
            ("unixepoch('2020-01-01') * 1000", Other("unixepoch('2020-01-01') * 1000".to_owned())),
            ("unixepoch() * 60", Other("unixepoch() * 60".to_owned())),
            ("random()", Other("random()".to_owned())),
            ("1) FROM (SELECT 2", Other("1) FROM (SELECT 2".to_owned())),
            ("'", Other("'".to_owned())),
        ] {
            assert_eq!(default_meaning(sql), meaning, "{sql}");
        }
    }

    #[test]
    fn table_facts_are_read_from_the_syntax_tree() {
        let facts = table_facts(
            "t",
            "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT COLLATE NOCASE CHECK (length(n) > 1), \
             p INTEGER REFERENCES q(id) DEFERRABLE INITIALLY DEFERRED, g TEXT AS (lower(n)) STORED, \
             CONSTRAINT \"no zero\" CHECK (p <> 0))",
        )
        .unwrap();
        assert!(facts.autoincrement);
        let checks: Vec<_> = facts
            .checks
            .iter()
            .map(|check| (check.name.as_deref(), check.column.as_deref(), check.sql.as_str()))
            .collect();
        assert_eq!(checks, [(None, Some("n"), "length (n) > 1"), (Some("no zero"), None, "p <> 0")]);
        assert_eq!(facts.generated, [("g".to_owned(), "lower (n)".to_owned())]);
        assert_eq!(facts.collations, [("n".to_owned(), "NOCASE".to_owned())]);
        assert_eq!(facts.deferred_foreign_keys, [vec!["p".to_owned()]]);
    }

    #[test]
    fn conflict_clauses_are_read_where_sqlite_acts_on_them() {
        let facts = table_facts(
            "t",
            "CREATE TABLE t(a TEXT NOT NULL ON CONFLICT IGNORE UNIQUE ON CONFLICT ABORT, \"b c\" TEXT UNIQUE ON CONFLICT FAIL, \
             d TEXT NULL, UNIQUE (a, \"b c\" DESC) ON CONFLICT REPLACE, PRIMARY KEY (d) ON CONFLICT ROLLBACK, \
             CHECK (a <> d) ON CONFLICT IGNORE)",
        )
        .unwrap();
        assert_eq!(
            facts.conflict_clauses,
            [
                (Some("a".to_owned()), "NOT NULL ON CONFLICT IGNORE".to_owned()),
                (Some("b c".to_owned()), "UNIQUE ON CONFLICT FAIL".to_owned()),
                (None, "UNIQUE (a, b c) ON CONFLICT REPLACE".to_owned()),
                (None, "PRIMARY KEY (d) ON CONFLICT ROLLBACK".to_owned()),
            ]
        );
    }

    #[test]
    fn a_comment_that_looks_like_a_constraint_is_none() {
        let facts =
            table_facts("t", "CREATE TABLE t(a TEXT /* CHECK (a) AUTOINCREMENT */ -- COLLATE NOCASE\n)")
                .unwrap();
        assert_eq!(facts, TableSqlFacts::default());
    }

    #[test]
    fn unreadable_sql_is_an_error_that_names_the_table() {
        for sql in ["", "CREATE TABLE", "CREATE TABLE t(", "SELECT 1", "\0"] {
            assert!(table_facts("t", sql).is_err(), "{sql:?}");
        }
    }
}
