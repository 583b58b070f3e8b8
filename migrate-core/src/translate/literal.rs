//! Literals.

use sqlite3_parser::ast::Literal;

use super::moment;
use super::node::{Constant, Kind, Node};
use super::{Result, untranslatable};
use crate::identifier::quote_pg_literal;
use crate::source_sql::string_content;

/// As many decimal digits of a number are sure to come back from a float.
const DIGITS_EXACT: usize = 15;

/// A literal as a node.
pub(super) fn node(literal: &Literal<'_>) -> Result<Node> {
    match literal {
        Literal::Null => Ok(null()),
        Literal::Numeric(digits) => number(digits),
        Literal::String(quoted) => Ok(text(&string_content(quoted))),
        Literal::Blob(digits) => Ok(blob(digits)),
        Literal::CurrentTimestamp => Ok(moment::now().datetime()),
        Literal::CurrentDate => Ok(moment::now().date()),
        Literal::CurrentTime => Ok(moment::now().time()),
        Literal::Keyword(word) => untranslatable(format!("the word {word}")),
    }
}

pub(super) fn null() -> Node {
    Node { constant: Some(Constant::Null), ..Node::atom(Kind::Null, "NULL") }
}

pub(super) fn integer(value: i64) -> Node {
    let sql = if value == i64::MIN { "(-9223372036854775807 - 1)".to_owned() } else { value.to_string() };
    Node {
        constant: Some(Constant::Integer(value)),
        is_not_null: true,
        bound: i128::from(value).abs(),
        is_atom: value >= 0 || value == i64::MIN,
        ..Node::atom(Kind::Integer, sql)
    }
}

/// A float, as it is written.
pub(super) fn real(digits: &str) -> Node {
    Node {
        constant: Some(Constant::Real(digits.to_owned())),
        is_not_null: true,
        is_atom: !digits.starts_with('-'),
        ..Node::atom(Kind::Real, digits)
    }
}

pub(super) fn text(content: &str) -> Node {
    let is_digits = content.parse::<i64>().is_ok_and(|number| number.to_string() == content);
    Node {
        constant: Some(Constant::Text(content.to_owned())),
        is_not_null: true,
        is_digits,
        ..Node::atom(Kind::Text, quote_pg_literal(content))
    }
}

pub(super) fn blob(digits: &str) -> Node {
    Node {
        constant: Some(Constant::Blob(digits.to_owned())),
        is_not_null: true,
        ..Node::atom(Kind::Blob, format!("{}::bytea", quote_pg_literal(&format!("\\x{digits}"))))
    }
}

fn number(digits: &str) -> Result<Node> {
    let digits = digits.replace('_', "");
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    if let Some(hex) = hexadecimal {
        // SQLite reads hexadecimal as two's complement (manual, "Hexadecimal integer literals").
        return match u64::from_str_radix(hex, 16) {
            Ok(bits) => Ok(integer(bits.cast_signed())),
            Err(_) => untranslatable("a hexadecimal number of more than 64 bits"),
        };
    }
    if let Ok(value) = digits.parse() {
        return Ok(integer(value));
    }
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => {
            let plain = digits.strip_suffix('.').unwrap_or(&digits);
            let is_integer = plain.bytes().all(|byte| byte.is_ascii_digit());
            // More digits than a float has would be exact to PostgreSQL, and so would an integer beyond 64 bits.
            let is_short = plain.bytes().filter(u8::is_ascii_digit).count() <= DIGITS_EXACT;
            Ok(real(&if is_integer || !is_short { format!("{value:e}") } else { plain.to_owned() }))
        }
        _ => untranslatable("a number that no float holds"),
    }
}
