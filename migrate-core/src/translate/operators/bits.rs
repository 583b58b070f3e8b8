//! Calculations with the bits of integers. SQLite shifts by any number of places, to the other side where it is negative; PostgreSQL
//! counts places modulo 64.

use sqlite3_parser::ast::Operator;

use super::{arithmetic::beside, arithmetic::truncated};
use crate::translate::model::{Constant, Kind, Node, Result, untranslatable};

/// `&`, `|`, `<<` and `>>`, which take floats as the integers that they begin with.
pub(crate) fn calculated(left: &Node, operator: Operator, right: &Node) -> Result<Node> {
    let sql = match operator {
        Operator::BitwiseAnd => format!("{} & {}", beside(left)?, beside(right)?),
        Operator::BitwiseOr => format!("{} | {}", beside(left)?, beside(right)?),
        Operator::LeftShift | Operator::RightShift => {
            return shift(left, operator == Operator::LeftShift, right);
        }
        _ => return untranslatable("an operator that calculates nothing"),
    };
    Ok(Node::compound(Kind::Integer, sql).strict([left, right]))
}

fn shift(left: &Node, is_left: bool, places: &Node) -> Result<Node> {
    let value = truncated(left)?;
    let sql = match &places.constant {
        Some(Constant::Integer(places)) => {
            let to_left = if is_left { i128::from(*places) } else { -i128::from(*places) };
            match to_left {
                0..=63 => format!("{value} << {to_left}"),
                64.. => format!("{value} & 0"),
                _ => format!("{value} >> {}", (-to_left).min(63)),
            }
        }
        _ => {
            let places = truncated(places)?;
            // PostgreSQL's `>>` fills with the sign, as SQLite's does, so that 63 places are as good as more.
            let (forth, back, beyond, behind) =
                if is_left { ("<<", ">>", "& 0", ">> 63") } else { (">>", "<<", ">> 63", "& 0") };
            format!(
                "CASE WHEN {places} BETWEEN 0 AND 63 THEN {value} {forth} {places}::int WHEN {places} BETWEEN -63 AND -1 \
                 THEN {value} {back} (-{places})::int WHEN {places} > 63 THEN {value} {beyond} WHEN {places} < -63 THEN \
                 {value} {behind} END"
            )
        }
    };
    Ok(Node::compound(Kind::Integer, sql).strict([left, places]))
}

/// `value` shifted to the left, or to the right where `places` is negative.
pub(crate) fn shifted(value: i64, places: i128) -> i64 {
    match places {
        0..=63 => value << places,
        64.. => 0,
        _ => value >> (-places).min(63),
    }
}

/// `~`, of a number.
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
