//! Plans what an app's Drizzle schema has of the database, and what it leaves out because Drizzle cannot express or misreads it.

use crate::mapping::Mapping;
use crate::plan::{LeftOut, Plan, PlannedDrizzle};

/// Returns what is decided for an app that uses Drizzle; none where nothing is asked for, or where an app has made the tables itself.
pub(super) fn plan(mapping: &Mapping, plan: &Plan) -> Option<PlannedDrizzle> {
    let decided = mapping.drizzle.as_ref().filter(|_| !mapping.into_existing)?;
    let left_out = plan
        .views
        .iter()
        .filter(|view| view.conversions.is_empty())
        .map(|view| LeftOut::View { name: view.target.clone() })
        .collect();
    Some(PlannedDrizzle { dates: decided.dates, left_out })
}
