//! Fits a result to a terminal: sections are shown in full if there is room, and otherwise shortened, the most important first.
//!
//! The callers choose the text and order of the sections.

use std::cmp::Reverse;

use super::{counted, new_table};

/// How many lines a result has at most, whatever the number of tables and differences.
pub(super) const LINES_MAX: usize = 30;

/// How wide a terminal is taken to be.
const COLUMNS: usize = 100;

/// How many rows of a table and entries of a list are shown, the first that fits.
const LIMITS: [Limit; 10] = [
    Limit { rows: 12, entries: 5, is_first_line_alone: false },
    Limit { rows: 12, entries: 3, is_first_line_alone: false },
    Limit { rows: 10, entries: 3, is_first_line_alone: true },
    Limit { rows: 8, entries: 3, is_first_line_alone: true },
    Limit { rows: 6, entries: 2, is_first_line_alone: true },
    Limit { rows: 5, entries: 2, is_first_line_alone: true },
    Limit { rows: 5, entries: 1, is_first_line_alone: true },
    Limit { rows: 3, entries: 1, is_first_line_alone: true },
    Limit { rows: 2, entries: 1, is_first_line_alone: true },
    Limit { rows: 1, entries: 1, is_first_line_alone: true },
];

/// A part of a result.
pub(super) enum Section {
    /// Always shown in full.
    Text(String),
    /// A table; where not all of it is shown, the rows that matter most.
    Table { heads: Vec<&'static str>, rows: Vec<TableRow> },
    /// A list; where not all of it is shown, its beginning.
    List(List),
}

/// A row of a table.
pub(super) struct TableRow {
    pub(super) cells: Vec<String>,
    /// Whether something is wrong with it.
    pub(super) is_wrong: bool,
    /// Whether it reports success.
    pub(super) is_equal: bool,
    /// How much there is of it.
    pub(super) rows: u64,
}

/// A list.
#[derive(Default)]
pub(super) struct List {
    /// Its entries, each of one line or more.
    pub(super) entries: Vec<String>,
    /// The noun for entries that are not shown, in the plural: there are always at least two.
    pub(super) noun: &'static str,
    /// The text after the entries, if there are any.
    pub(super) end: &'static str,
    /// Whether the further lines of an entry are statements, which are omitted rather than cut.
    pub(super) has_statements: bool,
}

#[derive(Clone, Copy)]
struct Limit {
    rows: usize,
    entries: usize,
    is_first_line_alone: bool,
}

/// The sections in at most `lines_max` lines of a terminal, as far as that can be.
pub(super) fn fitted(sections: &[Section], lines_max: usize) -> String {
    let whole: String = sections.iter().map(|section| section.text(None)).collect();
    if height(&whole) <= lines_max {
        return whole;
    }
    let mut text = whole;
    for limit in LIMITS {
        text = sections.iter().map(|section| section.text(Some(limit))).collect();
        if height(&text) <= lines_max {
            break;
        }
    }
    text
}

/// The number of lines that a text occupies on a terminal.
pub(super) fn height(text: &str) -> usize {
    text.lines().map(|line| line.chars().count().div_ceil(COLUMNS).max(1)).sum()
}

impl Section {
    fn text(&self, limit: Option<Limit>) -> String {
        match self {
            Section::Text(text) => text.clone(),
            Section::Table { heads, rows } => table_text(heads, rows, limit),
            Section::List(list) => list.text(limit),
        }
    }
}

impl List {
    fn text(&self, limit: Option<Limit>) -> String {
        if self.entries.is_empty() {
            return String::new();
        }
        let shown = limit.map_or(usize::MAX, |limit| limit.entries);
        // One more entry needs no more space than a line that says so.
        let shown =
            if self.entries.len() == shown.saturating_add(1) { shown.saturating_add(1) } else { shown };
        let mut text = String::new();
        for entry in self.entries.iter().take(shown) {
            let lines = entry.lines().take(match limit {
                Some(limit) if limit.is_first_line_alone => 1,
                _ => usize::MAX,
            });
            let is_cut = |line: &str| limit.is_some() && line.chars().count() > COLUMNS;
            for (_, line) in
                lines.enumerate().filter(|(at, line)| *at == 0 || !self.has_statements || !is_cut(line))
            {
                text.push_str(&if limit.is_some() { clipped(line, COLUMNS) } else { line.to_owned() });
                text.push('\n');
            }
        }
        if let Some(more) = self.entries.len().checked_sub(shown).filter(|more| *more > 0) {
            let indent =
                if self.entries.first().is_some_and(|entry| entry.starts_with(' ')) { "  " } else { "" };
            text.push_str(&format!("{indent}… and {more} more {}\n", self.noun));
        }
        text.push_str(self.end);
        text
    }
}

fn table_text(heads: &[&str], rows: &[TableRow], limit: Option<Limit>) -> String {
    let shown_max = limit.map_or(usize::MAX, |limit| limit.rows);
    let mut shown: Vec<&TableRow> = rows.iter().collect();
    if rows.len() > shown_max {
        shown.sort_by_key(|row| (!row.is_wrong, Reverse(row.rows)));
    }
    let left = shown.split_off(shown.len().min(shown_max));
    let name_max = name_width(heads, &shown);
    let mut table = new_table(heads);
    for row in &shown {
        let cells = row.cells.iter().enumerate();
        table.add_row(
            cells.map(|(place, cell)| if place == 0 { clipped(cell, name_max) } else { cell.clone() }),
        );
    }
    let mut text = format!("{table}\n");
    if !left.is_empty() {
        let wrong = left.iter().filter(|row| row.is_wrong).count();
        let what = match wrong {
            0 if left.iter().all(|row| row.is_equal) => ", all equal".to_owned(),
            0 => String::new(),
            wrong => format!(", {wrong} with differences"),
        };
        text.push_str(&format!("… and {}{what}\n", counted(left.len() as u64, "more table")));
    }
    text
}

/// The room that the other columns leave for the names.
fn name_width(heads: &[&str], rows: &[&TableRow]) -> usize {
    const NAME_MIN: usize = 20;
    let width = |place: usize, head: &str| {
        let cells = rows.iter().filter_map(|row| row.cells.get(place)).map(|cell| cell.chars().count());
        cells.max().unwrap_or(0).max(head.chars().count()) + 3
    };
    let others: usize = heads.iter().enumerate().skip(1).map(|(place, head)| width(place, head)).sum();
    COLUMNS.saturating_sub(others + 4).max(NAME_MIN)
}

/// At most this many characters of a text, the last of them an ellipsis if it is cut.
fn clipped(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, is_wrong: bool, rows: u64) -> TableRow {
        TableRow { cells: vec![name.to_owned(), rows.to_string()], is_wrong, is_equal: !is_wrong, rows }
    }

    fn list(count: usize) -> Section {
        let entries = (0..count).map(|place| format!("entry {place}\n  and more of it")).collect();
        Section::List(List { entries, noun: "things", ..List::default() })
    }

    #[test]
    fn what_fits_is_whole_and_in_its_order() {
        let rows = vec![row("small", false, 1), row("wrong", true, 2), row("large", false, 3)];
        let text = fitted(&[Section::Table { heads: vec!["table", "rows"], rows }, list(2)], LINES_MAX);
        let at = |word: &str| text.find(word).unwrap();
        assert!(at("small") < at("wrong") && at("wrong") < at("large") && text.contains("and more of it"));
    }

    #[test]
    fn what_does_not_fit_shows_what_is_wrong_and_then_the_largest() {
        for (tables, entries) in [(200, 0), (200, 500), (1, 500), (5_000, 5_000), (29, 1)] {
            let rows = (0..tables).map(|place| row(&format!("t{place}"), place == 7, place)).collect();
            let sections = [
                Section::Table { heads: vec!["table", "rows"], rows },
                list(entries),
                list(entries),
                Section::Text("the end\n".to_owned()),
            ];
            let text = fitted(&sections, LINES_MAX);
            assert!(height(&text) <= LINES_MAX, "{tables}, {entries}: {text}");
            assert!(text.ends_with("the end\n"), "{text}");
            if tables >= 29 {
                assert!(text.contains("| t7 ") && text.contains(&format!("| t{} ", tables - 1)), "{text}");
                assert!(text.contains("more tables, all equal\n"), "{text}");
            }
            assert_eq!(entries > 5, text.contains("more things\n"), "{text}");
        }
    }

    #[test]
    fn a_statement_is_shown_in_full_or_not_at_all() {
        for has_statements in [false, true] {
            let list = |count: usize| {
                let entry = format!("what is wrong\n  {}\n  and more of it", "SELECT 1; ".repeat(30));
                Section::List(List { entries: vec![entry; count], has_statements, ..List::default() })
            };
            assert!(fitted(&[list(2)], LINES_MAX).contains(&"SELECT 1; ".repeat(30)));
            let text = fitted(&[list(6)], LINES_MAX);
            assert_eq!(text.contains("SELECT"), !has_statements, "{text}");
            assert!(text.contains("and more of it"), "{text}");
        }
    }

    #[test]
    fn long_names_are_cut_and_long_lines_counted_as_the_terminal_wraps_them() {
        let rows = vec![row(&"x".repeat(200), false, 1)];
        let text = fitted(&[Section::Table { heads: vec!["table", "rows"], rows }], LINES_MAX);
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
        assert_eq!(height(&"x".repeat(201)), 3);
        assert_eq!(height("\n\n"), 2);
    }
}
