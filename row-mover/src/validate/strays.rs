//! What stands in the plan's schemas and is none of the plan's: preflight found them empty, so that somebody has made it since.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;

use super::catalog::SchemaDifference;
use crate::error::Result;
use crate::target::bookkeeping;
use postgres_client::PooledConnection;
use postgres_client::pool::diesel_failed;

const STRAYS_SQL: &str = include_str!("strays.sql");

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    schema_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

/// What is in the plan's schemas beside the objects of these schemas and names; nothing is where an app made the tables, since then the
/// app decides what else there is.
///
/// # Errors
/// When the catalog cannot be read.
pub(super) fn strays(
    target: &mut PooledConnection,
    plan: &Plan,
    planned: &BTreeSet<(String, String)>,
) -> Result<Vec<SchemaDifference>> {
    if plan.is_into_existing() {
        return Ok(Vec::new());
    }
    let found: Vec<Found> = diesel::sql_query(STRAYS_SQL)
        .bind::<Array<Text>, _>(plan.schemas())
        .load(target)
        .map_err(diesel_failed("the live schema cannot be described"))?;
    let is_stray = |found: &Found| {
        let is_bookkeeping = found.name == bookkeeping::TABLE && found.schema_name == plan.target_schema;
        !is_bookkeeping && !planned.contains(&(found.schema_name.clone(), found.name.clone()))
    };
    let differences = found.into_iter().filter(is_stray).map(|found| {
        let schema = match found.schema_name.as_str() {
            DEFAULT_SCHEMA => String::new(),
            schema => format!("{schema}."),
        };
        let words = format!("{} {schema}{} is not in the plan", found.kind, found.name);
        SchemaDifference { table: found.name, is_about_columns: false, words }
    });
    Ok(differences.collect())
}
