//! Finds out why a role may not read a table or sequence, and what lets it: a right to grant, or row level security.

use migrate_core::identifier::quote_pg;
use migrate_core::plan::PlannedTable;
use postgres_client::connection::Connection;
use postgres_client::server_error::ServerError;

use crate::error::{Error, Result};

/// What a role may do with a relation.
struct Access {
    /// The relation, as SQL names it.
    name: String,
    /// The statements that grant what is missing, in one line; none where nothing is missing.
    grants: Option<String>,
    /// Whether policies hide rows from the role.
    has_row_security: bool,
}

/// Adds the name of the table. If the role may not read all of it, the error names the right that is missing: a part of a table proves nothing.
///
/// It ends the transaction that the error has aborted.
pub(crate) fn cannot_compare(table: &PlannedTable, error: Error, target: &mut Connection) -> Error {
    let is_refused = is_refusal(&error);
    let wrapped = Error::new(format!("table {} cannot be compared", table.source)).caused_by(error);
    if !is_refused {
        return wrapped;
    }
    let name = table.name_in_sql();
    // Whatever this cannot find out, the cause is in the error.
    let ended = target.query("ROLLBACK", &[]).is_ok();
    let access = if ended { read(&name, target).ok().flatten() } else { None };
    match access {
        Some(Access { grants: Some(grants), .. }) => wrapped.with_remedy_text(format!(
            "this role may not read all of {name}: {grants}; or validate as a role that may"
        )),
        Some(Access { has_row_security: true, name, .. }) => wrapped.with_remedy_text(format!(
            "this role may not see every row of {name}, which has row level security: validate as a role with BYPASSRLS, or switch it \
             off: ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"
        )),
        _ => wrapped.with_remedy_text(format!("validate as a role that may read every row of {name}")),
    }
}

/// The statements that let the role read a sequence, in one line; none where it may.
///
/// # Errors
/// When the catalog cannot be read.
pub(crate) fn missing_on_sequence(sequence: &str, target: &mut Connection) -> Result<Option<String>> {
    Ok(read(sequence, target)?.and_then(|access| access.grants))
}

/// Adds the statements that let the role read a sequence, if that is why it failed.
pub(crate) fn explain_sequence(sequence: &str, error: Error, target: &mut Connection) -> Error {
    if !is_refusal(&error) {
        return error;
    }
    match missing_on_sequence(sequence, target) {
        Ok(Some(grants)) => error.with_remedy_text(format!("this role may not read it: {grants}")),
        _ => error,
    }
}

/// SQLSTATE 42501, `insufficient_privilege`: no right to read, or row level security in a session that has it off.
fn is_refusal(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<ServerError>())
        .is_some_and(|cause| cause.sqlstate.as_deref() == Some("42501"))
}

/// What the session's role may do with a relation; none where there is none. `regclass` would need a right to the schema.
fn read(name: &str, target: &mut Connection) -> Result<Option<Access>> {
    let sql = "SELECT n.nspname, c.relname, pg_catalog.has_schema_privilege(n.oid, 'USAGE'), \
         CASE c.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT') \
         ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END, \
         c.relkind = 'S', pg_catalog.row_security_active(c.oid), current_user \
         FROM pg_catalog.parse_ident($1) AS id JOIN pg_catalog.pg_class c ON c.relname = id[pg_catalog.cardinality(id)] \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE CASE pg_catalog.cardinality(id) WHEN 1 THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = id[1] END";
    let rows = target.query(sql, &[Some(name)])?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let Ok([Some(schema), Some(relation), usage, select, is_sequence, policies, Some(role)]) =
        <[Option<String>; 7]>::try_from(row)
    else {
        return Ok(None);
    };
    let is = |answer: Option<String>| answer.as_deref() == Some("t");
    let (schema, role) = (quote_pg(&schema), quote_pg(&role));
    let name = format!("{schema}.{}", quote_pg(&relation));
    let kind = if is(is_sequence) { "SEQUENCE " } else { "" };
    let grants: Vec<String> = [
        (!is(usage)).then(|| format!("GRANT USAGE ON SCHEMA {schema} TO {role};")),
        (!is(select)).then(|| format!("GRANT SELECT ON {kind}{name} TO {role};")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let grants = Some(grants.join(" ")).filter(|grants| !grants.is_empty());
    Ok(Some(Access { name, grants, has_row_security: is(policies) }))
}
