//! YAML as a tree that knows the line of every value. Aliases stay aliases, so that a small file cannot become a huge tree.

use saphyr_parser::{Event, Parser};

/// Deeper than any real manifest; a hostile one must not exhaust the stack.
const DEPTH_MAX: usize = 100;

/// A value and the line, from 1, on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Line, from 1.
    pub(crate) line: usize,
    /// What it holds.
    pub(crate) value: Value,
}

/// What a value holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text, also where YAML would call it a number.
    Scalar(String),
    /// The items of a sequence.
    Sequence(Vec<Node>),
    /// The pairs of a mapping, in order.
    Mapping(Vec<(Node, Node)>),
    /// A reference to another value, not followed.
    Alias,
}

impl Node {
    /// The text, where this is a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The items, where this is a sequence.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The pairs, where this is a mapping.
    pub(crate) fn pairs(&self) -> &[(Node, Node)] {
        match &self.value {
            Value::Mapping(pairs) => pairs,
            _ => &[],
        }
    }

    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().iter().find(|(each, _)| each.text() == Some(key)).map(|(_, value)| value)
    }

    /// The text under a path of keys.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        path.iter().try_fold(self, |node, key| node.get(key))?.text()
    }

    /// Calls `visit` for every pair of every mapping within.
    pub(crate) fn each_pair<'a>(&'a self, visit: &mut impl FnMut(&'a str, &'a Node)) {
        for item in self.items() {
            item.each_pair(visit);
        }
        for (key, value) in self.pairs() {
            visit(key.text().unwrap_or_default(), value);
            value.each_pair(visit);
        }
    }
}

/// The documents of a YAML text; `None` where it is no YAML, as a template is not.
pub(crate) fn documents(text: &str) -> Option<Vec<Node>> {
    let mut documents = Vec::new();
    let mut open: Vec<(usize, bool, Vec<Node>)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        let line = span.start.line().max(1);
        let node = match event {
            Event::Scalar(text, ..) => Node { line, value: Value::Scalar(text.into_owned()) },
            Event::Alias(_) => Node { line, value: Value::Alias },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() >= DEPTH_MAX {
                    return None;
                }
                open.push((line, matches!(event, Event::MappingStart(..)), Vec::new()));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (line, mapping, nodes) = open.pop()?;
                Node {
                    line,
                    value: if mapping { Value::Mapping(paired(nodes)) } else { Value::Sequence(nodes) },
                }
            }
            _ => continue,
        };
        match open.last_mut() {
            Some((_, _, nodes)) => nodes.push(node),
            None => documents.push(node),
        }
    }
    Some(documents)
}

fn paired(nodes: Vec<Node>) -> Vec<(Node, Node)> {
    let mut nodes = nodes.into_iter();
    std::iter::from_fn(|| Some((nodes.next()?, nodes.next()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_kept() {
        let documents = documents("a: 1\nb:\n  - x\n  - {c: d}\n---\nz: |\n  text\n").unwrap();
        assert_eq!(documents.len(), 2);
        let items = documents[0].get("b").unwrap().items();
        assert_eq!(items.iter().map(|item| item.line).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(items[1].text_at(&["c"]), Some("d"));
        assert_eq!(documents[1].line, 6);
    }

    #[test]
    fn what_is_no_yaml_or_too_deep_is_refused() {
        for text in ["{{ if .x }}\na: b\n{{ end }}", "a: [", "\t- x: y\n\t bad", &"[".repeat(50_000)] {
            assert_eq!(documents(text), None, "{}", text.get(..20).unwrap_or(text));
        }
        let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
        assert_eq!(documents(bomb).unwrap()[0].get("c").unwrap().items().len(), 2);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z:\\-\\[\\]{}&*!|>'\"#%@`,?\n\t 0-9é]{0,120}") {
            documents(&text);
        }
    }
}
