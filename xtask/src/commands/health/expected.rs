//! The migrations that a database should have: those of the folder that is named, else those of the plan in its ledger, else those of
//! this checkout's plan, which is a guess.

use std::path::{Path, PathBuf};

use ::health::{Expected, ExpectedList};
use anyhow::Context;
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;
use migrate_core::render;
use postgres_client::Connection;
use row_mover::ledger::{self, Run};
use row_mover::target::migration::Migration;

use crate::{plan_folder, workspace};

/// A plan folder, read.
struct PlanFolder {
    plan: Plan,
    /// Later migrations of the app included.
    migrations: Vec<Migration>,
}

/// Finds what is expected in a database.
pub(super) type Finder = Box<dyn Fn(&mut Connection) -> row_mover::Result<Expected> + Send + Sync>;

/// Returns what finds the migrations: `named` is the folder of `--plan`, `remembered` that of the last migration.
///
/// # Errors
/// When the folder that is named cannot be read.
pub(super) fn finder(named: Option<PathBuf>, remembered: Option<PathBuf>) -> anyhow::Result<Finder> {
    if let Some(folder) = named {
        let expected = of_folder(&read(&folder)?, true);
        return Ok(Box::new(move |_| Ok(expected.clone())));
    }
    // A folder that nobody named may be missing: the ledger has the plan too.
    let folder = read(&remembered.unwrap_or_else(workspace::plan_dir)).ok();
    Ok(Box::new(move |connection| {
        Ok(match recorded(connection)? {
            Some(run) => of_run(&run, folder.as_ref()),
            None => folder.as_ref().map(|folder| of_folder(folder, false)).unwrap_or_default(),
        })
    }))
}

fn read(folder: &Path) -> anyhow::Result<PlanFolder> {
    let plan = plan_folder::read(folder)?;
    let migrations = Migration::in_folder(&folder.join("migrations"))
        .with_context(|| format!("the migrations in {} cannot be read", workspace::shown(folder)))?;
    Ok(PlanFolder { plan, migrations })
}

/// The run in the ledger; none where there is no ledger, or this role may not read it.
fn recorded(connection: &mut Connection) -> row_mover::Result<Option<Run<'static>>> {
    match connection.undone_transaction(ledger::last_run) {
        Ok(run) => Ok(run),
        Err(error) if error.is_transient() => Err(error),
        Err(_) => Ok(None),
    }
}

fn of_run(run: &Run, folder: Option<&PlanFolder>) -> Expected {
    let same = folder.filter(|folder| folder.plan.fingerprint() == run.plan.fingerprint());
    let migrations = match same {
        Some(folder) if !run.plan.is_into_existing() => folder.migrations.clone(),
        _ => render::migration_names(&run.plan).map(Migration::new).to_vec(),
    };
    expected(&run.plan, &run.list_schema, &migrations, true)
}

fn of_folder(folder: &PlanFolder, is_certain: bool) -> Expected {
    let schema = match folder.plan.is_into_existing() {
        true => ledger::SCHEMA,
        false => &folder.plan.target_schema,
    };
    let schema = if schema.is_empty() { DEFAULT_SCHEMA } else { schema };
    expected(&folder.plan, schema, &folder.migrations, is_certain)
}

fn expected(plan: &Plan, schema: &str, migrations: &[Migration], is_certain: bool) -> Expected {
    let named = migrations.iter().map(|migration| (migration.name().to_owned(), migration.version()));
    let mut lists = vec![ExpectedList::diesel(schema, named)];
    if plan.drizzle.is_some() {
        let applied = drizzle::migrations(plan);
        let named = applied.map(|applied| (applied.tag.to_owned(), applied.sha256));
        lists.push(ExpectedList::drizzle(named));
    }
    Expected { lists, is_certain }
}
