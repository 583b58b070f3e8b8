//! JSON as a tree that remembers where everything stands, so that a member can be taken out and every other byte stays.
//! `serde_json` judges whether a text is JSON; this only finds the places.

use std::ops::Range;

/// Deeper than any real manifest; a hostile one must not exhaust the stack.
const DEPTH_MAX: usize = 100;

/// A value and the bytes that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// From its first byte to past its last.
    pub(crate) span: Range<usize>,
    /// What it holds.
    pub(crate) value: Value,
}

/// What a value holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Members in the order of the text.
    Object(Vec<Member>),
    /// Elements in the order of the text.
    Array(Vec<Node>),
    /// A string, without its escapes.
    String(String),
    /// A number, true, false or null.
    Other,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// The key, without its escapes.
    pub(crate) key: String,
    /// From the key's first quote.
    pub(crate) offset: usize,
    /// The value.
    pub(crate) node: Node,
}

impl Member {
    /// From the key's first quote to past the value.
    pub(crate) fn span(&self) -> Range<usize> {
        self.offset..self.node.span.end
    }
}

impl Node {
    /// The members, where this is an object.
    pub(crate) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements, where this is an array.
    pub(crate) fn elements(&self) -> &[Node] {
        match &self.value {
            Value::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The text, where this is a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of the first member of that name.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.members().iter().find(|member| member.key == key).map(|member| &member.node)
    }
}

/// Reads a JSON text, also after a byte order mark; `None` where it is none, or too deep.
pub(crate) fn parse(text: &str) -> Option<Node> {
    let body = text.trim_start_matches('\u{feff}');
    serde_json::from_str::<serde::de::IgnoredAny>(body).ok()?;
    Reader { text, at: text.len() - body.len() }.value(0)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Takes a mark after blanks, if it stands there.
    fn take(&mut self, mark: u8) -> bool {
        self.blank();
        let there = self.peek() == Some(mark);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.blank();
        let start = self.at;
        let value = match self.peek()? {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => Value::String(self.string()?),
            _ => {
                while self
                    .peek()
                    .is_some_and(|byte| !matches!(byte, b',' | b']' | b'}') && !byte.is_ascii_whitespace())
                {
                    self.at += 1;
                }
                Value::Other
            }
        };
        Some(Node { span: start..self.at, value })
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut members = Vec::new();
        while !self.take(b'}') {
            self.take(b',');
            self.blank();
            let offset = self.at;
            let key = self.string()?;
            self.take(b':');
            members.push(Member { key, offset, node: self.value(depth + 1)? });
        }
        Some(Value::Object(members))
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut elements = Vec::new();
        while !self.take(b']') {
            self.take(b',');
            elements.push(self.value(depth + 1)?);
        }
        Some(Value::Array(elements))
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_str(self.text.get(start..self.at)?).ok()
    }
}

/// What has to be cut so that some items of an object or array go and the others stay as they are, commas included.
/// `inside` is what lies between the brackets, `items` the spans of all items, `goes` tells which are removed.
pub(crate) fn cuts(inside: Range<usize>, items: &[Range<usize>], goes: &[bool]) -> Vec<Range<usize>> {
    let leaving = |index: usize| goes.get(index).copied().unwrap_or(false);
    let Some(last_kept) = (0..items.len()).rev().find(|index| !leaving(*index)) else {
        return if items.is_empty() { Vec::new() } else { vec![inside] };
    };
    let before = items.windows(2).enumerate().filter(|(index, _)| *index < last_kept && leaving(*index));
    let mut cuts: Vec<Range<usize>> = before
        .filter_map(|(_, pair)| match pair {
            [this, next] => Some(this.start..next.start),
            _ => None,
        })
        .collect();
    if let (Some(kept), Some(last)) = (items.get(last_kept), items.last())
        && kept.end < last.end
    {
        cuts.push(kept.end..last.end);
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_are_exact() {
        let text = "{ \"a\\u0062\" : [1, \"x\"], \"c\": {} }";
        let root = parse(text).unwrap();
        assert_eq!(&text[root.span.clone()], text);
        let member = &root.members()[0];
        assert_eq!((member.key.as_str(), &text[member.span()]), ("ab", "\"a\\u0062\" : [1, \"x\"]"));
        assert_eq!(member.node.elements()[1].text(), Some("x"));
        assert!(root.get("c").is_some());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "{\"a\":}", "// c\n{}", "{\"a\":1,}", "'x'"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&("[".repeat(200_000) + &"]".repeat(200_000))), None);
        assert_eq!(parse(&("[".repeat(110) + &"]".repeat(110))), None);
        assert!(parse("\u{feff}{}").is_some());
    }

    proptest! {
        /// Whatever is cut, the rest is JSON and holds exactly the other members.
        #[test]
        fn cutting_members_keeps_the_others(goes in prop::collection::vec(any::<bool>(), 0..8), gap in "[ \n\r\t]{0,3}") {
            let member = |index: usize| format!("{gap}\"k{index}\"{gap}:{gap}{index}{gap}");
            let text = format!("{{{}}}", (0..goes.len()).map(member).collect::<Vec<_>>().join(","));
            let root = parse(&text).unwrap();
            let spans: Vec<_> = root.members().iter().map(Member::span).collect();
            let mut cut = text.clone();
            for range in cuts(1..text.len() - 1, &spans, &goes).into_iter().rev() {
                cut.replace_range(range, "");
            }
            let left: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&cut).unwrap();
            let wanted: Vec<String> = (0..goes.len()).filter(|index| !goes[*index]).map(|index| format!("k{index}")).collect();
            prop_assert_eq!(left.keys().cloned().collect::<Vec<_>>(), wanted);
        }
    }
}
