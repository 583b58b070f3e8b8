//! The page that the plan is written to: as wide as the terminal, with headings in colour where standard output supports it.

use console::{Style, Term, measure_text_width};

/// The width of a page that no terminal shows.
const WIDTH: usize = 100;

/// The least width that text is wrapped to.
const WIDTH_MIN: usize = 40;

/// Lines of text.
pub(super) struct Page {
    text: String,
    width: usize,
}

impl Page {
    /// Creates an empty page. Colours and width are those of standard output; `NO_COLOR` is respected.
    pub(super) fn new() -> Page {
        let columns = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        Page { text: String::new(), width: columns.unwrap_or(WIDTH).max(WIDTH_MIN) }
    }

    /// Returns the text.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Writes a heading of the first level, after an empty line.
    pub(super) fn title(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.styled(&Style::new().bold().underlined(), text);
    }

    /// Writes a heading of a group, after an empty line.
    pub(super) fn heading(&mut self, text: &str) {
        self.text.push('\n');
        self.styled(&Style::new().bold(), text);
    }

    /// Writes a line that may not be wrapped: one to paste, or SQL.
    pub(super) fn verbatim(&mut self, indent: usize, text: &str) {
        let text = format!("{:indent$}{text}", "");
        self.styled(&Style::new().cyan(), &text);
    }

    /// Writes an empty line.
    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Writes lines of another page.
    pub(super) fn append(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Writes a line as it is.
    pub(super) fn line(&mut self, text: &str) {
        self.push(text);
    }

    /// Writes text, wrapped between words; `lead` begins the first line, and the others are indented equally.
    pub(super) fn wrapped(&mut self, lead: &str, text: &str) {
        let indent = measure_text_width(lead);
        let mut line = lead.to_owned();
        let mut is_empty = true;
        for word in text.split_whitespace() {
            let is_full = measure_text_width(&line) + 1 + measure_text_width(word) > self.width;
            if is_full && !is_empty {
                self.push(line.trim_end());
                line = " ".repeat(indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.push(line.trim_end());
    }

    /// Writes a line and a remark after it, or below it if the line has no room.
    pub(super) fn remarked(&mut self, line: &str, remark: &str, indent: usize) {
        let remark_style = Style::new().dim();
        if remark.is_empty() {
            self.push(line.trim_end());
        } else if measure_text_width(line) + 2 + measure_text_width(remark) <= self.width {
            self.push(&format!("{line}  {}", remark_style.apply_to(remark)));
        } else {
            self.push(line.trim_end());
            self.wrapped(&" ".repeat(indent), remark);
        }
    }

    fn styled(&mut self, style: &Style, text: &str) {
        self.push(&style.apply_to(text).to_string());
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Returns text padded to a number of columns.
pub(super) fn padded(text: &str, columns: usize) -> String {
    console::pad_str(text, columns, console::Alignment::Left, None).into_owned()
}

/// Returns the width of a text in columns.
pub(super) fn columns(text: &str) -> usize {
    measure_text_width(text)
}
