//! Conditions on keys whose values are not part of the statement.
//!
//! PostgreSQL logs the text of a statement that fails or is cancelled, and keys are values of rows. `COPY` takes no parameters. So
//! another statement, whose parameters are not logged, stores the values in settings of the transaction, and the condition reads them.

use crate::error::Result;
use postgres_client::connection::Connection;

/// Number of settings that are sent at once; a SELECT has room for 1,664 values (PostgreSQL manual, appendix K).
const SETTINGS_OF_STATEMENT: usize = 1000;

/// A condition in PostgreSQL's SQL, with the values that it uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TargetFilter {
    sql: String,
    values: Vec<String>,
}

impl TargetFilter {
    /// Builds a condition; each value that `write` binds becomes an expression of SQL.
    pub(super) fn new(write: impl FnOnce(&mut Bindings) -> String) -> TargetFilter {
        let mut bindings = Bindings(Vec::new());
        let sql = write(&mut bindings);
        TargetFilter { sql, values: bindings.0 }
    }

    /// Sends the values for the current transaction, and returns the condition.
    ///
    /// # Errors
    /// A lost connection.
    pub(crate) fn bind(&self, target: &mut Connection) -> Result<&str> {
        let mut first = 0;
        for values in self.values.chunks(SETTINGS_OF_STATEMENT) {
            let set = (0..values.len()).map(|place| {
                format!("pg_catalog.set_config('migration.value_{}', ${}, true)", first + place, place + 1)
            });
            let sql = format!("SELECT {}", set.collect::<Vec<_>>().join(", "));
            let parameters: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
            target.query(&sql, &parameters)?;
            first += values.len();
        }
        Ok(&self.sql)
    }
}

/// The values of a condition.
pub(super) struct Bindings(Vec<String>);

impl Bindings {
    /// Adds a value of this type, as PostgreSQL reads it from text, and returns the expression for it.
    pub(super) fn add(&mut self, value: String, type_name: &str) -> String {
        self.0.push(value);
        format!("pg_catalog.current_setting('migration.value_{}')::{type_name}", self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_beside_the_condition() {
        let filter = TargetFilter::new(|bindings| {
            let one = bindings.add("7".to_owned(), "bigint");
            let other = bindings.add("b\"\\,".to_owned(), "text");
            format!("a > {one} AND b = {other}")
        });
        assert_eq!(
            filter.sql,
            "a > pg_catalog.current_setting('migration.value_0')::bigint \
             AND b = pg_catalog.current_setting('migration.value_1')::text"
        );
        assert_eq!(filter.values, ["7", "b\"\\,"]);
    }
}
