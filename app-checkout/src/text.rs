//! Bytes to text, offsets to lines, and regular expressions that are compiled once. It knows nothing of SQLite.

use regex::{Captures, Regex};
use std::ops::Range;
use std::sync::OnceLock;

/// Number of bytes that decide whether a file is text, as in git and ripgrep.
const SNIFF_BYTES: usize = 8000;

/// A file's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// The text; with replacement characters where the bytes were not UTF-8.
    pub(crate) content: String,
    /// Whether the text is the file byte for byte, so that it may be edited.
    pub(crate) is_exact: bool,
}

/// Reads UTF-8, UTF-16 with a byte order mark, and anything else with replacement characters; `None` for binary data.
pub(crate) fn decode(bytes: Vec<u8>) -> Option<Text> {
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units = bytes.get(2..).unwrap_or_default().chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|each| each.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    if bytes.starts_with(&[0xff, 0xfe]) {
        return Some(Text { content: wide(u16::from_le_bytes), is_exact: false });
    }
    if bytes.starts_with(&[0xfe, 0xff]) {
        return Some(Text { content: wide(u16::from_be_bytes), is_exact: false });
    }
    if is_binary(&bytes) {
        return None;
    }
    Some(match String::from_utf8(bytes) {
        Ok(content) => Text { content, is_exact: true },
        Err(error) => {
            Text { content: String::from_utf8_lossy(error.as_bytes()).into_owned(), is_exact: false }
        }
    })
}

/// Whether bytes are binary data.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(SNIFF_BYTES).any(|byte| *byte == 0)
}

/// The offset of the first byte of every line.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    /// Indexes a text.
    pub(crate) fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line, from 1, of an offset.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset).max(1)
    }
}

/// The lines of a text with their numbers from 1, without line breaks and a byte order mark.
pub(crate) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.trim_start_matches('\u{feff}').lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// A copy of a text with spaces in place of some ranges, in order; line breaks and offsets stay.
pub(crate) fn blanked(text: &str, ranges: impl IntoIterator<Item = Range<usize>>) -> String {
    let (mut out, mut copied) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        out.push_str(text.get(copied..range.start).unwrap_or_default());
        let removed = text.get(range.clone()).unwrap_or_default();
        out.extend(removed.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        copied = range.end;
    }
    out + text.get(copied..).unwrap_or_default()
}

/// A regular expression of this crate, compiled at its first use. The tests use each, so that none is malformed.
pub(crate) struct Pattern(&'static str, OnceLock<Option<Regex>>);

impl Pattern {
    /// A pattern.
    pub(crate) const fn new(text: &'static str) -> Self {
        Self(text, OnceLock::new())
    }

    /// The names that are searched for are ASCII, and words in all of Unicode would make the automata large and slow.
    fn regex(&self) -> Option<&Regex> {
        let ascii = || self.0.replace(r"\b", r"(?-u:\b)").replace(r"\w", "[0-9A-Za-z_]");
        self.1.get_or_init(|| Regex::new(&ascii()).ok()).as_ref()
    }

    /// Whether it matches anywhere.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// Every match with its groups.
    pub(crate) fn all<'t>(&self, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
        self.regex().into_iter().flat_map(move |regex| regex.captures_iter(text))
    }

    /// The first group that matched, with its offset, for every match; the match where the pattern has no group.
    pub(crate) fn found<'t>(&self, text: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
        self.all(text).filter_map(|groups| {
            let first = if groups.len() == 1 { 0 } else { 1 };
            let found = groups.iter().skip(first).flatten().next()?;
            Some((found.start(), found.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_text_or_binary() {
        let content = |bytes: &[u8]| decode(bytes.to_vec()).map(|text| (text.content, text.is_exact));
        assert_eq!(content(b"abc"), Some(("abc".into(), true)));
        assert_eq!(content(b"a\xffc"), Some(("a\u{fffd}c".into(), false)));
        assert_eq!(content(b"\xff\xfeA\0B\0"), Some(("AB".into(), false)));
        assert_eq!(content(b"\xfe\xff\0A"), Some(("A".into(), false)));
        assert_eq!(content(b"a\0b"), None);
    }

    #[test]
    fn blanks_keep_every_offset() {
        assert_eq!(blanked("aé\nb c", std::iter::once(1..5)), "a  \n  c");
        let lines = Lines::of("a\nbc\n\nd");
        assert_eq!([0, 1, 2, 4, 5, 6, 99].map(|offset| lines.line(offset)), [1, 1, 2, 2, 3, 4, 4]);
    }
}
