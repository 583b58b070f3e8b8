//! What a translator of expressions knows and gathers where they are part of a query.

use sqlite3_parser::ast::{Expr, WindowDef};

use super::expression::Translator;
use super::with::Environment;
use crate::translate::model::{Kind, Node, Result, ScopeColumn, untranslatable};

/// A column that an expression names.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// How many queries further out it stands: 0 for those of the query itself.
    pub(crate) level: usize,
    /// The place of its table in that query's scope.
    pub(crate) table: usize,
    /// Its place in the table.
    pub(crate) column: usize,
    /// How PostgreSQL names it.
    pub(crate) sql: String,
    /// Whether an aggregate function of that query takes it.
    pub(crate) is_aggregated: bool,
}

/// What is known and gathered while the parts of one query are translated.
#[derive(Default)]
pub(crate) struct Part<'a> {
    /// What queries within expressions may read; none where no query may stand.
    pub(crate) environment: Option<&'a Environment<'a>>,
    /// The aliases of result columns that may be named, and what they stand for.
    pub(crate) aliases: Vec<(String, &'a Expr<'a>)>,
    /// The named windows.
    pub(crate) windows: &'a [WindowDef<'a>],
    /// Whether window functions may stand here.
    pub(crate) takes_windows: bool,
    /// What rows are grouped by, in PostgreSQL's SQL.
    pub(crate) groups: Vec<String>,
    /// The columns that were named.
    pub(crate) reads: Vec<Read>,
    /// Whether aggregate functions were called.
    pub(crate) has_aggregates: bool,
    /// Whether queries stand within the expressions.
    pub(crate) has_queries: bool,
}

impl<'a> Part<'a> {
    pub(crate) fn new(environment: &'a Environment<'a>) -> Part<'a> {
        Part { environment: Some(environment), ..Part::default() }
    }

    /// What an alias stands for.
    pub(crate) fn alias(&self, name: &str) -> Option<&'a Expr<'a>> {
        let found = self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        found.map(|(_, expression)| *expression)
    }

    /// Writes down that a column is named.
    pub(crate) fn read(&mut self, level: usize, table: usize, column: usize, found: &ScopeColumn) {
        self.reads.push(Read { level, table, column, sql: found.sql.clone(), is_aggregated: false });
    }

    /// Forgets the columns that stand within what rows are grouped by: such an expression is one value for each group.
    pub(crate) fn group_reads(&mut self, node: &mut Node, reads_before: usize) {
        if self.groups.contains(&node.sql) && node.kind != Kind::Unknown {
            let is_column = self.reads.get(reads_before).is_some_and(|read| read.sql == node.sql);
            if !is_column {
                // PostgreSQL knows the group by this spelling alone.
                node.native = None;
            }
            self.reads.truncate(reads_before);
        }
    }
}

/// The arguments of an aggregate function.
pub(crate) fn aggregated(
    translator: &mut Translator<'_>,
    name: &str,
    arguments: &[Expr<'_>],
) -> Result<Vec<Node>> {
    let reads_before = translator.part.reads.len();
    let outer = std::mem::replace(&mut translator.takes_aggregates, false);
    let takes_windows = std::mem::replace(&mut translator.part.takes_windows, false);
    let nodes = translator.nodes(arguments);
    translator.takes_aggregates = outer;
    translator.part.takes_windows = takes_windows;
    translator.part.has_aggregates = true;
    let reads = translator.part.reads.get_mut(reads_before..).unwrap_or_default();
    if !reads.is_empty() && reads.iter().all(|read| read.level > 0) {
        return untranslatable(format!("{name} of columns of another query"));
    }
    for read in reads.iter_mut().filter(|read| read.level == 0) {
        read.is_aggregated = true;
    }
    nodes
}
