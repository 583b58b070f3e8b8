//! JSON arrays of scalars, element by element. Documents of any other shape are refused.

use super::scan::{self, Container, Events, Kind, Token};
use super::string::{self, Piece};
use super::{Refusal, refusal};

/// An element of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Element<'t> {
    Null,
    Boolean(bool),
    /// As it is written.
    Number(&'t str),
    /// Without escapes.
    Text(&'t str),
}

/// Calls `each` with the elements of the array that `text` is.
pub(in super::super) fn each_element(
    text: &str,
    each: &mut dyn FnMut(Element<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    scan::scan(text, &mut Elements { text, each, is_open: false })
}

/// Appends a string, with quotation marks.
pub(in super::super) fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    // PostgreSQL's text is UTF-8.
    for character in String::from_utf8_lossy(text).chars() {
        out.extend_from_slice(string::escape(character, &mut [0; 6]));
    }
    out.push(b'"');
}

struct Elements<'t, 'e> {
    text: &'t str,
    each: &'e mut dyn FnMut(Element<'_>) -> Result<(), Refusal>,
    is_open: bool,
}

impl Events for Elements<'_, '_> {
    fn open(&mut self, container: Container) -> Result<(), Refusal> {
        if self.is_open || container == Container::Object {
            return Err(Refusal::Form { expected: "a JSON array of scalars" });
        }
        self.is_open = true;
        Ok(())
    }

    fn key(&mut self, token: Token) -> Result<(), Refusal> {
        Err(refusal("a key, where an array is expected", token.start as usize))
    }

    fn scalar(&mut self, token: Token) -> Result<(), Refusal> {
        let text = self.text.get(token.start as usize..token.end as usize).unwrap_or_default();
        if !self.is_open {
            return Err(Refusal::Form { expected: "a JSON array" });
        }
        let content = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
        match (token.kind, text) {
            (Kind::Literal, "null") => (self.each)(Element::Null),
            (Kind::Literal, word) => (self.each)(Element::Boolean(word == "true")),
            (Kind::Number, digits) => (self.each)(Element::Number(digits)),
            (Kind::String, _) => (self.each)(Element::Text(content)),
            (Kind::EscapedString, _) => {
                let mut plain = Vec::with_capacity(content.len());
                for piece in string::pieces(content.as_bytes()) {
                    match piece.map_err(|(problem, at)| refusal(problem, token.start as usize + 1 + at))? {
                        Piece::Plain(bytes) => plain.extend_from_slice(bytes),
                        Piece::Escaped(character) => {
                            plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                        }
                    }
                }
                let invalid = |_| refusal("text that is not UTF-8", token.start as usize);
                (self.each)(Element::Text(std::str::from_utf8(&plain).map_err(invalid)?))
            }
        }
    }

    fn close(&mut self, _: usize) -> Result<(), Refusal> {
        Ok(())
    }
}
