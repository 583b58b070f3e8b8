//! Walks an expression: names, operators of conditions, CASE and CAST; each other construct has its own file.

use sqlite3_parser::ast::{Expr, Operator, UnaryOperator};

use super::part::{Part, aggregated};
use super::{chain, row_values, window, within};
use crate::affinity::affinity;
use crate::source_sql::plain_name;
use crate::translate::functions::{self, aggregate};
use crate::translate::model::{Collated, Collation, Kind, Node, Result, Scope, ScopeColumn, untranslatable};
use crate::translate::operators::{arithmetic, bits, cast, column, compare, literal, pattern, unified};

/// How deep expressions may be nested.
const DEPTH_MAX: usize = 100;

/// The longest translation, in bytes.
const SQL_LENGTH_MAX_BYTES: usize = 8 << 20;

/// Translates expressions of one scope, and gathers what a reviewer should know.
pub(crate) struct Translator<'a> {
    scope: &'a Scope,
    depth: usize,
    /// Whether aggregate functions may stand here.
    pub(crate) takes_aggregates: bool,
    /// What is known where the expression is a part of a query.
    pub(crate) part: Part<'a>,
    pub(crate) notes: Vec<String>,
}

impl<'a> Translator<'a> {
    pub(crate) fn new(scope: &'a Scope) -> Translator<'a> {
        Translator { scope, depth: 0, takes_aggregates: false, part: Part::default(), notes: Vec::new() }
    }

    /// A translator for a part of a query, so many queries and expressions deep.
    pub(crate) fn of_part(scope: &'a Scope, depth: usize, part: Part<'a>) -> Translator<'a> {
        Translator { depth, part, ..Translator::new(scope) }
    }

    pub(crate) fn scope(&self) -> &'a Scope {
        self.scope
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Translates an expression.
    pub(crate) fn node(&mut self, expression: &Expr<'_>) -> Result<Node> {
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
    pub(crate) fn nodes(&mut self, expressions: &[Expr<'_>]) -> Result<Vec<Node>> {
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
                let low = compare::compared(&mut self.notes, &value, Operator::GreaterEquals, &start)?;
                let high = compare::compared(&mut self.notes, &value, Operator::LessEquals, &end)?;
                let both = Node::compound(
                    Kind::Truth,
                    format!("{} AND {}", low.condition_operand()?, high.condition_operand()?),
                )
                .made_of([&low, &high]);
                negated_if(*not, both)
            }
            Expr::InList { lhs, not, rhs } => {
                if let Some(left) = row_values::parts(lhs) {
                    return negated_if(*not, row_values::among(self, left, rhs.unwrap_or(&[]))?);
                }
                let value = self.node(lhs)?;
                negated_if(*not, self.among(&value, rhs.unwrap_or(&[]))?)
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
                cast::to(&mut self.notes, &node, affinity(declared))
            }
            Expr::Collate(operand, name) => {
                let mut node = self.node(operand)?;
                node.collation = Collated::ByName(collation(&plain_name(name)));
                Ok(node)
            }
            Expr::FunctionCall { name, distinctness, args, order_by, filter_over } => {
                let call = window::Call {
                    name: name.0,
                    is_distinct: distinctness.is_some(),
                    arguments: Some(args.unwrap_or(&[])),
                    order_by: order_by.as_ref(),
                    tail: filter_over.as_ref(),
                };
                if order_by.is_some() || filter_over.is_some() {
                    return window::call(self, &call);
                }
                self.call(name.0, call.is_distinct, args.unwrap_or(&[]))
            }
            Expr::FunctionCallStar { name, filter_over: None } => self.call_star(name.0),
            Expr::FunctionCallStar { name, filter_over } => {
                let tail = filter_over.as_ref();
                window::call(
                    self,
                    &window::Call { name: name.0, is_distinct: false, arguments: None, order_by: None, tail },
                )
            }
            Expr::Exists(select) => within::exists(self, select),
            Expr::Subquery(select) => within::scalar(self, select),
            Expr::InSelect { lhs, not, rhs } => {
                let value = self.node(lhs)?;
                negated_if(*not, within::among(self, &value, rhs)?)
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

    fn among(&mut self, value: &Node, items: &[Expr<'_>]) -> Result<Node> {
        if items.is_empty() {
            return Ok(Node::atom(Kind::Truth, "false").not_null());
        }
        let mut among = compare::Among::new(value);
        for item in items {
            let item = self.node(item)?;
            among = among.add(&mut self.notes, &item)?;
        }
        Ok(among.finish())
    }

    /// A call with arguments.
    fn call(&mut self, name: &str, is_distinct: bool, arguments: &[Expr<'_>]) -> Result<Node> {
        let name = name.to_ascii_lowercase();
        if aggregate::is_aggregate(&name, arguments.len()) {
            let nodes = aggregated(self, &name, arguments)?;
            if !self.takes_aggregates {
                return untranslatable(format!("the aggregate function {name}"));
            }
            return aggregate::call(&mut self.notes, &name, is_distinct, &nodes);
        }
        let nodes = self.nodes(arguments)?;
        if is_distinct {
            return untranslatable(format!("{name} with DISTINCT"));
        }
        functions::call(&mut self.notes, &name, &nodes)
    }

    /// A call of the form `name(*)`.
    fn call_star(&mut self, name: &str) -> Result<Node> {
        if name.eq_ignore_ascii_case("count") && self.takes_aggregates {
            self.part.has_aggregates = true;
            return Ok(Node::atom(Kind::Integer, "count(*)").not_null());
        }
        untranslatable(format!("{name}(*)"))
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
            None if written.starts_with('"') => Ok(Node::of_text(&name)),
            None if name.eq_ignore_ascii_case("true") => Ok(Node::of_integer(1)),
            None if name.eq_ignore_ascii_case("false") => Ok(Node::of_integer(0)),
            _ => untranslatable(format!("the column {name}, which is not there")),
        }
    }

    /// The column that a name means, here or in a query around this one; none where it means none.
    pub(crate) fn column(&mut self, table: Option<&str>, name: &str) -> Result<Option<&'a ScopeColumn>> {
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
            return Ok(Node::of_integer(i64::MIN));
        }
        let node = self.node(operand)?;
        match operator {
            UnaryOperator::Positive => Ok(Node { affinity: None, ..node }),
            UnaryOperator::Negative => arithmetic::negative(&node),
            UnaryOperator::BitwiseNot => bits::complement(&node),
            UnaryOperator::Not => negated_if(true, node),
        }
    }

    pub(crate) fn binary(&mut self, left: &Expr<'_>, operator: Operator, right: &Expr<'_>) -> Result<Node> {
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
            return Ok(Node::compound(Kind::Truth, sql).made_of([&node]).not_null());
        }
        if let (Some(left), Some(right)) = (row_values::parts(left), row_values::parts(right)) {
            return row_values::compared(self, left, operator, right);
        }
        let (left, right) = (self.node(left)?, self.node(right)?);
        self.joined(left, operator, right)
    }

    /// Two translated operands and what is between them.
    pub(crate) fn joined(&mut self, left: Node, operator: Operator, right: Node) -> Result<Node> {
        match operator {
            Operator::And | Operator::Or => {
                let word = if operator == Operator::And { "AND" } else { "OR" };
                let sql = format!("{} {word} {}", left.condition_operand()?, right.condition_operand()?);
                Ok(Node::compound(Kind::Truth, sql).strict([&left, &right]))
            }
            Operator::Is | Operator::IsNot => {
                compare::distinct(&mut self.notes, &left, &right, operator == Operator::IsNot)
            }
            Operator::Equals
            | Operator::NotEquals
            | Operator::Less
            | Operator::LessEquals
            | Operator::Greater
            | Operator::GreaterEquals => compare::compared(&mut self.notes, &left, operator, &right),
            Operator::Concat => {
                let (left, right) = (left.text()?, right.text()?);
                let sql = format!("{} || {}", left.operand(), right.operand());
                Ok(Node::compound(Kind::Text, sql).strict([&left, &right]))
            }
            _ => arithmetic::calculated(&mut self.notes, &left, operator, &right),
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
                Some(base) => compare::compared(&mut self.notes, base, Operator::Equals, &when)?,
            });
            results.push(self.node(then)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.node(otherwise)?);
        }
        let (kind, results) = unified(&results)?;
        if kind == Kind::Null {
            return Ok(Node::null());
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
        let node =
            Node { is_not_null, ..Node::compound(kind, sql) }.made_of(conditions.iter().chain(&results));
        // The conditions do not give the result their collation.
        Ok(node.chosen_from(&results))
    }
}

/// Refuses what has become too long: some operands are written more than once, so that nesting them multiplies the length.
pub(crate) fn check_length(node: &Node) -> Result<()> {
    if node.sql.len() > SQL_LENGTH_MAX_BYTES {
        return untranslatable(format!("its translation is longer than {} MiB", SQL_LENGTH_MAX_BYTES >> 20));
    }
    Ok(())
}

/// The negation of a condition, where `not` asks for it.
fn negated_if(not: bool, node: Node) -> Result<Node> {
    if !not {
        return Ok(node);
    }
    let sql = format!("NOT {}", node.condition_operand()?);
    Ok(Node::compound(Kind::Truth, sql).strict([&node]))
}

fn collation(name: &str) -> Collation {
    match name.to_ascii_uppercase().as_str() {
        "BINARY" => Collation::Binary,
        "NOCASE" => Collation::Nocase,
        "RTRIM" => Collation::Rtrim,
        _ => Collation::Other(name.to_owned()),
    }
}
