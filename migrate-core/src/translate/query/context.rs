//! The context of expressions that are part of a query.

use sqlite3_parser::ast::{Expr, WindowDef};

use super::expression::Translator;
use super::with::Environment;
use crate::translate::model::{Kind, Node, Result, ScopeColumn, Untranslatable};

/// A column that an expression reads.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// The number of queries between: 0 for a column of the query itself.
    pub(crate) level: usize,
    /// The index of its table in that query's scope.
    pub(crate) table: usize,
    /// Its index in the table.
    pub(crate) column: usize,
    /// Its name in PostgreSQL.
    pub(crate) sql: String,
    /// Whether it is the argument of an aggregate function of that query.
    pub(crate) is_aggregated: bool,
}

/// The context of a query while its parts are translated, and what they read.
#[derive(Default)]
pub(crate) struct QueryContext<'a> {
    /// The environment of subqueries; `None` where no subquery is allowed.
    pub(crate) environment: Option<&'a Environment<'a>>,
    /// The aliases of result columns that may be used, and their expressions.
    pub(crate) aliases: Vec<(String, &'a Expr<'a>)>,
    /// The named windows.
    pub(crate) windows: &'a [WindowDef<'a>],
    /// Whether window functions are allowed.
    pub(crate) can_window: bool,
    /// The keys that rows are grouped by, in PostgreSQL's SQL.
    pub(crate) groups: Vec<String>,
    /// The columns that were read.
    pub(crate) reads: Vec<Read>,
    /// Whether aggregate functions were called.
    pub(crate) has_aggregates: bool,
    /// Whether the expressions have subqueries.
    pub(crate) has_queries: bool,
}

impl<'a> QueryContext<'a> {
    pub(crate) fn new(environment: &'a Environment<'a>) -> QueryContext<'a> {
        QueryContext { environment: Some(environment), ..QueryContext::default() }
    }

    /// Returns the expression of an alias.
    pub(crate) fn alias(&self, name: &str) -> Option<&'a Expr<'a>> {
        let found = self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        found.map(|(_, expression)| *expression)
    }

    /// Records that a column is read.
    pub(crate) fn read(&mut self, level: usize, table: usize, column: usize, found: &ScopeColumn) {
        self.reads.push(Read { level, table, column, sql: found.sql.clone(), is_aggregated: false });
    }

    /// Removes the columns in a key of GROUP BY: such an expression has one value in each group.
    pub(crate) fn group_reads(&mut self, node: &mut Node, reads_before: usize) {
        if self.groups.contains(&node.sql) && node.kind != Kind::Unknown {
            let is_column = self.reads.get(reads_before).is_some_and(|read| read.sql == node.sql);
            if !is_column {
                // PostgreSQL recognizes the key only in this spelling.
                node.native = None;
            }
            self.reads.truncate(reads_before);
        }
    }
}

/// Translates the arguments of an aggregate function.
pub(crate) fn aggregated(
    translator: &mut Translator<'_>,
    name: &str,
    arguments: &[Expr<'_>],
) -> Result<Vec<Node>> {
    let reads_before = translator.context.reads.len();
    let outer = std::mem::replace(&mut translator.can_aggregate, false);
    let can_window = std::mem::replace(&mut translator.context.can_window, false);
    let nodes = translator.nodes(arguments);
    translator.can_aggregate = outer;
    translator.context.can_window = can_window;
    translator.context.has_aggregates = true;
    let reads = translator.context.reads.get_mut(reads_before..).unwrap_or_default();
    if !reads.is_empty() && reads.iter().all(|read| read.level > 0) {
        return Err(Untranslatable::OuterAggregate { function: name.to_owned() });
    }
    for read in reads.iter_mut().filter(|read| read.level == 0) {
        read.is_aggregated = true;
    }
    nodes
}
