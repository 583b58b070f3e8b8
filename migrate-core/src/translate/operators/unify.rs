//! One kind for values that take each other's place, as in CASE or coalesce.

use super::arithmetic;
use crate::translate::model::{Caveat, Constant, Kind, Node, Result, untranslatable};

/// Whether a value is a float, or a literal integer so small that calculations with it as a float are exact.
fn is_float_or_small(node: &Node) -> bool {
    const SMALL: i64 = 1 << 20;
    match (node.kind, &node.constant) {
        (Kind::Real | Kind::Null, _) => true,
        (Kind::Integer, Some(Constant::Integer(value))) => (-SMALL..=SMALL).contains(value),
        _ => false,
    }
}

/// Gives nodes that take each other's place, as in CASE or coalesce, one kind.
pub(crate) fn unified(nodes: &[Node]) -> Result<(Kind, Vec<Node>)> {
    let mut kinds: Vec<Kind> =
        nodes.iter().map(|node| node.kind).filter(|kind| *kind != Kind::Null).collect();
    kinds.dedup();
    let kind = match kinds.as_slice() {
        [] => Kind::Null,
        [Kind::Unknown, ..] => return untranslatable("a choice of what has no exact form in PostgreSQL"),
        [only] => *only,
        several if several.iter().all(|kind| matches!(kind, Kind::Truth | Kind::Integer)) => Kind::Integer,
        // A float where one is wanted, or an integer that is the same number as a float: `coalesce(price, 0)`.
        several if several.contains(&Kind::Real) && nodes.iter().all(is_float_or_small) => Kind::Real,
        _ => return untranslatable("a choice between values of several classes"),
    };
    let unify = |node: &Node| match (kind, node.kind) {
        (Kind::Integer, _) => node.number(),
        (Kind::Real, Kind::Integer) => {
            let sql = arithmetic::float(node);
            Ok(Node { constant: None, sql, kind, is_atom: true, ..node.clone() }.with(Caveat::MaybeInteger))
        }
        // A literal by itself would be a numeric, with which PostgreSQL calculates otherwise.
        (Kind::Real, Kind::Real) if node.constant.is_some() => {
            Ok(Node { constant: None, sql: arithmetic::float(node), is_atom: true, ..node.clone() })
        }
        _ => Ok(node.clone()),
    };
    Ok((kind, nodes.iter().map(unify).collect::<Result<_>>()?))
}
