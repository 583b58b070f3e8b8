//! Finds objects in the plan's schemas that the plan does not have. Preflight found the schemas empty, so they were created since.

use std::collections::BTreeSet;

use migrate_core::finding::SchemaDifference;
use migrate_core::plan::Plan;

use crate::error::{Context, Result};
use crate::target::bookkeeping;
use postgres_client::connection::{Connection, text_array};

const UNPLANNED_OBJECTS_SQL: &str = include_str!("unplanned_objects.sql");

/// Returns the objects in the plan's schemas that are not among `planned` (schemas and names); none if an app made the tables, since then
/// the app decides which other objects exist.
///
/// # Errors
/// When the catalog cannot be read.
pub(super) fn unplanned_objects(
    target: &mut Connection,
    plan: &Plan,
    planned: &BTreeSet<(String, String)>,
) -> Result<Vec<SchemaDifference>> {
    if plan.is_into_existing() {
        return Ok(Vec::new());
    }
    let schemas = text_array(plan.schemas().into_iter().map(Some));
    let found: Vec<(String, String, String)> = target
        .load(UNPLANNED_OBJECTS_SQL, &[Some(&schemas)])
        .context(|| "the live schema cannot be described")?;
    let is_unplanned = |(schema, name, _): &(String, String, String)| {
        let is_bookkeeping = name == bookkeeping::TABLE && *schema == plan.target_schema;
        !is_bookkeeping && !planned.contains(&(schema.clone(), name.clone()))
    };
    let differences = found
        .into_iter()
        .filter(is_unplanned)
        .map(|(schema, name, object)| SchemaDifference::ObjectUnplanned { schema, object, name });
    Ok(differences.collect())
}
