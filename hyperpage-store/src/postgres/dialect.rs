//! What differs in PostgreSQL wherever the queries are shared: the backend, and the types of parameters.

use serde_json::Value;

pub(super) use super::connection::Connection;

/// A document as a parameter.
pub(super) type Document<'a> = &'a Value;

pub(super) fn number(number: i32) -> i32 {
    number
}

pub(super) fn flag(flag: bool) -> bool {
    flag
}

pub(super) fn document(document: &Value) -> Document<'_> {
    document
}

/// Locks the rows that a query returns until the transaction ends.
macro_rules! lock {
    ($query:expr) => {
        $query.for_update()
    };
}
pub(super) use lock;
