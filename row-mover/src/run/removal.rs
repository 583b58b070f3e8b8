//! Drops what `--restart` and `--undo` remove: everything that an earlier run created, and its ledger. Tables of an app are as before.
//!
//! If the server's lock table has room for everything, one transaction drops it all. A schema of thousands of tables needs several. In
//! that case everything that could prevent the removal is checked first, the ledger records that the run is being removed, and the
//! ledger is dropped last: another `--restart` or `--undo` resumes an interrupted removal, and nothing else can use what remains.

use migrate_core::batches::{LockShare, end_of_batch};
use migrate_core::identifier::quote_pg;
use migrate_core::plan::Plan;
use migrate_core::render::SchemaStep;

use super::session::Session;
use super::{baseline, existing, migrations, target_check};
use crate::error::{Context, Error, Result};
use crate::ledger::{self, Run};
use crate::observer::{Note, Observer};
use crate::remedy::Remedy;
use crate::target::migrator_list::WrittenBaseline;
use crate::target::{batches, bookkeeping};
use postgres_client::connection::{Connection, text_array};
use postgres_client::guarded::Then;

/// How many shares of the table of locks a removal may take that goes in one transaction: half of the table.
const SHARES_AT_ONCE: usize = 4;

/// How many names are listed.
const LISTED_MAX: usize = 10;

/// Refuses to do anything else with a run that is being removed.
pub(crate) fn check_none_begun(connection: &mut Connection, run: &Run) -> Result<()> {
    if !ledger::is_being_removed(connection, run.id)? {
        return Ok(());
    }
    Err(Error::new(format!(
        "run {} is being removed: an earlier removal was interrupted while it dropped its tables",
        run.id
    ))
    .with_remedy_value(Remedy::RestartAgain))
}

impl Session<'_> {
    /// Drops what an earlier run of ours created, and the ledger with it. It drops only what the ledger's own plan names; any other
    /// object in the way is an error, as in any target. Where the run of a plan begins `next`, the target must be ready for it; else the
    /// schemas that the run created go, too.
    pub(super) fn remove_earlier_run(&self, next: Option<&Plan>, run: &Run) -> Result<()> {
        self.observer.note(&Note::Dropping { run: run.id, target: self.target });
        let connection = &mut *self.connection()?;
        let share = batches::lock_share(connection)?;
        let removal = Removal::of(connection, run)?;
        let is_begun = ledger::is_being_removed(connection, run.id)?;
        self.check_removable(next, connection, run)?;
        if !is_begun && removal.locks() <= share.locks().saturating_mul(SHARES_AT_ONCE) {
            match self.remove_at_once(next, connection, run, &removal) {
                Err(error) if error.is_out_of_memory() => {}
                removed => return removed,
            }
        }
        ledger::create(connection)?;
        ledger::begin_removal(connection, run.id)?;
        for group in &removal.groups {
            self.remove_in_batches(connection, &run.plan, share, group)?;
        }
        // In a transaction of its own: it reads all tables of the app, and would otherwise hold the locks of all of them.
        if let Some(next) = next {
            existing::check_ready(connection, self.target, next)?;
        }
        connection.transaction(|connection| removal.end(connection, &run.plan, next))
    }

    /// Checks that everything an earlier run created can be dropped, and that nothing else is in the way of a new run.
    ///
    /// # Errors
    /// The names of the objects in the way.
    pub(super) fn check_removable(
        &self,
        next: Option<&Plan>,
        connection: &mut Connection,
        run: &Run,
    ) -> Result<()> {
        let baseline = ledger::baseline(connection)?;
        check_removable(connection, &run.plan, baseline.as_ref())?;
        match next.filter(|next| !next.is_into_existing()) {
            None => Ok(()),
            Some(next) => target_check::check_empty(connection, self.target, next, Some(&run.plan)),
        }
    }

    fn remove_at_once(
        &self,
        next: Option<&Plan>,
        connection: &mut Connection,
        run: &Run,
        removal: &Removal,
    ) -> Result<()> {
        connection.transaction(|connection| {
            let mut sql = String::new();
            for step in removal.groups.iter().flatten() {
                if !sql.is_empty() {
                    sql.push_str("; ");
                }
                sql.push_str(step.sql.trim_end().trim_end_matches(';'));
                if removal.ends_deletes(step) {
                    sql.push_str("; SET CONSTRAINTS ALL IMMEDIATE");
                }
            }
            migrations::run_statements(connection, &run.plan, &sql, failed(&run.plan))
                .map_err(|error| cannot_drop(&run.plan, error))?;
            removal.end(connection, &run.plan, next)?;
            next.map_or(Ok(()), |next| existing::check_ready(connection, self.target, next))
        })
    }

    fn remove_in_batches(
        &self,
        connection: &mut Connection,
        plan: &Plan,
        share: LockShare,
        steps: &[SchemaStep],
    ) -> Result<()> {
        let locks: Vec<usize> = steps.iter().map(|step| step.locks).collect();
        let end = |from: usize, share: LockShare| end_of_batch(&locks, from, share);
        batches::in_batches(steps.len(), share, &end, &mut |range| {
            postgres_client::watch::check_stop(self.observer)?;
            let steps = steps.get(range).ok_or_else(batches::outside)?;
            let sql: String = steps.iter().map(|step| step.sql.as_str()).collect();
            let failed = format!("{} to its end", failed(plan));
            let removed = connection
                .transaction(|connection| migrations::run_statements(connection, plan, &sql, &failed));
            removed.map_err(|error| {
                error.with_remedy_value(Remedy::RepairTargetAndRestart { has_dropped: true })
            })
        })
    }
}

const FAILED: &str = "what the earlier run made cannot be dropped";

/// The error message: the tables of an app are kept, and only rows are deleted.
fn failed(plan: &Plan) -> &'static str {
    match plan.is_into_existing() {
        true => "the rows that the earlier run brought cannot be taken out again",
        false => FAILED,
    }
}

fn cannot_drop(plan: &Plan, error: Error) -> Error {
    if plan.is_into_existing() {
        return error.with_remedy_value(Remedy::RepairTargetAndRestart { has_dropped: false });
    }
    error.with_remedy_text(
        "something that is not ours depends on it; drop that first, or use an empty database",
    )
}

/// The statements that remove a run, in groups that follow each other. Each can be run again after it was done.
struct Removal {
    run_id: i64,
    groups: Vec<Vec<SchemaStep>>,
    /// The versions of the migrations to be forgotten, where an earlier version wrote them into the app's own list.
    versions: Vec<String>,
    /// The schemas that the run created.
    schemas: Vec<String>,
    /// What the run wrote into the list of the app's own migrator.
    baseline: Option<WrittenBaseline>,
}

impl Removal {
    fn of(connection: &mut Connection, run: &Run) -> Result<Removal> {
        let mut groups = drop_steps(&run.plan);
        let mut versions = Vec::new();
        if run.plan.is_into_existing() {
            groups.extend(existing::removal_groups(connection, run)?);
            versions = existing::listed_versions(run);
        }
        let schemas = ledger::missing_schemas(connection, run.id)?;
        Ok(Removal { run_id: run.id, groups, versions, schemas, baseline: ledger::baseline(connection)? })
    }

    fn locks(&self) -> usize {
        self.groups.iter().flatten().map(|step| step.locks).sum()
    }

    /// Whether this is the last statement that deletes rows: foreign keys are added again once all of them are checked.
    fn ends_deletes(&self, step: &SchemaStep) -> bool {
        let is_delete = |step: &&SchemaStep| step.sql.starts_with("DELETE ");
        self.groups.iter().flatten().rfind(is_delete).is_some_and(|last| last == step)
    }

    /// Forgets the migrations in the app's own lists, and drops the ledger; without a run that follows, also the schemas of the earlier
    /// one, unless somebody else has put something there.
    fn end(&self, connection: &mut Connection, plan: &Plan, next: Option<&Plan>) -> Result<()> {
        if !self.versions.is_empty() {
            bookkeeping::forget(connection, &plan.target_schema, &self.versions)?;
        }
        if let Some(written) = &self.baseline {
            baseline::remove(connection, written)?;
        }
        for schema in self.schemas.iter().rev().filter(|_| next.is_none()) {
            // The ledger is the last to go.
            let dropped =
                connection.guarded(&format!("DROP SCHEMA IF EXISTS {}", quote_pg(schema)), Then::Keep)?;
            dropped.or_else(|refused| {
                if refused.is_in_use() { Ok(0) } else { Err(Error::new(FAILED).caused_by(refused)) }
            })?;
        }
        ledger::remove_run(connection, self.run_id)
    }
}

/// Objects of somebody else that would keep our tables from being dropped, and objects of ours that this role may not drop.
const OBSTACLES_SQL: &str = "WITH named AS (SELECT s, n FROM unnest($1::text[], $2::text[]) AS t (s, n)), \
    ours AS (SELECT c.oid, c.reltype, c.relowner, c.relname, c.relkind FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace \
             JOIN named ON named.s = s.nspname AND named.n = c.relname WHERE c.relkind IN ('r', 'p', 'v')), \
    held AS (SELECT 'pg_class'::regclass::oid AS class, oid FROM ours \
             UNION SELECT 'pg_type'::regclass, reltype FROM ours \
             UNION SELECT 'pg_type'::regclass, t.typarray FROM ours JOIN pg_type t ON t.oid = ours.reltype \
             UNION SELECT 'pg_class'::regclass, d.objid FROM pg_depend d JOIN ours ON d.refobjid = ours.oid \
                   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) \
    SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) AS what, false AS is_ours FROM pg_depend d \
    JOIN held ON d.refclassid = held.class AND d.refobjid = held.oid WHERE d.deptype = 'n' \
    AND NOT (d.classid, d.objid) IN (SELECT class, oid FROM held) \
    AND NOT (d.classid = 'pg_rewrite'::regclass AND d.objid IN (SELECT w.oid FROM pg_rewrite w JOIN ours ON ours.oid = w.ev_class)) \
    AND NOT (d.classid = 'pg_constraint'::regclass AND d.objid IN (SELECT k.oid FROM pg_constraint k JOIN ours ON ours.oid = k.conrelid)) \
    AND NOT (d.classid = 'pg_attrdef'::regclass AND d.objid IN (SELECT a.oid FROM pg_attrdef a JOIN ours ON ours.oid = a.adrelid)) \
    AND NOT (d.classid = 'pg_trigger'::regclass AND d.objid IN (SELECT g.oid FROM pg_trigger g JOIN ours ON ours.oid = g.tgrelid)) \
    AND NOT (d.classid = 'pg_policy'::regclass AND d.objid IN (SELECT p.oid FROM pg_policy p JOIN ours ON ours.oid = p.polrelid)) \
    UNION SELECT relname::text, true FROM ours WHERE NOT pg_has_role(relowner, 'USAGE') ORDER BY 1";

/// Checks that nothing can stop the removal of what `plan` created halfway.
fn check_removable(
    connection: &mut Connection,
    plan: &Plan,
    baseline: Option<&WrittenBaseline>,
) -> Result<()> {
    let tables = plan.tables.iter().filter(|table| table.existing.is_none());
    let tables = tables.map(|table| (table.schema_name(), table.target.as_str()));
    let views = plan.views.iter().map(|view| (plan.target_schema.as_str(), view.target.as_str()));
    let list = baseline.filter(|written| written.made_table).map(|written| &written.baseline);
    let list = list.map(|list| (list.schema.as_str(), list.table.as_str()));
    let (schemas, names): (Vec<_>, Vec<_>) =
        tables.chain(views).chain(list).map(|(schema, name)| (Some(schema), Some(name))).unzip();
    let found: Vec<(String, bool)> = connection
        .load(OBSTACLES_SQL, &[Some(&text_array(schemas)), Some(&text_array(names))])
        .context(|| "the target cannot be examined")?;
    let Some((_, is_ours)) = found.first() else { return Ok(()) };
    let mut listed: Vec<&str> = found.iter().take(LISTED_MAX).map(|(what, _)| what.as_str()).collect();
    let more = format!("and {} more", found.len().saturating_sub(LISTED_MAX));
    if found.len() > LISTED_MAX {
        listed.push(&more);
    }
    let error = Error::new(format!("{FAILED}; nothing was dropped")).caused_by(listed.join(", "));
    Err(match is_ours {
        true => error.with_remedy_value(Remedy::RestartAsOwner),
        false => error.with_remedy_text(
            "something that is not ours depends on it; drop that first, or use an empty database",
        ),
    })
}

/// The statements that drop the tables which `plan` created, with our objects that depend on them: foreign keys first, so that the order
/// of the tables does not matter where they reference each other.
fn drop_steps(plan: &Plan) -> Vec<Vec<SchemaStep>> {
    let own_schema = quote_pg(&plan.target_schema);
    let step = |sql: String, locks: usize| SchemaStep { sql: format!("{sql};\n"), locks };
    let made = plan.parents_first();
    let made: Vec<_> = made.into_iter().filter(|table| table.existing.is_none()).collect();
    let foreign_keys = made.iter().flat_map(|table| {
        table.foreign_keys.iter().map(|key| {
            let name = table.qualified(&table.target);
            step(format!("ALTER TABLE IF EXISTS {name} DROP CONSTRAINT IF EXISTS {}", quote_pg(&key.name)), 6)
        })
    });
    let views = plan.views.iter().rev();
    let views =
        views.map(|view| step(format!("DROP VIEW IF EXISTS {own_schema}.{}", quote_pg(&view.target)), 2));
    let tables = made.iter().rev().map(|table| {
        let indexes = 1 + table.unique.len() + table.indexes.len();
        let sequences = table.columns.iter().filter(|column| column.sequence.is_some()).count();
        step(format!("DROP TABLE IF EXISTS {}", table.qualified(&table.target)), 3 + indexes + sequences)
    });
    let functions = plan.triggers.iter();
    let functions = functions.map(|trigger| {
        step(format!("DROP FUNCTION IF EXISTS {own_schema}.{}()", quote_pg(&trigger.function)), 2)
    });
    let bookkeeping = (!plan.is_into_existing())
        .then(|| step(format!("DROP TABLE IF EXISTS {own_schema}.__diesel_schema_migrations"), 4));
    vec![
        foreign_keys.collect(),
        views.collect(),
        tables.collect(),
        functions.collect(),
        bookkeeping.into_iter().collect(),
    ]
}
