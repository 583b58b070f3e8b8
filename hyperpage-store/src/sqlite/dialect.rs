//! What differs in SQLite wherever the queries are shared: the backend, and the types of parameters.

use std::borrow::Cow;

use serde_json::Value;

use crate::json::canonical;

pub(super) type Connection = diesel::SqliteConnection;

/// A document as a parameter.
pub(super) type Document<'a> = Cow<'a, str>;

/// Integers are 64 bits wide.
pub(super) fn number(number: i32) -> i64 {
    number.into()
}

/// A flag is 0 or 1.
pub(super) fn flag(flag: bool) -> i64 {
    flag.into()
}

/// A document is text, with numbers in one form: `-0.0`, which JavaScript writes as `0`, could not be migrated to `jsonb`.
pub(super) fn document(document: &Value) -> Document<'_> {
    Cow::Owned(canonical(document.clone()).to_string())
}

/// A transaction that writes has locked the database.
macro_rules! lock {
    ($query:expr) => {
        $query
    };
}
pub(super) use lock;
