//! A document in the order in which `jsonb` stores it, and its printed form.
//!
//! A [`Document`] borrows the text: values are positions in it, and only keys with escapes are copied. `reader` has put the members of
//! objects into `jsonb`'s order.

use std::ops::Range;

use super::number::Number;
use super::scan::{Container, Kind, Token};
use super::string::{Piece, escape, pieces};
use super::{AcceptedLosses, Refusal, reader};

/// A document that `jsonb` accepts.
pub(in super::super) struct Document<'t> {
    pub(super) text: &'t [u8],
    pub(super) root: Node,
    pub(super) elements: Vec<Node>,
    pub(super) members: Vec<Member>,
    /// The keys that have escapes, without them.
    pub(super) unescaped_keys: Vec<u8>,
}

/// A value of the document; the ranges are places in `elements` and `members`.
#[derive(Clone, Copy)]
pub(super) enum Node {
    Scalar(Token),
    Array { start: u32, end: u32 },
    Object { start: u32, end: u32 },
}

/// A key and its value.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) key: Key,
    pub(super) value: Node,
}

/// A key: its token in the text, and from where to where its bytes go, in `unescaped_keys` if it has escapes and in the
/// text otherwise.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) token: Token,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Where printed text goes to.
pub(super) trait Output {
    /// Receives the next bytes. Returns whether to continue.
    fn put(&mut self, bytes: &[u8]) -> bool;

    /// Receives `count` digits 0. Returns whether to continue.
    fn put_zeros(&mut self, count: i64) -> bool {
        const ZEROS: [u8; 64] = [b'0'; 64];
        let mut left = usize::try_from(count).unwrap_or_default();
        while left > 0 {
            let taken = left.min(ZEROS.len());
            if !self.put(&ZEROS[..taken]) {
                return false;
            }
            left -= taken;
        }
        true
    }
}

impl Output for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> bool {
        self.extend_from_slice(bytes);
        true
    }
}

/// Compares the printed form with an expected text, without allocating it.
struct Expected<'e> {
    rest: &'e [u8],
}

impl Output for Expected<'_> {
    fn put(&mut self, bytes: &[u8]) -> bool {
        match self.rest.strip_prefix(bytes) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

/// How numbers are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As PostgreSQL prints them.
    Printed,
    /// Short, one text for each number that `numeric` holds, but no JSON.
    Normal,
}

impl<'t> Document<'t> {
    /// Reads a document that is at most as long as a PostgreSQL field.
    ///
    /// # Errors
    /// A [`Refusal`] that names the first thing that `jsonb` does not take.
    pub(in super::super) fn read(text: &'t str, losses: AcceptedLosses) -> Result<Document<'t>, Refusal> {
        reader::read(text, losses)
    }

    /// Whether PostgreSQL prints it as `expected`.
    pub(super) fn prints_as(&self, expected: &str) -> bool {
        let mut expected = Expected { rest: expected.as_bytes() };
        self.print(Form::Printed, &mut expected) && expected.rest.is_empty()
    }

    /// A text that is the same for two documents if and only if `jsonb` stores them as one value; about as long as the document itself.
    pub(in super::super) fn normal_form(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len());
        self.print(Form::Normal, &mut out);
        out
    }

    /// Prints it. Returns whether `out` accepted everything.
    fn print(&self, form: Form, out: &mut impl Output) -> bool {
        let mut open: Vec<(Container, Range<u32>)> = Vec::new();
        let mut node = self.root;
        loop {
            let mut goes_on = match node {
                Node::Scalar(token) => self.print_scalar(token, form, out),
                Node::Array { start, end } => {
                    open.push((Container::Array, start..end));
                    out.put(b"[")
                }
                Node::Object { start, end } => {
                    open.push((Container::Object, start..end));
                    out.put(b"{")
                }
            };
            let mut first = !matches!(node, Node::Scalar(_));
            loop {
                if !goes_on {
                    return false;
                }
                let Some((container, left)) = open.last_mut() else { return true };
                let Some(index) = left.next() else {
                    goes_on = out.put(if *container == Container::Array { b"]" } else { b"}" });
                    open.pop();
                    first = false;
                    continue;
                };
                if !first && !out.put(b", ") {
                    return false;
                }
                node = match container {
                    Container::Array => self.elements[index as usize],
                    Container::Object => {
                        let Member { key, value } = self.members[index as usize];
                        if !self.print_scalar(key.token, form, out) || !out.put(b": ") {
                            return false;
                        }
                        value
                    }
                };
                break;
            }
        }
    }

    fn print_scalar(&self, token: Token, form: Form, out: &mut impl Output) -> bool {
        let text = &self.text[token.start as usize..token.end as usize];
        match token.kind {
            Kind::Number if form == Form::Normal || !prints_itself(text) => {
                let Some(number) = Number::read(text) else { return false };
                if form == Form::Normal { number.print_normal_form(out) } else { number.print(out) }
            }
            Kind::EscapedString => {
                let mut room = [0; 6];
                let content = &text[1..text.len() - 1];
                out.put(b"\"")
                    && pieces(content).all(|piece| match piece {
                        Ok(Piece::Plain(plain)) => out.put(plain),
                        Ok(Piece::Escaped(character)) => out.put(escape(character, &mut room)),
                        Err(_) => false,
                    })
                    && out.put(b"\"")
            }
            Kind::Literal | Kind::Number | Kind::String => out.put(text),
        }
    }
}

/// Whether PostgreSQL prints the number `text`, if it accepts it, unchanged: it has no exponent and is no negative zero.
pub(super) fn prints_itself(text: &[u8]) -> bool {
    let is_negative_zero = || text.starts_with(b"-0") && !text.iter().any(|byte| matches!(byte, b'1'..=b'9'));
    !text.iter().any(|byte| matches!(byte, b'e' | b'E')) && !is_negative_zero()
}

#[cfg(test)]
mod tests {
    use super::super::same;
    use super::super::tests::any_document;
    use super::*;
    use proptest::prelude::*;

    fn printed(text: &str) -> String {
        let mut out = Vec::new();
        assert!(Document::read(text, AcceptedLosses::ALL).unwrap().print(Form::Printed, &mut out));
        String::from_utf8(out).unwrap()
    }

    /// Documents, and what PostgreSQL 15 printed for each as `jsonb`.
    const CASES: &[(&str, &str)] = &[
        (r#" null"#, r#"null"#),
        (r#"[]"#, r#"[]"#),
        (r#"{ }"#, r#"{}"#),
        (r#"[ [ ] , { } ]"#, r#"[[], {}]"#),
        (r#""a\/b\u0041\u00e9\uD83D\uDE00\u001F\u000a\u007f""#, "\"a/bAé😀\\u001f\\n\u{7f}\""),
        (r#""\b\f\n\r\t\"\\""#, r#""\b\f\n\r\t\"\\""#),
        (r#""\u0022\u005c\u0008""#, r#""\"\\\b""#),
        (r#""\\u0000""#, r#""\\u0000""#),
        (r#""  ""#, r#""  ""#),
        (r#"{"bb":1,"a":2,"":3,"é":4,"B":5}"#, r#"{"": 3, "B": 5, "a": 2, "bb": 1, "é": 4}"#),
        (r#"{"\u00e9":1,"zz":2,"ab":3}"#, r#"{"ab": 3, "zz": 2, "é": 1}"#),
        (
            r#"{"b":{"d":1,"c":[1,{"y":1,"x":2}]},"a":[]}"#,
            r#"{"a": [], "b": {"c": [1, {"x": 2, "y": 1}], "d": 1}}"#,
        ),
        (r#"{"a":1,"a":2}"#, r#"{"a": 2}"#),
        (r#"{"a":1,"\u0061":{"x":1},"b":0,"a":[3]}"#, r#"{"a": [3], "b": 0}"#),
        (r#"{"o":{"k":1,"j":2,"k":3}}"#, r#"{"o": {"j": 2, "k": 3}}"#),
        (r#"[1,-0,-0.0,1E2,1.50,1e-7,-1.2e-3]"#, r#"[1, 0, 0.0, 100, 1.50, 0.0000001, -0.0012]"#),
        (
            r#"[9007199254740993,18446744073709551616,0.1000]"#,
            r#"[9007199254740993, 18446744073709551616, 0.1000]"#,
        ),
        (
            r#"[123456789012345678901234567890.1234567890e-5]"#,
            r#"[1234567890123456789012345.678901234567890]"#,
        ),
        (r#"[1.0e1,1.00e1,10,10.0,1e1]"#, r#"[10, 10.0, 10, 10.0, 10]"#),
        (r#"[true,false,null,"true"]"#, r#"[true, false, null, "true"]"#),
    ];

    #[test]
    fn documents_are_printed_as_postgresql_prints_them() {
        for &(text, expected) in CASES {
            assert_eq!(printed(text), expected, "{text}");
            assert!(Document::read(text, AcceptedLosses::ALL).unwrap().prints_as(expected), "{text}");
            assert!(same(text, expected, AcceptedLosses::ALL), "{text}");
            assert!(same(expected, text, AcceptedLosses::ALL), "{text}");
        }
    }

    #[test]
    fn no_two_of_them_are_the_same() {
        for (index, (text, _)) in CASES.iter().enumerate() {
            for (other, _) in &CASES[index + 1..] {
                assert!(!same(text, other, AcceptedLosses::ALL), "{text} {other}");
            }
        }
    }

    #[test]
    fn an_expected_text_that_is_longer_or_shorter_is_another() {
        let document = Document::read("[1, 1e30]", AcceptedLosses::NONE).unwrap();
        let whole = printed("[1, 1e30]");
        for end in 0..whole.len() {
            assert!(!document.prints_as(&whole[..end]));
        }
        assert!(document.prints_as(&whole) && !document.prints_as(&format!("{whole} ")));
    }

    #[test]
    fn a_document_of_huge_numbers_is_compared_in_little_room() {
        let numbers = |last: &str| format!("[{}1e{last}]", "1e131071,".repeat(8000));
        let text = numbers("0");
        let document = Document::read(&text, AcceptedLosses::NONE).unwrap();
        assert!(document.normal_form().len() < 2 * text.len());
        assert!(same(&text, &numbers("00"), AcceptedLosses::NONE));
        assert!(!same(&text, &numbers("1"), AcceptedLosses::NONE));
    }

    #[test]
    fn the_deepest_document_is_printed() {
        let text = format!("{}null{}", r#"[{"b":1,"a":"#.repeat(2000), "}]".repeat(2000));
        let expected = format!("{}null{}", r#"[{"a": "#.repeat(2000), r#", "b": 1}]"#.repeat(2000));
        assert_eq!(printed(&text), expected);
    }

    proptest! {
        #[test]
        fn printing_keeps_the_value_and_is_stable(text in any_document()) {
            let once = printed(&text);
            prop_assert_eq!(printed(&once), once.clone());
            prop_assert!(same(&text, &once, AcceptedLosses::NONE));
            // Another JSON reader agrees, as far as its floats go.
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            prop_assert!(nearly_equal(&value(&text), &value(&once)), "{} {}", text, once);
        }

        #[test]
        fn a_changed_character_is_a_difference(text in any_document(), place: prop::sample::Index) {
            let once = printed(&text);
            let place = place.index(once.chars().count());
            let change = |character| if character == '7' { '8' } else { '7' };
            let changed: String =
                once.chars().enumerate().map(|(at, kept)| if at == place { change(kept) } else { kept }).collect();
            prop_assert!(!Document::read(&text, AcceptedLosses::NONE).unwrap().prints_as(&changed));
            let still_same = Document::read(&changed, AcceptedLosses::NONE).is_ok() && printed(&changed) == once;
            prop_assert_eq!(same(&text, &changed, AcceptedLosses::NONE), still_same);
        }
    }

    /// Equal but for the last digits of numbers.
    fn nearly_equal(one: &serde_json::Value, other: &serde_json::Value) -> bool {
        use serde_json::Value;
        match (one, other) {
            (Value::Number(one), Value::Number(other)) => match (one.as_f64(), other.as_f64()) {
                (Some(one), Some(other)) => (one - other).abs() <= one.abs() * 1e-12,
                _ => false,
            },
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| nearly_equal(one, other))
            }
            (Value::Object(one), Value::Object(other)) => {
                let equal = |key, one| other.get(key).is_some_and(|other| nearly_equal(one, other));
                one.len() == other.len() && one.iter().all(|(key, one)| equal(key, one))
            }
            _ => one == other,
        }
    }
}
