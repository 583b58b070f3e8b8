//! Expressions: names, conditions, CASE, CAST and calls; each other construct has its own file.

use sqlite3_parser::ast::{Expr, Operator, UnaryOperator};

use super::context::{QueryContext, aggregated};
use super::{chain, row_values, subquery, window};
use crate::affinity::affinity;
use crate::source_sql::plain_name;
use crate::translate::functions::{
    self,
    aggregate::{self, Surroundings},
};
use crate::translate::model::{
    Collated, Collation, Kind, Node, Notes, Result, Scope, ScopeColumn, Untranslatable,
};
use crate::translate::operators::{arithmetic, bits, cast, column, compare, literal, pattern, unified};

/// The deepest nesting of expressions.
const DEPTH_MAX: usize = 100;

/// The longest translation, in bytes.
const SQL_LENGTH_MAX_BYTES: usize = 8 << 20;

/// Translates expressions of one scope, and collects notes.
pub(crate) struct Translator<'a> {
    scope: &'a Scope,
    depth: usize,
    /// Whether aggregate functions are allowed.
    pub(crate) can_aggregate: bool,
    /// The context, if the expression is part of a query.
    pub(crate) context: QueryContext<'a>,
    pub(crate) notes: Notes,
}

impl<'a> Translator<'a> {
    pub(crate) fn new(scope: &'a Scope) -> Translator<'a> {
        Translator {
            scope,
            depth: 0,
            can_aggregate: false,
            context: QueryContext::default(),
            notes: Notes::new(),
        }
    }

    /// Creates a translator for a part of a query, at this depth of queries and expressions.
    pub(crate) fn of_part(scope: &'a Scope, depth: usize, context: QueryContext<'a>) -> Translator<'a> {
        Translator { depth, context, ..Translator::new(scope) }
    }

    pub(crate) fn scope(&self) -> &'a Scope {
        self.scope
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Translates an expression.
    pub(crate) fn node(&mut self, expression: &Expr<'_>) -> Result<Node> {
        if self.depth >= DEPTH_MAX {
            return Err(Untranslatable::TooDeep);
        }
        self.depth += 1;
        let reads_before = self.context.reads.len();
        let mut node = self.any(expression);
        self.depth -= 1;
        if let Ok(node) = &mut node {
            check_length(node)?;
            self.context.group_reads(node, reads_before);
            // The outermost node has the caveats of all its parts.
            if self.depth == 0 {
                self.notes.extend(node.notes());
            }
        }
        node
    }

    /// Translates a condition, such as that of WHERE.
    pub(crate) fn condition(&mut self, condition: Option<&Expr<'_>>) -> Result<Option<String>> {
        condition.map(|condition| self.node(condition)?.condition()).transpose()
    }

    /// Translates a WHERE clause, with a leading space.
    pub(crate) fn where_clause(&mut self, condition: Option<&Expr<'_>>) -> Result<String> {
        Ok(self.condition(condition)?.map(|sql| format!(" WHERE {sql}")).unwrap_or_default())
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
                _ => Err(Untranslatable::RowValue),
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
                node.collation = Collated::Named(collation(&plain_name(name)));
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
            Expr::Exists(select) => subquery::exists(self, select),
            Expr::Subquery(select) => subquery::scalar(self, select),
            Expr::InSelect { lhs, not, rhs } => {
                let value = self.node(lhs)?;
                negated_if(*not, subquery::among(self, &value, rhs)?)
            }
            Expr::InTable { .. } => Err(Untranslatable::InTable),
            Expr::DoublyQualified(schema, table, name) if *schema == "main" => {
                self.name(Some(&plain_name(table.0)), name.0)
            }
            Expr::DoublyQualified(..) => Err(Untranslatable::OtherDatabaseName),
            Expr::Raise(..) => Err(Untranslatable::Raise),
            Expr::Variable(_) => Err(Untranslatable::Parameter),
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
            if !self.can_aggregate {
                return Err(Untranslatable::Aggregate { function: name });
            }
            let surroundings = Surroundings { is_distinct, ..Surroundings::default() };
            return aggregate::call(&mut self.notes, &name, &surroundings, &nodes);
        }
        let nodes = self.nodes(arguments)?;
        if is_distinct {
            return Err(Untranslatable::Distinct { function: name });
        }
        functions::call(&mut self.notes, &name, &nodes)
    }

    /// A call of the form `name(*)`.
    fn call_star(&mut self, name: &str) -> Result<Node> {
        if name.eq_ignore_ascii_case("count") && self.can_aggregate {
            self.context.has_aggregates = true;
            return Ok(Node::atom(Kind::Integer, "count(*)").not_null());
        }
        Err(Untranslatable::CallOfStar { function: name.to_owned() })
    }

    /// Translates a name: a column, an alias, TRUE or FALSE, or text in double quotes if no column has that name.
    fn name(&mut self, table: Option<&str>, written: &str) -> Result<Node> {
        let name = plain_name(written);
        if let Some(column) = self.column(table, &name)? {
            return Ok(column::node(column));
        }
        if table.is_none()
            && let Some(expression) = self.context.alias(&name)
        {
            // The expression of an alias cannot use aliases.
            let aliases = std::mem::take(&mut self.context.aliases);
            let node = self.node(expression);
            self.context.aliases = aliases;
            return node;
        }
        match table {
            None if written.starts_with('"') => Ok(Node::of_text(&name)),
            None if name.eq_ignore_ascii_case("true") => Ok(Node::of_integer(1)),
            None if name.eq_ignore_ascii_case("false") => Ok(Node::of_integer(0)),
            _ => Err(Untranslatable::UnknownColumn { column: name }),
        }
    }

    /// Returns the column that a name refers to, in this query or an outer one.
    pub(crate) fn column(&mut self, table: Option<&str>, name: &str) -> Result<Option<&'a ScopeColumn>> {
        let mut scope = Some(self.scope);
        let mut level = 0;
        while let Some(here) = scope {
            if let Some((table, index)) = here.find(table, name)? {
                let column = here.tables.get(table).and_then(|table| table.columns.get(index));
                if let Some(column) = column {
                    self.context.read(level, table, index, column);
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

    /// Combines two translated operands.
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
        // The conditions do not determine the collation of the result.
        Ok(node.chosen_from(&results))
    }
}

/// Refuses SQL that is too long: some operands are repeated, so that nesting multiplies the length.
pub(crate) fn check_length(node: &Node) -> Result<()> {
    if node.sql.len() > SQL_LENGTH_MAX_BYTES {
        return Err(Untranslatable::TooLong { length_max_mib: SQL_LENGTH_MAX_BYTES >> 20 });
    }
    Ok(())
}

/// Returns the negation of a condition if `not` is set.
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
