//! Describes the live schema in PostgreSQL's own words, one line for each fact. Compares nothing.

use migrate_core::identifier::quote_pg;
use postgres_client::connection::{Connection, text_array};
use postgres_client::session::SEARCH_PATH;

use crate::error::{Context, Result};

/// How many tables of an app are described at once.
const DESCRIBED_AT_ONCE: usize = 500;

/// Describes the schemas of these names, one line for each fact.
const DESCRIBE_SQL: &str = include_str!("describe.sql");

/// Reads the catalogs by their indexes, whatever is known about the number of their rows: a schema is described in parts, and each would
/// otherwise read the catalogs of all tables. Compiling the statement would take longer than running it.
const BY_INDEX: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off; \
                        SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";

/// One fact of a schema, as PostgreSQL describes it.
pub(crate) struct Line {
    /// The schema.
    pub(crate) schema_name: String,
    /// The table, by name.
    pub(crate) table_name: String,
    /// What it is about, such as `column id`.
    pub(crate) item: String,
    /// How that is defined.
    pub(crate) definition: String,
}

/// Describes what stands in `schemas`. Whatever is in one of them is printed without its schema, so that the words for two places
/// are alike, and so is what is in the schemas `behind` them: what these hide is hidden on both sides. With `names`, only what has one
/// of these. It takes a transaction.
///
/// The names in the statement itself are settled when the cursor is declared, in the session's own search path. Only what is printed
/// follows the other one.
pub(crate) fn describe(
    target: &mut Connection,
    schemas: &[&str],
    behind: &[&str],
    names: Option<&[&str]>,
) -> Result<Vec<Line>> {
    let names = names.map(|names| text_array(names.iter().map(Some)));
    target.script(BY_INDEX)?;
    let sql = format!("DECLARE migration_facts NO SCROLL CURSOR FOR {DESCRIBE_SQL}");
    target.execute(&sql, &[Some(&text_array(schemas.iter().map(Some))), names.as_deref()])?;
    let path: Vec<String> = schemas.iter().chain(behind).map(|schema| quote_pg(schema)).collect();
    target.script(&format!("SET LOCAL search_path = {}", path.join(", ")))?;
    let lines = target.load("FETCH ALL FROM migration_facts", &[])?;
    target.script(&format!("SET LOCAL search_path = {SEARCH_PATH}; CLOSE migration_facts"))?;
    let line =
        |(schema_name, table_name, item, definition)| Line { schema_name, table_name, item, definition };
    Ok(lines.into_iter().map(line).collect())
}

/// Describes tables of an app in one of its schemas. Only what is in this schema is printed without it, whatever the other schemas are.
///
/// # Errors
/// When the catalog cannot be read.
pub(crate) fn describe_existing(target: &mut Connection, schema: &str, tables: &[&str]) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for names in tables.chunks(DESCRIBED_AT_ONCE) {
        let described = target.transaction(|target| describe(target, &[schema], &[], Some(names)));
        lines.extend(described.context(|| "the live schema cannot be described")?);
    }
    Ok(lines)
}
