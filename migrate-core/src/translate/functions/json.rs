//! JSON functions, of columns of `json` or `jsonb` and of text that is a document.

use crate::identifier::quote_pg_literal;
use crate::translate::model::{BlobContents, Caveat, Constant, Kind, Node, Result, Untranslatable};

pub(super) fn call(name: &str, arguments: &[Node]) -> Option<Result<Node>> {
    Some(match (name, arguments) {
        ("json", [document]) => {
            self::document(document).map(|document| Node { kind: Kind::Document, ..document })
        }
        ("json_extract", [document, path]) => extract(document, path),
        ("json_valid", [blob]) if blob.kind == Kind::Blob => {
            document(blob).and_then(|document| valid(&Node { kind: Kind::Document, ..document }))
        }
        ("json_valid", [document]) => valid(document),
        ("json_type", [document]) => self::document(document).map(|document| type_of(&document)),
        ("json_type", [document, path]) => at(document, path).map(|part| type_of(&part)),
        ("json_array_length", [document]) => self::document(document).map(|document| array_length(&document)),
        ("json_array_length", [document, path]) => at(document, path).map(|part| array_length(&part)),
        _ => return None,
    })
}

/// Translates `document -> path` and, for the value itself, `document ->> path`.
pub(crate) fn arrow(document: &Node, path: &Node, is_value: bool) -> Result<Node> {
    let path = match &path.constant {
        Some(Constant::Text(text)) if !text.starts_with('$') => Node::of_text(&format!("$.\"{text}\"")),
        Some(Constant::Integer(index @ 0..)) => Node::of_text(&format!("$[{index}]")),
        Some(Constant::Integer(index)) => Node::of_text(&format!("$[#-{}]", index.unsigned_abs())),
        _ => path.clone(),
    };
    if is_value {
        return extract(document, &path);
    }
    Ok(Node { kind: Kind::Document, ..at(document, &path)? })
}

/// Returns a part of a document; JSON null is NULL.
fn extract(document: &Node, path: &Node) -> Result<Node> {
    let part = at(document, path)?;
    Ok(Node::atom(Kind::Json, format!("nullif({}, 'null')", part.sql)).made_of([&part]))
}

/// Returns the part of a document at a path, as `jsonb`.
fn at(document: &Node, path: &Node) -> Result<Node> {
    let document = self::document(document)?;
    let Some(Constant::Text(path)) = &path.constant else {
        return Err(Untranslatable::JsonPathLiteral);
    };
    let steps = steps(path)?;
    if steps.is_empty() {
        return Ok(document);
    }
    // `->` distinguishes names and indexes, unlike PostgreSQL's paths; but it treats a single value like an array of one.
    let mut sql = document.operand();
    for step in &steps {
        sql = match step {
            Step::Name(name) => format!("{sql} -> {}", quote_pg_literal(name)),
            Step::Index(index) => {
                let index = if *index < 0 { format!("({index})") } else { index.to_string() };
                format!("(CASE jsonb_typeof({sql}) WHEN 'array' THEN {sql} -> {index} END)")
            }
        };
    }
    Ok(Node::atom(Kind::Json, format!("({sql})")).made_of([&document]))
}

/// Returns a value as a document: a document, or text, which PostgreSQL parses and rejects like SQLite.
fn document(node: &Node) -> Result<Node> {
    match node.kind {
        Kind::Json | Kind::Document => Ok(Node { kind: Kind::Json, ..node.clone() }),
        Kind::Text => {
            let document = Node::atom(Kind::Json, format!("{}::jsonb", node.operand())).strict([node]);
            Ok(if node.constant.is_none() { document.with(Caveat::ParsedDocument) } else { document })
        }
        Kind::Blob if node.contents == BlobContents::Documents => {
            let text = node.decoded(Caveat::DecodedDocument);
            Ok(Node::atom(Kind::Json, format!("{}::jsonb", text.sql)).strict([&text]))
        }
        _ => Err(Untranslatable::JsonOfNoText),
    }
}

/// A step of a path.
enum Step {
    Name(String),
    Index(i32),
}

/// Parses a path such as `$.a."b c"[0]` (SQLite manual, "JSON Functions", section 3.1).
fn steps(path: &str) -> Result<Vec<Step>> {
    let refused = || Err(Untranslatable::JsonPath);
    let Some(mut rest) = path.strip_prefix('$') else { return refused() };
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let Some((index, after)) = inner.split_once(']') else { return refused() };
            let (digits, sign) = index.strip_prefix("#-").map_or((index, 1), |digits| (digits, -1));
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let Some(index) = digits.parse::<i32>().ok().filter(|_| is_number) else { return refused() };
            if sign < 0 && index == 0 {
                return refused();
            }
            steps.push(Step::Index(sign * index));
            rest = after;
        } else if let Some(quoted) = rest.strip_prefix(".\"") {
            let Some((name, after)) = quoted.split_once('"') else { return refused() };
            steps.push(Step::Name(name.to_owned()));
            rest = after;
        } else if let Some(bare) = rest.strip_prefix('.') {
            let end = bare.find(['.', '[']).unwrap_or(bare.len());
            let (name, after) = bare.split_at(end);
            if name.is_empty() {
                return refused();
            }
            steps.push(Step::Name(name.to_owned()));
            rest = after;
        } else {
            return refused();
        }
    }
    Ok(steps)
}

/// Translates `json_valid`, which is true for a column that is a document.
fn valid(document: &Node) -> Result<Node> {
    match document.kind {
        Kind::Document if document.is_not_null => {
            Ok(Node::atom(Kind::Truth, format!("{} IS NOT NULL", document.operand()))
                .made_of([&Node { is_atom: false, ..document.clone() }])
                .not_null())
        }
        Kind::Document => {
            let sql = format!("CASE WHEN {} IS NOT NULL THEN true END", document.operand());
            Ok(Node { is_atom: false, ..Node::atom(Kind::Truth, sql).made_of([document]) })
        }
        _ => Err(Untranslatable::JsonValidOfText),
    }
}

fn type_of(document: &Node) -> Node {
    let value = document.operand();
    let sql = format!(
        "CASE jsonb_typeof({value}) WHEN 'string' THEN 'text' WHEN 'boolean' THEN {value}::text WHEN 'number' THEN \
         CASE WHEN {value}::text ~ '[.eE]' THEN 'real' ELSE 'integer' END ELSE jsonb_typeof({value}) END"
    );
    let node = Node::atom(Kind::Text, sql).made_of([document]);
    Node { is_atom: false, ..node.with(Caveat::DocumentClass) }
}

fn array_length(document: &Node) -> Node {
    let value = document.operand();
    let sql = format!(
        "CASE WHEN jsonb_typeof({value}) = 'array' THEN jsonb_array_length({value}) WHEN {value} IS NOT NULL THEN 0 END"
    );
    Node { is_atom: false, ..Node::atom(Kind::Integer, sql).made_of([document]) }
}
