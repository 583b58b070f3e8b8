//! The baseline: the plan's migrations in the list of the app's own migrator, so that the app's first start runs none of them.
//!
//! It is written when tables, keys, constraints and sequences are complete. An app that starts before finds no baseline: its migrator
//! tries to create the tables, fails and changes nothing. With an early baseline it would start on tables that are half full.

use migrate_core::baseline::{Baseline, ListedRow};
use migrate_core::finding::BaselineProblem;
use migrate_core::identifier::quote_pg;
use migrate_core::plan::Plan;

use super::validation::ComparedBaseline;
use crate::error::{Context, Error, Result};
use crate::ledger::{self, Run};
use crate::remedy::Remedy;
use crate::target::migrator_list::{self, List, Listed, Lock, WrittenBaseline};
use postgres_client::TargetUrl;
use postgres_client::connection::Connection;
use postgres_client::guarded::Then;

/// Refuses a target in which the baseline could not be written later. `earlier` is what a run wrote that is about to be removed.
pub(super) fn check_ready(
    target: &mut Connection,
    url: &TargetUrl,
    plan: &Plan,
    baseline: &Baseline,
    earlier: Option<&WrittenBaseline>,
) -> Result<()> {
    let (name, schema) = (baseline.name(), &baseline.schema);
    if plan.schemas().contains(&schema.as_str()) {
        return Err(Error::new(format!(
            "the plan creates its tables in schema {schema}, where the app's migrator keeps its list {name}"
        ))
        .with_remedy_value(Remedy::OtherSchemaOrNoBaseline));
    }
    if earlier.is_some_and(|earlier| earlier.baseline.name() == name)
        || !migrator_list::has_schema(target, baseline)?
    {
        return Ok(());
    }
    let sql =
        "SELECT current_user::text, has_schema_privilege($1, 'USAGE'), has_schema_privilege($1, 'CREATE')";
    let (user, may_use, may_create): (String, bool, bool) =
        target.one(sql, &[Some(schema)]).context(|| "the target cannot be examined")?;
    let (quoted, role) = (quote_pg(schema), quote_pg(&user));
    let list = if may_use { migrator_list::read(target, baseline)? } else { List::Closed };
    let (what, first) = match obstacle(&list) {
        _ if !may_use => (
            format!("{user} may not use schema {schema}, where the app's migrator keeps its list"),
            format!("GRANT USAGE, CREATE ON SCHEMA {quoted} TO {role}"),
        ),
        None if may_create || list != List::Absent => return Ok(()),
        None => (
            format!("{user} may not create {name}, the list of the app's migrator"),
            format!("GRANT USAGE, CREATE ON SCHEMA {quoted} TO {role}"),
        ),
        Some(Obstacle::Rights) => (
            format!("{user} may not write to {name}, the list of the app's migrator"),
            format!(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {role}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA {quoted} TO {role}"
            ),
        ),
        Some(obstacle) => words(baseline, obstacle),
    };
    Err(Error::new(format!("{what}: no baseline can be written in {url}"))
        .with_remedy_value(Remedy::OrNoBaseline(first)))
}

/// Why a baseline cannot be written into a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// It is not as the migrator creates it.
    OtherShape,
    /// It has this many rows.
    Rows(usize),
    /// This role may not write.
    Rights,
}

fn obstacle(list: &List) -> Option<Obstacle> {
    match list {
        List::Absent => None,
        List::Closed => Some(Obstacle::Rights),
        List::NotReadable | List::Listed(Listed { is_plain: false, .. }) => Some(Obstacle::OtherShape),
        List::Listed(Listed { may_write: false, .. }) => Some(Obstacle::Rights),
        List::Listed(Listed { rows, .. }) => (!rows.is_empty()).then_some(Obstacle::Rows(rows.len())),
    }
}

/// What is wrong, and what to do first.
fn words(baseline: &Baseline, obstacle: Obstacle) -> (String, String) {
    let name = baseline.name();
    match obstacle {
        Obstacle::Rows(rows) => (
            format!("{name} lists {} already", migrations(rows)),
            format!("if its tables are gone, TRUNCATE {name}"),
        ),
        Obstacle::OtherShape => (
            format!("{name} is not the table that the app's migrator creates"),
            format!(
                "rename it: ALTER TABLE {name} RENAME TO {}",
                quote_pg(&format!("{}_before", baseline.table))
            ),
        ),
        Obstacle::Rights => {
            (format!("this role may not write to {name}"), format!("become the owner of {name}"))
        }
    }
}

fn migrations(count: usize) -> String {
    if count == 1 { "1 migration".to_owned() } else { format!("{count} migrations") }
}

/// Writes the baseline of a run, unless it is written: schema, table, rows and the entry in the ledger are one transaction.
pub(super) fn write(connection: &mut Connection, run: &Run, baseline: &Baseline) -> Result<WrittenBaseline> {
    connection.transaction(|connection| {
        ledger::claim_schema_steps(connection, run.id, &run.seal.path.to_string_lossy())?;
        if let Some(written) = ledger::baseline(connection)? {
            return Ok(written);
        }
        let written = write_list(connection, baseline)?;
        ledger::record_baseline(connection, run.id, &written)?;
        Ok(written)
    })
}

pub(super) fn write_list(connection: &mut Connection, baseline: &Baseline) -> Result<WrittenBaseline> {
    let made_schema = !migrator_list::has_schema(connection, baseline)?;
    if made_schema {
        migrator_list::create(connection, baseline, &baseline.create_schema_sql())?;
    }
    let found = migrator_list::locked(connection, baseline, Lock::Write)?;
    let made_table = found == List::Absent;
    if made_table {
        migrator_list::create(connection, baseline, &baseline.create_table_sql())?;
    } else if let Some(obstacle) = obstacle(&found) {
        let (what, first) = words(baseline, obstacle);
        return Err(Error::new(format!("{what}: the baseline cannot be written"))
            .with_remedy_value(Remedy::OrNoBaseline(first)));
    }
    let sql = baseline.insert_sql(&baseline.rows);
    connection.script(&sql).context(|| format!("{} cannot be written", baseline.name()))?;
    Ok(WrittenBaseline { baseline: baseline.clone(), made_schema, made_table })
}

/// Compares the list with the baseline that the last run wrote; none where it wrote none.
pub(super) fn compare(connection: &mut Connection) -> Result<Option<ComparedBaseline>> {
    let Some(WrittenBaseline { baseline, .. }) = ledger::baseline(connection)? else { return Ok(None) };
    let differences = match migrator_list::read(connection, &baseline)? {
        List::Listed(list) => baseline.differences(&list.rows),
        List::Absent => vec![baseline.difference(BaselineProblem::ListMissing)],
        List::NotReadable => vec![baseline.difference(BaselineProblem::ListNotReadable)],
        List::Closed => {
            let name = baseline.name();
            return Err(Error::new(format!("this role may not read {name}, the list of the app's migrator"))
                .with_remedy_text(format!(
                    "GRANT SELECT ON {name} to this role, or run the command as its owner"
                )));
        }
    };
    Ok(Some(ComparedBaseline { baseline, differences }))
}

/// Refuses to remove a baseline to which the app's migrator has added rows since: the tables that it altered would be dropped.
pub(super) fn check_untouched(connection: &mut Connection, url: &TargetUrl) -> Result<()> {
    let Some(WrittenBaseline { baseline, .. }) = ledger::baseline(connection)? else { return Ok(()) };
    let rows: Vec<ListedRow> = match migrator_list::read(connection, &baseline)? {
        List::Listed(list) => list.rows,
        List::Absent => return Ok(()),
        List::Closed | List::NotReadable => {
            return Err(Error::new(format!(
                "whether the app's migrator has added to {} since cannot be told",
                baseline.name()
            ))
            .with_remedy_value(Remedy::DiscardUnseen));
        }
    };
    match baseline.added(&rows) {
        0 => Ok(()),
        added => Err(Error::new(format!(
            "{} in {url} lists {} that the app has run since",
            baseline.name(),
            migrations(added)
        ))
        .with_remedy_value(Remedy::DiscardMigrations)),
    }
}

/// Removes the baseline in the open transaction: the table and the schema if the run created them, else only the rows. A schema in which
/// somebody has created something stays.
pub(super) fn remove(connection: &mut Connection, written: &WrittenBaseline) -> Result<()> {
    let (baseline, name) = (&written.baseline, written.baseline.name());
    let failed = || format!("{name}, the list of the app's migrator, cannot be removed");
    match migrator_list::locked(connection, baseline, Lock::Write)? {
        List::Listed(_) if written.made_table => {
            connection.script(&format!("DROP TABLE {name}")).map(drop).context(failed)?;
        }
        // The tables that these rows belong to are gone.
        List::Listed(list) if list.is_plain => {
            connection.script(&format!("DELETE FROM ONLY {name}")).map(drop).context(failed)?;
        }
        List::Listed(list) if !list.rows.is_empty() => {
            return Err(Error::new(format!(
                "{name} is not as the app's migrator creates it, and is not ours"
            ))
            .with_remedy_text(format!("DELETE FROM {name}; then run the same command again")));
        }
        _ => {}
    }
    if !written.made_schema {
        return Ok(());
    }
    let sql = format!("DROP SCHEMA IF EXISTS {}", quote_pg(&baseline.schema));
    match connection.guarded(&sql, Then::Keep)? {
        Err(refused) if !refused.is_in_use() => Err(Error::new(failed()).caused_by(refused)),
        _ => Ok(()),
    }
}
