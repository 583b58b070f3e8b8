//! Runs code of the app with the rights of the owner of its table, whatever the rights of this session are.
//!
//! `SET ROLE` would not be enough, since the code could reset it. In a function that is SECURITY DEFINER, PostgreSQL refuses that.

use migrate_core::identifier::{quote_pg, quote_pg_literal};

use crate::error::Result;
use postgres_client::connection::Connection;
use postgres_client::guarded::Then;
use postgres_client::server_error::ServerError;

/// The setting that holds the result.
const RESULT: &str = "migration.tried";

/// Runs statements as `owner`, and returns the value of the last one, an expression of type text, or the refusal. The transaction has to be
/// rolled back: until then there is a function that belongs to `owner`.
///
/// # Errors
/// When the connection is lost.
pub(crate) fn value_as_owner(
    target: &mut Connection,
    owner: &str,
    statements: &[String],
    value: &str,
) -> Result<std::result::Result<Option<String>, ServerError>> {
    let mut body = statements.join("; ");
    if !statements.is_empty() {
        body.push_str("; ");
    }
    body.push_str(&format!("SELECT pg_catalog.set_config('{RESULT}', {value}, true)"));
    let all = [
        format!(
            "CREATE OR REPLACE FUNCTION pg_temp.migration_trial() RETURNS pg_catalog.text LANGUAGE sql SECURITY DEFINER AS {}",
            quote_pg_literal(&body)
        ),
        format!("ALTER FUNCTION pg_temp.migration_trial() OWNER TO {}", quote_pg(owner)),
        "SELECT pg_temp.migration_trial()".to_owned(),
    ];
    for statement in all {
        if let Err(refused) = target.guarded(&statement, Then::Keep)? {
            return Ok(Err(refused));
        }
    }
    Ok(Ok(target.one(&format!("SELECT pg_catalog.current_setting('{RESULT}', true)"), &[])?))
}
