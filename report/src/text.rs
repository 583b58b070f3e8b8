//! Texts of a database, made fit to be read: what could turn the reading direction or hide is shown as an escape, and names are cut.
//!
//! Making HTML of them is the templates' work, which escape everything by themselves.

use unicode_width::UnicodeWidthChar;

/// Text on one line, with everything escaped that could deceive a reader.
pub(crate) fn one_line(text: &str) -> String {
    escaped(text, is_deceptive)
}

/// Text that may have several lines, with everything else escaped that could deceive a reader.
pub(crate) fn lines(text: &str) -> String {
    escaped(text, |letter| letter != '\n' && is_deceptive(letter))
}

/// A name as people read it; one that is empty, or nothing but blanks, is said to be so.
pub(crate) fn name(name: &str) -> String {
    match name.trim() {
        "" if name.is_empty() => "(empty name)".to_owned(),
        "" => format!("\"{}\"", one_line(name)),
        _ => one_line(name),
    }
}

/// A text within so many columns of a monospaced font, an ellipsis standing for what is cut off.
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

/// How many columns of a monospaced font a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(|letter| letter.width().unwrap_or(0)).sum()
}

/// Control characters, marks that break a line or turn the direction of text, and those that cannot be seen.
fn is_deceptive(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\0' => out.push_str("\\u{0}"),
            _ if is_escaped(letter) => out.extend(letter.escape_default()),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_is_escaped() {
        for (text, shown, in_lines) in [
            ("jobs", "jobs", "jobs"),
            ("größe “x”", "größe “x”", "größe “x”"),
            ("a\0b\u{1b}[31m", "a\\u{0}b\\u{1b}[31m", "a\\u{0}b\\u{1b}[31m"),
            ("a\nb\r\t", "a\\nb\\r\\t", "a\nb\\r\\t"),
            ("\u{202e}x\u{2028}", "\\u{202e}x\\u{2028}", "\\u{202e}x\\u{2028}"),
            ("\u{200b}\u{feff}", "\\u{200b}\\u{feff}", "\\u{200b}\\u{feff}"),
            ("שלום", "שלום", "שלום"),
        ] {
            assert_eq!((one_line(text).as_str(), lines(text).as_str()), (shown, in_lines));
        }
    }

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
