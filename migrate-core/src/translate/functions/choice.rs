//! Functions that choose among their arguments, and `typeof`.

use sqlite3_parser::ast::Operator;

use crate::translate::model::{Caveat, Collated, Family, Kind, Native, Node, Notes, Result, Untranslatable};
use crate::translate::operators::{compare, moment, unified};

pub(super) fn call(notes: &mut Notes, name: &str, arguments: &[Node]) -> Option<Result<Node>> {
    Some(match (name, arguments) {
        ("coalesce", [_, _, ..]) | ("ifnull", [_, _]) => coalesce(arguments),
        ("nullif", [left, right]) => nullif(notes, left, right),
        ("iif" | "if", [condition, rest @ ..]) if (1..=2).contains(&rest.len()) => iif(condition, rest),
        ("likely" | "unlikely", [only]) | ("likelihood", [only, _]) => Ok(only.clone()),
        ("typeof", [only]) => type_of(only),
        _ => return None,
    })
}

/// Translates `coalesce`, in PostgreSQL's own form if all arguments have one, such as dates.
fn coalesce(arguments: &[Node]) -> Result<Node> {
    let is_not_null = arguments.iter().any(|node| node.is_not_null);
    if let Some(native) = natives(arguments) {
        let plain = unified(arguments);
        let kind = plain.as_ref().map_or(Kind::Unknown, |(kind, _)| *kind);
        let list: Vec<&str> = match &plain {
            Ok((_, nodes)) => nodes.iter().map(|node| node.sql.as_str()).collect(),
            Err(_) => native.iter().map(|native| native.sql.as_str()).collect(),
        };
        let list_native: Vec<&str> = native.iter().map(|native| native.sql.as_str()).collect();
        let family = native.first().map(|native| native.family);
        let sql = format!("coalesce({})", list_native.join(", "));
        let node = Node::atom(kind, format!("coalesce({})", list.join(", "))).made_of(arguments);
        return Ok(Node { is_not_null, native: family.map(|family| Native { family, sql }), ..node });
    }
    let (kind, nodes) = unified(arguments)?;
    if kind == Kind::Null {
        return Ok(Node::null());
    }
    let list: Vec<&str> = nodes.iter().map(|node| node.sql.as_str()).collect();
    let node = Node::atom(kind, format!("coalesce({})", list.join(", "))).made_of(&nodes);
    Ok(Node { is_not_null, ..node })
}

/// Returns all arguments in one form of PostgreSQL's own, except booleans; `None` if one of them has no such form.
fn natives(arguments: &[Node]) -> Option<Vec<Native>> {
    let family = arguments.iter().find_map(|node| node.native.as_ref()).map(|native| native.family)?;
    if family == Family::Boolean {
        return None;
    }
    let native = |node: &Node| match (&node.native, &node.constant) {
        (Some(native), _) => (native.family == family).then(|| native.clone()),
        (None, Some(constant)) => moment::constant(family, constant).map(|sql| Native { family, sql }),
        (None, None) => None,
    };
    arguments.iter().map(native).collect()
}

/// Translates `nullif` by the rules of a comparison.
fn nullif(notes: &mut Notes, left: &Node, right: &Node) -> Result<Node> {
    if left.kind == Kind::Null {
        return Ok(Node::null());
    }
    // The arguments of a function have no affinity.
    let bare = |node: &Node| Node { affinity: None, ..node.clone() };
    let is_equal = compare::compared(notes, &bare(left), Operator::Equals, &bare(right))?;
    let equal = is_equal.condition()?;
    let chosen = |sql: &str| match equal.strip_prefix(&format!("{sql} = ")) {
        Some(right) if !right.contains(' ') => format!("nullif({sql}, {right})"),
        _ => format!("CASE WHEN {equal} THEN NULL ELSE {sql} END"),
    };
    let native =
        left.native.as_ref().map(|native| Native { family: native.family, sql: chosen(&native.sql) });
    let (kind, sql) = match left.kind {
        Kind::Truth => {
            let number = left.number()?;
            (Kind::Integer, chosen(&number.sql))
        }
        kind => (kind, chosen(&left.sql)),
    };
    let is_atom = sql.starts_with("nullif");
    let node = Node { sql, kind, native, is_atom, is_not_null: false, constant: None, ..left.clone() };
    let node = Node { affinity: None, collation: Collated::Unset, ..node };
    Ok(node.made_of([left, right, &is_equal]))
}

fn iif(condition: &Node, results: &[Node]) -> Result<Node> {
    let (kind, nodes) = unified(results)?;
    if kind == Kind::Null {
        return Ok(Node::null());
    }
    let mut sql = format!("CASE WHEN {}", condition.condition()?);
    if let Some(then) = nodes.first() {
        sql.push_str(&format!(" THEN {}", then.sql));
    }
    if let Some(otherwise) = nodes.get(1) {
        sql.push_str(&format!(" ELSE {}", otherwise.sql));
    }
    sql.push_str(" END");
    let is_not_null = nodes.len() == 2 && nodes.iter().all(|node| node.is_not_null);
    let node = Node { is_not_null, ..Node::compound(kind, sql) };
    let node = node.made_of(nodes.iter().chain([condition]));
    // The condition does not determine the collation of the result.
    Ok(node.chosen_from(&nodes))
}

fn type_of(node: &Node) -> Result<Node> {
    if node.has(Caveat::MaybeInteger) {
        return Err(Untranslatable::ClassNotKept);
    }
    let class = match node.kind {
        Kind::Null => return Ok(Node::of_text("null")),
        Kind::Integer | Kind::Truth => "integer",
        Kind::Real => "real",
        Kind::Text => "text",
        Kind::Blob => "blob",
        Kind::Number | Kind::Json | Kind::Document | Kind::Unknown => {
            return Err(Untranslatable::ClassNotKept);
        }
    };
    if node.is_not_null {
        return Ok(Node::of_text(class));
    }
    let is_null = compare::is_null(node, false);
    let sql = format!("CASE WHEN {} THEN 'null' ELSE '{class}' END", is_null.sql);
    Ok(Node::compound(Kind::Text, sql).made_of([node]).not_null())
}
