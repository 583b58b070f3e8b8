//! Escapes names and texts of a database for people: on a terminal, in a report, in a log. HTML and Markdown have further rules of
//! their own.

/// Returns text on one line, with everything escaped that could deceive a reader.
pub fn printable(text: &str) -> String {
    escaped(text, is_deceptive)
}

/// Returns text that may have several lines, with everything else escaped that could deceive a reader.
pub fn printable_lines(text: &str) -> String {
    escaped(text, |letter| letter != '\n' && is_deceptive(letter))
}

/// Whether a character moves the cursor, breaks a line, turns the direction of text or cannot be seen.
pub fn is_deceptive(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            // Rust writes NUL as two characters that read like a digit.
            '\0' if is_escaped(letter) => out.push_str("\\u{0}"),
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
    fn deceptive_characters_are_escaped() {
        for (text, shown, in_lines) in [
            ("jobs", "jobs", "jobs"),
            ("größe “x”", "größe “x”", "größe “x”"),
            ("a\0b\u{1b}[31m", "a\\u{0}b\\u{1b}[31m", "a\\u{0}b\\u{1b}[31m"),
            ("a\nb\r\t", "a\\nb\\r\\t", "a\nb\\r\\t"),
            ("\u{202e}x\u{2028}", "\\u{202e}x\\u{2028}", "\\u{202e}x\\u{2028}"),
            ("\u{200b}\u{feff}", "\\u{200b}\\u{feff}", "\\u{200b}\\u{feff}"),
            ("\u{9b}2J", "\\u{9b}2J", "\\u{9b}2J"),
            ("שלום", "שלום", "שלום"),
        ] {
            assert_eq!((printable(text).as_str(), printable_lines(text).as_str()), (shown, in_lines));
        }
    }
}
