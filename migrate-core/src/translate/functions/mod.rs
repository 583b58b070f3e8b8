//! Functions, by subject. Unknown functions are refused by name. Nothing here reads a syntax tree.

pub(super) mod aggregate;
mod choice;
mod digits;
pub(super) mod json;
mod modifier;
mod number;
mod printf;
mod refused;
mod substr;
mod text;
mod time;

use crate::translate::model::{Node, Notes, Result, Volatility};

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

fn volatile(node: Node) -> Node {
    Node { volatility: Volatility::Volatile, ..node.not_null() }
}
