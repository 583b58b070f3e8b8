//! The grammar of RFC 8259, walked without recursion, as PostgreSQL's JSON parser accepts it.
//!
//! It reports each token to an [`Events`]. It does not decode strings or numbers: the receiver does, because `json` does not need
//! their values and `jsonb` does.

use super::{Refusal, refusal};

/// The maximum nesting of arrays and objects. PostgreSQL's parser recurses and fails when its stack is used up: at 14512 arrays or 13068
/// objects on PostgreSQL 15 (x86-64, `max_stack_depth` at its default of 2 MB). The exact number depends on the server's version and
/// compiler, so the limit here leaves room for frames three times as large.
pub(super) const DEPTH_MAX: usize = 4000;

/// An array or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Array,
    Object,
}

/// A scalar or a key, by its position: from byte `start` up to, but without, byte `end`, quotation marks included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `null`, `true` or `false`.
    Literal,
    /// A number.
    Number,
    /// A string without escapes.
    String,
    /// A string with at least one escape.
    EscapedString,
}

/// The receiver of the tokens of [`scan`]. An error ends the scan.
pub(super) trait Events {
    /// An array or an object begins.
    fn open(&mut self, container: Container) -> Result<(), Refusal>;
    /// A key; its value comes next.
    fn key(&mut self, token: Token) -> Result<(), Refusal>;
    /// A value that is neither array nor object.
    fn scalar(&mut self, token: Token) -> Result<(), Refusal>;
    /// The innermost array or object ends, with its bracket at `at_byte`.
    fn close(&mut self, at_byte: usize) -> Result<(), Refusal>;
}

/// Walks through the document `text`, which is at most as long as a PostgreSQL field.
pub(super) fn scan(text: &str, events: &mut impl Events) -> Result<(), Refusal> {
    Scanner { bytes: text.as_bytes(), at: 0, open: Vec::new() }.document(events)
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    open: Vec<Container>,
}

impl Scanner<'_> {
    fn document(&mut self, events: &mut impl Events) -> Result<(), Refusal> {
        loop {
            // Here a value has to come.
            if self.value(events)? {
                continue;
            }
            // Here a value has ended.
            loop {
                self.skip_blanks();
                match (self.open.last(), self.peek()) {
                    (None, None) => return Ok(()),
                    (None, Some(_)) => return Err(self.refuse("more text after the document")),
                    (Some(Container::Array), Some(b',')) => {
                        self.at += 1;
                        break;
                    }
                    (Some(Container::Object), Some(b',')) => {
                        self.at += 1;
                        self.key(events)?;
                        break;
                    }
                    (Some(Container::Array), Some(b']')) | (Some(Container::Object), Some(b'}')) => {
                        self.close(events)?;
                    }
                    (Some(Container::Array), _) => return Err(self.refuse("\",\" or \"]\" is missing")),
                    (Some(Container::Object), _) => return Err(self.refuse("\",\" or \"}\" is missing")),
                }
            }
        }
    }

    /// Reads a scalar, an empty container, or the beginning of a filled one. Whether another value has to come next.
    fn value(&mut self, events: &mut impl Events) -> Result<bool, Refusal> {
        self.skip_blanks();
        match self.peek() {
            Some(b'"') => {
                let token = self.string()?;
                events.scalar(token)?;
            }
            Some(b'-' | b'0'..=b'9') => {
                let token = self.number()?;
                events.scalar(token)?;
            }
            Some(b'{') => return self.open(Container::Object, b'}', events),
            Some(b'[') => return self.open(Container::Array, b']', events),
            Some(b't') => self.literal("true", events)?,
            Some(b'f') => self.literal("false", events)?,
            Some(b'n') => self.literal("null", events)?,
            _ => return Err(self.refuse("a value is missing")),
        }
        Ok(false)
    }

    fn open(&mut self, container: Container, closing: u8, events: &mut impl Events) -> Result<bool, Refusal> {
        if self.open.len() == DEPTH_MAX {
            return Err(self.refuse("arrays and objects nested more than 4000 deep"));
        }
        self.open.push(container);
        events.open(container)?;
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some(closing) {
            self.close(events)?;
            return Ok(false);
        }
        if container == Container::Object {
            self.key(events)?;
        }
        Ok(true)
    }

    fn close(&mut self, events: &mut impl Events) -> Result<(), Refusal> {
        events.close(self.at)?;
        self.open.pop();
        self.at += 1;
        Ok(())
    }

    /// Reads a key and its colon.
    fn key(&mut self, events: &mut impl Events) -> Result<(), Refusal> {
        self.skip_blanks();
        if self.peek() != Some(b'"') {
            return Err(self.refuse("a key in double quotes is missing"));
        }
        let token = self.string()?;
        events.key(token)?;
        self.skip_blanks();
        if self.peek() != Some(b':') {
            return Err(self.refuse("\":\" is missing"));
        }
        self.at += 1;
        Ok(())
    }

    fn literal(&mut self, word: &str, events: &mut impl Events) -> Result<(), Refusal> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.refuse("a value is missing"));
        }
        let start = self.at;
        self.at += word.len();
        events.scalar(self.token(Kind::Literal, start))
    }

    fn number(&mut self) -> Result<Token, Refusal> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek() == Some(b'0');
        let integer_digits = self.digits()?;
        if leading_zero && integer_digits > 1 {
            return Err(refusal("a number with a leading zero", start));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.token(Kind::Number, start))
    }

    /// Skips at least one digit, and returns how many there were.
    fn digits(&mut self) -> Result<usize, Refusal> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.refuse("a digit is missing"));
        }
        Ok(self.at - start)
    }

    fn string(&mut self) -> Result<Token, Refusal> {
        let start = self.at;
        self.at += 1;
        let mut kind = Kind::String;
        loop {
            let rest = &self.bytes[self.at..];
            let Some(length) = rest.iter().position(|&byte| ENDS_PLAIN_TEXT[usize::from(byte)]) else {
                return Err(refusal("a string without end", start));
            };
            self.at += length;
            match rest[length] {
                b'"' => {
                    self.at += 1;
                    return Ok(self.token(kind, start));
                }
                b'\\' => {
                    kind = Kind::EscapedString;
                    self.escape(&rest[length + 1..])?;
                }
                _ => return Err(self.refuse("a control character in a string")),
            }
        }
    }

    /// Skips a backslash and the characters that it escapes, at the beginning of `rest`.
    fn escape(&mut self, rest: &[u8]) -> Result<(), Refusal> {
        match rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
            [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()) => {
                self.at += 6
            }
            [b'u', ..] => return Err(self.refuse("\\u without four hexadecimal digits")),
            _ => return Err(self.refuse("an escape that JSON does not have")),
        }
        Ok(())
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The token from `start` to here. A PostgreSQL field is shorter than 2^30 bytes, so that no position is cut.
    fn token(&self, kind: Kind, start: usize) -> Token {
        Token { kind, start: start as u32, end: self.at as u32 }
    }

    fn refuse(&self, problem: &'static str) -> Refusal {
        refusal(problem, self.at)
    }
}

/// The bytes that must be escaped in a string: quotation mark, backslash and the control characters.
static ENDS_PLAIN_TEXT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::tests::any_document;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_document_is_refused_with_its_place() {
        for (text, problem, at) in [
            ("", "a value is missing", 0),
            (" \n", "a value is missing", 2),
            ("\u{a0}1", "a value is missing", 0),
            ("\u{feff}1", "a value is missing", 0),
            ("nul", "a value is missing", 0),
            ("NaN", "a value is missing", 0),
            ("'a'", "a value is missing", 0),
            ("+1", "a value is missing", 0),
            (".5", "a value is missing", 0),
            ("[,1]", "a value is missing", 1),
            ("[1,]", "a value is missing", 3),
            ("[1", "\",\" or \"]\" is missing", 2),
            ("[1}", "\",\" or \"]\" is missing", 2),
            ("[1 2]", "\",\" or \"]\" is missing", 3),
            ("[1 /* one */]", "\",\" or \"]\" is missing", 3),
            ("{\"a\":1]", "\",\" or \"}\" is missing", 6),
            ("{\"a\":1", "\",\" or \"}\" is missing", 6),
            ("{\"a\" 1}", "\":\" is missing", 5),
            ("{\"a\":}", "a value is missing", 5),
            ("{\"a\":1,}", "a key in double quotes is missing", 7),
            ("{,}", "a key in double quotes is missing", 1),
            ("{a:1}", "a key in double quotes is missing", 1),
            ("1 2", "more text after the document", 2),
            ("1a", "more text after the document", 1),
            ("nullx", "more text after the document", 4),
            ("[]]", "more text after the document", 2),
            ("01", "a number with a leading zero", 0),
            ("-00", "a number with a leading zero", 0),
            ("-", "a digit is missing", 1),
            ("--1", "a digit is missing", 1),
            ("1.", "a digit is missing", 2),
            ("1.e1", "a digit is missing", 2),
            ("1e", "a digit is missing", 2),
            ("1e+", "a digit is missing", 3),
            ("\"a", "a string without end", 0),
            ("[\"a\\\"", "a string without end", 1),
            ("\"\\", "an escape that JSON does not have", 1),
            ("\"\\x41\"", "an escape that JSON does not have", 1),
            ("\"\\U0041\"", "an escape that JSON does not have", 1),
            ("\"\\u12g4\"", "\\u without four hexadecimal digits", 1),
            ("\"\\u12\"", "\\u without four hexadecimal digits", 1),
            ("\"a\tb\"", "a control character in a string", 2),
            ("\"a\u{1f}\"", "a control character in a string", 2),
        ] {
            assert_eq!(check(text), Err(refusal(problem, at)), "{text}");
        }
    }

    #[test]
    fn the_deepest_documents_pass_and_one_more_level_is_refused() {
        for (opening, closing) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = |depth: usize| format!("{}1{}", opening.repeat(depth), closing.repeat(depth));
            assert_eq!(check(&nested(DEPTH_MAX)), Ok(()));
            let at = DEPTH_MAX * opening.len();
            let problem = "arrays and objects nested more than 4000 deep";
            assert_eq!(check(&nested(DEPTH_MAX + 1)), Err(refusal(problem, at)));
            assert_eq!(check(&opening.repeat(3_000_000)), Err(refusal(problem, at)));
        }
    }

    proptest! {
        #[test]
        fn another_reader_agrees_on_the_grammar(
            document in any_document(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\[\\]{}:,\"\\\\u0-9eE.+ \u{1}-tfn\u{e9}]?"), 0..3),
        ) {
            let mut text: Vec<_> = document.chars().map(String::from).collect();
            for (place, replacement) in changes {
                let place = place.index(text.len());
                text[place] = replacement;
            }
            let text = text.concat();
            let judged = serde_json::from_str::<serde::de::IgnoredAny>(&text);
            prop_assert_eq!(check(&text).is_ok(), judged.is_ok(), "{:?}: {:?}", text, judged);
        }
    }
}
