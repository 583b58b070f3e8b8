//! Bytes to text, offsets to lines, and names to something that is safe to print. It knows nothing of SQLite.

use std::path::Path;

use crate::display::is_deceptive;
pub(crate) use crate::display::printable;

/// How many bytes decide whether a file is text, as git and ripgrep do it.
const SNIFF_BYTES: usize = 8000;

/// A file's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// The text; with replacement characters where the bytes were no UTF-8.
    pub(crate) content: String,
    /// Whether the text is the file byte for byte, so that it may be edited.
    pub(crate) exact: bool,
}

/// Reads UTF-8, UTF-16 with a byte order mark, and anything else with replacement characters; `None` for binary data.
pub(crate) fn decode(bytes: Vec<u8>) -> Option<Text> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units = bytes.get(2..).unwrap_or_default().chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|each| each.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    if bytes.starts_with(&[0xff, 0xfe]) {
        return Some(Text { content: wide(u16::from_le_bytes), exact: false });
    }
    if bytes.starts_with(&[0xfe, 0xff]) {
        return Some(Text { content: wide(u16::from_be_bytes), exact: false });
    }
    if is_binary(&bytes) {
        return None;
    }
    Some(match String::from_utf8(bytes) {
        Ok(content) => Text { content, exact: true },
        Err(error) => Text { content: String::from_utf8_lossy(error.as_bytes()).into_owned(), exact: false },
    })
}

/// Whether these are the bytes of no text.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(SNIFF_BYTES).any(|byte| *byte == 0)
}

/// The offset of every line's first byte.
#[derive(Clone, Debug)]
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    /// Indexes a text.
    pub(crate) fn of(text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(after_breaks).collect())
    }

    /// The line, from 1, in which an offset lies.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset).max(1)
    }
}

/// The lines of a text with their numbers from 1, without line breaks and a byte order mark.
pub(crate) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.trim_start_matches('\u{feff}').lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// The runs of characters that satisfy a condition, with their offsets.
pub(crate) fn runs(line: &str, belongs: impl Fn(char) -> bool) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + line.get(from..)?.find(&belongs)?;
        let rest = line.get(start..)?;
        let length = rest.find(|each| !belongs(each)).unwrap_or(rest.len());
        from = start + length;
        rest.get(..length).map(|run| (start, run))
    })
}

/// The words of a line: letters, digits and underscores.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    runs(line, |each| each.is_alphanumeric() || each == '_').map(|(_, word)| word)
}

/// Whether a line contains a text, given in lower case, whatever the case of the line's ASCII letters.
pub(crate) fn contains_ignoring_case(line: &str, wanted: &str) -> bool {
    line.to_ascii_lowercase().contains(wanted)
}

/// A path on one line: as it is where that is plain, else in double quotes with escapes, bytes that are no UTF-8 as `\xNN`.
pub(crate) fn shown(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    if let Some(plain) = path.to_str()
        && !plain.contains(['"', '\\'])
        && !plain.chars().any(is_deceptive)
    {
        return plain.to_owned();
    }
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for each in chunk.valid().chars() {
            match each {
                '"' | '\\' => out.extend(['\\', each]),
                _ => out.push_str(&printable(each.encode_utf8(&mut [0; 4]))),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    out
}

/// A line with the password of every URL in it masked.
pub(crate) fn scrubbed(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let authority_end = tail.find([' ', '"', '\'', '`', '\t', '\n']).unwrap_or(tail.len());
        let (address, after) = tail.split_at(authority_end);
        // The last `@` before the path ends the user part even where the password holds a slash.
        match address.rfind('@') {
            Some(host) => {
                let user = address.get(..host).unwrap_or_default().split(':').next().unwrap_or_default();
                out.push_str(user);
                out.push_str(":***");
                out.push_str(address.get(host..).unwrap_or_default());
            }
            None => out.push_str(address),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn names_are_shown_on_one_line() {
        for (name, wanted) in [
            (&b"data/hyperpage.db"[..], "data/hyperpage.db"),
            (b"with space.db", "with space.db"),
            (b"new\nline.db", r#""new\nline.db""#),
            (b"quo\"te.db", r#""quo\"te.db""#),
            (b"bad\xff.db", r#""bad\xff.db""#),
            ("caf\u{e9}.db".as_bytes(), "caf\u{e9}.db"),
            ("\u{202e}bd.db".as_bytes(), r#""\u{202e}bd.db""#),
            (b"\x1b[31m.db", r#""\u{1b}[31m.db""#),
        ] {
            assert_eq!(shown(Path::new(OsStr::from_bytes(name))), wanted);
        }
    }

    #[test]
    fn passwords_of_urls_are_masked() {
        for (line, wanted) in [
            ("postgres://u:secret@h/db", "postgres://u:***@h/db"),
            ("a=postgres://u:s@c/r@h/db b=http://x:y@z", "a=postgres://u:***@h/db b=http://x:***@z"),
            ("https://example.com/a", "https://example.com/a"),
            ("none", "none"),
        ] {
            assert_eq!(scrubbed(line), wanted);
        }
    }

    #[test]
    fn any_bytes_are_text_or_binary() {
        let content = |bytes: &[u8]| decode(bytes.to_vec()).map(|text| (text.content, text.exact));
        assert_eq!(content(b"abc"), Some(("abc".into(), true)));
        assert_eq!(content(b"a\xffc"), Some(("a\u{fffd}c".into(), false)));
        assert_eq!(content(b"\xff\xfeA\0B\0"), Some(("AB".into(), false)));
        assert_eq!(content(b"\xfe\xff\0A"), Some(("A".into(), false)));
        assert_eq!(content(b"a\0b"), None);
        assert_eq!(content(b""), Some((String::new(), true)));
    }

    #[test]
    fn offsets_become_lines() {
        let lines = Lines::of("a\nbc\n\nd");
        assert_eq!([0, 1, 2, 4, 5, 6, 99].map(|offset| lines.line(offset)), [1, 1, 2, 2, 3, 4, 4]);
    }
}
