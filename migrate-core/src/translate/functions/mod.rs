//! Functions, by what they are about. One that is not known here is refused by its name.

pub(super) mod aggregate;
pub(super) mod json;
mod number;
mod text;
mod time;

use sqlite3_parser::ast::Expr;

use super::expression::{Translator, unified};
use super::node::{Kind, Node};
use super::{Result, Volatility, compare, literal, untranslatable};

/// A call with arguments.
pub(super) fn call(
    translator: &mut Translator<'_>,
    name: &str,
    is_distinct: bool,
    arguments: &[Expr<'_>],
) -> Result<Node> {
    let name = name.to_ascii_lowercase();
    let nodes = if aggregate::is_one(&name, arguments.len()) {
        super::query::aggregated(translator, &name, arguments)?
    } else {
        translator.nodes(arguments)?
    };
    if let Some(node) = aggregate::call(translator, &name, is_distinct, &nodes)? {
        return Ok(node);
    }
    if is_distinct {
        return untranslatable(format!("{name} with DISTINCT"));
    }
    let known = choice(&name, &nodes)
        .or_else(|| text::call(&name, &nodes))
        .or_else(|| number::call(&name, &nodes))
        .or_else(|| time::call(translator, &name, &nodes))
        .or_else(|| json::call(&name, &nodes));
    known.unwrap_or_else(|| untranslatable(format!("the function {name} with {} arguments", nodes.len())))
}

/// A call of the form `name(*)`.
pub(super) fn call_star(translator: &mut Translator<'_>, name: &str) -> Result<Node> {
    if name.eq_ignore_ascii_case("count") && translator.takes_aggregates {
        translator.part.has_aggregates = true;
        return Ok(Node { is_not_null: true, ..Node::atom(Kind::Integer, "count(*)") });
    }
    untranslatable(format!("{name}(*)"))
}

/// Functions that choose among their arguments.
fn choice(name: &str, arguments: &[Node]) -> Option<Result<Node>> {
    Some(match (name, arguments) {
        ("coalesce", [_, _, ..]) | ("ifnull", [_, _]) => unified(arguments).map(|(kind, nodes)| {
            let list: Vec<&str> = nodes.iter().map(|node| node.sql.as_str()).collect();
            let is_not_null = nodes.iter().any(|node| node.is_not_null);
            of(kind, format!("coalesce({})", list.join(", ")), &nodes, is_not_null)
        }),
        ("nullif", [_, _]) => unified(arguments).and_then(|(kind, nodes)| match nodes.as_slice() {
            [left, right] => Ok(of(kind, format!("nullif({}, {})", left.sql, right.sql), &nodes, false)),
            _ => untranslatable("nullif"),
        }),
        ("iif" | "if", [condition, rest @ ..]) if (1..=2).contains(&rest.len()) => iif(condition, rest),
        ("likely" | "unlikely", [only]) | ("likelihood", [only, _]) => Ok(only.clone()),
        ("typeof", [only]) => type_of(only),
        _ => return None,
    })
}

fn iif(condition: &Node, results: &[Node]) -> Result<Node> {
    let (kind, nodes) = unified(results)?;
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
    let node = node.made_of(&nodes.iter().chain([condition]).collect::<Vec<_>>());
    // The condition does not give the result its collation.
    Ok(Node { is_from_column: nodes.iter().any(|node| node.is_from_column), ..node })
}

fn type_of(node: &Node) -> Result<Node> {
    let class = match node.kind {
        Kind::Null => return Ok(literal::text("null")),
        Kind::Integer | Kind::Truth => "integer",
        Kind::Real => "real",
        Kind::Text => "text",
        Kind::Blob => "blob",
        Kind::Number | Kind::Json | Kind::Unknown => {
            return untranslatable("typeof of a value whose class the conversion does not keep");
        }
    };
    if node.is_not_null {
        return Ok(literal::text(class));
    }
    let is_null = compare::is_null(node, false);
    let sql = format!("CASE WHEN {} THEN 'null' ELSE '{class}' END", is_null.sql);
    Ok(Node { is_not_null: true, ..Node::compound(Kind::Text, sql) }.made_of(&[node]))
}

/// A call as a node.
fn of(kind: Kind, sql: String, arguments: &[Node], is_not_null: bool) -> Node {
    Node { is_not_null, ..Node::atom(kind, sql) }.made_of(&arguments.iter().collect::<Vec<_>>())
}

/// A call that is NULL exactly where its argument is.
fn like(argument: &Node, kind: Kind, sql: String) -> Node {
    of(kind, sql, std::slice::from_ref(argument), argument.is_not_null)
}

fn volatile(node: Node) -> Node {
    Node { volatility: Volatility::Volatile, is_not_null: true, ..node }
}
