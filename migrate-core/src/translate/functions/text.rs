//! Functions of text and blobs.

use super::super::compare::in_c;
use super::super::node::{Constant, Kind, Node};
use super::super::{Result, literal, untranslatable};
use super::{like, of, volatile};

pub(super) fn call(name: &str, arguments: &[Node]) -> Option<Result<Node>> {
    Some(match (name, arguments) {
        // The digits of a blob, written small: what apps make keys of.
        ("lower", [text]) => match text.sql.strip_prefix("upper(encode(").filter(|_| text.is_atom) {
            Some(rest) if rest.ends_with(", 'hex'))") => {
                let inner = rest.strip_suffix(')').unwrap_or(rest);
                Ok(Node { sql: format!("encode({inner}"), ..text.clone() })
            }
            _ => text.text().map(|text| like(&text, Kind::Text, format!("lower({})", in_c(&text)))),
        },
        ("upper", [text]) => {
            text.text().map(|text| like(&text, Kind::Text, format!("upper({})", in_c(&text))))
        }
        ("length", [value]) => length(value),
        ("octet_length", [value]) if matches!(value.kind, Kind::Text | Kind::Blob) => {
            Ok(like(value, Kind::Integer, format!("octet_length({})", value.sql)))
        }
        ("trim", [text, rest @ ..]) if rest.len() <= 1 => trimmed("btrim", text, rest.first()),
        ("ltrim", [text, rest @ ..]) if rest.len() <= 1 => trimmed("ltrim", text, rest.first()),
        ("rtrim", [text, rest @ ..]) if rest.len() <= 1 => trimmed("rtrim", text, rest.first()),
        ("substr" | "substring", [text, start]) => part(text, start, None),
        ("substr" | "substring", [text, start, length]) => part(text, start, Some(length)),
        ("instr", [text, wanted]) => both(text, wanted, Kind::Integer, "strpos"),
        ("replace", [text, wanted, with]) => replace(text, wanted, with),
        ("hex", [value]) => hex(value),
        ("char", codes) if !codes.is_empty() => characters(codes),
        ("unicode", [text]) => text
            .text()
            .map(|text| of(Kind::Integer, format!("nullif(ascii({}), 0)", text.sql), &[text], false)),
        ("concat", parts) if !parts.is_empty() => concat(parts),
        ("zeroblob", [Node { constant: Some(Constant::Integer(bytes @ 0..=1_000_000)), .. }]) => Ok(Node {
            is_not_null: true,
            ..Node::atom(Kind::Blob, format!("decode(repeat('00', {bytes}), 'hex')"))
        }),
        ("randomblob", [Node { constant: Some(Constant::Integer(bytes)), .. }]) => random_blob(*bytes),
        ("printf" | "format", [Node { constant: Some(Constant::Text(format)), .. }, rest @ ..]) => {
            formatted(format, rest)
        }
        _ => return None,
    })
}

fn length(value: &Node) -> Result<Node> {
    match value.kind {
        Kind::Blob => Ok(like(value, Kind::Integer, format!("octet_length({})", value.sql))),
        _ => value.text().map(|text| like(&text, Kind::Integer, format!("length({})", text.sql))),
    }
}

fn trimmed(function: &str, text: &Node, characters: Option<&Node>) -> Result<Node> {
    let text = text.text()?;
    // SQLite removes blanks alone, and so does PostgreSQL where they are named.
    let characters = match characters {
        None => literal::text(" "),
        Some(characters) => characters.text()?,
    };
    let is_not_null = text.is_not_null && characters.is_not_null;
    Ok(of(
        Kind::Text,
        format!("{function}({}, {})", text.sql, characters.sql),
        &[text, characters],
        is_not_null,
    ))
}

/// `substr`: both databases count from 1 and let a start before the text take up characters that are not there; SQLite counts a
/// negative start from the end.
fn part(text: &Node, start: &Node, length: Option<&Node>) -> Result<Node> {
    let text = match text.kind {
        Kind::Blob => return untranslatable("substr of a blob"),
        _ => text.text()?,
    };
    let Some(Constant::Integer(start)) = start.constant else {
        return untranslatable("substr from a place that is no literal");
    };
    let Ok(start) = i32::try_from(start) else { return untranslatable("substr from beyond all text") };
    let sql = match length.map(|length| &length.constant) {
        None if start < 0 => format!("right({}, {})", text.sql, start.unsigned_abs()),
        None => format!("substr({}, {start})", text.sql),
        Some(Some(Constant::Integer(length @ 0..=1_000_000_000))) if start >= 0 => {
            format!("substr({}, {start}, {length})", text.sql)
        }
        Some(Some(Constant::Integer(length @ 0..=1_000_000_000))) => {
            let back = start.unsigned_abs() - 1;
            format!("substr({0}, length({0}) - {back}, {length})", text.sql)
        }
        Some(_) => return untranslatable("substr of a length that is negative or no literal"),
    };
    Ok(like(&text, Kind::Text, sql))
}

fn both(left: &Node, right: &Node, kind: Kind, function: &str) -> Result<Node> {
    let (left, right) = (left.text()?, right.text()?);
    let is_not_null = left.is_not_null && right.is_not_null;
    Ok(of(kind, format!("{function}({}, {})", left.sql, right.sql), &[left, right], is_not_null))
}

fn replace(text: &Node, wanted: &Node, with: &Node) -> Result<Node> {
    let (text, wanted, with) = (text.text()?, wanted.text()?, with.text()?);
    let is_not_null = text.is_not_null && wanted.is_not_null && with.is_not_null;
    let sql = format!("replace({}, {}, {})", text.sql, wanted.sql, with.sql);
    Ok(of(Kind::Text, sql, &[text, wanted, with], is_not_null))
}

/// `hex`, which gives empty text for NULL.
fn hex(value: &Node) -> Result<Node> {
    let Kind::Blob = value.kind else { return untranslatable("hex of what is no blob") };
    let digits = format!("upper(encode({}, 'hex'))", value.sql);
    let sql = if value.is_not_null { digits } else { format!("coalesce({digits}, '')") };
    let node = of(Kind::Text, sql, std::slice::from_ref(value), true);
    Ok(Node { is_from_column: false, ..node })
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
            _ => return untranslatable("char of what is no literal, or no character"),
        }
    }
    Ok(literal::text(&text))
}

/// `concat`, which takes NULL as empty text.
fn concat(parts: &[Node]) -> Result<Node> {
    let parts: Vec<Node> = parts.iter().map(Node::text).collect::<Result<_>>()?;
    let list: Vec<String> = parts
        .iter()
        .map(|part| if part.is_not_null { part.operand() } else { format!("coalesce({}, '')", part.sql) })
        .collect();
    let parts: Vec<&Node> = parts.iter().collect();
    Ok(Node { is_not_null: true, ..Node::compound(Kind::Text, list.join(" || ")) }.made_of(&parts))
}

/// Random bytes: the hashes of as many random UUIDs as are needed, each pair with 244 random bits.
fn random_blob(bytes: i64) -> Result<Node> {
    // SQLite gives one byte for less.
    let bytes = match bytes.max(1) {
        bytes @ 1..=1024 => bytes,
        _ => return untranslatable("randomblob of more than 1024 bytes"),
    };
    let hash = "sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))";
    let hashes = vec![hash; usize::try_from((bytes + 31) / 32).unwrap_or(1)].join(" || ");
    Ok(volatile(Node::atom(Kind::Blob, format!("substring({hashes} from 1 for {bytes})"))))
}

/// `printf` with the directives that the two databases can agree on.
fn formatted(format: &str, arguments: &[Node]) -> Result<Node> {
    let refused = || untranslatable("printf with other than %d, %s, %0Nd and %%");
    let (mut pieces, mut plain) = (Vec::new(), String::new());
    let mut arguments_left = arguments.iter();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            plain.push(letter);
            continue;
        }
        let mut directive = String::new();
        for letter in letters.by_ref() {
            directive.push(letter);
            if !letter.is_ascii_digit() {
                break;
            }
        }
        if directive == "%" {
            plain.push('%');
            continue;
        }
        if !plain.is_empty() {
            pieces.push(literal::text(&std::mem::take(&mut plain)).sql);
        }
        let Some(argument) = arguments_left.next() else { return refused() };
        let sql = match directive.as_str() {
            "s" => format!("coalesce({}, '')", argument.text()?.sql),
            "d" | "i" if argument.kind == Kind::Integer => {
                format!("coalesce({}, 0)::text", argument.number()?.sql)
            }
            padded if argument.kind == Kind::Integer => {
                let width = padded.strip_prefix('0').and_then(|rest| rest.strip_suffix('d'));
                let Some(width) = width.and_then(|width| width.parse::<u8>().ok()) else { return refused() };
                let number = format!("coalesce({}, 0)", argument.number()?.sql);
                format!(
                    "CASE WHEN {number} < 0 THEN '-' || lpad(abs({number})::text, greatest({} - 1, length(abs({number})::text)), '0') \
                     ELSE lpad({number}::text, greatest({width}, length({number}::text)), '0') END",
                    width
                )
            }
            _ => return refused(),
        };
        pieces.push(format!("({sql})"));
    }
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(literal::text(&plain).sql);
    }
    let parts: Vec<&Node> = arguments.iter().collect();
    Ok(Node { is_not_null: true, ..Node::compound(Kind::Text, pieces.join(" || ")) }.made_of(&parts))
}
