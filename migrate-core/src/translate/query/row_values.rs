//! Row values, `(a, b)`, compared column by column (SQLite manual, "Row Values").

use sqlite3_parser::ast::{Expr, Operator};

use super::expression::Translator;
use crate::translate::model::{Kind, Node, Result, Untranslatable};
use crate::translate::operators::compare;

/// Returns the columns of a row value; `None` for a single value.
pub(super) fn parts<'e>(expression: &'e Expr<'e>) -> Option<&'e [Expr<'e>]> {
    match expression {
        Expr::Parenthesized(inner) if inner.len() > 1 => Some(inner),
        _ => None,
    }
}

/// `(…) operator (…)`.
pub(super) fn compared(
    translator: &mut Translator<'_>,
    left: &[Expr<'_>],
    operator: Operator,
    right: &[Expr<'_>],
) -> Result<Node> {
    if left.len() != right.len() {
        return Err(Untranslatable::UnequalRows);
    }
    let (left, right) = (translator.nodes(left)?, translator.nodes(right)?);
    match operator {
        Operator::Equals => joined(translator, &left, &right, "AND", |translator, left, right| {
            compare::compared(&mut translator.notes, left, Operator::Equals, right)
        }),
        Operator::NotEquals => joined(translator, &left, &right, "OR", |translator, left, right| {
            compare::compared(&mut translator.notes, left, Operator::NotEquals, right)
        }),
        Operator::Is => joined(translator, &left, &right, "AND", |translator, left, right| {
            compare::distinct(&mut translator.notes, left, right, false)
        }),
        Operator::IsNot => joined(translator, &left, &right, "OR", |translator, left, right| {
            compare::distinct(&mut translator.notes, left, right, true)
        }),
        Operator::Less | Operator::LessEquals => ordered(translator, &left, Operator::Less, operator, &right),
        Operator::Greater | Operator::GreaterEquals => {
            ordered(translator, &left, Operator::Greater, operator, &right)
        }
        _ => Err(Untranslatable::RowArithmetic),
    }
}

/// `(…) IN ((…), …)`.
pub(super) fn among(translator: &mut Translator<'_>, left: &[Expr<'_>], items: &[Expr<'_>]) -> Result<Node> {
    let mut nodes = Vec::with_capacity(items.len());
    for item in items {
        let Some(item) = parts(item) else {
            return Err(Untranslatable::MixedRows);
        };
        if item.len() != left.len() {
            return Err(Untranslatable::UnequalRows);
        }
        let (left, item) = (translator.nodes(left)?, translator.nodes(item)?);
        let item: Vec<Node> = item.iter().map(compare::item).collect();
        nodes.push(joined(translator, &left, &item, "AND", |translator, left, right| {
            compare::compared(&mut translator.notes, left, Operator::Equals, right)
        })?);
    }
    if nodes.is_empty() {
        return Ok(Node::atom(Kind::Truth, "false").not_null());
    }
    connected(&nodes, "OR")
}

fn joined<'t>(
    translator: &mut Translator<'t>,
    left: &[Node],
    right: &[Node],
    word: &str,
    pair: impl Fn(&mut Translator<'t>, &Node, &Node) -> Result<Node>,
) -> Result<Node> {
    let nodes: Vec<Node> =
        left.iter().zip(right).map(|(left, right)| pair(translator, left, right)).collect::<Result<_>>()?;
    connected(&nodes, word)
}

/// Compares by the first pair that differs, and the last pair by `last`.
fn ordered(
    translator: &mut Translator<'_>,
    left: &[Node],
    strictly: Operator,
    last: Operator,
    right: &[Node],
) -> Result<Node> {
    let ([left, left_rest @ ..], [right, right_rest @ ..]) = (left, right) else {
        return Err(Untranslatable::UnequalRows);
    };
    if left_rest.is_empty() {
        return compare::compared(&mut translator.notes, left, last, right);
    }
    let before = compare::compared(&mut translator.notes, left, strictly, right)?;
    let equal = compare::compared(&mut translator.notes, left, Operator::Equals, right)?;
    let rest = ordered(translator, left_rest, strictly, last, right_rest)?;
    connected(&[before, connected(&[equal, rest], "AND")?], "OR")
}

fn connected(nodes: &[Node], word: &str) -> Result<Node> {
    let list: Vec<String> = nodes.iter().map(Node::condition_operand).collect::<Result<_>>()?;
    Ok(Node::compound(Kind::Truth, list.join(&format!(" {word} "))).strict(nodes))
}
