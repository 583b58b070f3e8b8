//! The size of a stored statement in the respects that SQLite limits, its nesting, and the walk that finds them and the columns that are
//! used as text.
//!
//! The walk has its own stack, so that no statement is too deep for it.

use sqlite3_parser::ast::{
    ColumnConstraint, CreateTableBody, Expr, FrameBound, FromClause, FunctionCallOrder, FunctionTail,
    JoinConstraint, OneSelect, Over, ResultColumn, Select, SelectTable, Set, SortedColumn, Stmt,
    TableConstraint, TriggerCmd, Upsert, UpsertDo, Window,
};

use super::text_use::TextUse;
use super::{UnreadableSql, with_statement};

/// The size of a statement in the respects that SQLite limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SqlExtent {
    /// The depth of its deepest expression tree, as SQLite counts it: without brackets, and with each operator of a chain.
    pub expression_depth: usize,
    /// The nesting of brackets, calls and queries. A chain such as `a OR b OR c` is one level, whatever its length.
    pub nesting: usize,
    /// The columns of the table or index.
    pub columns: usize,
    /// The most terms of one compound SELECT.
    pub compound_terms: usize,
    /// The most arguments of one function call.
    pub arguments: usize,
}

/// Measures a statement; `what` names it in the error.
///
/// # Errors
/// [`UnreadableSql`] if it cannot be parsed.
pub fn sql_extent(what: &str, sql: &str) -> Result<SqlExtent, UnreadableSql> {
    with_statement(sql, || what.to_owned(), |statement| Ok(extent(statement)))
}

/// Measures a parsed statement.
pub(crate) fn extent(statement: &Stmt<'_>) -> SqlExtent {
    walked(statement).found
}

/// The columns that a stored statement treats as text; `what` names it in the error.
///
/// # Errors
/// [`UnreadableSql`] if it cannot be parsed.
pub fn text_use(what: &str, sql: &str) -> Result<TextUse, UnreadableSql> {
    with_statement(sql, || what.to_owned(), |statement| Ok(walked(statement).text))
}

fn walked<'a>(statement: &'a Stmt<'a>) -> Walk<'a> {
    let mut walk = Walk::default();
    walk.statement(statement);
    while let Some((part, at)) = walk.left.pop() {
        match part {
            Part::Expr(expression) => walk.expression(expression, at),
            Part::Select(select) => walk.select(select, at),
            Part::From(from) => walk.from(from, at),
        }
    }
    walk
}

/// A part to visit.
enum Part<'a> {
    Expr(&'a Expr<'a>),
    Select(&'a Select<'a>),
    From(&'a FromClause<'a>),
}

/// The levels above a part.
#[derive(Clone, Copy, Default)]
struct Levels {
    expression: usize,
    nesting: usize,
}

impl Levels {
    /// One level deeper in both counts.
    fn deeper(self) -> Levels {
        Levels { expression: self.expression + 1, nesting: self.nesting + 1 }
    }

    /// Within brackets, which SQLite does not count.
    fn bracketed(self) -> Levels {
        Levels { nesting: self.nesting + 1, ..self }
    }

    /// Along a chain of operators.
    fn along(self) -> Levels {
        Levels { expression: self.expression + 1, ..self }
    }

    /// In a query of FROM, whose expressions are counted separately.
    fn afresh(self) -> Levels {
        Levels { expression: 0, nesting: self.nesting + 1 }
    }
}

#[derive(Default)]
struct Walk<'a> {
    left: Vec<(Part<'a>, Levels)>,
    found: SqlExtent,
    text: TextUse,
}

impl<'a> Walk<'a> {
    fn statement(&mut self, statement: &'a Stmt<'a>) {
        let top = Levels::default();
        match statement {
            Stmt::CreateTable { body: CreateTableBody::AsSelect(select), .. }
            | Stmt::CreateView { select, .. }
            | Stmt::Select(select) => self.left.push((Part::Select(select), top)),
            Stmt::CreateTable {
                body: CreateTableBody::ColumnsAndConstraints { columns, constraints, .. },
                ..
            } => {
                self.found.columns = columns.len();
                for constraint in columns.iter().flat_map(|column| column.constraints) {
                    match &constraint.constraint {
                        ColumnConstraint::Check(expression)
                        | ColumnConstraint::Default(expression)
                        | ColumnConstraint::Generated { expr: expression, .. } => self.push(expression, top),
                        _ => {}
                    }
                }
                for constraint in constraints.iter().flat_map(|all| all.iter()) {
                    match &constraint.constraint {
                        TableConstraint::Check(expression, _) => self.push(expression, top),
                        TableConstraint::PrimaryKey { columns, .. }
                        | TableConstraint::Unique { columns, .. } => self.sorted(columns, top),
                        TableConstraint::ForeignKey { .. } => {}
                    }
                }
            }
            Stmt::CreateIndex { columns, where_clause, .. } => {
                self.found.columns = columns.len();
                self.sorted(columns, top);
                self.push_all(where_clause, top);
            }
            Stmt::CreateTrigger { when_clause, commands, .. } => {
                self.push_all(when_clause, top);
                for command in *commands {
                    self.command(command);
                }
            }
            _ => {}
        }
    }

    fn command(&mut self, command: &'a TriggerCmd<'a>) {
        let top = Levels::default();
        match command {
            TriggerCmd::Update { sets, from, where_clause, .. } => {
                self.sets(sets, top);
                self.left.extend(from.iter().map(|from| (Part::From(from), top)));
                self.push_all(where_clause, top);
            }
            TriggerCmd::Insert { select, upsert, .. } => {
                self.left.push((Part::Select(select), top));
                let mut next: Option<&'a Upsert<'a>> = *upsert;
                while let Some(upsert) = next {
                    if let Some(index) = &upsert.index {
                        self.sorted(index.targets, top);
                        self.push_all(&index.where_clause, top);
                    }
                    if let UpsertDo::Set { sets, where_clause } = &upsert.do_clause {
                        self.sets(sets, top);
                        self.push_all(where_clause, top);
                    }
                    next = upsert.next;
                }
            }
            TriggerCmd::Delete { where_clause, .. } => self.push_all(where_clause, top),
            TriggerCmd::Select(select) => self.left.push((Part::Select(select), top)),
        }
    }

    fn push(&mut self, expression: &'a Expr<'a>, at: Levels) {
        self.left.push((Part::Expr(expression), at));
    }

    fn push_all(&mut self, expressions: impl IntoIterator<Item = &'a Expr<'a>>, at: Levels) {
        self.left.extend(expressions.into_iter().map(|expression| (Part::Expr(expression), at)));
    }

    fn sorted(&mut self, columns: &'a [SortedColumn<'a>], at: Levels) {
        self.push_all(columns.iter().map(|column| &column.expr), at);
    }

    fn sets(&mut self, sets: &'a [Set<'a>], at: Levels) {
        self.push_all(sets.iter().map(|set| &set.expr), at);
    }

    fn expression(&mut self, expression: &'a Expr<'a>, at: Levels) {
        if !matches!(expression, Expr::Parenthesized(_)) {
            self.found.expression_depth = self.found.expression_depth.max(at.expression + 1);
        }
        self.found.nesting = self.found.nesting.max(at.nesting);
        self.text.add_expression(expression);
        let (along, deeper) = (at.along(), at.deeper());
        match expression {
            Expr::Binary(left, _, right) => {
                self.push(left, along);
                self.push(right, deeper);
            }
            Expr::Parenthesized(inner) if inner.len() == 1 => self.push_all(inner.iter(), at.bracketed()),
            Expr::Parenthesized(inner) => self.push_all(inner.iter(), deeper),
            Expr::Unary(_, operand) => self.push(operand, deeper),
            Expr::Collate(operand, _) | Expr::IsNull(operand) | Expr::NotNull(operand) => {
                self.push(operand, along);
            }
            Expr::Cast { expr, .. } | Expr::Raise(_, Some(expr)) => self.push(expr, deeper),
            Expr::Between { lhs, start, end, .. } => {
                self.push(lhs, along);
                self.push_all([*start, *end], deeper);
            }
            Expr::Like { lhs, rhs, escape, .. } => {
                self.push(lhs, along);
                self.push(rhs, deeper);
                self.push_all(*escape, deeper);
            }
            Expr::InList { lhs, rhs, .. } => {
                self.push(lhs, along);
                self.push_all(rhs.unwrap_or(&[]), deeper);
            }
            Expr::InSelect { lhs, rhs, .. } => {
                self.push(lhs, along);
                self.left.push((Part::Select(rhs), deeper));
            }
            Expr::InTable { lhs, args, .. } => {
                self.push(lhs, along);
                self.push_all(args.unwrap_or(&[]), deeper);
            }
            Expr::Case { base, when_then_pairs, else_expr } => {
                self.push_all(*base, deeper);
                self.push_all(when_then_pairs.iter().flat_map(|(when, then)| [when, then]), deeper);
                self.push_all(*else_expr, deeper);
            }
            Expr::Exists(select) | Expr::Subquery(select) => self.left.push((Part::Select(select), deeper)),
            Expr::FunctionCall { args, order_by, filter_over, .. } => {
                let arguments = args.unwrap_or(&[]);
                self.found.arguments = self.found.arguments.max(arguments.len());
                self.push_all(arguments, deeper);
                if let Some(FunctionCallOrder::SortList(columns)) = order_by {
                    self.sorted(columns, deeper);
                }
                self.tail(filter_over.as_ref(), deeper);
            }
            Expr::FunctionCallStar { filter_over, .. } => self.tail(filter_over.as_ref(), deeper),
            Expr::DoublyQualified(..)
            | Expr::Id(_)
            | Expr::Literal(_)
            | Expr::Name(_)
            | Expr::Qualified(..)
            | Expr::Raise(_, None)
            | Expr::Variable(_) => {}
        }
    }

    fn tail(&mut self, tail: Option<&'a FunctionTail<'a>>, at: Levels) {
        let Some(tail) = tail else { return };
        self.push_all(tail.filter_clause, at);
        if let Some(Over::Window(window)) = tail.over_clause {
            self.window(window, at);
        }
    }

    fn window(&mut self, window: &'a Window<'a>, at: Levels) {
        self.push_all(window.partition_by.unwrap_or(&[]), at);
        self.sorted(window.order_by.unwrap_or(&[]), at);
        let bounds =
            window.frame_clause.iter().flat_map(|frame| std::iter::once(&frame.start).chain(&frame.end));
        for bound in bounds {
            if let FrameBound::Following(expression) | FrameBound::Preceding(expression) = bound {
                self.push(expression, at);
            }
        }
    }

    fn select(&mut self, select: &'a Select<'a>, at: Levels) {
        self.found.nesting = self.found.nesting.max(at.nesting);
        let within = at.afresh();
        for cte in select.with.iter().flat_map(|with| with.ctes) {
            self.left.push((Part::Select(cte.select), within));
        }
        let compounds = select.body.compounds.iter().flatten();
        let mut terms = 0;
        for one in std::iter::once(&select.body.select).chain(compounds.map(|compound| &compound.select)) {
            terms += 1;
            self.one_select(one, at);
        }
        self.found.compound_terms = self.found.compound_terms.max(terms);
        self.sorted(select.order_by.unwrap_or(&[]), at);
        if let Some(limit) = select.limit {
            self.push(&limit.expr, at);
            self.push_all(&limit.offset, at);
        }
    }

    fn one_select(&mut self, select: &'a OneSelect<'a>, at: Levels) {
        match select {
            OneSelect::Values(rows) => self.push_all(rows.iter().flatten(), at),
            OneSelect::Select { columns, from, where_clause, group_by, having, window_clause, .. } => {
                for column in *columns {
                    if let ResultColumn::Expr(expression, _) = column {
                        self.push(expression, at);
                    }
                }
                self.left.extend(from.iter().map(|from| (Part::From(from), at)));
                self.push_all(*where_clause, at);
                self.push_all(group_by.unwrap_or(&[]), at);
                self.push_all(*having, at);
                for defined in window_clause.unwrap_or(&[]) {
                    self.window(&defined.window, at);
                }
            }
        }
    }

    fn from(&mut self, from: &'a FromClause<'a>, at: Levels) {
        self.found.nesting = self.found.nesting.max(at.nesting);
        let within = at.afresh();
        let joins = from.joins.iter().flatten();
        for join in joins.clone() {
            if let Some(JoinConstraint::On(condition)) = &join.constraint {
                self.push(condition, within);
            }
        }
        for table in from.select.into_iter().chain(joins.map(|join| &join.table)) {
            match table {
                SelectTable::Table(name, ..) => self.text.add_table(name.name.0),
                SelectTable::TableCall(_, arguments, _) => self.push_all(arguments.unwrap_or(&[]), within),
                SelectTable::Select(select, _) => self.left.push((Part::Select(select), within)),
                SelectTable::Sub(from, _) => self.left.push((Part::From(from), within)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> SqlExtent {
        sql_extent("it", sql).unwrap()
    }

    #[test]
    fn depth_is_what_sqlite_counts() {
        // `row-mover/tests/it/limits.rs` asks SQLite itself.
        for (sql, depth) in [
            ("CREATE TABLE t(a, CHECK (a))", 1),
            ("CREATE TABLE t(a, CHECK (((a))))", 1),
            ("CREATE TABLE t(a, CHECK (a = 1 OR a = 2 OR a = 3))", 4),
            ("CREATE TABLE t(a, b AS (a || a || a || a))", 4),
            ("CREATE TABLE t(a, CHECK (abs(abs(a)) > 0))", 4),
            ("CREATE VIEW v AS SELECT (SELECT (SELECT 1))", 3),
            ("CREATE VIEW v AS SELECT a FROM (SELECT a || a || a AS a FROM t)", 3),
        ] {
            assert_eq!(of(sql).expression_depth, depth, "{sql}");
        }
    }

    #[test]
    fn a_chain_is_one_level_however_long_it_is() {
        let chain = vec!["a = 1"; 500].join(" OR ");
        let extent = of(&format!("CREATE TABLE t(a, CHECK ({chain}))"));
        assert_eq!((extent.expression_depth, extent.nesting), (501, 2));
        let brackets = of(&format!("CREATE TABLE t(a, CHECK ({}a{}))", "(".repeat(700), ")".repeat(700)));
        assert_eq!((brackets.expression_depth, brackets.nesting), (1, 700));
    }

    #[test]
    fn columns_terms_and_arguments_are_counted() {
        assert_eq!(of("CREATE TABLE t(a, b, c)").columns, 3);
        assert_eq!(of("CREATE INDEX i ON t(a, b)").columns, 2);
        assert_eq!(of("CREATE VIEW v AS SELECT 1, 2 UNION SELECT 3, 4 UNION SELECT 5, 6").compound_terms, 3);
        assert_eq!(of("CREATE INDEX i ON t(max(a, b, c, d))").arguments, 4);
        let trigger = "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = b || c || d; END";
        assert_eq!(of(trigger).expression_depth, 3);
    }

    #[test]
    fn no_statement_is_too_deep_for_the_walk() {
        let work = || {
            let deep = format!("CREATE VIEW v AS SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
            assert_eq!(of(&deep).nesting, 100_000);
            let subqueries = format!("CREATE VIEW v AS {}1{}", "SELECT (".repeat(20_000), ")".repeat(20_000));
            assert!(of(&subqueries).nesting >= 20_000);
        };
        std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn columns_are_text_where_a_statement_says_so() {
        for (sql, columns) in [
            ("CREATE INDEX i ON t (LOWER(x), y)", &["x"][..]),
            ("CREATE INDEX i ON t (y) WHERE \"X y\" LIKE 'a%' AND z = 1", &["x y"]),
            (
                "CREATE TABLE t (x TEXT CHECK (x || 'a' <> y), y, z CHECK (length(z) > 1), w AS (upper(trim(z))))",
                &["x", "z"],
            ),
            ("CREATE TABLE t (x CHECK (json_extract(x, '$.a') LIKE 'b%'))", &[]),
            (
                "CREATE VIEW v AS SELECT a.x FROM t AS a JOIN u ON a.k = u.k WHERE substr(a.x, 1, 3) = 'abc' OR u.z GLOB 'b*'",
                &["x", "z"],
            ),
            (
                "CREATE VIEW v AS SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM u WHERE (u.\"q\") || '' = t.k)",
                &["q"],
            ),
        ] {
            let found = text_use("it", sql).unwrap();
            assert_eq!(found.columns.iter().map(String::as_str).collect::<Vec<_>>(), columns, "{sql}");
        }
        let view =
            text_use("it", "CREATE VIEW v AS SELECT 1 FROM T AS a, (SELECT x FROM \"u\") WHERE 1").unwrap();
        assert_eq!(view.tables, ["t", "u"].map(str::to_owned).into());
    }
}
