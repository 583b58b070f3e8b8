//! Objects in the plan's schemas that the plan does not have: preflight found the schemas empty, so that somebody has created them since.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use migrate_core::finding::SchemaDifference;
use migrate_core::plan::Plan;

use crate::error::Result;
use crate::target::bookkeeping;
use postgres_client::PooledConnection;
use postgres_client::pool::diesel_failed;

const UNPLANNED_OBJECTS_SQL: &str = include_str!("unplanned_objects.sql");

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    schema_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

/// Returns the objects in the plan's schemas that are not among `planned` (schemas and names); none where an app made the tables, since
/// then the app decides what else there is.
///
/// # Errors
/// When the catalog cannot be read.
pub(super) fn unplanned_objects(
    target: &mut PooledConnection,
    plan: &Plan,
    planned: &BTreeSet<(String, String)>,
) -> Result<Vec<SchemaDifference>> {
    if plan.is_into_existing() {
        return Ok(Vec::new());
    }
    let found: Vec<Found> = diesel::sql_query(UNPLANNED_OBJECTS_SQL)
        .bind::<Array<Text>, _>(plan.schemas())
        .load(target)
        .map_err(diesel_failed("the live schema cannot be described"))?;
    let is_unplanned = |found: &Found| {
        let is_bookkeeping = found.name == bookkeeping::TABLE && found.schema_name == plan.target_schema;
        !is_bookkeeping && !planned.contains(&(found.schema_name.clone(), found.name.clone()))
    };
    let differences = found.into_iter().filter(is_unplanned).map(|found| SchemaDifference::ObjectUnplanned {
        schema: found.schema_name,
        object: found.kind,
        name: found.name,
    });
    Ok(differences.collect())
}
