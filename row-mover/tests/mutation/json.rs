//! Damage to JSON documents. Scalars keep their text, so that no number is parsed.

use migrate_core::conversion::PgType;

use crate::chance::Chance;
use crate::kinds::{Kind, To, to};

const JSON: &[PgType] = &[PgType::Json, PgType::Jsonb];
const TEXT_JSON: &[PgType] = &[PgType::Json];
const THERE: &str = "{} IS NOT NULL";

/// The kinds of damage in this file.
pub const KINDS: &[Kind] = &[
    Kind::value("JSON: the order of an array's items", JSON, "{}::text LIKE '%,%'", |chance, text| {
        changed(
            chance,
            text,
            |node| matches!(node, Node::Array(items) if items.len() > 1),
            |chance, node| {
                if let Node::Array(items) = node {
                    let place = chance.below(items.len() - 1);
                    items.swap(place, place + 1);
                }
            },
        )
    }),
    Kind::value("JSON: an item of an array gone", JSON, "{}::text LIKE '%[%'", |chance, text| {
        changed(
            chance,
            text,
            |node| matches!(node, Node::Array(items) if !items.is_empty()),
            |chance, node| {
                if let Node::Array(items) = node {
                    let place = chance.below(items.len());
                    items.remove(place);
                }
            },
        )
    }),
    Kind::value("JSON: 1.0 for 1", JSON, "{}::text ~ '[0-9]'", |chance, text| {
        changed(chance, text, Node::is_integer, |_, node| node.rewrite(|raw| format!("{raw}.0")))
    }),
    Kind::value("JSON: one digit of a number", JSON, "{}::text ~ '[0-9]'", |chance, text| {
        changed(chance, text, Node::is_number, |_, node| {
            node.rewrite(|raw| if raw == "0" { "1".to_owned() } else { format!("{raw}7") });
        })
    }),
    Kind::value(
        "JSON: a number as a float would round it",
        JSON,
        "{}::text ~ '[0-9]{17}'",
        |chance, text| {
            changed(
                chance,
                text,
                |node| node.is_number() && node.raw_length() > 16,
                |_, node| {
                    node.rewrite(|raw| format!("{:?}", raw.parse::<f64>().unwrap()));
                },
            )
        },
    ),
    Kind::value("JSON: a text for a number", JSON, "{}::text ~ '[0-9]'", |chance, text| {
        changed(chance, text, Node::is_number, |_, node| node.rewrite(|raw| format!("\"{raw}\"")))
    }),
    Kind::value("JSON: a number for a text", JSON, "{}::text ~ '\"[0-9]+\"'", |chance, text| {
        changed(chance, text, Node::is_quoted_number, |_, node| {
            node.rewrite(|raw| raw.trim_matches('"').to_owned())
        })
    }),
    Kind::value("JSON: a key with null gone", JSON, "{}::text ~ ': *null'", |chance, text| {
        changed(chance, text, Node::has_null_member, |_, node| {
            if let Node::Object(members) = node {
                let place = members.iter().position(|(_, value)| value.is("null")).unwrap();
                members.remove(place);
            }
        })
    }),
    Kind::value("JSON: a key with null added", JSON, "{}::text LIKE '%{%'", |chance, text| {
        changed(
            chance,
            text,
            |node| matches!(node, Node::Object(_)),
            |_, node| {
                if let Node::Object(members) = node {
                    members.push(("\"added\"".to_owned(), Node::Raw("null".to_owned())));
                }
            },
        )
    }),
    Kind::value("JSON: a key renamed", JSON, "{}::text LIKE '%:%'", |chance, text| {
        changed(
            chance,
            text,
            |node| matches!(node, Node::Object(members) if !members.is_empty()),
            |chance, node| {
                if let Node::Object(members) = node {
                    let place = chance.below(members.len());
                    members[place].0.insert(1, 'x');
                }
            },
        )
    }),
    Kind::value("JSON: the values of two keys exchanged", JSON, "{}::text LIKE '%:%,%:%'", |chance, text| {
        changed(
            chance,
            text,
            |node| matches!(node, Node::Object(members) if members.len() > 1),
            |chance, node| {
                if let Node::Object(members) = node {
                    let place = chance.below(members.len() - 1);
                    let (left, right) = members.split_at_mut(place + 1);
                    std::mem::swap(&mut left[place].1, &mut right[0].1);
                }
            },
        )
    }),
    Kind::value("JSON: a text within changed", JSON, "{}::text ~ '\"'", |chance, text| {
        changed(
            chance,
            text,
            |node| matches!(node, Node::Raw(raw) if raw.starts_with('"')),
            |_, node| {
                node.rewrite(|raw| format!("{} \"", &raw[..raw.len() - 1]));
            },
        )
    }),
    Kind::value("JSON: false for true", JSON, "{}::text ~ 'true|false'", |chance, text| {
        changed(
            chance,
            text,
            |node| node.is("true") || node.is("false"),
            |_, node| {
                node.rewrite(|raw| if raw == "true" { "false".to_owned() } else { "true".to_owned() });
            },
        )
    }),
    Kind::value("JSON: an object for an array", JSON, "{}::text LIKE '%[%'", |chance, text| {
        changed(
            chance,
            text,
            |node| matches!(node, Node::Array(items) if items.is_empty()),
            |_, node| {
                *node = Node::Object(Vec::new());
            },
        )
    }),
    Kind::value("JSON: null for NULL", JSON, "{} IS NULL", |_, _| to("null")),
    Kind::value("JSON: NULL for null", JSON, "{}::text = 'null'", |_, _| Some(To::Null)),
    Kind::value("JSON: the document within a text", JSON, THERE, |_, text| {
        to(serde_json::to_string(text).unwrap())
    }),
    Kind::value("json: its spaces", TEXT_JSON, THERE, |_, text| to(format!("{text} "))),
    Kind::value("json: a key twice", TEXT_JSON, "{}::text ~ '^\\{ *\"'", |_, text| {
        to(format!("{{\"twice\":0,\"twice\":0,{}", text.trim_start().strip_prefix('{')?))
    }),
];

/// A part of a document.
#[derive(Clone, Debug)]
enum Node {
    /// A scalar, as text.
    Raw(String),
    Array(Vec<Node>),
    /// Keys, as text, and values.
    Object(Vec<(String, Node)>),
}

impl Node {
    fn is(&self, word: &str) -> bool {
        matches!(self, Node::Raw(raw) if raw == word)
    }

    fn is_number(&self) -> bool {
        matches!(self, Node::Raw(raw) if raw.starts_with(|letter: char| letter.is_ascii_digit() || letter == '-'))
    }

    fn is_integer(&self) -> bool {
        self.is_number() && matches!(self, Node::Raw(raw) if !raw.contains(['.', 'e', 'E']))
    }

    fn is_quoted_number(&self) -> bool {
        matches!(self, Node::Raw(raw) if raw.len() > 2 && raw.starts_with('"') && !raw.starts_with("\"0")
            && raw[1..raw.len() - 1].bytes().all(|byte| byte.is_ascii_digit()))
    }

    fn has_null_member(&self) -> bool {
        matches!(self, Node::Object(members) if members.iter().any(|(_, value)| value.is("null")))
    }

    fn raw_length(&self) -> usize {
        if let Node::Raw(raw) = self { raw.len() } else { 0 }
    }

    fn rewrite(&mut self, other: impl Fn(&str) -> String) {
        if let Node::Raw(raw) = self {
            *raw = other(raw);
        }
    }

    /// Returns every part that satisfies a condition, in document order.
    fn collect<'a>(
        &'a mut self,
        fits: &dyn Fn(&Node) -> bool,
        places: &mut usize,
        wanted: usize,
    ) -> Option<&'a mut Node> {
        if fits(self) {
            if *places == wanted {
                return Some(self);
            }
            *places += 1;
        }
        match self {
            Node::Raw(_) => None,
            Node::Array(items) => items.iter_mut().find_map(|item| item.collect(fits, places, wanted)),
            Node::Object(members) => {
                members.iter_mut().find_map(|(_, item)| item.collect(fits, places, wanted))
            }
        }
    }

    fn count(&self, fits: &dyn Fn(&Node) -> bool) -> usize {
        let within = match self {
            Node::Raw(_) => 0,
            Node::Array(items) => items.iter().map(|item| item.count(fits)).sum(),
            Node::Object(members) => members.iter().map(|(_, item)| item.count(fits)).sum(),
        };
        within + usize::from(fits(self))
    }

    fn text(&self) -> String {
        match self {
            Node::Raw(raw) => raw.clone(),
            Node::Array(items) => {
                format!("[{}]", items.iter().map(Node::text).collect::<Vec<_>>().join(", "))
            }
            Node::Object(members) => {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("{key}: {}", value.text())).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }
}

/// Changes one part of the document that satisfies a condition.
fn changed(
    chance: &mut Chance,
    text: &str,
    fits: impl Fn(&Node) -> bool,
    change: impl Fn(&mut Chance, &mut Node),
) -> Option<To> {
    let mut document = read(&mut text.trim_start())?;
    let count = document.count(&fits);
    let wanted = chance.below(count);
    let node = document.collect(&fits, &mut 0, wanted)?;
    change(chance, node);
    to(document.text())
}

/// Parses a value at the start of a document that PostgreSQL has accepted, and the whitespace after it.
fn read(rest: &mut &str) -> Option<Node> {
    let node = match rest.chars().next()? {
        '[' => {
            skip(rest, 1);
            let mut items = Vec::new();
            while !rest.starts_with(']') {
                items.push(read(rest)?);
                skip(rest, usize::from(rest.starts_with(',')));
            }
            skip(rest, 1);
            Node::Array(items)
        }
        '{' => {
            skip(rest, 1);
            let mut members = Vec::new();
            while !rest.starts_with('}') {
                let Node::Raw(key) = read(rest)? else { return None };
                skip(rest, 1);
                members.push((key, read(rest)?));
                skip(rest, usize::from(rest.starts_with(',')));
            }
            skip(rest, 1);
            Node::Object(members)
        }
        '"' => {
            let mut is_escaped = false;
            let end = rest.char_indices().skip(1).find(|(_, letter)| {
                let is_end = *letter == '"' && !is_escaped;
                is_escaped = *letter == '\\' && !is_escaped;
                is_end
            })?;
            let raw = rest[..=end.0].to_owned();
            skip(rest, end.0 + 1);
            Node::Raw(raw)
        }
        _ => {
            let end = rest.find(|letter: char| ",]}".contains(letter) || letter.is_ascii_whitespace());
            let end = end.unwrap_or(rest.len());
            let raw = rest[..end].to_owned();
            skip(rest, end);
            Node::Raw(raw)
        }
    };
    Some(node)
}

fn skip(rest: &mut &str, bytes: usize) {
    *rest = rest[bytes..].trim_start();
}
