//! Tries an insert, an update and a delete on each table of a PostgreSQL database, in transactions that are rolled back.
//!
//! It depends on no plan and no table: the catalog has the facts, and the server judges. What rolls back is everything but the numbers that
//! sequences have returned; foreign tables are never touched.

mod catalog;
mod fresh_row;
mod made_up;
mod outcome;
mod session;
mod trial;

use std::time::{Duration, Instant};

use postgres_client::guarded;
use postgres_client::watch::{Watch, check_stop};
use postgres_client::{Connection, DbSettings, TargetUrl};

pub use outcome::{NotTried, Operation, Outcome, Right, Scope, SmokeTest, Step, TableSmoke, Verdict};

use crate::error::{Context, Error, Result};
use crate::ledger;
use crate::run::{check_writable, open_checked};
use catalog::Table;
use session::Session;

/// The ledger's schema, whose tables are no tables of an app.
const LEDGER_SCHEMA: &str = "migration";

/// The lists of applied migrations of Diesel and Drizzle, which are no tables of an app either.
const MIGRATION_LISTS: [&str; 2] = ["__diesel_schema_migrations", "__drizzle_migrations"];

/// Time that a stalled server gets beyond the deadline.
const STALL_MARGIN: Duration = Duration::from_secs(5);

/// Connects once and checks that the server is recent enough and takes writes: where it does not, every operation would fail for that one
/// reason.
///
/// # Errors
/// When the target cannot be reached, is too old, or takes no writes.
pub fn check_target(target: &TargetUrl, settings: &DbSettings) -> Result<()> {
    open_writable(target, settings).map(drop)
}

fn open_writable(target: &TargetUrl, settings: &DbSettings) -> Result<Connection> {
    let mut connection = open_checked(target, settings)?;
    check_writable(&mut connection)?;
    Ok(connection)
}

/// Tries all tables of the target: those of the last run's plan, else all of the database. Tables for which `timeout` leaves no time are
/// listed as not tried.
///
/// # Errors
/// When the target cannot be reached, takes no writes, or its catalog cannot be read, when the connection is lost, when the work is to stop, or when
/// PostgreSQL does not confirm a rollback.
pub fn smoke_test(
    target: &TargetUrl,
    settings: &DbSettings,
    timeout: Duration,
    watch: &dyn Watch,
) -> Result<SmokeTest> {
    let deadline = Instant::now() + timeout;
    let settings =
        DbSettings { stall_timeout: settings.stall_timeout.min(timeout + STALL_MARGIN), ..*settings };
    let mut connection = open_writable(target, &settings)?;
    if let Some(why) = guarded::missing(&mut connection)? {
        return Err(Error::new(why)
            .with_remedy_text("create the language with CREATE EXTENSION plpgsql, or grant USAGE on it"));
    }
    check_stop(watch)?;
    let all = catalog::tables(&mut connection)?;
    let planned = planned(&mut connection)?;
    let mut test = SmokeTest {
        tables: Vec::new(),
        scope: if planned.is_some() { Scope::Plan } else { Scope::Database },
    };
    let mut session = Session::new(connection, target, &settings, deadline, watch);
    for (schema, name) in names(&all, planned) {
        let table = all.iter().find(|table| table.schema == schema && table.name == name);
        let tried = match table {
            None => untried(&|_| NotTried::NoTable),
            Some(table) => try_table(&mut session, &all, table)?,
        };
        let (steps, aborted_transaction) = tried;
        test.tables.push(TableSmoke { schema, table: name, steps, aborted_transaction });
    }
    Ok(test)
}

/// The steps of a table, and the number of its transaction.
type Tried = (Vec<Step>, Option<String>);

fn try_table(session: &mut Session<'_>, all: &[Table], table: &Table) -> Result<Tried> {
    let obstacles = Operation::ALL.map(|operation| table.obstacle(operation));
    if obstacles.iter().all(Option::is_some) {
        return Ok(untried(&|operation| table.obstacle(operation).unwrap_or(NotTried::OutOfTime)));
    }
    if session.is_out_of_time() {
        return Ok(untried(&|_| NotTried::OutOfTime));
    }
    let failed = || format!("table {} could not be tried", table.name_in_sql());
    let (steps, number) = session
        .rolled_back(|session| trial::steps(session, all, table))
        .context(failed)
        .map_err(|error| {
            error.with_remedy_text(
                "the server rolls the transaction back: nothing was changed; run the same command again",
            )
        })?;
    Ok((steps, Some(number)))
}

fn untried(why: &dyn Fn(Operation) -> NotTried) -> Tried {
    (Operation::ALL.map(|operation| Step::not_tried(operation, why(operation))).into(), None)
}

/// The tables to try. Where this role cannot read the ledger, the migrators' own tables are recognized by their names.
fn names(all: &[Table], planned: Option<Vec<(String, String)>>) -> Vec<(String, String)> {
    planned.unwrap_or_else(|| {
        let is_ledger = |table: &&Table| table.schema == LEDGER_SCHEMA;
        let has_ledger = all.iter().filter(is_ledger).any(|table| table.name == "runs");
        let is_list = |table: &&Table| MIGRATION_LISTS.contains(&&*table.name);
        let kept = all.iter().filter(|table| !(has_ledger && (is_ledger(table) || is_list(table))));
        kept.map(|table| (table.schema.clone(), table.name.clone())).collect()
    })
}

/// The tables of the last run's plan; none where there is no ledger, or this role cannot read it.
fn planned(connection: &mut Connection) -> Result<Option<Vec<(String, String)>>> {
    let sql = "SELECT coalesce((SELECT bool_and(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) \
               FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relname IN ('runs', 'phases')), false)";
    if !connection.one::<bool>(sql, &[Some(LEDGER_SCHEMA)])? {
        return Ok(None);
    }
    let Some(run) = ledger::last_run(connection)? else { return Ok(None) };
    let names = run.plan.tables.iter().map(|table| (table.schema_name().to_owned(), table.target.clone()));
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(Some(names))
}
