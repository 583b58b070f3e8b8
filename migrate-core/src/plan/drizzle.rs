//! The plan's decisions for an app that uses Drizzle ORM.

use serde::{Deserialize, Serialize};

use super::Plan;
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

/// Something in the database that Drizzle cannot express or that drizzle-kit misreads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LeftOut {
    /// A table with a name that drizzle-kit cannot read: it is left out and hidden.
    Table {
        /// The table, by its name in PostgreSQL.
        table: String,
    },
    /// A view with such a name, or without the types of its columns in the plan: it is left out and hidden.
    View {
        /// The view, by its name in PostgreSQL.
        view: String,
    },
    /// A trigger, which Drizzle does not have.
    Trigger {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The trigger's name.
        trigger: String,
    },
    /// A foreign key to a table that is left out: it is left out, and `push` drops it.
    ForeignKey {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The constraint's name.
        key: String,
    },
    /// A foreign key that is `DEFERRABLE INITIALLY DEFERRED`, which Drizzle does not have and does not see.
    Deferred {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The constraint's name.
        key: String,
    },
    /// A key of several columns in another order than in the table: it is written in the order of the table, as it is read.
    KeyOrder {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The constraint's name.
        key: String,
    },
    /// A foreign key of several columns in another order than in the tables: each side is written in the order of its table, as it is read.
    ForeignKeyOrder {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The constraint's name.
        key: String,
    },
    /// A unique index that a foreign key references: drizzle-kit takes it for a constraint and does not see it. It is left out.
    ReferencedIndex {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The index's name.
        index: String,
    },
    /// An index with expressions and a descending key, whose direction Drizzle cannot express: `push` makes it again each time.
    DescendingExpression {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The index's name.
        index: String,
    },
    /// A default that drizzle-kit cuts at the first `::`: it is written as it is read.
    DefaultMisread {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The column, by its name in PostgreSQL.
        column: String,
    },
    /// A default that PostgreSQL may print in another form than the plan: `push` may set it again each time.
    DefaultUnknown {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The column, by its name in PostgreSQL.
        column: String,
    },
    /// A default at which drizzle-kit stops with an error: `push` and `pull` fail.
    DefaultUnreadable {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The column, by its name in PostgreSQL.
        column: String,
    },
    /// An identity column whose sequence has a quoted name: `push` sets the cache of the sequence again each time.
    Identity {
        /// The table, by its name in PostgreSQL.
        table: String,
        /// The column, by its name in PostgreSQL.
        column: String,
    },
}

impl Plan {
    /// Whether the two plans differ at most in what is for an app with Drizzle, and in what was counted in the source.
    pub fn is_same_but_for_drizzle(&self, other: &Plan) -> bool {
        self.without_drizzle() == other.without_drizzle()
    }

    /// Whether the two plans differ in how tables number new rows, and in nothing else but what is for an app with Drizzle.
    pub fn differs_in_numbering(&self, other: &Plan) -> bool {
        let [mut ours, theirs] = [self.without_drizzle(), other.without_drizzle()];
        if ours == theirs {
            return false;
        }
        for (table, as_there) in ours.tables.iter_mut().zip(&theirs.tables) {
            for (column, as_there) in table.columns.iter_mut().zip(&as_there.columns) {
                column.numbering = as_there.numbering;
            }
        }
        ours == theirs
    }

    /// The plan without what is for an app with Drizzle, and without what was counted: that changes with the rows of the source.
    fn without_drizzle(&self) -> Plan {
        let mut plan = Plan { drizzle: None, ..self.clone() };
        for table in &mut plan.tables {
            table.profile_rows = None;
            table.notes.clear();
            for column in &mut table.columns {
                (column.profile, column.suggestion) = (None, None);
                column.why.clear();
                column.notes.clear();
            }
        }
        plan
    }
}
