//! CAST (SQLite manual, "SQL Language Expressions", section 14). SQLite's never fails: it reads the number that text begins with,
//! and takes the last integer of 64 bits for what lies beyond.

use super::{arithmetic, compare};
use crate::affinity::Affinity;
use crate::translate::model::{Constant, Kind, Node, Notes, Origin, Result, untranslatable};

/// `CAST(node AS …)`, to a type of this affinity.
pub(crate) fn to(notes: &mut Notes, node: &Node, to: Affinity) -> Result<Node> {
    let is_number = matches!(node.kind, Kind::Integer | Kind::Real | Kind::Number | Kind::Truth);
    let of = |kind: Kind, sql: String| {
        let cast = Node { affinity: Some(to), is_not_null: node.is_not_null, ..Node::atom(kind, sql) };
        cast.made_of([node])
    };
    match (to, node.kind) {
        (_, Kind::Null) => Ok(node.clone()),
        (Affinity::Text, _) => Ok(Node { affinity: Some(to), ..node.text()? }),
        (Affinity::Integer, Kind::Integer | Kind::Truth) | (Affinity::Numeric, _) if is_number => {
            Ok(Node { affinity: Some(to), ..node.number()? })
        }
        (Affinity::Integer, Kind::Real) => Ok(of(Kind::Integer, arithmetic::truncated(node)?)),
        (Affinity::Integer, Kind::Number) => {
            notes.push(
                "beyond 64 bits PostgreSQL fails, where SQLite takes the last integer there".to_owned(),
            );
            Ok(of(Kind::Integer, format!("trunc({})::bigint", node.sql)))
        }
        (Affinity::Integer | Affinity::Numeric, Kind::Text) if node.origin == Origin::Digits => {
            if let Some(Constant::Text(digits)) = &node.constant
                && let Ok(value) = digits.parse()
            {
                return Ok(Node::of_integer(value));
            }
            Ok(of(Kind::Integer, format!("{}::bigint", node.operand())))
        }
        (Affinity::Integer, Kind::Text) => Ok(of(Kind::Integer, leading_integer(node))),
        (Affinity::Real, _) if is_number => Ok(of(Kind::Real, arithmetic::float(&node.number()?))),
        (Affinity::Blob, Kind::Blob) => Ok(Node { affinity: Some(to), ..node.clone() }),
        (Affinity::Blob, Kind::Text | Kind::Integer | Kind::Truth) => {
            let text = node.text()?;
            Ok(of(Kind::Blob, bytes(&text)))
        }
        (Affinity::Real | Affinity::Numeric, Kind::Text) => {
            untranslatable("a CAST of text to a number that may be a float")
        }
        (_, Kind::Blob) => untranslatable("a CAST of a blob to a number"),
        (Affinity::Blob, _) => untranslatable("a CAST of a float to a blob"),
        _ => untranslatable("a CAST of what has no exact text in PostgreSQL's type"),
    }
}

/// The integer that text begins with, after blanks; 0 where it begins with none.
fn leading_integer(text: &Node) -> String {
    let digits = format!("substring({} from '^[[:space:]]*([+-]?[0-9]+)')", compare::in_c(text));
    let number = format!(
        "least(greatest(coalesce({digits}, '0')::numeric, -9223372036854775808), 9223372036854775807)::bigint"
    );
    if text.is_not_null {
        return number;
    }
    format!("(CASE WHEN {} IS NOT NULL THEN {number} END)", text.operand())
}

/// The bytes of text, without a function that depends on the session: `decode` takes every byte but the backslash for itself.
pub(crate) fn bytes(text: &Node) -> String {
    format!("decode(replace({}, E'\\\\', E'\\\\\\\\'), 'escape')", text.sql)
}
