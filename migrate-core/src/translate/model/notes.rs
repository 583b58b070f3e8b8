//! What a reviewer should know of a translation, and the words for each note.

use std::collections::BTreeSet;
use std::fmt;

/// What a reviewer should know of a translation.
pub type Notes = BTreeSet<Note>;

/// Something that a reviewer should know of a translation.
#[allow(missing_docs, reason = "the words of a note are its documentation")]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    // Values.
    IntegerOverflow,
    FloatRange,
    CastOverflow,
    ExactNumbers,
    ComparedAsFloats,
    ComparedAsTimes,
    SortedAsTimes,
    MovedMoment,
    LocalTime,
    ClockDefault,
    ParsedDocument,
    DocumentText,
    DocumentClass,
    ConcatenationOrder { function: String },
    // Queries and views.
    LimitTies,
    MissingFromStar { column: String },
    UnnamedColumn { column: String },
    ConvertedColumn { column: String, pg_type: String, conversion: &'static str },
    // Triggers.
    NotMigratedColumn { table: String, column: String },
    NumbersRows { table: String },
    SetBefore,
    SeesAllRows,
    NotRecursive,
    UndoesStatement,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Note::IntegerOverflow => "beyond 64 bits PostgreSQL fails, and SQLite continues with floats",
            Note::FloatRange => {
                "outside the range of floats PostgreSQL fails, and SQLite continues with infinity, 0 or NULL"
            }
            Note::CastOverflow => "beyond 64 bits PostgreSQL fails, and SQLite returns the nearest 64-bit integer",
            Note::ExactNumbers => "numbers are calculated exactly; SQLite calculates with floats",
            Note::ComparedAsFloats => "integers and floats are compared as floats, exact up to 2^53",
            Note::ComparedAsTimes => "points in time are compared as such; SQLite compares their text",
            Note::SortedAsTimes => "points in time are sorted as such; SQLite sorts their text",
            Note::MovedMoment => "outside the years 1 to 9999 the two databases compute different times",
            Note::LocalTime => {
                "'localtime' is the zone of the machine that runs SQLite; in PostgreSQL it is the session's TimeZone"
            }
            Note::ClockDefault => "the default is the clock, which SQLite would store in another form than the other values",
            Note::ParsedDocument => "text that only SQLite accepts as JSON, such as JSON5, fails in PostgreSQL",
            Note::DocumentText => "floats, objects and arrays of a document are written as jsonb writes them",
            Note::DocumentClass => "a number that is written with an exponent is an integer in jsonb",
            Note::ConcatenationOrder { function } => {
                return write!(f, "the order in which {function} concatenates is not defined in either database");
            }
            Note::LimitTies => "LIMIT may keep different rows where ORDER BY does not distinguish them",
            Note::MissingFromStar { column } => {
                return write!(f, "* does not include {column}, which is not migrated");
            }
            Note::UnnamedColumn { column } => {
                return write!(f, "the column {column} is named by the text of its expression; AS gives it a name");
            }
            Note::ConvertedColumn { column, pg_type, conversion } => {
                return write!(f, "the column {column} is {pg_type} ({conversion}); SQLite's view returns what was stored");
            }
            Note::NotMigratedColumn { table, column } => return write!(f, "{table}.{column} is not migrated"),
            Note::NumbersRows { table } => {
                return write!(f, "it sets the key of {table} itself, which does not advance the sequence");
            }
            Note::SetBefore => {
                "SQLite updates the row again after it is written; here its columns are set before, with the same result"
            }
            Note::SeesAllRows => {
                "where a statement changes several rows, it sees all of them changed; in SQLite only those before"
            }
            Note::NotRecursive => "it does not fire itself, as in SQLite with recursive_triggers off",
            Note::UndoesStatement => {
                "where it refuses a change, PostgreSQL undoes the complete statement, and the app has to end the transaction"
            }
        })
    }
}
