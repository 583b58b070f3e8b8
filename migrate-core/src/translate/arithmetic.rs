//! Calculations. Where SQLite gives NULL for a division by zero, PostgreSQL would fail, so that zero becomes NULL before.

use sqlite3_parser::ast::Operator;

use super::expression::Translator;
use super::node::{Constant, Kind, Node};
use super::{Result, literal, untranslatable};

pub(super) fn calculated(
    translator: &mut Translator<'_>,
    left: &Node,
    operator: Operator,
    right: &Node,
) -> Result<Node> {
    let (left, right) = (left.number()?, right.number()?);
    if left.kind == Kind::Null || right.kind == Kind::Null {
        return Ok(literal::null());
    }
    if let (Some(Constant::Integer(left)), Some(Constant::Integer(right))) = (&left.constant, &right.constant)
        && let Some(folded) = folded(*left, operator, *right)
    {
        return Ok(literal::integer(folded));
    }
    let are_integers = left.kind == Kind::Integer && right.kind == Kind::Integer;
    match operator {
        Operator::Add | Operator::Subtract | Operator::Multiply => {
            let symbol = match operator {
                Operator::Add => "+",
                Operator::Subtract => "-",
                _ => "*",
            };
            let (kind, left_sql, right_sql) = sides(translator, &left, &right);
            let sql = format!("{left_sql} {symbol} {right_sql}");
            let mut node = Node::compound(kind, sql).made_of(&[&left, &right]);
            node.is_not_null = left.is_not_null && right.is_not_null;
            node.is_approximate |= kind == Kind::Number;
            node.is_calculated |= kind == Kind::Integer;
            Ok(node)
        }
        Operator::Divide if are_integers || left.kind == Kind::Real || right.kind == Kind::Real => {
            let (kind, left_sql, right_sql) = sides(translator, &left, &right);
            let sql = format!("{left_sql} / {}", divisor(&right, &right_sql));
            Ok(Node::compound(kind, sql).made_of(&[&left, &right]))
        }
        Operator::Divide => untranslatable("a division of numbers that may be integers or floats"),
        Operator::Modulus if are_integers => {
            let (kind, left_sql, right_sql) = sides(translator, &left, &right);
            let sql = format!("{left_sql} % {}", divisor(&right, &right_sql));
            Ok(Node::compound(kind, sql).made_of(&[&left, &right]))
        }
        Operator::BitwiseAnd | Operator::BitwiseOr if are_integers => {
            let symbol = if operator == Operator::BitwiseAnd { "&" } else { "|" };
            let sql = format!("{} {symbol} {}", whole(&left), whole(&right));
            let is_not_null = left.is_not_null && right.is_not_null;
            Ok(Node { is_not_null, ..Node::compound(Kind::Integer, sql) }.made_of(&[&left, &right]))
        }
        Operator::LeftShift | Operator::RightShift if are_integers => {
            let Some(Constant::Integer(places @ 0..=63)) = right.constant else {
                return untranslatable("a shift by other than 0 to 63 places");
            };
            let symbol = if operator == Operator::LeftShift { "<<" } else { ">>" };
            let sql = format!("{} {symbol} {places}", whole(&left));
            Ok(Node { is_not_null: left.is_not_null, ..Node::compound(Kind::Integer, sql) }.made_of(&[&left]))
        }
        _ => untranslatable("a calculation with floats that SQLite does with integers"),
    }
}

pub(super) fn negative(node: &Node) -> Result<Node> {
    let number = node.number()?;
    match &number.constant {
        Some(Constant::Integer(value)) => value
            .checked_neg()
            .map_or_else(|| untranslatable("a number beyond 64 bits"), |value| Ok(literal::integer(value))),
        Some(Constant::Real(digits)) => {
            let turned = digits.strip_prefix('-').map_or_else(|| format!("-{digits}"), str::to_owned);
            Ok(literal::real(&turned))
        }
        Some(_) => Ok(literal::null()),
        None => {
            let sql = format!("-{}", whole_or_float(&number));
            Ok(Node { is_not_null: number.is_not_null, ..Node::compound(number.kind, sql) }
                .made_of(&[&number]))
        }
    }
}

pub(super) fn complement(node: &Node) -> Result<Node> {
    let number = node.number()?;
    if let Some(Constant::Integer(value)) = number.constant {
        return Ok(literal::integer(!value));
    }
    if number.kind != Kind::Integer {
        return untranslatable("the bits of what is no integer");
    }
    let sql = format!("~{}", whole(&number));
    Ok(Node { is_not_null: number.is_not_null, ..Node::compound(Kind::Integer, sql) }.made_of(&[&number]))
}

/// A number as `double precision`.
pub(super) fn float(node: &Node) -> String {
    if node.kind == Kind::Real && node.constant.is_none() {
        node.operand()
    } else {
        format!("{}::float8", node.operand())
    }
}

/// An integer as `bigint`, so that it has the room that SQLite's have.
pub(super) fn whole(node: &Node) -> String {
    format!("{}::bigint", node.operand())
}

/// An integer or a float as a number of which nobody says which it is: the text of a float has all of it, which its cast to
/// `numeric` has not (PostgreSQL manual, section 8.1.3).
pub(super) fn either_class(node: &Node) -> Result<Node> {
    let number = node.number()?;
    if number.constant.is_some() {
        return Ok(Node { kind: Kind::Number, ..number });
    }
    let through_text = if number.kind == Kind::Real { "::text" } else { "" };
    let sql = format!("{}{through_text}::numeric", number.operand());
    Ok(Node { is_not_null: number.is_not_null, ..Node::atom(Kind::Number, sql) }.made_of(&[&number]))
}

fn whole_or_float(node: &Node) -> String {
    match node.kind {
        Kind::Integer => whole(node),
        Kind::Real => float(node),
        _ => node.operand(),
    }
}

/// Both sides in one type, and the kind of the result.
fn sides(translator: &mut Translator<'_>, left: &Node, right: &Node) -> (Kind, String, String) {
    if left.kind == Kind::Integer && right.kind == Kind::Integer {
        // One side with 64 bits is enough.
        let is_literal = |node: &Node| node.constant.is_some();
        return match (is_literal(left), is_literal(right)) {
            (false, true) => (Kind::Integer, whole(left), right.operand()),
            (true, false) => (Kind::Integer, left.operand(), whole(right)),
            _ => (Kind::Integer, whole(left), whole(right)),
        };
    }
    if left.kind == Kind::Real || right.kind == Kind::Real {
        return (Kind::Real, float(left), float(right));
    }
    translator.note("numbers are calculated exactly, where SQLite calculates with floats");
    (Kind::Number, left.operand(), right.operand())
}

fn divisor(node: &Node, sql: &str) -> String {
    match &node.constant {
        Some(Constant::Integer(value)) if *value != 0 => sql.to_owned(),
        _ => format!("nullif({sql}, 0)"),
    }
}

fn folded(left: i64, operator: Operator, right: i64) -> Option<i64> {
    match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => left.checked_div(right),
        Operator::Modulus => left.checked_rem(right),
        Operator::BitwiseAnd => Some(left & right),
        Operator::BitwiseOr => Some(left | right),
        _ => None,
    }
}
