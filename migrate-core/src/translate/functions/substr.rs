//! `substr`: both databases count from 1, and count a start before the text as characters. SQLite counts a
//! negative start from the end, and returns the characters before the start if the length is negative.

use crate::translate::model::{Constant, Kind, Node, Result, Untranslatable};
use crate::translate::operators::arithmetic::bigint;

/// The largest literal position.
const POSITION_MAX: i64 = 1_000_000_000;

/// A position beyond any text, such that sums do not overflow.
const FAR: i128 = 1 << 61;

/// The largest position that PostgreSQL's functions accept.
const LAST: i64 = 2_147_483_647;

pub(super) fn substr(value: &Node, start: &Node, length: Option<&Node>) -> Result<Node> {
    let (value, count) = match value.kind {
        // SQLite returns NULL for an empty blob.
        Kind::Blob => {
            let sql = format!("nullif({}, '\\x')", value.sql);
            (Node { sql, is_not_null: false, ..value.clone() }, "octet_length")
        }
        _ => (value.text()?, "length"),
    };
    let is_null = |node: &Node| node.kind == Kind::Null;
    if is_null(&value) || is_null(start) || length.is_some_and(is_null) {
        return Ok(Node::null());
    }
    let start_position = position(start)?;
    let length_position = length.map(position).transpose()?;
    let text = &value.sql;
    let sql = match (&start_position, &length_position) {
        // `right` only accepts text.
        (Position::Known(start), None) if *start < 0 && value.kind == Kind::Text => {
            format!("right({text}, {})", start.unsigned_abs())
        }
        (start, length) => {
            let first = match start {
                Position::Known(start) if *start >= 0 => start.to_string(),
                Position::Known(start) => {
                    let back = start.unsigned_abs() - 1;
                    if back == 0 { format!("{count}({text})") } else { format!("{count}({text}) - {back}") }
                }
                Position::Of(start) => {
                    format!("CASE WHEN {start} < 0 THEN {count}({text}) + 1 + {start} ELSE {start} END")
                }
            };
            counted(text, &first, matches!(start, Position::Known(0..)), length.as_ref())
        }
    };
    let mut parts = vec![value.clone(), start.clone()];
    parts.extend(length.cloned());
    // `least` and `greatest` ignore NULL.
    let may_be_null: Vec<String> = (parts.iter().skip(1))
        .filter(|part| !part.is_not_null)
        .map(|part| format!("{} IS NOT NULL", part.operand()))
        .collect();
    let sql = match may_be_null.as_slice() {
        [] => sql,
        conditions => format!("(CASE WHEN {} THEN {sql} END)", conditions.join(" AND ")),
    };
    let node = Node::atom(value.kind, sql).strict(&parts);
    Ok(node.chosen_from([&value]))
}

/// A position or a length: a literal, or SQL of type `bigint`.
enum Position {
    Known(i64),
    Of(String),
}

fn position(node: &Node) -> Result<Position> {
    let number = node.number()?;
    match (&number.constant, number.kind) {
        (Some(Constant::Integer(position)), _) if position.abs_diff(0) <= POSITION_MAX.unsigned_abs() => {
            Ok(Position::Known(*position))
        }
        // Limited so that sums do not overflow.
        (None, Kind::Integer) if number.bound > FAR => {
            Ok(Position::Of(format!("least(greatest({}, -{FAR}), {FAR})", bigint(&number))))
        }
        (None, Kind::Integer) => Ok(Position::Of(bigint(&number))),
        _ => Err(Untranslatable::SubstrPosition),
    }
}

/// Returns `substr` from `first`, counted from the beginning; a negative length is that of the characters before it.
fn counted(text: &str, first: &str, is_literal: bool, length: Option<&Position>) -> String {
    match length {
        None if first.parse::<i64>().is_ok() || !first.contains("::bigint") => {
            format!("substr({text}, {first})")
        }
        None => format!("substr({text}, least(greatest({first}, 1), {LAST})::int)"),
        Some(Position::Known(length)) if first.contains("::bigint") => far(text, first, &length.to_string()),
        Some(Position::Known(length @ 0..)) => format!("substr({text}, {first}, {length})"),
        Some(Position::Known(length)) => {
            let before = match first.parse::<i64>() {
                Ok(first) if is_literal => (first + length).to_string(),
                _ => format!("({first}) - {}", length.unsigned_abs()),
            };
            format!("substr({text}, {before}, {})", length.unsigned_abs())
        }
        Some(Position::Of(length)) => far(text, first, length),
    }
}

/// Returns `substr` for positions that may be outside the text: from the smaller end, at least 1, to the greater.
fn far(text: &str, first: &str, length: &str) -> String {
    let begin = format!("least(greatest(({first}) + least({length}, 0), 1), {LAST})");
    let end = format!("least(({first}) + greatest({length}, 0), {LAST})");
    format!("substr({text}, ({begin})::int, greatest({end} - {begin}, 0)::int)")
}
