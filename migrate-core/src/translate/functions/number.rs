//! Functions of numbers.

use super::super::arithmetic::float;
use super::super::expression::unified;
use super::super::node::{Constant, Kind, Node};
use super::super::{Result, compare, untranslatable};
use super::{like, of, volatile};

pub(super) fn call(name: &str, arguments: &[Node]) -> Option<Result<Node>> {
    Some(match (name, arguments) {
        ("abs", [number]) => simple("abs", number),
        ("sign", [number]) => simple("sign", number).map(|sign| Node {
            sql: format!("{}::int", sign.sql),
            kind: Kind::Integer,
            ..sign
        }),
        ("round", [number]) | ("round", [number, Node { constant: Some(Constant::Integer(0)), .. }]) => {
            round(number)
        }
        ("min" | "max", [_, _, ..]) => least_or_greatest(name, arguments),
        ("random", []) => {
            // The hash of a random UUID, since no function of PostgreSQL gives 64 random bits.
            let sql = "('x' || left(md5(gen_random_uuid()::text), 16))::bit(64)::bigint";
            Ok(volatile(Node::atom(Kind::Integer, sql)))
        }
        ("last_insert_rowid", []) => Ok(volatile(Node::atom(Kind::Integer, "lastval()"))),
        ("ceil" | "ceiling" | "floor" | "trunc", [number]) if number.kind == Kind::Integer => {
            Ok(number.clone())
        }
        ("ceil" | "ceiling" | "floor" | "trunc", [number]) if number.kind == Kind::Real => {
            simple(name, number)
        }
        _ => return None,
    })
}

fn simple(function: &str, number: &Node) -> Result<Node> {
    let number = number.number()?;
    if number.kind == Kind::Null {
        return Ok(number);
    }
    Ok(like(&number, number.kind, format!("{function}({})", number.sql)))
}

/// `round` to a whole number: a float, halves away from zero. PostgreSQL rounds halves of floats to the even one.
fn round(number: &Node) -> Result<Node> {
    let number = number.number()?;
    match number.kind {
        Kind::Integer => Ok(like(&number, Kind::Real, float(&number))),
        Kind::Real => {
            let x = float(&number);
            let sql = format!(
                "CASE WHEN abs({x}) >= 4503599627370496 THEN {x} WHEN {x} < 0 THEN trunc({x} - 0.5) ELSE trunc({x} + 0.5) END"
            );
            let node = Node { is_not_null: number.is_not_null, ..Node::compound(Kind::Real, sql) };
            Ok(node.made_of(&[&number]))
        }
        _ => untranslatable("round of numbers that may be integers or floats"),
    }
}

/// `min` and `max` of several, which are NULL where one is.
fn least_or_greatest(name: &str, arguments: &[Node]) -> Result<Node> {
    let (kind, nodes) = unified(arguments)?;
    if kind == Kind::Truth || kind == Kind::Json {
        return untranslatable(format!("{name} of conditions or documents"));
    }
    if kind == Kind::Text
        && nodes.iter().any(|node| node.collation.as_ref().is_some_and(|by| *by != Default::default()))
    {
        return untranslatable(format!("{name} of text under a collation"));
    }
    let function = if name == "min" { "least" } else { "greatest" };
    let list: Vec<String> = nodes
        .iter()
        .map(|node| if kind == Kind::Text { compare::in_c(node) } else { node.sql.clone() })
        .collect();
    let call = format!("{function}({})", list.join(", "));
    let may_be_null: Vec<String> =
        nodes.iter().filter(|node| !node.is_not_null).map(|node| compare::is_null(node, false).sql).collect();
    if may_be_null.is_empty() {
        return Ok(of(kind, call, &nodes, true));
    }
    let sql = format!("CASE WHEN {} THEN NULL ELSE {call} END", may_be_null.join(" OR "));
    Ok(Node::compound(kind, sql).made_of(&nodes.iter().collect::<Vec<_>>()))
}
