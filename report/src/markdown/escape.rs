//! Foreign text in Markdown: it is shown literally, and never becomes Markdown, HTML, a mention or a link.

pub(crate) use migrate_core::printable::printable as visible;

/// Text within a line, as prose.
pub(crate) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for letter in visible(text).chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // In a table it would be the end of a cell, also after a backslash that was escaped before.
            '|' => out.push_str("&#124;"),
            '\\' | '`' | '*' | '[' | ']' | '~' | '$' => out.extend(['\\', letter]),
            // Within a word it is a letter like any other.
            '_' if !before.is_alphanumeric() => out.push_str("\\_"),
            // Mentions and issues are found in the text that is shown; a comment parts it.
            '@' | '#' => {
                out.push(letter);
                out.push_str("<!-- -->");
            }
            // So that no address becomes a link.
            '/' if before == '/' => out.push_str("<!-- -->/"),
            '.' if out.ends_with("www") => out.push_str("<!-- -->."),
            letter => out.push(letter),
        }
        before = letter;
    }
    out
}

/// A name or a piece of SQL within the cell of a table, as code: a bar would end the cell even there.
pub(crate) fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

/// A name or a piece of SQL within a line that is no row of a table, as code.
pub(crate) fn code(text: &str) -> String {
    let text = visible(text);
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    // Renderers remove one space at each end; it keeps backticks and spaces at the ends intact.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Lines as a block of code.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text, '`').max(2) + 1);
    let lines: Vec<String> = text.lines().map(visible).collect();
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// Text within HTML.
pub(crate) fn html(text: &str) -> String {
    let escaped = visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // Markdown is read within the line of a summary, too.
    escaped
        .chars()
        .map(|letter| match letter {
            '*' | '_' | '`' | '[' | ']' | '\\' | '@' | '#' | '~' | '$' => format!("&#{};", u32::from(letter)),
            letter => letter.to_string(),
        })
        .collect()
}

/// The text with each run of blanks as one.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn longest_run(text: &str, letter: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for other in text.chars() {
        run = if other == letter { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_markdown_shows_as_it_is() {
        for (text, shown) in [
            ("plain words, 12.5 %", "plain words, 12.5 %"),
            ("a|b", "a&#124;b"),
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("`x` *y* [z](u)", "\\`x\\` \\*y\\* \\[z\\](u)"),
            ("created_at _x_", "created_at \\_x_"),
            ("two\nlines", "two\\\\nlines"),
            ("@team #12", "@<!-- -->team #<!-- -->12"),
            ("https://evil.example", "https:/<!-- -->/evil.example"),
            ("www.evil.example", "www<!-- -->.evil.example"),
            ("\u{202e}back", "\\\\u{202e}back"),
        ] {
            assert_eq!(prose(text), shown, "{text:?}");
        }
    }

    #[test]
    fn code_is_closed_by_its_own_fence_alone() {
        for (text, shown) in [
            ("users", "`users`"),
            ("", "(empty)"),
            ("a|b", "`a|b`"),
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            (" x ", "`  x  `"),
            ("a\nb", "`a\\nb`"),
            ("<b>", "`<b>`"),
        ] {
            assert_eq!(code(text), shown, "{text:?}");
        }
        assert_eq!(cell("a|b\\|c"), "`a\\|b\\\\|c`");
        assert_eq!(fenced("sql", "a\n````\nb"), "`````sql\na\n````\nb\n`````\n");
        assert_eq!(html("<a> & *b* `c`"), "&lt;a&gt; &amp; &#42;b&#42; &#96;c&#96;");
    }
}
