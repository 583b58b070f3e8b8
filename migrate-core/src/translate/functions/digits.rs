//! Functions of digits and bytes: hex, unhex, quote.

use crate::translate::model::{Constant, Kind, Node, Origin, Result, Untranslatable};
use crate::translate::operators::cast;
use crate::translate::operators::compare;

pub(super) fn call(name: &str, arguments: &[Node]) -> Option<Result<Node>> {
    Some(match (name, arguments) {
        ("hex", [value]) => hex(value),
        ("unhex", [text]) => unhex(text),
        ("quote", [value]) => quote(value),
        _ => return None,
    })
}

/// Translates `hex`, which returns empty text for NULL.
fn hex(value: &Node) -> Result<Node> {
    let bytes = match value.kind {
        Kind::Null => return Ok(Node::of_text("")),
        Kind::Blob => value.sql.clone(),
        _ => cast::bytes(&value.text()?),
    };
    let digits = format!("upper(encode({bytes}, 'hex'))");
    let sql = if value.is_not_null { digits } else { format!("coalesce({digits}, '')") };
    let node = Node::atom(Kind::Text, sql).made_of([value]).not_null();
    Ok(Node { origin: Origin::Computed, ..node })
}

/// Translates `unhex`, which is NULL unless the text consists of pairs of digits.
fn unhex(text: &Node) -> Result<Node> {
    let text = text.text()?;
    if text.kind == Kind::Null {
        return Ok(text);
    }
    let value = compare::in_c(&text);
    let sql = format!("(CASE WHEN {value} ~ '^([0-9A-Fa-f]{{2}})*$' THEN decode({}, 'hex') END)", text.sql);
    Ok(Node { origin: Origin::Computed, ..Node::atom(Kind::Blob, sql).made_of([&text]) })
}

/// Translates `quote`, which returns a literal of SQLite's SQL.
fn quote(value: &Node) -> Result<Node> {
    if let (Kind::Null, _) | (_, Some(Constant::Null)) = (value.kind, &value.constant) {
        return Ok(Node::of_text("NULL"));
    }
    let quoted = match value.kind {
        Kind::Text => {
            let sql = format!("'''' || replace({}, '''', '''''') || ''''", value.sql);
            Node::atom(Kind::Text, sql).strict([value])
        }
        Kind::Blob => Node::atom(Kind::Text, format!("'X''' || upper(encode({}, 'hex')) || ''''", value.sql))
            .strict([value]),
        Kind::Integer | Kind::Truth => value.text()?,
        _ => return Err(Untranslatable::Quote),
    };
    if value.is_not_null {
        let is_atom = matches!(value.kind, Kind::Integer | Kind::Truth) && quoted.is_atom;
        return Ok(Node { is_atom, ..quoted });
    }
    Ok(Node::atom(Kind::Text, format!("coalesce({}, 'NULL')", quoted.sql)).made_of([&quoted]).not_null())
}
