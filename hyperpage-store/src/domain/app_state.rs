//! Global settings of the app, by key.

use crate::Timestamp;

/// An entry of the app's state.
#[derive(Clone, Debug, PartialEq)]
pub struct StateEntry {
    /// Its key.
    pub key: String,
    /// Its value: JSON or plain text.
    pub value: Option<String>,
    /// When it was written last.
    pub updated_at: Timestamp,
}

/// What a compare-and-set expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// No entry of this key.
    Absent,
    /// An entry with this value.
    Value(Option<&'a str>),
}
