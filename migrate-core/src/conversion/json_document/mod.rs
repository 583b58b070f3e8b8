//! JSON documents exactly as PostgreSQL's `json` and `jsonb` accept, store and print them.
//!
//! Numbers are never floats, nothing recurses (a document cannot overflow the stack), and memory is in proportion to the document.
//! There are seven parts: `scan` walks the grammar, `string` decodes and writes escapes, `number` is PostgreSQL's `numeric`, `reader`
//! checks and sorts a document as `jsonb` does, `tree` holds it and prints it, `array` reads an array of scalars, and `events` passes on
//! the shape of a document. The rules come from PostgreSQL's `jsonapi.c`,
//! `jsonb_util.c` and `numeric.c`, and were compared with a running PostgreSQL 15.

mod array;
mod events;
mod number;
mod reader;
mod scan;
mod string;
mod tree;

pub(super) use array::{Element, each_element, write_string};
pub use events::{JsonEvent, walk_json};
pub(super) use tree::Document;

use super::Refusal;
use scan::{Container, Events, Token};

/// A document of the size that apps keep in a column.
pub(super) const EXAMPLE: &[u8] = br#"{"kind": "export", "entries": [{"id": 8796093022208, "count": 512, "price": 19.90, "text": "weekly report, copy 2", "tags": ["a", "b", null, true]}, {"id": 17, "count": 0, "price": 0.05, "text": "d\u00e9j\u00e0 vu", "tags": []}]}"#;

/// What a document may lose in `jsonb`. A document that would lose anything else is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AcceptedLosses {
    /// The values of a repeated key but the last one.
    pub(super) repeated_keys: bool,
    /// The sign of a zero: `-0.0` becomes `0.0`.
    pub(super) zero_signs: bool,
}

impl AcceptedLosses {
    /// Nothing.
    pub(super) const NONE: AcceptedLosses = AcceptedLosses { repeated_keys: false, zero_signs: false };
    /// The values of a repeated key but the last one.
    pub(super) const REPEATED_KEYS: AcceptedLosses =
        AcceptedLosses { repeated_keys: true, zero_signs: false };
    /// The sign of a zero.
    pub(super) const ZERO_SIGNS: AcceptedLosses = AcceptedLosses { repeated_keys: false, zero_signs: true };
    /// Both.
    pub(super) const ALL: AcceptedLosses = AcceptedLosses { repeated_keys: true, zero_signs: true };
}

/// Whether `json` accepts `text`: the grammar and the depth, nothing else.
pub(super) fn check(text: &str) -> Result<(), Refusal> {
    /// Ignores all events.
    struct GrammarOnly;
    impl Events for GrammarOnly {
        fn open(&mut self, _: Container) -> Result<(), Refusal> {
            Ok(())
        }
        fn key(&mut self, _: Token) -> Result<(), Refusal> {
            Ok(())
        }
        fn scalar(&mut self, _: Token) -> Result<(), Refusal> {
            Ok(())
        }
        fn close(&mut self, _: usize) -> Result<(), Refusal> {
            Ok(())
        }
    }
    scan::scan(text, &mut GrammarOnly)
}

/// Whether `jsonb` stores both documents as the same value. `target` is expected as PostgreSQL prints `jsonb`, which is the fast case,
/// but may be spelt in any way; a document that `jsonb` does not accept equals none.
pub(super) fn same(source: &str, target: &str, losses: AcceptedLosses) -> bool {
    let Ok(source) = Document::read(source, losses) else { return false };
    if source.prints_as(target) {
        return true;
    }
    Document::read(target, losses).is_ok_and(|target| source.normal_form() == target.normal_form())
}

fn refusal(problem: &'static str, at_byte: usize) -> Refusal {
    Refusal::Json { problem, at_byte }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    /// A document that `jsonb` keeps: all kinds of values, nested and spaced in all ways, no repeated key and no zero with a sign.
    pub(in super::super) fn any_document() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("false".to_owned()),
            any_number().prop_filter("jsonb drops the sign of a zero", |number| !is_negative_zero(number)),
            any_string(),
        ];
        scalar.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                (prop::collection::vec(inner.clone(), 0..6), any_blank()).prop_map(
                    |(elements, blank)| format!("[{blank}{}]", elements.join(&format!("{blank},")))
                ),
                (
                    prop::collection::btree_map("[a-z]{0,3}[A-Z\u{e9}\u{1f600}]{0,2}", inner, 0..6),
                    any_blank()
                )
                    .prop_map(|(members, blank)| {
                        let members: Vec<_> = members
                            .iter()
                            .map(|(key, value)| format!("\"{key}\"{blank}:{value}{blank}"))
                            .collect();
                        format!("{{{blank}{}}}", members.join(","))
                    }),
            ]
        })
    }

    pub(in super::super) fn any_number() -> impl Strategy<Value = String> {
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,10})?([eE][+-]?[0-9]{1,2})?"
    }

    fn is_negative_zero(number: &str) -> bool {
        let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
        number.starts_with('-') && !mantissa.contains(|digit: char| matches!(digit, '1'..='9'))
    }

    fn any_string() -> impl Strategy<Value = String> {
        let piece = r#"[ !#-\[\]-~\u{7f}-\u{d7ff}\u{e000}-\u{10ffff}]|\\["\\/bfnrt]|\\u[1-9a-cA-C][0-9a-fA-F]{3}|\\u00[01][1-9a-f]|\\ud8[0-9a-f]{2}\\uDF[0-9A-F]{2}"#;
        prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
    }

    fn any_blank() -> impl Strategy<Value = String> {
        "[ \t\r\n]{0,2}"
    }
}
