//! The parts of differences, as data.

use serde::Serialize;

/// What keeps values unique in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UniqueSource {
    /// A UNIQUE constraint, or a key that foreign keys reference.
    Constraint,
    /// An index of this name.
    Index(String),
}

/// How a foreign key acts differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum ForeignKeyDifference {
    /// `ON DELETE`.
    OnDelete {
        /// The source's action.
        declared: String,
        /// The target's action.
        live: String,
    },
    /// `ON UPDATE`.
    OnUpdate {
        /// The source's action.
        declared: String,
        /// The target's action.
        live: String,
    },
    /// It is DEFERRABLE INITIALLY DEFERRED in SQLite, and checked at once in the target.
    NotDeferred,
    /// It is checked at once in SQLite, and at the end of a transaction in the target.
    Deferred,
    /// It was not tried on the rows that were there before it.
    NotValid,
    /// Its triggers are disabled: rows without a parent get in.
    NotEnforced,
    /// It refuses a key of which some columns are NULL.
    MatchFull,
    /// ON DELETE sets some of its columns, in SQLite all.
    SetsSome {
        /// The columns that it sets.
        columns: Vec<String>,
    },
}

/// What a type cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "limit", rename_all = "snake_case")]
pub enum TypeLimit {
    /// Integers beyond so many bits.
    Bits {
        /// The bits that it holds.
        bits: u32,
    },
    /// More than 6 or 7 significant digits of a floating-point number.
    SinglePrecision,
    /// Longer text.
    Characters {
        /// The characters that it holds.
        characters: u32,
    },
    /// Numbers with more digits before the point.
    Digits {
        /// The digits before the point that it holds.
        digits: u32,
    },
    /// More decimals, which it rounds.
    Decimals {
        /// The decimals that it holds.
        decimals: u32,
    },
    /// The time zone: the app has to know that it is UTC.
    TimeZone,
    /// Operators for JSON.
    Json,
}
