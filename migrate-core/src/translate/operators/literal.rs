//! Literals.

use sqlite3_parser::ast::Literal;

use super::moment;
use crate::source_sql::string_content;
use crate::translate::model::{Node, Result, Untranslatable};

/// The number of decimal digits that every float keeps.
const DIGITS_EXACT: usize = 15;

/// Translates a literal.
pub(crate) fn node(literal: &Literal<'_>) -> Result<Node> {
    match literal {
        Literal::Null => Ok(Node::null()),
        Literal::Numeric(digits) => number(digits),
        Literal::String(quoted) => Ok(Node::of_text(&string_content(quoted))),
        Literal::Blob(digits) => Ok(Node::of_blob(digits)),
        Literal::CurrentTimestamp => Ok(moment::now().datetime()),
        Literal::CurrentDate => Ok(moment::now().date()),
        Literal::CurrentTime => Ok(moment::now().time()),
        Literal::Keyword(word) => Err(Untranslatable::Keyword { word: (*word).to_owned() }),
    }
}

fn number(digits: &str) -> Result<Node> {
    let digits = digits.replace('_', "");
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    if let Some(hex) = hexadecimal {
        // SQLite reads hexadecimal numbers as two's complement (manual, "Hexadecimal integer literals").
        return match u64::from_str_radix(hex, 16) {
            Ok(bits) => Ok(Node::of_integer(bits.cast_signed())),
            Err(_) => Err(Untranslatable::LongHexadecimal),
        };
    }
    if let Ok(value) = digits.parse() {
        return Ok(Node::of_integer(value));
    }
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => {
            let plain = digits.strip_suffix('.').unwrap_or(&digits);
            let is_integer = plain.bytes().all(|byte| byte.is_ascii_digit());
            // PostgreSQL would keep all digits of a longer number, and of an integer beyond 64 bits.
            let is_short = plain.bytes().filter(u8::is_ascii_digit).count() <= DIGITS_EXACT;
            Ok(Node::of_real(&if is_integer || !is_short { format!("{value:e}") } else { plain.to_owned() }))
        }
        _ => Err(Untranslatable::NumberBeyondFloats),
    }
}
