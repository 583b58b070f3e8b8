//! What a reviewer should know of a translation, and the words for each note.

use std::collections::BTreeSet;
use std::fmt;

/// What a reviewer should know of a translation.
pub type Notes = BTreeSet<Note>;

/// Declares each note once: its name, its data and its words.
macro_rules! notes {
    ($($name:ident $({ $($field:ident: $type:ty),* })?: $words:literal,)*) => {
        /// Something that a reviewer should know of a translation.
        #[allow(missing_docs, reason = "the words of a note are its documentation")]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Note {
            $($name $({ $($field: $type),* })?,)*
        }

        impl fmt::Display for Note {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Note::$name $({ $($field),* })? => write!(f, $words),)*
                }
            }
        }
    };
}

notes! {
    // Values.
    IntegerOverflow: "beyond 64 bits PostgreSQL fails, and SQLite continues with floats",
    FloatRange: "outside the range of floats PostgreSQL fails, and SQLite continues with infinity, 0 or NULL",
    CastOverflow: "beyond 64 bits PostgreSQL fails, and SQLite returns the nearest 64-bit integer",
    ExactNumbers: "numbers are calculated exactly; SQLite calculates with floats",
    ComparedAsFloats: "integers and floats are compared as floats, exact up to 2^53",
    ComparedAsTimes: "points in time are compared as such; SQLite compares their text",
    SortedAsTimes: "points in time are sorted as such; SQLite sorts their text",
    MovedMoment: "outside the years 1 to 9999 the two databases compute different times",
    LocalTime: "'localtime' is the zone of the machine that runs SQLite; in PostgreSQL it is the session's TimeZone",
    ClockDefault: "the default is the clock, which SQLite would store in another form than the other values",
    ParsedDocument: "text that only SQLite accepts as JSON, such as JSON5, fails in PostgreSQL",
    DecodedBytes: "bytes that are not UTF-8 fail in PostgreSQL",
    DecodedDocument: "bytes that are not JSON in UTF-8 fail in PostgreSQL",
    DocumentText: "floats, objects and arrays of a document are written as jsonb writes them",
    DocumentClass: "a number that is written with an exponent is an integer in jsonb",
    ConcatenationOrder { function: String }: "the order in which {function} concatenates is not defined in either database",
    // Queries and views.
    LimitTies: "LIMIT may keep different rows where ORDER BY does not distinguish them",
    MissingFromStar { column: String }: "* does not include {column}, which is not migrated",
    UnnamedColumn { column: String }: "the column {column} is named by the text of its expression; AS gives it a name",
    ConvertedColumn { column: String, pg_type: String, conversion: &'static str }: "the column {column} is {pg_type} ({conversion}); SQLite's view returns what was stored",
    // Triggers.
    NotMigratedColumn { table: String, column: String }: "{table}.{column} is not migrated",
    NumbersRows { table: String }: "it sets the key of {table} itself, which does not advance the sequence",
    SetBefore: "SQLite updates the row again after it is written; here its columns are set before it is written",
    SeesAllRows: "where a statement changes several rows, it sees all of them changed; in SQLite only those before",
    NotRecursive: "it does not fire itself, as in SQLite with recursive_triggers off",
    UndoesStatement: "where it refuses a change, PostgreSQL undoes the complete statement, and the app has to end the transaction",
}
