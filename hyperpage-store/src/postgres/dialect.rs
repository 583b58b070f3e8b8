//! What differs in PostgreSQL wherever the queries are shared: the backend, and the types of parameters.

use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde_json::Value;

pub(super) use super::connection::Connection;
use crate::json::canonical;

/// A document as a parameter.
///
/// It is sent with numbers in one form: `jsonb` would keep the shortest decimal digits of a large integer that is an `f64`, and SQLite keeps
/// all of them.
#[derive(Clone, Copy, Debug, AsExpression)]
#[diesel(sql_type = Jsonb)]
pub(super) struct Document<'a>(&'a Value);

impl ToSql<Jsonb, Pg> for Document<'_> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Jsonb, Pg>::to_sql(&canonical(self.0.clone()), &mut out.reborrow())
    }
}

pub(super) fn number(number: i32) -> i32 {
    number
}

pub(super) fn flag(flag: bool) -> bool {
    flag
}

pub(super) fn document(document: &Value) -> Document<'_> {
    Document(document)
}

/// Locks the rows that a query returns until the transaction ends.
macro_rules! lock {
    ($query:expr) => {
        $query.for_update()
    };
}
pub(super) use lock;
