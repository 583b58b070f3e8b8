//! A common kind for the alternatives of CASE, coalesce and similar constructs.

use super::arithmetic;
use crate::translate::model::{Caveat, Constant, Kind, Node, Result, Untranslatable};

/// Whether a value is a float, or a literal integer that is exact as a float.
fn is_float_or_small(node: &Node) -> bool {
    const SMALL: i64 = 1 << 20;
    match (node.kind, &node.constant) {
        (Kind::Real | Kind::Null, _) => true,
        (Kind::Integer, Some(Constant::Integer(value))) => (-SMALL..=SMALL).contains(value),
        _ => false,
    }
}

/// Converts alternatives to a common kind.
pub(crate) fn unified(nodes: &[Node]) -> Result<(Kind, Vec<Node>)> {
    let mut kinds: Vec<Kind> =
        nodes.iter().map(|node| node.kind).filter(|kind| *kind != Kind::Null).collect();
    kinds.dedup();
    let kind = match kinds.as_slice() {
        [] => Kind::Null,
        [Kind::Unknown, ..] => return Err(Untranslatable::Inexact),
        [only] => *only,
        several if several.iter().all(|kind| matches!(kind, Kind::Truth | Kind::Integer)) => Kind::Integer,
        // Floats, and integers that are exact as floats: `coalesce(price, 0)`.
        several if several.contains(&Kind::Real) && nodes.iter().all(is_float_or_small) => Kind::Real,
        _ => return Err(Untranslatable::MixedChoice),
    };
    let unify = |node: &Node| match (kind, node.kind) {
        (Kind::Integer, _) => node.number(),
        (Kind::Real, Kind::Integer) => {
            let sql = arithmetic::float(node);
            Ok(Node { constant: None, sql, kind, is_atom: true, ..node.clone() }.with(Caveat::MaybeInteger))
        }
        // A literal would be a numeric, with which PostgreSQL calculates differently.
        (Kind::Real, Kind::Real) if node.constant.is_some() => {
            Ok(Node { constant: None, sql: arithmetic::float(node), is_atom: true, ..node.clone() })
        }
        _ => Ok(node.clone()),
    };
    Ok((kind, nodes.iter().map(unify).collect::<Result<_>>()?))
}
