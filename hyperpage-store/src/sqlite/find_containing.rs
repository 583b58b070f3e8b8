//! Jobs by their payload in SQLite, which has no operator for containment: the rows are read in order and compared here.

use diesel::connection::DefaultLoadingMode;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use serde_json::Value;

use super::dialect::Connection;
use super::jobs::Row;
use super::schema::jobs;
use crate::Result;
use crate::containment::{contains, required_texts};
use crate::json::canonical;

/// How many texts of a pattern SQLite searches for.
const SEARCHED_TEXTS_MAX: usize = 8;

/// The escape character of JSON.
const BACKSLASH: &str = "\\";

diesel::define_sql_function! {
    /// The position of a text in another one, from 1; 0 if it is not there.
    fn instr(text: Text, searched: Text) -> Integer;
}

pub(super) fn find_containing(connection: &mut Connection, pattern: &Value, limit: u32) -> Result<Vec<Row>> {
    let pattern = canonical(pattern.clone());
    let rows = jobs::table
        .filter(may_contain(&pattern))
        .order((jobs::created_at, jobs::id))
        .select(Row::as_select())
        .load_iter::<Row, DefaultLoadingMode>(connection)?;
    let mut found = Vec::new();
    for row in rows {
        if found.len() as u64 >= u64::from(limit) {
            break;
        }
        let row = row?;
        if row.payload.as_ref().is_some_and(|payload| contains(payload, &pattern)) {
            found.push(row);
        }
    }
    Ok(found)
}

/// A condition that every row with such a payload satisfies: its text has the texts of the pattern in quotes, or it has an escape,
/// which may spell any of them differently.
fn may_contain(
    pattern: &Value,
) -> Box<dyn BoxableExpression<jobs::table, diesel::sqlite::Sqlite, SqlType = Bool>> {
    let mut texts = required_texts(pattern);
    // Long texts are rare texts.
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts.dedup();
    let mut condition: Box<dyn BoxableExpression<jobs::table, diesel::sqlite::Sqlite, SqlType = Bool>> =
        Box::new(sql::<Bool>("TRUE"));
    for text in texts.into_iter().take(SEARCHED_TEXTS_MAX) {
        condition = Box::new(condition.and(instr(jobs::payload, format!("\"{text}\"")).gt(0)));
    }
    Box::new(condition.or(instr(jobs::payload, BACKSLASH).gt(0)))
}
