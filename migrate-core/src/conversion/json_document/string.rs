//! The escapes of JSON strings: decoded as `jsonb` does, written as PostgreSQL's `escape_json` does.

/// A stretch of a string's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Literal text.
    Plain(&'t [u8]),
    /// The character of an escape, or of a pair of surrogates.
    Escaped(char),
}

/// The pieces of `content`, the text between the quotation marks of a string whose grammar has been checked.
///
/// An item is an error where `jsonb` refuses the escape, with the reason and its place in `content`.
pub(super) fn pieces(content: &[u8]) -> Pieces<'_> {
    Pieces { content, at: 0 }
}

/// See [`pieces`].
pub(super) struct Pieces<'t> {
    content: &'t [u8],
    at: usize,
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Result<Piece<'t>, (&'static str, usize)>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.content.get(self.at..).filter(|rest| !rest.is_empty())?;
        let plain_length = rest.iter().position(|&byte| byte == b'\\').unwrap_or(rest.len());
        if plain_length > 0 {
            self.at += plain_length;
            return Some(Ok(Piece::Plain(&rest[..plain_length])));
        }
        let at = self.at;
        let (length, unescaped) = unescape(rest);
        self.at += length;
        Some(unescaped.map(Piece::Escaped).map_err(|problem| (problem, at)))
    }
}

/// The escape that `rest` begins with: its length, and its character or why there is none.
fn unescape(rest: &[u8]) -> (usize, Result<char, &'static str>) {
    let character = match rest.get(1) {
        Some(b'u') => return unescape_unicode(rest),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(&itself) => char::from(itself),
        None => '\\',
    };
    (2, Ok(character))
}

fn unescape_unicode(rest: &[u8]) -> (usize, Result<char, &'static str>) {
    let unit = code_unit(rest);
    let lone = Err("\\u escape of half a surrogate pair");
    match unit {
        0 => (6, Err("\\u0000, which jsonb cannot hold")),
        0xd800..0xdc00 => match rest.get(6..) {
            Some(next @ [b'\\', b'u', ..]) if (0xdc00..0xe000).contains(&code_unit(next)) => {
                let character = 0x1_0000 + ((unit - 0xd800) << 10) + (code_unit(next) - 0xdc00);
                (12, char::from_u32(character).ok_or("\\u escape of half a surrogate pair"))
            }
            _ => (6, lone),
        },
        _ => (6, char::from_u32(unit).ok_or("\\u escape of half a surrogate pair")),
    }
}

/// The UTF-16 code unit of the `\uXXXX` that `rest` begins with.
fn code_unit(rest: &[u8]) -> u32 {
    rest.iter()
        .skip(2)
        .take(4)
        .fold(0, |unit, &digit| unit << 4 | char::from(digit).to_digit(16).unwrap_or_default())
}

/// Writes `character` to `room` as in a string that PostgreSQL prints.
pub(super) fn escape(character: char, room: &mut [u8; 6]) -> &[u8] {
    match character {
        '"' => b"\\\"",
        '\\' => b"\\\\",
        '\u{8}' => b"\\b",
        '\u{c}' => b"\\f",
        '\n' => b"\\n",
        '\r' => b"\\r",
        '\t' => b"\\t",
        '\0'..' ' => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let code = character as usize;
            *room = [b'\\', b'u', b'0', b'0', DIGITS[code >> 4], DIGITS[code & 15]];
            room
        }
        _ => character.encode_utf8(room).as_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unescaped(content: &str) -> Result<String, (&'static str, usize)> {
        let mut text = String::new();
        for piece in pieces(content.as_bytes()) {
            match piece? {
                Piece::Plain(plain) => text.push_str(std::str::from_utf8(plain).unwrap()),
                Piece::Escaped(character) => text.push(character),
            }
        }
        Ok(text)
    }

    fn escaped(text: &str) -> String {
        text.chars()
            .map(|character| String::from_utf8(escape(character, &mut [0; 6]).to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn surrogates_need_each_other() {
        let lone = "\\u escape of half a surrogate pair";
        for (content, at) in [
            (r"\ud800", 0),
            (r"a\udc00", 1),
            (r"\udc00\ud800", 0),
            (r"\ud800\u0041", 0),
            (r"\ud800a", 0),
            (r"\ud800\n", 0),
            (r"\ud800\ud800\udc00", 0),
            (r"\ud83d\ude00\ude00", 12),
        ] {
            assert_eq!(unescaped(content), Err((lone, at)), "{content}");
        }
        assert_eq!(unescaped(r"\uD83D\ude00").unwrap(), "\u{1f600}");
        assert_eq!(unescaped(r"\\u0000").unwrap(), r"\u0000");
        assert_eq!(unescaped(r"x\u0000"), Err(("\\u0000, which jsonb cannot hold", 1)));
    }

    #[test]
    fn what_is_escaped_is_what_postgresql_escapes() {
        assert_eq!(
            escaped("\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f} !\"/\\\u{7f}\u{80}\u{2028}\u{1f600}"),
            "\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f !\\\"/\\\\\u{7f}\u{80}\u{2028}\u{1f600}"
        );
    }

    proptest! {
        #[test]
        fn escaping_is_undone(text in "[^\u{0}]*") {
            prop_assert_eq!(unescaped(&escaped(&text)).unwrap(), text);
        }
    }
}
