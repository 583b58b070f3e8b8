//! CAST (SQLite manual, "SQL Language Expressions", section 14). SQLite's never fails: it reads the leading number of text,
//! and the nearest 64-bit integer of larger numbers.

use super::{arithmetic, compare};
use crate::affinity::Affinity;
use crate::translate::model::{
    BlobContents, Caveat, Constant, Kind, Node, Note, Notes, Origin, Result, Untranslatable,
};

/// Translates `CAST(node AS …)` to a type of this affinity.
pub(crate) fn to(notes: &mut Notes, node: &Node, to: Affinity) -> Result<Node> {
    let is_number = matches!(node.kind, Kind::Integer | Kind::Real | Kind::Number | Kind::Truth);
    let of = |kind: Kind, sql: String| {
        let cast = Node { affinity: Some(to), is_not_null: node.is_not_null, ..Node::atom(kind, sql) };
        cast.made_of([node])
    };
    match (to, node.kind) {
        (_, Kind::Null) => Ok(node.clone()),
        (Affinity::Text, Kind::Blob) if node.contents != BlobContents::Bytes => {
            Ok(Node { affinity: Some(to), ..node.decoded(Caveat::DecodedBytes) })
        }
        (Affinity::Text, _) => Ok(Node { affinity: Some(to), ..node.text()? }),
        (Affinity::Integer, Kind::Integer | Kind::Truth) | (Affinity::Numeric, _) if is_number => {
            Ok(Node { affinity: Some(to), ..node.number()? })
        }
        (Affinity::Integer, Kind::Real) => Ok(of(Kind::Integer, arithmetic::truncated(node)?)),
        (Affinity::Integer, Kind::Number) => {
            notes.insert(Note::CastOverflow);
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
        (Affinity::Real | Affinity::Numeric, Kind::Text) => Err(Untranslatable::CastTextToFloat),
        (_, Kind::Blob) => Err(Untranslatable::CastBlobToNumber),
        (Affinity::Blob, _) => Err(Untranslatable::CastFloatToBlob),
        _ => Err(Untranslatable::Inexact),
    }
}

/// Returns the leading integer of text after white space, or 0.
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

/// Returns the bytes of text by an immutable function: `decode` interprets only the backslash.
pub(crate) fn bytes(text: &Node) -> String {
    format!("decode(replace({}, E'\\\\', E'\\\\\\\\'), 'escape')", text.sql)
}
