//! The plan's decisions for an app that uses Drizzle ORM.

use serde::{Deserialize, Serialize};

use crate::terms::DrizzleDates;

/// What is decided about the app's schema in TypeScript. The database is the same with and without it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedDrizzle {
    /// How the app sees moments.
    pub dates: DrizzleDates,
    /// What the database has and the schema in TypeScript leaves out, in the order of the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// Something in the database that Drizzle cannot express or misreads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LeftOut {
    /// A view.
    View {
        /// Its name in PostgreSQL.
        name: String,
    },
}
