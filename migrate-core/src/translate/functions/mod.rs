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

use crate::translate::model::{Kind, Node, Notes, Result, Volatility};

/// Translates a call of a function that is not an aggregate; `name` is in lower case.
pub(super) fn call(notes: &mut Notes, name: &str, arguments: &[Node]) -> Result<Node> {
    choice::call(notes, name, arguments)
        .or_else(|| text::call(name, arguments))
        .or_else(|| digits::call(name, arguments))
        .or_else(|| number::call(notes, name, arguments))
        .or_else(|| time::call(notes, name, arguments))
        .or_else(|| json::call(name, arguments))
        .unwrap_or_else(|| refused::call(name, arguments.len()))
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
