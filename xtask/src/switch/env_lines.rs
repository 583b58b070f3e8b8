//! The lines of an env file, as the app's loaders read them: comments, `export`, and quoted values of several lines.

/// A line.
pub(super) struct Line<'a> {
    /// The byte order mark, which only the first line of a file may have.
    pub(super) byte_order_mark: &'a str,
    pub(super) content: &'a str,
    /// Its newline; empty if the file ends without one.
    pub(super) end: &'a str,
    /// Whether it continues a quoted value that a line above has begun.
    pub(super) is_inside_value: bool,
}

impl<'a> Line<'a> {
    /// A line by itself.
    pub(super) fn of(content: &'a str) -> Line<'a> {
        Line { byte_order_mark: "", content, end: "", is_inside_value: false }
    }

    /// The variable that is set here; none in a comment, or within a value.
    pub(super) fn variable(&self) -> Option<&'a str> {
        self.assignment().map(|(name, _)| name)
    }

    /// The value without its quotes.
    pub(super) fn value(&self) -> Option<String> {
        let (_, text) = self.assignment()?;
        Some(match text.chars().next().filter(|letter| is_quote(*letter)) {
            Some(quote) => text[1..].split(quote).next().unwrap_or_default().to_owned(),
            // A comment begins after a blank.
            None => text.split(" #").next().unwrap_or_default().trim_end().to_owned(),
        })
    }

    /// Whether the variable is exported, as shells need it.
    pub(super) fn is_exported(&self) -> bool {
        let rest = self.content.trim_start().strip_prefix("export");
        rest.is_some_and(|rest| rest.starts_with([' ', '\t']))
    }

    /// Whether the value continues in the next line.
    pub(super) fn opens_value(&self) -> bool {
        self.assignment().is_some_and(|(_, value)| match value.chars().next() {
            Some(quote) if is_quote(quote) => !closes(&value[1..], quote),
            _ => value.ends_with('\\'),
        })
    }

    fn assignment(&self) -> Option<(&'a str, &'a str)> {
        if self.is_inside_value {
            return None;
        }
        let text = self.content.trim_start();
        let text =
            if self.is_exported() { text.strip_prefix("export").unwrap_or(text).trim_start() } else { text };
        let (name, value) = text.split_once('=')?;
        let name = name.trim_end();
        let is_name =
            !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        is_name.then(|| (name, value.trim()))
    }
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '\'' | '"' | '`')
}

/// Whether a quoted text ends in here.
fn closes(text: &str, quote: char) -> bool {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quote == '"' => drop(letters.next()),
            letter if letter == quote => return true,
            _ => {}
        }
    }
    false
}

/// Splits a text into its lines.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    const BYTE_ORDER_MARK: char = '\u{feff}';
    let mut lines: Vec<Line<'_>> = text
        .split_inclusive('\n')
        .enumerate()
        .map(|(index, whole)| {
            let begin =
                if index == 0 && whole.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
            let end = whole.strip_suffix("\r\n").or_else(|| whole.strip_suffix('\n')).unwrap_or(whole).len();
            Line {
                byte_order_mark: &whole[..begin],
                content: &whole[begin..end],
                end: &whole[end..],
                is_inside_value: false,
            }
        })
        .collect();
    let mut index = 0;
    while index < lines.len() {
        let quote = lines[index]
            .assignment()
            .and_then(|(_, value)| value.chars().next())
            .filter(|letter| is_quote(*letter));
        if let Some(quote) = quote
            && lines[index].opens_value()
            // A quote that nothing closes is a letter of the value.
            && let Some(length) = lines[index + 1..].iter().position(|line| closes(line.content, quote))
        {
            lines[index + 1..=index + 1 + length].iter_mut().for_each(|line| line.is_inside_value = true);
            index += length + 1;
        }
        index += 1;
    }
    lines
}
