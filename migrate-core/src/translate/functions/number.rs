//! Functions of numbers.

use super::volatile;
use crate::translate::model::{Caveat, Constant, Kind, Node, Note, Notes, Result, Untranslatable};
use crate::translate::operators::{arithmetic::bigint, arithmetic::float, compare, unified};

pub(super) fn call(notes: &mut Notes, name: &str, arguments: &[Node]) -> Option<Result<Node>> {
    Some(match (name, arguments) {
        ("abs", [number]) if number.kind == Kind::Integer => {
            let sql = format!("abs({})", bigint(number));
            Ok(Node { bound: number.bound, ..Node::atom(Kind::Integer, sql).strict([number]) })
        }
        ("abs", [number]) => simple("abs", number),
        ("sign", [number]) => simple("sign", number).map(|sign| Node {
            sql: format!("{}::int", sign.sql),
            kind: Kind::Integer,
            bound: 1,
            ..sign
        }),
        ("round", [number]) | ("round", [number, Node { constant: Some(Constant::Integer(0)), .. }]) => {
            round(number)
        }
        ("round", [number, Node { constant: Some(Constant::Integer(decimals)), .. }])
            if number.kind == Kind::Number =>
        {
            Ok(round_to(notes, number, *decimals))
        }
        ("round", [number, decimals]) if number.kind == Kind::Null || decimals.kind == Kind::Null => {
            Ok(Node::null())
        }
        ("sqrt", [number]) => sqrt(number),
        ("pi", []) => Ok(Node::atom(Kind::Real, "pi()").not_null()),
        ("min" | "max", [_, _, ..]) => least_or_greatest(name, arguments),
        ("random", []) => {
            // The hash of a random UUID, because no function of PostgreSQL returns 64 random bits.
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
    let sql = if number.kind == Kind::Real { float(&number) } else { number.sql.clone() };
    Ok(Node::atom(number.kind, format!("{function}({sql})")).strict([&number]))
}

/// Translates `round` to an integer, halves away from zero. PostgreSQL rounds halves of floats to even.
fn round(number: &Node) -> Result<Node> {
    let number = number.number()?;
    match number.kind {
        Kind::Null => Ok(number),
        Kind::Integer => Ok(Node::atom(Kind::Real, float(&number)).strict([&number])),
        Kind::Real => {
            let x = float(&number);
            let sql = format!(
                "CASE WHEN abs({x}) >= 4503599627370496 THEN {x} WHEN {x} < 0 THEN trunc({x} - 0.5) + 0 ELSE trunc({x} + 0.5) END"
            );
            let node = Node { is_not_null: number.is_not_null, ..Node::compound(Kind::Real, sql) };
            Ok(node.made_of([&number]))
        }
        _ => Err(Untranslatable::MixedNumbers),
    }
}

/// Translates `round` of exact numbers to decimals, where SQLite rounds the float.
fn round_to(notes: &mut Notes, number: &Node, decimals: i64) -> Node {
    notes.insert(Note::ExactNumbers);
    // SQLite limits them to 0 to 30.
    let node = Node::atom(Kind::Number, format!("round({}, {})", number.sql, decimals.clamp(0, 30)))
        .strict([number]);
    node.with(Caveat::Approximate)
}

/// Translates `sqrt`, which all machines round alike; NULL for negative numbers, where PostgreSQL fails.
fn sqrt(number: &Node) -> Result<Node> {
    let number = number.number()?;
    if number.kind == Kind::Null {
        return Ok(number);
    }
    let x = float(&number);
    let node = Node::atom(Kind::Real, format!("(CASE WHEN {x} >= 0 THEN sqrt({x}) END)"));
    Ok(node.made_of([&number]))
}

/// Translates `min` and `max` of several arguments, which are NULL if one is.
fn least_or_greatest(name: &str, arguments: &[Node]) -> Result<Node> {
    let (kind, nodes) = unified(arguments)?;
    if arguments.iter().any(|node| node.kind == Kind::Null) {
        return Ok(Node::null());
    }
    if kind == Kind::Truth || kind == Kind::Json {
        return Err(Untranslatable::ChoiceOfConditions { function: name.to_owned() });
    }
    if nodes.iter().any(Node::is_collated_text) {
        return Err(Untranslatable::Collated);
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
        return Ok(Node::atom(kind, call).made_of(&nodes).not_null());
    }
    let sql = format!("CASE WHEN {} THEN NULL ELSE {call} END", may_be_null.join(" OR "));
    Ok(Node::compound(kind, sql).made_of(&nodes))
}
