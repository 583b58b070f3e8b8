//! Statements whose errors must not reach the server's log.
//!
//! At its default settings PostgreSQL logs each error of a statement with DETAIL, CONTEXT and the statement, and these hold the values
//! of rows (`Failing row contains (…)`, `Key (…)=(…) already exists`). An error that is caught inside the server is not logged. So a
//! statement that rows can make fail runs in a `DO` block with an exception handler, which returns the parts of the error in a setting
//! of the session, as JSON. `DO` needs PL/pgSQL: see [`missing`].

use crate::connection::{Connection, statement_failed};
use crate::error::{Context, Result};
use crate::quote;
use crate::server_error::ServerError;

/// The setting that holds the answer of a block, until the end of its transaction.
const ANSWER: &str = "SELECT pg_catalog.current_setting('migration.answer') AS answer";

/// Whether this role can use PL/pgSQL in this database.
const IS_USABLE: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_language WHERE lanname OPERATOR(pg_catalog.=) 'plpgsql' \
                         AND pg_catalog.has_language_privilege(oid, 'USAGE'))";

/// What happens to a statement that succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is kept.
    Keep,
    /// It is undone at once.
    Undo,
}

/// The number of rows of a statement that succeeded, or the server's error.
pub type Guarded = std::result::Result<u64, ServerError>;

impl Connection {
    /// Runs a statement in a subtransaction. An error of the server is a result, and undoes only the statement.
    ///
    /// # Errors
    /// A lost or stalled connection, or a database without PL/pgSQL.
    pub fn guarded(&mut self, sql: &str, then: Then) -> Result<Guarded> {
        self.guarded_long(sql, then, &mut || Ok(false))
    }

    /// The same for a statement that may take as long as the data is large: see [`Connection::long_script`].
    ///
    /// # Errors
    /// As above, or the error of `is_at_work`.
    pub fn guarded_long(
        &mut self,
        sql: &str,
        then: Then,
        is_at_work: &mut dyn FnMut() -> Result<bool>,
    ) -> Result<Guarded> {
        let rows = self.long_script(&format!("{}; {ANSWER}", block(sql, then)), is_at_work)?;
        read_answer(sql, rows.first().and_then(|row| row.text(0)).unwrap_or_default())
    }

    /// Runs a statement whose effect is kept; a refusal is an error, as with any statement.
    ///
    /// # Errors
    /// The server's error, scrubbed, or a lost connection.
    pub fn guarded_script(&mut self, sql: &str, is_at_work: &mut dyn FnMut() -> Result<bool>) -> Result<()> {
        let taken = self.guarded_long(sql, Then::Keep, is_at_work)?;
        taken.map(drop).map_err(statement_failed)
    }
}

/// Why nothing can be guarded in this database; none where it can.
pub fn missing(connection: &mut Connection) -> Result<Option<&'static str>> {
    let is_usable: bool = connection.one(IS_USABLE, &[])?;
    Ok((!is_usable).then_some(
        "the database lacks the language plpgsql, or this role may not use it, and without it a refusal would put the values of \
         rows into the server's log",
    ))
}

/// Runs statements, separated by `;`, all or none. Constraints that are deferred are checked with them.
///
/// # Errors
/// The server's error, scrubbed, after `what`.
pub fn run(connection: &mut Connection, sql: &str, what: &str) -> Result<()> {
    // Deferred constraints would otherwise fail outside of the block.
    let sql = &format!("{sql};\nSET CONSTRAINTS ALL IMMEDIATE");
    connection.transaction(|connection| {
        let refused = connection.guarded(sql, Then::Keep).context(|| what)?;
        refused.map(drop).context(|| what)
    })
}

/// The `DO` block that runs `sql`. No operator and no name in it depends on the search path.
fn block(sql: &str, then: Then) -> String {
    let statement = quote::literal(sql);
    let undo = match then {
        Then::Keep => "",
        Then::Undo => " is_taken := true; RAISE EXCEPTION 'undone';",
    };
    // A cancelled statement is not caught by OTHERS. It is reported as such, and the caller decides what to do.
    let body = format!(
        "DECLARE \
         taken pg_catalog.int8 := 0; is_taken pg_catalog.bool := false; \
         state pg_catalog.text; words pg_catalog.text; place pg_catalog.text; \
         of_table pg_catalog.text; of_column pg_catalog.text; of_constraint pg_catalog.text; \
         BEGIN \
         BEGIN EXECUTE {statement}; GET DIAGNOSTICS taken = ROW_COUNT;{undo} \
         EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN \
         GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, words = MESSAGE_TEXT, place = PG_EXCEPTION_CONTEXT, \
         of_table = TABLE_NAME, of_column = COLUMN_NAME, of_constraint = CONSTRAINT_NAME; \
         IF is_taken AND state OPERATOR(pg_catalog.=) 'P0001' THEN state := NULL; END IF; \
         END; \
         PERFORM pg_catalog.set_config('migration.answer', \
         pg_catalog.json_build_array(taken, state, words, place, of_table, of_column, of_constraint)::pg_catalog.text, true); \
         END"
    );
    format!("DO LANGUAGE plpgsql {}", quote::literal(&body))
}

fn read_answer(sql: &str, answer: &str) -> Result<Guarded> {
    let failed = || "PostgreSQL gave an answer that is none of ours".to_owned();
    let fields: Vec<serde_json::Value> = serde_json::from_str(answer).context(failed)?;
    let text = |place: usize| {
        let text = fields.get(place).and_then(|field| field.as_str());
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let Some(state) = text(1) else {
        return Ok(Ok(fields.first().and_then(serde_json::Value::as_u64).unwrap_or(0)));
    };
    let is_inside = is_inside(sql, text(3).as_deref().unwrap_or_default());
    Ok(Err(ServerError::caught(state, text(2), [4, 5, 6].map(text), is_inside)))
}

/// Whether an error was raised inside something that the statement called, by its CONTEXT. The last line is the block's own, the one
/// before it contains the statement. Anything before that may be a function or trigger. CONTEXT is translated, so its words are not
/// examined.
fn is_inside(sql: &str, context: &str) -> bool {
    let Some((inner, _block)) = context.trim_end().rsplit_once('\n') else { return false };
    match inner.rsplit_once(sql) {
        Some((before, after)) if !after.contains('\n') => before.contains('\n'),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_apart_from_one_inside_a_function() {
        let sql = "INSERT INTO a\nVALUES (1)";
        let block = "PL/pgSQL function inline_code_block line 1 at EXECUTE";
        for (context, inside) in [
            (block.to_owned(), false),
            (format!("SQL statement \"{sql}\"\n{block}"), false),
            (format!("SQL-Anweisung »{sql}«\n{block}"), false),
            (format!("PL/pgSQL function refuse() line 1 at RAISE\nSQL statement \"{sql}\"\n{block}"), true),
            (format!("SQL function \"f\" statement 1\n{block}"), true),
            (format!("JSON data, line 1: x\nSQL statement \"{sql}\"\n{block}"), true),
            (format!("JSON-Daten, Zeile 1: x\nSQL-Anweisung »{sql}«\nPL/pgSQL-Funktion x"), true),
        ] {
            assert_eq!(is_inside(sql, &context), inside, "{context}");
        }
    }

    #[test]
    fn an_answer_is_read() {
        assert_eq!(read_answer("SELECT 1", "[7, null, null, null, null, null, null]").unwrap(), Ok(7));
        let refused = read_answer(
            "SELECT 1",
            "[0, \"23505\", \"duplicate key value violates unique constraint \\\"k\\\"\", \"\", \"t\", \"\", \"k\"]",
        );
        let refused = refused.unwrap().unwrap_err();
        assert_eq!((refused.sqlstate.as_deref(), refused.column), (Some("23505"), None));
        assert_eq!((refused.table.as_deref(), refused.constraint.as_deref()), (Some("t"), Some("k")));
        assert!(read_answer("SELECT 1", "").is_err());
    }
}
