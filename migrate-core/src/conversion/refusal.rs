//! Why a value cannot be converted, without any part of the value.
//!
//! Table, column and key are not known here: the caller that reads the rows adds them.

use crate::value::StorageClass;

/// Why PostgreSQL cannot hold a source value exactly in the planned type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The value has a storage class that the conversion does not accept.
    #[error("{found} where {expected} is expected")]
    StorageClass {
        /// The class of the value.
        found: StorageClass,
        /// The accepted classes, in words.
        expected: &'static str,
    },
    /// An integer outside what the target type holds.
    #[error("out of range for {target} ({range})")]
    OutOfRange {
        /// The target type.
        target: &'static str,
        /// What it holds, in words.
        range: &'static str,
    },
    /// A value that is not written as its type needs it.
    #[error("not {expected}")]
    Form {
        /// What is expected, in words.
        expected: &'static str,
    },
    /// A text that is none of the labels of its enum.
    #[error("not one of the labels of its enum: {}", in_words(labels))]
    Label {
        /// The labels that the enum has.
        labels: Vec<String>,
    },
    /// PostgreSQL's text has no NUL byte.
    #[error("NUL character at byte {at_byte}, which PostgreSQL text cannot hold")]
    NulInText {
        /// Where, counted from 0.
        at_byte: usize,
    },
    /// Text that is not valid UTF-8.
    #[error("invalid UTF-8 at byte {at_byte}")]
    InvalidUtf8 {
        /// Where the first bad byte is, counted from 0.
        at_byte: usize,
    },
    /// A field may hold one gigabyte less a few bytes (PostgreSQL manual, appendix K).
    #[error(
        "{bytes} bytes, and PostgreSQL holds at most {} in one field",
        super::text::FIELD_LENGTH_MAX_BYTES
    )]
    TooLong {
        /// How many it has.
        bytes: u64,
    },
    /// Text that is longer than its column takes.
    #[error("longer than the {max} characters that its column takes")]
    TooManyCharacters {
        /// How many it takes.
        max: u32,
    },
    /// A number that has more digits than its column keeps.
    #[error("more digits than numeric({precision},{scale}) keeps")]
    TooManyDigits {
        /// All digits that it keeps.
        precision: u32,
        /// Those behind the point.
        scale: u32,
    },
    /// The text is no JSON document, or one that `jsonb` cannot keep.
    #[error("JSON: {problem} at byte {at_byte}")]
    Json {
        /// What is wrong, in words.
        problem: &'static str,
        /// Where, counted from 0.
        at_byte: usize,
    },
    /// The text is no date and time that this conversion reads, or one that does not exist.
    #[error("date and time: {problem}")]
    DateTime {
        /// What is wrong, in words.
        problem: &'static str,
    },
}

/// A list of labels, the first ones of many.
fn in_words(labels: &[String]) -> String {
    const NAMED_MAX: usize = 20;
    let named = labels.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match labels.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Why bytes from PostgreSQL do not stand for a value that the conversion could have sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// The field has another length than its type has.
    #[error("{found_bytes} bytes where {target} has {expected}")]
    Length {
        /// The target type.
        target: &'static str,
        /// Its length, in words.
        expected: &'static str,
        /// The length found.
        found_bytes: usize,
    },
    /// A value of the right type that has no source value, such as a microsecond in a column of milliseconds.
    #[error("{what}")]
    NoSourceValue {
        /// What it is, in words.
        what: &'static str,
    },
}
