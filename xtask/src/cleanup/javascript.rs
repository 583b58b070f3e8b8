//! Splits JavaScript and TypeScript into words, strings and punctuation, so that comments can be told from code. It is no
//! parser: it only has to be right about where a string or a comment begins and ends, and to survive any text, JSX included.

/// A piece of source code; comments and regular expressions are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A name, a keyword or a number.
    Word(&'a str),
    /// What stands between quotes, with its escapes.
    Text(&'a str),
    /// A stretch of a template literal between two interpolations.
    Template(&'a str),
    /// Any other character.
    Mark(u8),
}

/// A token and where it begins: for strings, the first byte after the quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed<'a> {
    /// The token.
    pub(crate) token: Token<'a>,
    /// Its offset in bytes.
    pub(crate) offset: usize,
}

/// Words after which a slash begins a regular expression.
const BEFORE_OPERAND: [&str; 12] =
    ["return", "typeof", "case", "in", "of", "do", "else", "void", "delete", "throw", "new", "await"];

/// Splits a text.
pub(crate) fn tokens(source: &str) -> Vec<Placed<'_>> {
    let mut lexer = Lexer {
        source,
        bytes: source.as_bytes(),
        at: 0,
        out: Vec::new(),
        braces: Vec::new(),
        dead_ends: [0; 4],
    };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.out
}

/// What a search for a closing mark looks for; each remembers how far it has failed.
#[derive(Clone, Copy)]
enum Closing {
    Single,
    Double,
    Pattern,
    Template,
}

struct Lexer<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    out: Vec<Placed<'a>>,
    /// For every template literal that is open: how many braces are open within its interpolation.
    braces: Vec<usize>,
    /// Up to which offset a search from anywhere is known to fail. Without it a hostile file takes quadratic time.
    dead_ends: [usize; 4],
}

impl<'a> Lexer<'a> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, token: Token<'a>, offset: usize) {
        self.out.push(Placed { token, offset });
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.source.get(from..to).unwrap_or_default()
    }

    fn step(&mut self) {
        let byte = self.peek(0);
        match byte {
            b'/' if self.peek(1) == b'/' => self.skip_past("\n"),
            b'/' if self.peek(1) == b'*' => self.skip_past("*/"),
            b'#' if self.at == 0 && self.peek(1) == b'!' => self.skip_past("\n"),
            b'/' if self.pattern_may_begin() => self.pattern(),
            b'\'' => self.string(b'\'', Closing::Single),
            b'"' => self.string(b'"', Closing::Double),
            b'`' => {
                self.at += 1;
                self.template();
            }
            b'{' => {
                if let Some(open) = self.braces.last_mut() {
                    *open += 1;
                }
                self.mark(byte);
            }
            b'}' => self.close_brace(),
            _ if word_byte(byte) => self.word(),
            _ => self.mark(byte),
        }
    }

    fn mark(&mut self, byte: u8) {
        if !byte.is_ascii_whitespace() {
            self.push(Token::Mark(byte), self.at);
        }
        self.at += 1;
    }

    fn word(&mut self) {
        let from = self.at;
        while word_byte(self.peek(0)) {
            self.at += 1;
        }
        self.push(Token::Word(self.slice(from, self.at)), from);
    }

    fn skip_past(&mut self, end: &str) {
        let body = self.at + 2;
        self.at = self
            .source
            .get(body..)
            .and_then(|rest| rest.find(end))
            .map_or(self.bytes.len(), |found| body + found + end.len());
    }

    /// Whether a slash can be the start of a regular expression, judged by what stands before it.
    fn pattern_may_begin(&self) -> bool {
        match self.out.last().map(|placed| placed.token) {
            None => true,
            Some(Token::Word(word)) => BEFORE_OPERAND.contains(&word),
            Some(Token::Text(_) | Token::Template(_)) => false,
            // `</` closes an element far more often than a pattern is compared.
            Some(Token::Mark(mark)) => !matches!(mark, b')' | b']' | b'}' | b'<'),
        }
    }

    fn pattern(&mut self) {
        let mut in_class = false;
        let closed = self.find(Closing::Pattern, |byte| {
            in_class = (in_class || byte == b'[') && byte != b']';
            byte == b'/' && !in_class
        });
        match closed {
            Some(end) => self.at = end + 1,
            None => self.mark(b'/'),
        }
    }

    fn string(&mut self, quote: u8, closing: Closing) {
        match self.find(closing, |byte| byte == quote) {
            Some(end) => {
                self.push(Token::Text(self.slice(self.at + 1, end)), self.at + 1);
                self.at = end + 1;
            }
            // An apostrophe in the text of an element: what follows it is read as code.
            None => self.mark(quote),
        }
    }

    /// The closing byte on this line after the current one, over escapes.
    fn find(&mut self, closing: Closing, mut closes: impl FnMut(u8) -> bool) -> Option<usize> {
        if self.at < self.dead_ends[closing as usize] {
            return None;
        }
        let mut at = self.at + 1;
        loop {
            match self.bytes.get(at) {
                Some(b'\\') => at += 2,
                Some(b'\n') | None => break,
                Some(byte) if closes(*byte) => return Some(at),
                Some(_) => at += 1,
            }
        }
        self.dead_ends[closing as usize] = at;
        None
    }

    /// A stretch of a template literal, from the byte after its opening or after an interpolation.
    fn template(&mut self) {
        let from = self.at;
        if from < self.dead_ends[Closing::Template as usize] {
            return;
        }
        let mut at = from;
        loop {
            match self.bytes.get(at) {
                None => {
                    // Never closed, so it was none; the rest is read as code.
                    self.dead_ends[Closing::Template as usize] = at;
                    return;
                }
                Some(b'\\') => at += 2,
                Some(b'`') => {
                    self.push(Token::Template(self.slice(from, at)), from);
                    self.at = at + 1;
                    return;
                }
                Some(b'$') if self.bytes.get(at + 1) == Some(&b'{') => {
                    self.push(Token::Template(self.slice(from, at)), from);
                    self.braces.push(0);
                    self.at = at + 2;
                    return;
                }
                Some(_) => at += 1,
            }
        }
    }

    fn close_brace(&mut self) {
        match self.braces.last_mut() {
            Some(0) => {
                self.braces.pop();
                self.at += 1;
                self.template();
            }
            Some(open) => {
                *open -= 1;
                self.mark(b'}');
            }
            None => self.mark(b'}'),
        }
    }
}

/// Bytes of names and numbers; those of other alphabets are all taken for letters.
fn word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source)
            .into_iter()
            .filter_map(|placed| match placed.token {
                Token::Text(text) | Token::Template(text) => Some(text),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn strings_are_told_from_comments_patterns_and_elements() {
        for (source, wanted) in [
            ("a('x') // 'no'\nb(\"y\")", vec!["x", "y"]),
            ("/* 'no' */ 'yes'", vec!["yes"]),
            ("/* never closed 'no'", vec![]),
            ("x = /['\"`]/.test(y) ? 'a' : 'b'", vec!["a", "b"]),
            ("x = a / b; y = 'c' / 2", vec!["c"]),
            ("return /'/g", vec![]),
            ("`a ${f({ x: 'in' })} b` + 'out'", vec!["a ", "in", " b", "out"]),
            ("<p>Don't</p>\n<a href='x'>", vec!["x"]),
            ("'es\\'caped' 'two'", vec!["es\\'caped", "two"]),
            ("'https://not.a.comment' 'two'", vec!["https://not.a.comment", "two"]),
            ("`open 'x'", vec!["x"]),
            ("<br/><b>it's</b>\n'z'", vec!["z"]),
            ("#!/usr/bin/env node 'no'\n'yes'", vec!["yes"]),
        ] {
            assert_eq!(texts(source), wanted, "{source}");
        }
    }

    #[test]
    fn hostile_sources_take_linear_time() {
        for pattern in ["`${", "'\\", "\"\\'", "/[", "}", "`", "\\"] {
            let source = pattern.repeat(400_000) + &"}".repeat(400_000);
            assert!(tokens(&source).len() <= source.len());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_split(source in "[a-z'\"`${}/*\\\\\n<>()\\[\\]é ]{0,200}") {
            for placed in tokens(&source) {
                prop_assert!(placed.offset <= source.len());
            }
        }
    }
}
