//! Calculations. SQLite returns NULL for a division by zero, where PostgreSQL fails, so that a divisor of zero becomes NULL. Where
//! integers exceed 64 bits, SQLite continues with floats and PostgreSQL fails, which a note says.

use sqlite3_parser::ast::Operator;

use super::bits;
use crate::translate::model::{
    Caveat, Constant, INTEGER_BOUND, Kind, Node, Note, Notes, Result, Untranslatable,
};

pub(crate) fn calculated(notes: &mut Notes, left: &Node, operator: Operator, right: &Node) -> Result<Node> {
    let (left, right) = (left.number()?, right.number()?);
    if left.kind == Kind::Null || right.kind == Kind::Null {
        return Ok(Node::null());
    }
    if let (Some(Constant::Integer(left)), Some(Constant::Integer(right))) = (&left.constant, &right.constant)
        && let Some(folded) = folded(*left, operator, *right)
    {
        return Ok(Node::of_integer(folded));
    }
    match operator {
        Operator::Add | Operator::Subtract | Operator::Multiply => Ok(summed(notes, &left, operator, &right)),
        Operator::Divide => divided(notes, &left, &right),
        Operator::Modulus => remainder(&left, &right),
        _ => bits::calculated(&left, operator, &right),
    }
}

/// Translates a sum, a difference or a product.
fn summed(notes: &mut Notes, left: &Node, operator: Operator, right: &Node) -> Node {
    let (symbol, bound) = match operator {
        Operator::Add => ("+", left.bound + right.bound),
        Operator::Subtract => ("-", left.bound + right.bound),
        _ => ("*", left.bound.saturating_mul(right.bound)),
    };
    let (kind, left_sql, right_sql) = sides(notes, left, right);
    let sql = format!("{left_sql} {symbol} {right_sql}");
    let mut node = Node::compound(kind, sql).strict([left, right]);
    match kind {
        Kind::Number => node = node.with(Caveat::Approximate),
        Kind::Real => node = node.with(Caveat::FloatRange),
        _ => {}
    }
    bounded(node, bound)
}

fn divided(notes: &mut Notes, left: &Node, right: &Node) -> Result<Node> {
    let are_integers = left.kind == Kind::Integer && right.kind == Kind::Integer;
    if !are_integers && left.kind != Kind::Real && right.kind != Kind::Real {
        return Err(Untranslatable::MixedNumbers);
    }
    // SQLite divides two integers without a remainder.
    let may_be_integer = |node: &Node| node.kind == Kind::Integer || node.has(Caveat::MaybeInteger);
    if !are_integers && may_be_integer(left) && may_be_integer(right) {
        return Err(Untranslatable::MixedNumbers);
    }
    let (kind, left_sql, right_sql) = sides(notes, left, right);
    let sql = format!("{left_sql} / {}", divisor(right, &right_sql));
    let node = Node::compound(kind, sql).made_of([left, right]);
    // The smallest integer divided by -1 is the only quotient that overflows.
    let is_minus_one_possible = right.constant.is_none() || right.constant == Some(Constant::Integer(-1));
    let least = match right.constant {
        Some(Constant::Integer(divisor)) => i128::from(divisor).abs().max(1),
        _ => 1,
    };
    let bound = if is_minus_one_possible { left.bound } else { (left.bound / least).min(INTEGER_BOUND - 1) };
    let mut node = bounded(node, bound);
    if !are_integers {
        node.caveats.remove(&Caveat::MaybeInteger);
        node.caveats.insert(Caveat::FloatRange);
    }
    Ok(node)
}

/// Translates `%`: SQLite converts both sides to integers, and the result to a float if one of them was a float.
fn remainder(left: &Node, right: &Node) -> Result<Node> {
    let are_integers = left.kind == Kind::Integer && right.kind == Kind::Integer;
    let (dividend, wanted) = (integer_operand(left)?, integer_operand(right)?);
    let sql = format!("{dividend} % {}", divisor(right, &wanted));
    let node = Node { bound: right.bound, ..Node::compound(Kind::Integer, sql) };
    if are_integers {
        return Ok(node.made_of([left, right]));
    }
    Ok(Node::atom(Kind::Real, format!("({})::float8", node.sql)).made_of([left, right]))
}

/// Sets the bound of an integer, and the caveat that it may exceed 64 bits.
fn bounded(mut node: Node, bound: i128) -> Node {
    if node.kind == Kind::Integer {
        node.bound = bound.min(INTEGER_BOUND);
        if bound >= INTEGER_BOUND {
            node.caveats.insert(Caveat::IntegerOverflow);
        }
    }
    node
}

pub(crate) fn negative(node: &Node) -> Result<Node> {
    let number = node.number()?;
    match &number.constant {
        Some(Constant::Integer(value)) => value
            .checked_neg()
            .map_or_else(|| Err(Untranslatable::NumberBeyond64Bits), |value| Ok(Node::of_integer(value))),
        Some(Constant::Real(digits)) => {
            let turned = digits.strip_prefix('-').map_or_else(|| format!("-{digits}"), str::to_owned);
            Ok(Node::of_real(&turned))
        }
        Some(_) => Ok(Node::null()),
        None => {
            // SQLite subtracts from 0, so that 0.0 has no sign.
            let sign = if number.kind == Kind::Real { "0 - " } else { "-" };
            let sql = format!("{sign}{}", typed_operand(&number));
            let node = Node::compound(number.kind, sql).strict([&number]);
            Ok(bounded(node, number.bound))
        }
    }
}

/// Returns a number as `double precision`.
pub(crate) fn float(node: &Node) -> String {
    if node.kind == Kind::Real && node.constant.is_none() {
        node.operand()
    } else {
        format!("{}::float8", node.operand())
    }
}

/// Returns an integer as `bigint`, with 64 bits like SQLite's.
pub(crate) fn bigint(node: &Node) -> String {
    if node.is_atom && node.sql.ends_with("::bigint") {
        return node.sql.clone();
    }
    format!("{}::bigint", node.operand())
}

/// Returns a number as an integer by the rules of CAST: truncated, and limited to 64 bits.
pub(crate) fn truncated(node: &Node) -> Result<String> {
    match node.kind {
        Kind::Integer => Ok(bigint(node)),
        Kind::Real => {
            let float = float(node);
            Ok(format!(
                "CASE WHEN abs({float}) < 9223372036854775808 THEN trunc({float})::bigint WHEN {float} > 0 THEN \
                 9223372036854775807 WHEN {float} < 0 THEN -9223372036854775807 - 1 END"
            ))
            .map(|sql| format!("({sql})"))
        }
        _ => Err(Untranslatable::MixedNumbers),
    }
}

/// Returns a number as the operand of an integer operator, where a literal needs no cast.
pub(crate) fn integer_operand(node: &Node) -> Result<String> {
    if node.kind == Kind::Integer && node.constant.is_some() { Ok(node.operand()) } else { truncated(node) }
}

fn typed_operand(node: &Node) -> String {
    match node.kind {
        Kind::Integer => bigint(node),
        Kind::Real => float(node),
        _ => node.operand(),
    }
}

/// Returns both sides in one type, and the kind of the result.
fn sides(notes: &mut Notes, left: &Node, right: &Node) -> (Kind, String, String) {
    if left.kind == Kind::Integer && right.kind == Kind::Integer {
        // One side with 64 bits is sufficient.
        let is_literal = |node: &Node| node.constant.is_some();
        return match (is_literal(left), is_literal(right)) {
            (false, true) => (Kind::Integer, bigint(left), right.operand()),
            (true, false) => (Kind::Integer, left.operand(), bigint(right)),
            _ => (Kind::Integer, bigint(left), bigint(right)),
        };
    }
    if left.kind == Kind::Real || right.kind == Kind::Real {
        return (Kind::Real, float(left), float(right));
    }
    notes.insert(Note::ExactNumbers);
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
        Operator::LeftShift => Some(bits::shifted(left, i128::from(right))),
        Operator::RightShift => Some(bits::shifted(left, -i128::from(right))),
        _ => None,
    }
}
