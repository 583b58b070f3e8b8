//! What stands in the plan's schemas and is none of the plan's: preflight found them empty, so that somebody has made it since.

use std::collections::BTreeSet;

use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;

use super::catalog::SchemaDifference;
use crate::error::{Context, Result};
use crate::target::bookkeeping;
use postgres_client::connection::{Connection, text_array};

const STRAYS_SQL: &str = include_str!("strays.sql");

/// What is in the plan's schemas beside the objects of these schemas and names; nothing is where an app made the tables, since then the
/// app decides what else there is.
///
/// # Errors
/// When the catalog cannot be read.
pub(super) fn strays(
    target: &mut Connection,
    plan: &Plan,
    planned: &BTreeSet<(String, String)>,
) -> Result<Vec<SchemaDifference>> {
    if plan.is_into_existing() {
        return Ok(Vec::new());
    }
    let schemas = text_array(plan.schemas().into_iter().map(Some));
    let found: Vec<(String, String, String)> =
        target.load(STRAYS_SQL, &[Some(&schemas)]).context(|| "the live schema cannot be described")?;
    let is_stray = |(schema, name, _): &(String, String, String)| {
        let is_bookkeeping = name == bookkeeping::TABLE && *schema == plan.target_schema;
        !is_bookkeeping && !planned.contains(&(schema.clone(), name.clone()))
    };
    let differences = found.into_iter().filter(is_stray).map(|(schema, name, kind)| {
        let schema = match schema.as_str() {
            DEFAULT_SCHEMA => String::new(),
            schema => format!("{schema}."),
        };
        let words = format!("{kind} {schema}{name} is not in the plan");
        SchemaDifference { table: name, is_about_columns: false, words }
    });
    Ok(differences.collect())
}
