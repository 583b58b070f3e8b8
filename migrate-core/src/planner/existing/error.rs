//! Why rows cannot be loaded into tables that an app made, with the tables and the remedy.

use super::seed_words as words;
use super::seeds::{SeedKeyClash, UndecidedSeeds};

/// Why rows cannot be loaded into tables that an app made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExistingError {
    /// Tables of an app in another schema than `public`.
    #[error(
        "table {table} would go to schema {schema}, and --into-existing only finds an app's tables in public; remove `schema` \
         from mapping.toml, or omit --into-existing"
    )]
    OtherSchema {
        /// The table in the source.
        table: String,
        /// The schema.
        schema: String,
    },
    /// The target has no table of the source's.
    #[error(
        "the target has no table with a name of the source's ({}); let the app create its tables there first, or omit \
         --into-existing to have them created", tables.join(", ")
    )]
    NothingThere {
        /// The source's tables.
        tables: Vec<String>,
    },
    /// A name of the source that fits several of the target.
    #[error(
        "{kind} {name} can be {} in the target; choose one with `rename` in mapping.toml", candidates.join(" or ")
    )]
    Several {
        /// `table` or `column`.
        kind: &'static str,
        /// The name in the source, with its table where it is a column.
        name: String,
        /// The names in the target.
        candidates: Vec<String>,
    },
    /// Two names of the source that fit one of the target.
    #[error(
        "{first} and {second} would both go to {target} in the target; rename or skip one of them in mapping.toml"
    )]
    Taken {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// The name in the target.
        target: String,
    },
    /// A table that has to be made, and whose name something else has.
    #[error(
        "table {table} would be created as {target}, and the target has something else of that name, such as a view; `rename` it \
         in mapping.toml, or skip it there with leave_behind"
    )]
    NameTaken {
        /// The table in the source.
        table: String,
        /// Its name in the target.
        target: String,
    },
    /// A column of the source that the target's table has not.
    #[error(
        "column {column} has no counterpart in the target's table {table}{}; give it one with `rename`, or skip it with \
         `skip`, in mapping.toml", nearest.as_ref().map(|name| format!(" (the nearest name there is {name})")).unwrap_or_default()
    )]
    UnknownColumn {
        /// The column, with its table.
        column: String,
        /// The table in the target.
        table: String,
        /// The nearest name there.
        nearest: Option<String>,
    },
    /// Columns of the target that the source cannot fill.
    #[error(
        "the target's table {table} needs a value for {}, which the source does not have; give each a default there, or make it nullable",
        columns.join(", ")
    )]
    Unfilled {
        /// The table in the target.
        table: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// A type that no conversion produces.
    #[error(
        "column {column} is {type_name} in the target, which no conversion produces; ALTER it there to a type such as text, or \
         skip it with `skip` in mapping.toml"
    )]
    Type {
        /// The column, with its table.
        column: String,
        /// Its type in the target.
        type_name: String,
    },
    /// A conversion of the mapping that produces another type than the target's.
    #[error(
        "column {column} is {type_name} in the target, and its conversion {conversion} in mapping.toml produces {given}"
    )]
    Conversion {
        /// The column, with its table.
        column: String,
        /// Its type in the target.
        type_name: String,
        /// The conversion's name.
        conversion: &'static str,
        /// The type that it produces.
        given: String,
    },
    /// Numbers whose unit of time cannot be determined.
    #[error(
        "column {column} is {type_name} in the target, and its numbers can be seconds or milliseconds; choose with `as` in \
         mapping.toml, such as as = \"{example}\""
    )]
    Moment {
        /// The column, with its table.
        column: String,
        /// Its type in the target.
        type_name: String,
        /// A conversion that could be meant.
        example: &'static str,
    },
    /// Rows of a table that differ from the source's, without a decision about them.
    #[error("{}", words::seeds(.0))]
    Seeds(Box<UndecidedSeeds>),
    /// A row of the table and another one of the source that have the same value in a key.
    #[error("{}", words::seed_key(.0))]
    SeedKey(Box<SeedKeyClash>),
    /// Rows that cannot be deleted.
    #[error(
        "the rows of table {table} cannot be replaced: foreign keys of {}, which holds rows that stay, reference it; choose seeds = \
         \"keep\" or \"merge\" for {table} in mapping.toml, or \"replace\" for the other tables too", others.join(", ")
    )]
    Referenced {
        /// The table in the target.
        table: String,
        /// The tables that reference it.
        others: Vec<String>,
    },
    /// A table that belongs to another role.
    #[error(
        "table {table} belongs to another role, and only its owner can set its foreign keys and triggers aside; connect as \
         that role, or as a member of it"
    )]
    NotOurs {
        /// The table in the target.
        table: String,
    },
    /// An object that changes the effect of a statement.
    #[error(
        "table {table} has {what}, which prevents loading and comparing rows; remove it for the migration"
    )]
    InTheWay {
        /// The table in the target.
        table: String,
        /// The kind of object.
        what: String,
    },
}
