//! What `migrate` writes into the list of the app's own migrator, where the plan is for one.

use migrate_core::baseline::Baseline;
use migrate_core::plan::Plan;

/// Returns the rows that Drizzle's migrator would have written for the plan's migrations; none where the plan is not for Drizzle.
pub(super) fn of_plan(_plan: &Plan) -> Option<Baseline> {
    None
}
