//! Walks through a document for callers that want its shape: they receive keys and numbers, and never the content of a string.

use super::scan::{self, Container, Events, Kind, Token};
use super::string::{self, Piece};
use super::{Refusal, refusal};

/// What a walk meets, in the order of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonEvent<'t> {
    /// An object begins.
    Object,
    /// An array begins.
    Array,
    /// A key of the innermost object, without escapes; its value comes next.
    Key(&'t str),
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number, as it is written.
    Number(&'t str),
    /// A string.
    String,
    /// The innermost object or array ends.
    End,
}

/// Passes the parts of a document to `visit`.
///
/// # Errors
/// When `text` is no JSON document, before anything is visited; and in the middle when a key has an escape that `jsonb` refuses.
pub fn walk_json(text: &str, visit: &mut dyn FnMut(JsonEvent<'_>)) -> Result<(), Refusal> {
    super::check(text)?;
    scan::scan(text, &mut Walk { text, visit })
}

struct Walk<'t, 'v> {
    text: &'t str,
    visit: &'v mut dyn FnMut(JsonEvent<'_>),
}

impl Walk<'_, '_> {
    fn text_of(&self, token: Token) -> &str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or_default()
    }
}

impl Events for Walk<'_, '_> {
    fn open(&mut self, container: Container) -> Result<(), Refusal> {
        (self.visit)(match container {
            Container::Object => JsonEvent::Object,
            Container::Array => JsonEvent::Array,
        });
        Ok(())
    }

    fn key(&mut self, token: Token) -> Result<(), Refusal> {
        let text = self.text_of(token);
        let content = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
        if token.kind != Kind::EscapedString {
            let content = content.to_owned();
            (self.visit)(JsonEvent::Key(&content));
            return Ok(());
        }
        let mut plain = Vec::with_capacity(content.len());
        for piece in string::pieces(content.as_bytes()) {
            match piece.map_err(|(problem, at)| refusal(problem, token.start as usize + 1 + at))? {
                Piece::Plain(bytes) => plain.extend_from_slice(bytes),
                Piece::Escaped(character) => {
                    plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        (self.visit)(JsonEvent::Key(&String::from_utf8_lossy(&plain)));
        Ok(())
    }

    fn scalar(&mut self, token: Token) -> Result<(), Refusal> {
        let text = self.text.get(token.start as usize..token.end as usize).unwrap_or_default();
        (self.visit)(match token.kind {
            Kind::Literal if text == "null" => JsonEvent::Null,
            Kind::Literal => JsonEvent::Boolean,
            Kind::Number => JsonEvent::Number(text),
            Kind::String | Kind::EscapedString => JsonEvent::String,
        });
        Ok(())
    }

    fn close(&mut self, _: usize) -> Result<(), Refusal> {
        (self.visit)(JsonEvent::End);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(text: &str) -> Result<String, Refusal> {
        let mut events = Vec::new();
        walk_json(text, &mut |event| events.push(format!("{event:?}")))?;
        Ok(events.join(" "))
    }

    #[test]
    fn the_content_of_strings_is_not_passed() {
        assert_eq!(
            walked(r#"{"a\u0062": [null, true, -1.50e3, "secret", "se\ncret"], "": {}}"#).unwrap(),
            r#"Object Key("ab") Array Null Boolean Number("-1.50e3") String String End Key("") Object End End"#
        );
    }

    #[test]
    fn what_is_no_document_is_not_visited() {
        let mut visited = 0;
        assert!(walk_json(r#"{"a": 1"#, &mut |_| visited += 1).is_err());
        assert_eq!(visited, 0);
        assert!(walked(r#"{"\ud800": 1}"#).is_err());
    }
}
