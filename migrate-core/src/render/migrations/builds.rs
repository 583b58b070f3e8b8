//! The second migration taken apart: its statements one by one, so that several can run at once and each is done for good.
//!
//! The statements are those of the file, to the letter. Which of them may run when is `schedule`'s to say.

use super::{constraints, derived, foreign_keys, objects};
use crate::plan::Plan;
use crate::terms::IndexMethod;

/// A statement that follows the rows, or a few that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The table that it belongs to, by target name; empty where it belongs to none.
    pub table: String,
    /// What it makes, in words.
    pub what: String,
    /// The statements, in their order.
    pub statements: Vec<String>,
    /// What kind of thing it makes.
    pub kind: BuildKind,
}

/// What a build makes, as far as it matters to what can run at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildKind {
    /// A PRIMARY KEY or UNIQUE constraint.
    Key,
    /// An index.
    Index(IndexMethod),
    /// A GIN index of `jsonb_path_ops`, which has fewer entries than one of the default operator class.
    PathIndex,
    /// A CHECK constraint.
    Check,
    /// A foreign key.
    ForeignKey {
        /// The table that it points to, by target name; none where the plan does not know it.
        parent: Option<String>,
    },
    /// What the app derives from rows: columns that its triggers fill, and materialized views.
    Derived,
    /// Views and triggers, which stand on finished tables; the migration counts as applied with the last of them.
    Objects,
}

/// All builds of a plan, in the order of the migration; the last one is [`BuildKind::Objects`], with or without a statement, and so are
/// those before it where there are many views and triggers.
pub fn builds(plan: &Plan) -> Vec<Build> {
    let ordered = plan.parents_first();
    let mut builds: Vec<Build> = Vec::new();
    for table in &ordered {
        if table.existing.is_none() {
            builds.extend(constraints::of_table(table).into_iter().map(|step| Build {
                table: table.target.clone(),
                what: step.what,
                statements: vec![step.up],
                kind: step.kind,
            }));
        }
    }
    builds.extend(foreign_keys(plan).into_iter().map(|(table, step)| Build {
        table: table.target.clone(),
        what: step.what,
        statements: vec![step.up],
        kind: step.kind,
    }));
    builds.extend(derived::fills(plan).into_iter().map(|fill| Build {
        table: String::new(),
        what: fill.what,
        statements: fill.statements,
        kind: BuildKind::Derived,
    }));
    let objects: Vec<String> = objects(plan).into_iter().flatten().map(|step| step.up).collect();
    let objects_build = |statements: &[String]| Build {
        table: String::new(),
        what: "views and triggers".to_owned(),
        statements: statements.to_vec(),
        kind: BuildKind::Objects,
    };
    if objects.is_empty() {
        builds.push(objects_build(&[]));
    }
    builds.extend(objects.chunks(OBJECTS_AT_ONCE).map(objects_build));
    builds
}

/// How many statements of views and triggers are one build: it locks all that they read and stand on.
const OBJECTS_AT_ONCE: usize = 50;
