//! `substr`: both databases count from 1, and let a start before the text take up characters that are not there. SQLite counts a
//! negative start from the end, and takes the characters before the start where the length is negative.

use crate::translate::model::{Constant, Kind, Node, Result, untranslatable};
use crate::translate::operators::arithmetic::whole;

/// The largest place of a literal.
const PLACE_MAX: i64 = 1_000_000_000;

/// Beyond all places of all text, and half of what an integer holds.
const FAR: i128 = 1 << 61;

/// The last place that PostgreSQL's functions take.
const LAST: i64 = 2_147_483_647;

pub(super) fn substr(value: &Node, start: &Node, length: Option<&Node>) -> Result<Node> {
    let (value, count) = match value.kind {
        // SQLite has no part of an empty blob.
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
    let start_place = place(start)?;
    let length_place = length.map(place).transpose()?;
    let text = &value.sql;
    let sql = match (&start_place, &length_place) {
        // `right` knows only text.
        (Place::Known(start), None) if *start < 0 && value.kind == Kind::Text => {
            format!("right({text}, {})", start.unsigned_abs())
        }
        (start, length) => {
            let first = match start {
                Place::Known(start) if *start >= 0 => start.to_string(),
                Place::Known(start) => {
                    let back = start.unsigned_abs() - 1;
                    if back == 0 { format!("{count}({text})") } else { format!("{count}({text}) - {back}") }
                }
                Place::Of(start) => {
                    format!("CASE WHEN {start} < 0 THEN {count}({text}) + 1 + {start} ELSE {start} END")
                }
            };
            counted(text, &first, matches!(start, Place::Known(0..)), length.as_ref())
        }
    };
    let mut parts = vec![value.clone(), start.clone()];
    parts.extend(length.cloned());
    // `least` and `greatest` pass NULL over.
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

/// A place or a length: a literal, or SQL of type `bigint`.
enum Place {
    Known(i64),
    Of(String),
}

fn place(node: &Node) -> Result<Place> {
    let number = node.number()?;
    match (&number.constant, number.kind) {
        (Some(Constant::Integer(place)), _) if place.abs_diff(0) <= PLACE_MAX.unsigned_abs() => {
            Ok(Place::Known(*place))
        }
        // So far away that sums of it do not overflow.
        (None, Kind::Integer) if number.bound > FAR => {
            Ok(Place::Of(format!("least(greatest({}, -{FAR}), {FAR})", whole(&number))))
        }
        (None, Kind::Integer) => Ok(Place::Of(whole(&number))),
        _ => untranslatable("substr with a place that is no integer, or beyond all text"),
    }
}

/// `substr` from `first`, which counts from the beginning; a negative length is that of the characters before it.
fn counted(text: &str, first: &str, is_literal: bool, length: Option<&Place>) -> String {
    match length {
        None if first.parse::<i64>().is_ok() || !first.contains("::bigint") => {
            format!("substr({text}, {first})")
        }
        None => format!("substr({text}, least(greatest({first}, 1), {LAST})::int)"),
        Some(Place::Known(length)) if first.contains("::bigint") => far(text, first, &length.to_string()),
        Some(Place::Known(length @ 0..)) => format!("substr({text}, {first}, {length})"),
        Some(Place::Known(length)) => {
            let before = match first.parse::<i64>() {
                Ok(first) if is_literal => (first + length).to_string(),
                _ => format!("({first}) - {}", length.unsigned_abs()),
            };
            format!("substr({text}, {before}, {})", length.unsigned_abs())
        }
        Some(Place::Of(length)) => far(text, first, length),
    }
}

/// `substr` of places that may lie far from all text: from the lesser of both ends, not before the first letter, to the greater.
fn far(text: &str, first: &str, length: &str) -> String {
    let begin = format!("least(greatest(({first}) + least({length}, 0), 1), {LAST})");
    let end = format!("least(({first}) + greatest({length}, 0), {LAST})");
    format!("substr({text}, ({begin})::int, greatest({end} - {begin}, 0)::int)")
}
