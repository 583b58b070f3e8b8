//! What `migrate` writes into the list of the app's own migrator, where the plan is for one.

use migrate_core::baseline::{Baseline, BaselineRow};
use migrate_core::plan::Plan;

/// The list of Drizzle's migrator, with its default names.
const DRIZZLE_LIST: [&str; 2] = ["drizzle", "__drizzle_migrations"];

/// Returns the rows that Drizzle's migrator would have written for the plan's migrations; none where the plan is not for Drizzle.
pub(super) fn of_plan(plan: &Plan) -> Option<Baseline> {
    plan.drizzle.as_ref()?;
    let row = |applied: drizzle::AppliedMigration| BaselineRow {
        hash: applied.sha256,
        created_at_ms: i64::try_from(applied.when_ms).unwrap_or(i64::MAX),
    };
    let [schema, table] = DRIZZLE_LIST.map(str::to_owned);
    Some(Baseline { schema, table, rows: drizzle::migrations(plan).map(row).to_vec() })
}
