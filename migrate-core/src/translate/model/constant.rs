//! Literals, and the nodes that they are.

use super::{Kind, Node, Origin};
use crate::identifier::quote_pg_literal;

/// A literal, where an expression is one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A float, as it is written.
    Real(String),
    /// Text.
    Text(String),
    /// A blob's hexadecimal digits.
    Blob(String),
}

impl Node {
    pub(crate) fn null() -> Node {
        Node { constant: Some(Constant::Null), ..Node::atom(Kind::Null, "NULL") }
    }

    pub(crate) fn of_integer(value: i64) -> Node {
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
    pub(crate) fn of_real(digits: &str) -> Node {
        Node {
            constant: Some(Constant::Real(digits.to_owned())),
            is_not_null: true,
            is_atom: !digits.starts_with('-'),
            ..Node::atom(Kind::Real, digits)
        }
    }

    pub(crate) fn of_text(content: &str) -> Node {
        let is_digits = content.parse::<i64>().is_ok_and(|number| number.to_string() == content);
        Node {
            constant: Some(Constant::Text(content.to_owned())),
            is_not_null: true,
            origin: if is_digits { Origin::Digits } else { Origin::Computed },
            ..Node::atom(Kind::Text, quote_pg_literal(content))
        }
    }

    pub(crate) fn of_blob(digits: &str) -> Node {
        Node {
            constant: Some(Constant::Blob(digits.to_owned())),
            is_not_null: true,
            ..Node::atom(Kind::Blob, format!("{}::bytea", quote_pg_literal(&format!("\\x{digits}"))))
        }
    }
}
