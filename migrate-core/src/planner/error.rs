//! Why no plan can be made, in words that name what stands in the way and the way out.

use std::fmt;

use crate::source_sql::UnreadableSql;

/// Why no plan can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanningError {
    /// `mapping.toml` names something that the source has not.
    #[error("mapping.toml names {kind} {name}, which the source has not{}", nearest.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    UnknownName {
        /// `table` or `column`.
        kind: &'static str,
        /// The name, with its table where it is a column.
        name: String,
        /// The nearest name that there is.
        nearest: Option<String>,
    },
    /// The stored SQL of a table cannot be read, so that nothing can be promised of it.
    #[error(transparent)]
    UnreadableSql(#[from] UnreadableSql),
    /// Columns for which neither their declaration nor their values prove one type; never empty.
    #[error("{}", no_faithful_type(columns))]
    NoFaithfulType {
        /// All of them, in the order of the source.
        columns: Vec<UnclearColumn>,
    },
    /// A conversion that cannot serve a numbered key column.
    #[error(
        "{table}.{column} numbers its rows by itself, so it stays bigint; remove its `as` from mapping.toml"
    )]
    NumberedColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Two names of the source that are one in PostgreSQL.
    #[error("{first} and {second} would both be named {target} in PostgreSQL")]
    NameClash {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// The name.
        target: String,
    },
    /// More columns than PostgreSQL takes.
    #[error(
        "{what} has {found} columns, and PostgreSQL takes {max} at most (manual, appendix K); leave it out of the source or \
         its table behind in mapping.toml"
    )]
    TooManyColumns {
        /// The table, key or index.
        what: String,
        /// How many columns it has.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// A key or an index on a column whose planned type cannot stand in it.
    #[error("{key} of {table} stands on {column}, {problem}")]
    KeyColumn {
        /// The key or index, in words.
        key: String,
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is wrong with it and what to do, in words.
        problem: &'static str,
    },
}

/// A column for which nothing proves one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnclearColumn {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// What is known of it, in words.
    pub seen: String,
}

fn no_faithful_type(columns: &[UnclearColumn]) -> String {
    let named = |column: &UnclearColumn| format!("{}.{} ({})", column.table, column.column, column.seen);
    let listed: Vec<String> = columns.iter().map(named).collect();
    let Some(UnclearColumn { table, column, .. }) = columns.first() else { return String::new() };
    format!(
        "no one type holds all values exactly of {}; name a conversion for each in mapping.toml, such as \
         [tables.{}.columns] {} = {{ as = \"text\" }}",
        listed.join(", "),
        TomlKey(table),
        TomlKey(column)
    )
}

/// A name as a key of TOML: bare where that is allowed.
struct TomlKey<'a>(&'a str);

impl fmt::Display for TomlKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_bare =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if !self.0.is_empty() && is_bare(self.0) { f.write_str(self.0) } else { write!(f, "{:?}", self.0) }
    }
}
