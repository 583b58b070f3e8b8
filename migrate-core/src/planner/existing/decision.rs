//! Decisions that solve obstacles, as lines of `mapping.toml`. Which decision solves an obstacle is the obstacle's to know.

use std::fmt::{self, Write};

use crate::mapping::{TomlKey, TomlText};
use crate::terms::DerivedDecision;

/// A line of `mapping.toml`, with the heading that it stands below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A table, view or trigger is not migrated.
    LeaveBehind {
        /// Its name in the source.
        name: String,
        /// The reason.
        reason: String,
    },
    /// A decision about a table.
    Table {
        /// Its name in the source.
        table: String,
        /// The key, such as `rename`.
        key: &'static str,
        /// The value as TOML.
        value: String,
    },
    /// A decision about a column.
    Column {
        /// The column.
        column: ColumnName,
        /// The key, such as `skip`.
        key: &'static str,
        /// The value as TOML.
        value: String,
    },
    /// A decision about data that the app derives from rows.
    Derived {
        /// Its name: `table.column`, a materialized view, or a table that only triggers write.
        name: String,
        /// What happens to it.
        decision: DerivedDecision,
    },
}

/// A column of the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnName {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}

impl Decision {
    /// A decision about a table whose value is text.
    pub(crate) fn table(table: &str, key: &'static str, text: &str) -> Decision {
        Decision::Table { table: table.to_owned(), key, value: TomlText(text).to_string() }
    }

    /// A decision about a column whose value is text.
    pub(crate) fn column(column: &ColumnName, key: &'static str, text: &str) -> Decision {
        Decision::Column { column: column.clone(), key, value: TomlText(text).to_string() }
    }

    /// The decision that a table is created.
    pub(crate) fn create(table: &str) -> Decision {
        Decision::Table { table: table.to_owned(), key: "create", value: "true".to_owned() }
    }

    /// The decision that a table is not migrated.
    pub(crate) fn leave_behind(name: &str, reason: &str) -> Decision {
        Decision::LeaveBehind { name: name.to_owned(), reason: reason.to_owned() }
    }

    /// The decision that derived data is filled.
    pub(crate) fn fill(name: &str) -> Decision {
        Decision::Derived { name: name.to_owned(), decision: DerivedDecision::Fill }
    }

    /// The decision that derived data is accepted as it is.
    pub(crate) fn accept(name: &str) -> Decision {
        Decision::Derived { name: name.to_owned(), decision: DerivedDecision::Accept }
    }

    /// The heading that it stands below.
    pub fn heading(&self) -> String {
        match self {
            Decision::LeaveBehind { .. } => "[leave_behind]".to_owned(),
            Decision::Derived { .. } => "[derived]".to_owned(),
            Decision::Table { table, .. } => format!("[tables.{}]", TomlKey(table)),
            Decision::Column { column, .. } => {
                format!("[tables.{}.columns.{}]", TomlKey(&column.table), TomlKey(&column.column))
            }
        }
    }

    /// The line.
    pub fn line(&self) -> String {
        match self {
            Decision::Derived { name, decision } => {
                format!("{} = {}", TomlKey(name), TomlText(decision.name()))
            }
            Decision::LeaveBehind { name, reason } => format!("{} = {}", TomlKey(name), TomlText(reason)),
            Decision::Table { key, value, .. } | Decision::Column { key, value, .. } => {
                format!("{key} = {value}")
            }
        }
    }

    /// Both, as text that can be pasted.
    pub fn text(&self) -> String {
        format!("{}\n{}\n", self.heading(), self.line())
    }
}

/// The lines of `mapping.toml` for several obstacles: of the alternatives of each, the first is a line and the others are comments. Every
/// heading appears once, so that the text can be appended to a file that has none of them.
pub(super) fn lines<'d>(obstacles: impl Iterator<Item = &'d [Decision]>) -> String {
    let mut headings: Vec<(String, Vec<String>)> = Vec::new();
    let mut decided = Vec::new();
    for alternatives in obstacles {
        let Some(first) = alternatives.first() else { continue };
        let heading = first.heading();
        let place = headings.iter().position(|(other, _)| *other == heading).unwrap_or_else(|| {
            headings.push((heading.clone(), Vec::new()));
            headings.len() - 1
        });
        let Some((_, lines)) = headings.get_mut(place) else { continue };
        let key = (heading.clone(), first.line().split(" = ").next().unwrap_or_default().to_owned());
        // A second decision about the same thing would make the file invalid.
        let is_second = decided.contains(&key);
        decided.push(key);
        let offered =
            alternatives.iter().enumerate().map(|(place, other)| match other.heading() == heading {
                true if place == 0 && !is_second => other.line(),
                true => format!("# or: {}", other.line()),
                false => format!("# or, below {}: {}", other.heading(), other.line()),
            });
        // Two obstacles can have the same remedy.
        let is_new = |line: &String| {
            !lines
                .iter()
                .any(|offered| offered.trim_start_matches("# or: ") == line.trim_start_matches("# or: "))
        };
        let new: Vec<String> = offered.filter(is_new).collect();
        lines.extend(new);
    }
    let mut text = String::new();
    for (heading, lines) in headings {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{heading}\n{}\n", lines.join("\n"));
    }
    text.truncate(text.trim_end().len());
    text
}
