//! Bit operations. SQLite shifts by any number of bits, in the other direction if it is negative; PostgreSQL shifts modulo 64.

use sqlite3_parser::ast::Operator;

use super::{arithmetic::integer_operand, arithmetic::truncated};
use crate::translate::model::{Constant, Kind, Node, Result, Untranslatable};

/// Translates `&`, `|`, `<<` and `>>`, which truncate floats.
pub(crate) fn calculated(left: &Node, operator: Operator, right: &Node) -> Result<Node> {
    let sql = match operator {
        Operator::BitwiseAnd => format!("{} & {}", integer_operand(left)?, integer_operand(right)?),
        Operator::BitwiseOr => format!("{} | {}", integer_operand(left)?, integer_operand(right)?),
        Operator::LeftShift | Operator::RightShift => {
            return shift(left, operator == Operator::LeftShift, right);
        }
        _ => return Err(Untranslatable::Operator),
    };
    Ok(Node::compound(Kind::Integer, sql).strict([left, right]))
}

fn shift(left: &Node, is_left: bool, distance: &Node) -> Result<Node> {
    let value = truncated(left)?;
    let sql = match &distance.constant {
        Some(Constant::Integer(distance)) => {
            let to_left = if is_left { i128::from(*distance) } else { -i128::from(*distance) };
            match to_left {
                0..=63 => format!("{value} << {to_left}"),
                64.. => format!("{value} & 0"),
                _ => format!("{value} >> {}", (-to_left).min(63)),
            }
        }
        _ => {
            let distance = truncated(distance)?;
            // PostgreSQL's `>>` fills with the sign, like SQLite's, so that 63 bits are equivalent to more.
            let (forth, back, beyond, behind) =
                if is_left { ("<<", ">>", "& 0", ">> 63") } else { (">>", "<<", ">> 63", "& 0") };
            format!(
                "CASE WHEN {distance} BETWEEN 0 AND 63 THEN {value} {forth} {distance}::int WHEN {distance} BETWEEN -63 AND -1 \
                 THEN {value} {back} (-{distance})::int WHEN {distance} > 63 THEN {value} {beyond} WHEN {distance} < -63 THEN \
                 {value} {behind} END"
            )
        }
    };
    Ok(Node::compound(Kind::Integer, sql).strict([left, distance]))
}

/// Returns `value` shifted to the left, or to the right if `distance` is negative.
pub(crate) fn shifted(value: i64, distance: i128) -> i64 {
    match distance {
        0..=63 => value << distance,
        64.. => 0,
        _ => value >> (-distance).min(63),
    }
}

/// Translates `~`.
pub(crate) fn complement(node: &Node) -> Result<Node> {
    let number = node.number()?;
    match number.constant {
        Some(Constant::Integer(value)) => return Ok(Node::of_integer(!value)),
        Some(Constant::Null) => return Ok(number),
        _ => {}
    }
    let sql = format!("~{}", truncated(&number)?);
    Ok(Node { is_not_null: number.is_not_null, ..Node::compound(Kind::Integer, sql) }.made_of([&number]))
}
