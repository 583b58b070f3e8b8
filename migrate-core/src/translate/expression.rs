//! Walks an expression: names, operators of conditions, CASE and CAST; each other construct has its own file.

use sqlite3_parser::ast::{Expr, Operator, UnaryOperator};

use super::node::{Constant, Kind, Node};
use super::query::{self, Part};
use super::{
    Collation, Result, Scope, ScopeColumn, arithmetic, bits, cast, chain, column, compare, functions,
    literal, pattern, row, untranslatable,
};
use crate::affinity::affinity;
use crate::source_sql::plain_name;

/// How deep expressions may be nested.
const DEPTH_MAX: usize = 100;

/// The longest translation, in bytes.
const SQL_LENGTH_MAX_BYTES: usize = 8 << 20;

/// Translates expressions of one scope, and gathers what a reviewer should know.
pub(super) struct Translator<'a> {
    scope: &'a Scope,
    depth: usize,
    /// Whether aggregate functions may stand here.
    pub(super) takes_aggregates: bool,
    /// What is known where the expression is a part of a query.
    pub(super) part: Part<'a>,
    pub(super) notes: Vec<String>,
}

impl<'a> Translator<'a> {
    pub(super) fn new(scope: &'a Scope) -> Translator<'a> {
        Translator { scope, depth: 0, takes_aggregates: false, part: Part::default(), notes: Vec::new() }
    }

    /// A translator for a part of a query, so many queries and expressions deep.
    pub(super) fn of_part(scope: &'a Scope, depth: usize, part: Part<'a>) -> Translator<'a> {
        Translator { depth, part, ..Translator::new(scope) }
    }

    pub(super) fn scope(&self) -> &'a Scope {
        self.scope
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Translates an expression.
    pub(super) fn node(&mut self, expression: &Expr<'_>) -> Result<Node> {
        if self.depth >= DEPTH_MAX {
            return untranslatable("it is nested too deeply");
        }
        self.depth += 1;
        let reads_before = self.part.reads.len();
        let mut node = self.any(expression);
        self.depth -= 1;
        if let Ok(node) = &mut node {
            check_length(node)?;
            self.part.group_reads(node, reads_before);
            // What is known of the parts is known of the whole.
            if self.depth == 0 {
                self.notes.extend(node.notes());
            }
        }
        node
    }

    /// Translates several expressions.
    pub(super) fn nodes(&mut self, expressions: &[Expr<'_>]) -> Result<Vec<Node>> {
        expressions.iter().map(|expression| self.node(expression)).collect()
    }

    fn any(&mut self, expression: &Expr<'_>) -> Result<Node> {
        match expression {
            Expr::Literal(literal) => literal::node(literal),
            Expr::Id(id) => self.name(None, id.0),
            Expr::Name(name) => self.name(None, name.0),
            Expr::Qualified(table, name) => self.name(Some(&plain_name(table.0)), name.0),
            Expr::Parenthesized(inner) => match inner.as_slice() {
                [only] => self.node(only),
                _ => untranslatable("a row of several values"),
            },
            Expr::Unary(operator, operand) => self.unary(*operator, operand),
            Expr::Binary(left, operator, right) if chain::is_chained(*operator) => {
                self.chain(left, *operator, right)
            }
            Expr::Binary(left, operator, right) => self.binary(left, *operator, right),
            Expr::Between { lhs, not, start, end } => {
                let (value, start, end) = (self.node(lhs)?, self.node(start)?, self.node(end)?);
                let low = compare::compared(self, &value, Operator::GreaterEquals, &start)?;
                let high = compare::compared(self, &value, Operator::LessEquals, &end)?;
                let both = Node::compound(
                    Kind::Truth,
                    format!("{} AND {}", low.condition_operand()?, high.condition_operand()?),
                )
                .made_of(&[&low, &high]);
                negated_if(*not, both)
            }
            Expr::InList { lhs, not, rhs } => {
                if let Some(left) = row::parts(lhs) {
                    return negated_if(*not, row::among(self, left, rhs.unwrap_or(&[]))?);
                }
                let value = self.node(lhs)?;
                negated_if(*not, compare::among(self, &value, rhs.unwrap_or(&[]))?)
            }
            Expr::IsNull(operand) => {
                let node = self.node(operand)?;
                Ok(compare::is_null(&node, false))
            }
            Expr::NotNull(operand) => {
                let node = self.node(operand)?;
                Ok(compare::is_null(&node, true))
            }
            Expr::Like { lhs, not, op, rhs, escape } => {
                let (value, wanted) = (self.node(lhs)?, self.node(rhs)?);
                let escape = escape.map(|escape| self.node(escape)).transpose()?;
                negated_if(*not, pattern::matched(*op, &value, &wanted, escape.as_ref())?)
            }
            Expr::Case { base, when_then_pairs, else_expr } => self.case(*base, when_then_pairs, *else_expr),
            Expr::Cast { expr, type_name } => {
                let node = self.node(expr)?;
                let declared = type_name.as_ref().map_or("", |name| name.name);
                cast::to(self, &node, affinity(declared))
            }
            Expr::Collate(operand, name) => {
                let mut node = self.node(operand)?;
                node.collation = Some(collation(&plain_name(name)));
                node.is_collation_named = true;
                Ok(node)
            }
            Expr::FunctionCall { name, distinctness, args, order_by, filter_over } => {
                let call = query::Call {
                    name: name.0,
                    is_distinct: distinctness.is_some(),
                    arguments: Some(args.unwrap_or(&[])),
                    order_by: order_by.as_ref(),
                    tail: filter_over.as_ref(),
                };
                if order_by.is_some() || filter_over.is_some() {
                    return query::call(self, &call);
                }
                functions::call(self, name.0, call.is_distinct, args.unwrap_or(&[]))
            }
            Expr::FunctionCallStar { name, filter_over: None } => functions::call_star(self, name.0),
            Expr::FunctionCallStar { name, filter_over } => {
                let tail = filter_over.as_ref();
                query::call(
                    self,
                    &query::Call { name: name.0, is_distinct: false, arguments: None, order_by: None, tail },
                )
            }
            Expr::Exists(select) => query::exists(self, select),
            Expr::Subquery(select) => query::scalar(self, select),
            Expr::InSelect { lhs, not, rhs } => {
                let value = self.node(lhs)?;
                negated_if(*not, query::among(self, &value, rhs)?)
            }
            Expr::InTable { .. } => untranslatable("IN with the name of a table"),
            Expr::DoublyQualified(schema, table, name) if *schema == "main" => {
                self.name(Some(&plain_name(table.0)), name.0)
            }
            Expr::DoublyQualified(..) => untranslatable("a name of another database"),
            Expr::Raise(..) => untranslatable("RAISE"),
            Expr::Variable(_) => untranslatable("a parameter"),
        }
    }

    /// A name: a column, an alias, TRUE or FALSE, or text in double quotes where no column has that name.
    fn name(&mut self, table: Option<&str>, written: &str) -> Result<Node> {
        let name = plain_name(written);
        if let Some(column) = self.column(table, &name)? {
            return Ok(column::node(column));
        }
        if table.is_none()
            && let Some(expression) = self.part.alias(&name)
        {
            // What an alias stands for knows no aliases itself.
            let aliases = std::mem::take(&mut self.part.aliases);
            let node = self.node(expression);
            self.part.aliases = aliases;
            return node;
        }
        match table {
            None if written.starts_with('"') => Ok(literal::text(&name)),
            None if name.eq_ignore_ascii_case("true") => Ok(literal::integer(1)),
            None if name.eq_ignore_ascii_case("false") => Ok(literal::integer(0)),
            _ => untranslatable(format!("the column {name}, which is not there")),
        }
    }

    /// The column that a name means, here or in a query around this one; none where it means none.
    pub(super) fn column(&mut self, table: Option<&str>, name: &str) -> Result<Option<&'a ScopeColumn>> {
        let mut scope = Some(self.scope);
        let mut level = 0;
        while let Some(here) = scope {
            if let Some((table, place)) = here.find(table, name)? {
                let column = here.tables.get(table).and_then(|table| table.columns.get(place));
                if let Some(column) = column {
                    self.part.read(level, table, place, column);
                }
                return Ok(column);
            }
            scope = here.outer.as_deref();
            level += 1;
        }
        Ok(None)
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &Expr<'_>) -> Result<Node> {
        if let (
            UnaryOperator::Negative,
            Expr::Literal(sqlite3_parser::ast::Literal::Numeric("9223372036854775808")),
        ) = (operator, operand)
        {
            return Ok(literal::integer(i64::MIN));
        }
        let node = self.node(operand)?;
        match operator {
            UnaryOperator::Positive => Ok(Node { affinity: None, ..node }),
            UnaryOperator::Negative => arithmetic::negative(&node),
            UnaryOperator::BitwiseNot => bits::complement(&node),
            UnaryOperator::Not => negated_if(true, node),
        }
    }

    pub(super) fn binary(&mut self, left: &Expr<'_>, operator: Operator, right: &Expr<'_>) -> Result<Node> {
        if let Operator::ArrowRight | Operator::ArrowRightShift = operator {
            let (document, path) = (self.node(left)?, self.node(right)?);
            return functions::json::arrow(&document, &path, operator == Operator::ArrowRightShift);
        }
        let is_word = |word: &str| matches!(right, Expr::Id(id) if id.0.eq_ignore_ascii_case(word));
        if let Operator::Is | Operator::IsNot = operator
            && (is_word("true") || is_word("false"))
        {
            let node = self.node(left)?;
            let (not, word) = (
                if operator == Operator::IsNot { "NOT " } else { "" },
                if is_word("true") { "TRUE" } else { "FALSE" },
            );
            let sql = format!("{} IS {not}{word}", node.condition_operand()?);
            return Ok(Node { is_not_null: true, ..Node::compound(Kind::Truth, sql) }.made_of(&[&node]));
        }
        if let (Some(left), Some(right)) = (row::parts(left), row::parts(right)) {
            return row::compared(self, left, operator, right);
        }
        let (left, right) = (self.node(left)?, self.node(right)?);
        self.joined(left, operator, right)
    }

    /// Two translated operands and what is between them.
    pub(super) fn joined(&mut self, left: Node, operator: Operator, right: Node) -> Result<Node> {
        match operator {
            Operator::And | Operator::Or => {
                let word = if operator == Operator::And { "AND" } else { "OR" };
                let sql = format!("{} {word} {}", left.condition_operand()?, right.condition_operand()?);
                let is_not_null = left.is_not_null && right.is_not_null;
                Ok(Node { is_not_null, ..Node::compound(Kind::Truth, sql) }.made_of(&[&left, &right]))
            }
            Operator::Is | Operator::IsNot => {
                compare::distinct(self, &left, &right, operator == Operator::IsNot)
            }
            Operator::Equals
            | Operator::NotEquals
            | Operator::Less
            | Operator::LessEquals
            | Operator::Greater
            | Operator::GreaterEquals => compare::compared(self, &left, operator, &right),
            Operator::Concat => {
                let (left, right) = (left.text()?, right.text()?);
                let is_not_null = left.is_not_null && right.is_not_null;
                let sql = format!("{} || {}", left.operand(), right.operand());
                Ok(Node { is_not_null, ..Node::compound(Kind::Text, sql) }.made_of(&[&left, &right]))
            }
            _ => arithmetic::calculated(self, &left, operator, &right),
        }
    }

    fn case(
        &mut self,
        base: Option<&Expr<'_>>,
        pairs: &[(Expr<'_>, Expr<'_>)],
        otherwise: Option<&Expr<'_>>,
    ) -> Result<Node> {
        let base = base.map(|base| self.node(base)).transpose()?;
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for (when, then) in pairs {
            let when = self.node(when)?;
            conditions.push(match &base {
                None => when,
                Some(base) => compare::compared(self, base, Operator::Equals, &when)?,
            });
            results.push(self.node(then)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.node(otherwise)?);
        }
        let (kind, results) = unified(&results)?;
        if kind == Kind::Null {
            return Ok(literal::null());
        }
        let mut sql = "CASE".to_owned();
        for (condition, result) in conditions.iter().zip(&results) {
            sql.push_str(&format!(" WHEN {} THEN {}", condition.condition()?, result.sql));
        }
        if let Some(result) = results.get(conditions.len()) {
            sql.push_str(&format!(" ELSE {}", result.sql));
        }
        sql.push_str(" END");
        let is_not_null = otherwise.is_some() && results.iter().all(|result| result.is_not_null);
        let parts: Vec<&Node> = conditions.iter().chain(&results).collect();
        let node = Node { is_not_null, ..Node::compound(kind, sql) }.made_of(&parts);
        // The conditions do not give the result their collation.
        Ok(Node { is_from_column: results.iter().any(|result| result.is_from_column), ..node })
    }
}

/// Refuses what has become too long: some operands are written more than once, so that nesting them multiplies the length.
pub(super) fn check_length(node: &Node) -> Result<()> {
    if node.sql.len() > SQL_LENGTH_MAX_BYTES {
        return untranslatable(format!("its translation is longer than {} MiB", SQL_LENGTH_MAX_BYTES >> 20));
    }
    Ok(())
}

impl Scope {
    /// The table and column that a name means here, by their places; `table` is the name that qualifies it.
    fn find(&self, table: Option<&str>, name: &str) -> Result<Option<(usize, usize)>> {
        let mut found = None;
        for (place, scope) in self.tables.iter().enumerate() {
            if table.is_some_and(|table| !scope.names.iter().any(|name| name.eq_ignore_ascii_case(table))) {
                continue;
            }
            let is_rowid = ["rowid", "_rowid_", "oid"].iter().any(|rowid| rowid.eq_ignore_ascii_case(name));
            let named = scope.columns.iter().position(|column| column.source.eq_ignore_ascii_case(name));
            let Some(column) = named.or(scope.rowid.filter(|_| is_rowid)) else { continue };
            if table.is_none() && self.hidden.contains(&(place, column)) {
                continue;
            }
            if found.is_some() {
                return untranslatable(format!("the column {name}, which more than one table has"));
            }
            found = Some((place, column));
        }
        Ok(found)
    }
}

/// The negation of a condition, where `not` asks for it.
fn negated_if(not: bool, node: Node) -> Result<Node> {
    if !not {
        return Ok(node);
    }
    let is_not_null = node.is_not_null;
    let sql = format!("NOT {}", node.condition_operand()?);
    Ok(Node { is_not_null, ..Node::compound(Kind::Truth, sql) }.made_of(&[&node]))
}

fn collation(name: &str) -> Collation {
    match name.to_ascii_uppercase().as_str() {
        "BINARY" => Collation::Binary,
        "NOCASE" => Collation::Nocase,
        "RTRIM" => Collation::Rtrim,
        _ => Collation::Other(name.to_owned()),
    }
}

/// Whether a value is a float, or a literal integer so small that calculations with it as a float are exact.
fn is_float_or_small(node: &Node) -> bool {
    const SMALL: i64 = 1 << 20;
    match (node.kind, &node.constant) {
        (Kind::Real | Kind::Null, _) => true,
        (Kind::Integer, Some(Constant::Integer(value))) => (-SMALL..=SMALL).contains(value),
        _ => false,
    }
}

/// Gives nodes that take each other's place, as in CASE or coalesce, one kind.
pub(super) fn unified(nodes: &[Node]) -> Result<(Kind, Vec<Node>)> {
    let mut kinds: Vec<Kind> =
        nodes.iter().map(|node| node.kind).filter(|kind| *kind != Kind::Null).collect();
    kinds.dedup();
    let kind = match kinds.as_slice() {
        [] => Kind::Null,
        [Kind::Unknown, ..] => return untranslatable("a choice of what has no exact form in PostgreSQL"),
        [only] => *only,
        several if several.iter().all(|kind| matches!(kind, Kind::Truth | Kind::Integer)) => Kind::Integer,
        // A float where one is wanted, or an integer that is the same number as a float: `coalesce(price, 0)`.
        several if several.contains(&Kind::Real) && nodes.iter().all(is_float_or_small) => Kind::Real,
        _ => return untranslatable("a choice between values of several classes"),
    };
    let unify = |node: &Node| match (kind, node.kind) {
        (Kind::Integer, _) => node.number(),
        (Kind::Real, Kind::Integer) => {
            let sql = arithmetic::float(node);
            Ok(Node { constant: None, sql, kind, is_atom: true, may_be_integer: true, ..node.clone() })
        }
        // A literal by itself would be a numeric, with which PostgreSQL calculates otherwise.
        (Kind::Real, Kind::Real) if node.constant.is_some() => {
            Ok(Node { constant: None, sql: arithmetic::float(node), is_atom: true, ..node.clone() })
        }
        _ => Ok(node.clone()),
    };
    Ok((kind, nodes.iter().map(unify).collect::<Result<_>>()?))
}
