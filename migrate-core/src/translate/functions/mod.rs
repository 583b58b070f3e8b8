//! Functions, by what they are about. One that is not known here is refused by its name.

pub(super) mod aggregate;
mod choice;
mod digits;
pub(super) mod json;
mod modifier;
mod number;
mod part;
mod printf;
mod refused;
mod text;
mod time;

use sqlite3_parser::ast::Expr;

use super::expression::Translator;
use super::node::{Kind, Node};
use super::{Result, Volatility, untranslatable};

pub(super) use digits::bytes;

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
    let known = choice::call(translator, &name, &nodes)
        .or_else(|| text::call(&name, &nodes))
        .or_else(|| digits::call(&name, &nodes))
        .or_else(|| number::call(translator, &name, &nodes))
        .or_else(|| time::call(translator, &name, &nodes))
        .or_else(|| json::call(&name, &nodes));
    known.unwrap_or_else(|| refused::call(&name, nodes.len()))
}

/// A call of the form `name(*)`.
pub(super) fn call_star(translator: &mut Translator<'_>, name: &str) -> Result<Node> {
    if name.eq_ignore_ascii_case("count") && translator.takes_aggregates {
        translator.part.has_aggregates = true;
        return Ok(Node { is_not_null: true, ..Node::atom(Kind::Integer, "count(*)") });
    }
    untranslatable(format!("{name}(*)"))
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
