//! Functions of text and blobs.

use sqlite3_parser::ast::LikeOperator;

use super::{printf, substr, volatile};
use crate::translate::model::{Constant, Kind, Node, Result, Untranslatable};
use crate::translate::operators::{compare::in_c, pattern};

/// The length of the longest text.
const LENGTH_BOUND: i128 = 1 << 31;

pub(super) fn call(name: &str, arguments: &[Node]) -> Option<Result<Node>> {
    Some(match (name, arguments) {
        // The lower-case digits of a blob, a common form of keys.
        ("lower", [text]) => match text.sql.strip_prefix("upper(encode(").filter(|_| text.is_atom) {
            Some(rest) if rest.ends_with(", 'hex'))") => {
                let inner = rest.strip_suffix(')').unwrap_or(rest);
                Ok(Node { sql: format!("encode({inner}"), ..text.clone() })
            }
            _ => text
                .text()
                .map(|text| Node::atom(Kind::Text, format!("lower({})", in_c(&text))).strict([&text])),
        },
        ("upper", [text]) => {
            text.text().map(|text| Node::atom(Kind::Text, format!("upper({})", in_c(&text))).strict([&text]))
        }
        ("length", [value]) => length(value),
        ("octet_length", [value]) if matches!(value.kind, Kind::Text | Kind::Blob) => {
            Ok(Node::atom(Kind::Integer, format!("octet_length({})", value.sql)).strict([value]))
        }
        ("trim", [text, rest @ ..]) if rest.len() <= 1 => trimmed("btrim", text, rest.first()),
        ("ltrim", [text, rest @ ..]) if rest.len() <= 1 => trimmed("ltrim", text, rest.first()),
        ("rtrim", [text, rest @ ..]) if rest.len() <= 1 => trimmed("rtrim", text, rest.first()),
        ("substr" | "substring", [text, start]) => substr::substr(text, start, None),
        ("substr" | "substring", [text, start, length]) => substr::substr(text, start, Some(length)),
        ("instr", [text, wanted]) => instr(text, wanted),
        ("like", [pattern, text]) => pattern::matched(LikeOperator::Like, text, pattern, None),
        ("like", [pattern, text, escape]) => {
            pattern::matched(LikeOperator::Like, text, pattern, Some(escape))
        }
        ("glob", [pattern, text]) => pattern::matched(LikeOperator::Glob, text, pattern, None),
        ("replace", [text, wanted, with]) => replace(text, wanted, with),
        ("char", codes) if !codes.is_empty() => characters(codes),
        ("unicode", [text]) => text.text().map(|text| {
            Node::atom(Kind::Integer, format!("nullif(ascii({}), 0)", text.sql)).made_of([&text])
        }),
        ("concat", parts) if !parts.is_empty() => concat(parts),
        ("zeroblob", [Node { constant: Some(Constant::Integer(bytes @ 0..=1_000_000)), .. }]) => {
            Ok(Node::atom(Kind::Blob, format!("decode(repeat('00', {bytes}), 'hex')")).not_null())
        }
        ("randomblob", [Node { constant: Some(Constant::Integer(bytes)), .. }]) => random_blob(*bytes),
        ("printf" | "format", [Node { constant: Some(Constant::Text(format)), .. }, rest @ ..]) => {
            printf::formatted(format, rest)
        }
        _ => return None,
    })
}

fn length(value: &Node) -> Result<Node> {
    let node = match value.kind {
        Kind::Blob => Node::atom(Kind::Integer, format!("octet_length({})", value.sql)).strict([value]),
        _ => value
            .text()
            .map(|text| Node::atom(Kind::Integer, format!("length({})", text.sql)).strict([&text]))?,
    };
    Ok(Node { bound: LENGTH_BOUND, ..node })
}

fn trimmed(function: &str, text: &Node, characters: Option<&Node>) -> Result<Node> {
    let text = text.text()?;
    // SQLite only removes spaces.
    let characters = match characters {
        None => Node::of_text(" "),
        Some(characters) => characters.text()?,
    };
    Ok(Node::atom(Kind::Text, format!("{function}({}, {})", text.sql, characters.sql))
        .strict([&text, &characters]))
}

fn instr(value: &Node, wanted: &Node) -> Result<Node> {
    let are_blobs = value.kind == Kind::Blob && wanted.kind == Kind::Blob;
    let (value, wanted) =
        if are_blobs { (value.clone(), wanted.clone()) } else { (value.text()?, wanted.text()?) };
    let sql = if are_blobs {
        format!("position({} in {})", wanted.operand(), value.operand())
    } else {
        format!("strpos({}, {})", value.sql, wanted.sql)
    };
    Ok(Node { bound: LENGTH_BOUND, ..Node::atom(Kind::Integer, sql).strict([&value, &wanted]) })
}

fn replace(text: &Node, wanted: &Node, with: &Node) -> Result<Node> {
    let (text, wanted, with) = (text.text()?, wanted.text()?, with.text()?);
    let mut sql = format!("replace({}, {}, {})", text.sql, wanted.sql, with.sql);
    // SQLite ignores the last argument if the second is empty.
    if !with.is_not_null && wanted.constant.is_none() {
        sql = format!("(CASE WHEN {} = '' THEN {} ELSE {sql} END)", wanted.operand(), text.sql);
    }
    if wanted.constant == Some(Constant::Text(String::new())) {
        return Ok(text);
    }
    Ok(Node::atom(Kind::Text, sql).strict([&text, &wanted, &with]))
}

fn characters(codes: &[Node]) -> Result<Node> {
    let mut text = String::new();
    for code in codes {
        let code = match code.constant {
            Some(Constant::Integer(code)) => u32::try_from(code).ok().and_then(char::from_u32),
            _ => None,
        };
        match code {
            Some(letter) if letter != '\0' => text.push(letter),
            _ => return Err(Untranslatable::Char),
        }
    }
    Ok(Node::of_text(&text))
}

/// Translates `concat`, which treats NULL as empty text.
fn concat(parts: &[Node]) -> Result<Node> {
    let parts: Vec<Node> = parts.iter().map(Node::text).collect::<Result<_>>()?;
    let list: Vec<String> = parts
        .iter()
        .map(|part| if part.is_not_null { part.operand() } else { format!("coalesce({}, '')", part.sql) })
        .collect();
    Ok(Node::compound(Kind::Text, list.join(" || ")).made_of(&parts).not_null())
}

/// Returns random bytes: hashes of pairs of random UUIDs, each with 244 random bits.
fn random_blob(bytes: i64) -> Result<Node> {
    // SQLite returns one byte for smaller numbers.
    let bytes = match bytes.max(1) {
        bytes @ 1..=1024 => bytes,
        _ => return Err(Untranslatable::RandomBlob),
    };
    let hash = "sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))";
    let hashes = vec![hash; usize::try_from((bytes + 31) / 32).unwrap_or(1)].join(" || ");
    Ok(volatile(Node::atom(Kind::Blob, format!("substring({hashes} from 1 for {bytes})"))))
}
