//! Texts of a database, made fit to be read: what could turn the reading direction or hide is shown as an escape, and names are cut.
//!
//! Making HTML of them is the templates' work, which escape everything by themselves.

pub(crate) use migrate_core::printable::{printable as one_line, printable_lines as lines};
use unicode_width::UnicodeWidthChar;

/// A name for people; one that is empty, or contains only spaces, is described.
pub(crate) fn name(name: &str) -> String {
    match name.trim() {
        "" if name.is_empty() => "(empty name)".to_owned(),
        "" => format!("\"{}\"", one_line(name)),
        _ => one_line(name),
    }
}

/// A text cut to this number of columns of a monospaced font, with an ellipsis if something is cut off.
pub(crate) fn clipped(text: &str, columns_max: usize) -> String {
    let width = |letter: char| letter.width().unwrap_or(0);
    if text.chars().map(width).sum::<usize>() <= columns_max {
        return text.to_owned();
    }
    let mut left = columns_max.saturating_sub(1);
    let mut out = String::new();
    for letter in text.chars() {
        match left.checked_sub(width(letter)) {
            Some(rest) => left = rest,
            None => break,
        }
        out.push(letter);
    }
    out.push('…');
    out
}

/// The number of columns of a text in a monospaced font.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(|letter| letter.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_letter_are_said_to_be_so() {
        for (text, shown) in [("", "(empty name)"), ("  ", "\"  \""), (" a ", " a "), ("a\nb", "a\\nb")] {
            assert_eq!(name(text), shown);
        }
    }

    #[test]
    fn texts_are_cut_at_their_width() {
        for (text, columns_max, shown) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("表表表", 6, "表表表"),
            ("表表表", 5, "表表…"),
            ("ab", 0, "…"),
            ("", 0, ""),
        ] {
            assert_eq!(clipped(text, columns_max), shown);
            assert!(columns(&clipped(text, columns_max)) <= columns_max.max(1));
        }
    }
}
