//! Closes PostgreSQL to the app, and opens it again: a trigger on every table refuses writes, whoever the app's role is.
//!
//! A setting such as `default_transaction_read_only` does not reach sessions that are open, and a revoked privilege means nothing to the
//! owner of a table, which the app often is. A trigger holds for all of them, and creating it waits for transactions that have written.
//! It does not stop DDL, nor a session with `session_replication_role = replica`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use migrate_core::identifier::{qualified_pg, quote_pg_literal};
use migrate_core::plan::Plan;
use serde::Serialize;

use crate::error::{Context, Error, Result};
use crate::ledger;
use crate::observer::Observer;
use postgres_client::connection::{Connection, text_array};
use postgres_client::watch::check_stop;

/// The trigger on each table.
pub(super) const TRIGGER: &str = "migration_closed";

/// The function that it calls, in the ledger's schema: the schemas of the app may be renamed.
const FUNCTION: &str = "migration.refuse_write";

/// SQLSTATE `read_only_sql_transaction`, which drivers and poolers know as a database that takes no writes.
const CREATE_FUNCTION_SQL: &str = "CREATE OR REPLACE FUNCTION migration.refuse_write() RETURNS trigger LANGUAGE plpgsql \
    SET search_path = pg_catalog, pg_temp AS $$BEGIN RAISE EXCEPTION 'closed by a rollback: SQLite is in charge' \
    USING ERRCODE = '25006'; END$$";

/// How long one attempt waits for the transactions that have written to a table.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// After this time, sessions that still hold a lock are ended.
const WRITERS_WAIT_MAX: Duration = Duration::from_secs(6);

/// How long closing one table may take.
const CLOSE_MAX: Duration = Duration::from_secs(60);

/// A table of the schemas that the migration put tables into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TargetTable {
    pub(super) schema: String,
    pub(super) name: String,
    is_closed: bool,
    is_ours: bool,
}

impl TargetTable {
    /// Its name as SQL writes it.
    pub(super) fn in_sql(&self) -> String {
        qualified_pg(&self.schema, &self.name)
    }
}

/// What closing PostgreSQL did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// The tables that take no more writes.
    pub tables: usize,
    /// Sessions that held a transaction open for too long, and were ended.
    pub ended_sessions: usize,
}

/// The tables in the schemas of a plan, without those of extensions and the lists of migrations that Diesel keeps.
pub(super) fn tables(target: &mut Connection, plan: &Plan) -> Result<Vec<TargetTable>> {
    let sql = "SELECT n.nspname::text, c.relname::text, \
         EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname = $2), pg_has_role(c.relowner, 'USAGE') \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') \
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e') \
         ORDER BY 1, 2";
    let schemas = text_array(plan.schemas().into_iter().map(Some));
    let found: Vec<(String, String, bool, bool)> = target
        .load(sql, &[Some(&schemas), Some(TRIGGER)])
        .context(|| "the tables of the target cannot be listed")?;
    let table = |(schema, name, is_closed, is_ours)| TargetTable { schema, name, is_closed, is_ours };
    Ok(found.into_iter().map(table).collect())
}

/// Refuses where a table belongs to a role whose rights this one does not have: only its owner can take the trigger off again.
///
/// # Errors
/// The names of the tables.
pub(super) fn check_closable(target: &mut Connection, plan: &Plan) -> Result<()> {
    let foreign: Vec<String> =
        tables(target, plan)?.iter().filter(|table| !table.is_ours).map(TargetTable::in_sql).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let user: String = target.one("SELECT current_user::text", &[])?;
    Err(Error::new(format!(
        "{user} cannot close PostgreSQL to the app: it does not own {}",
        foreign.join(", ")
    ))
    .with_remedy_text("run the same command as their owner; nothing was changed"))
}

/// Closes every table to writes, and returns when no transaction that has written is left. Repeating it closes what is new.
///
/// # Errors
/// When a table cannot be closed. Those before it are closed then.
pub(super) fn close(target: &mut Connection, plan: &Plan, observer: &dyn Observer) -> Result<Closed> {
    let failed = || "PostgreSQL cannot be closed to the app";
    // The ledger of an earlier version may lack the tables that rollback writes to.
    ledger::create(target)?;
    target.script(CREATE_FUNCTION_SQL).context(failed)?;
    let mut closed = Closed::default();
    for table in tables(target, plan)? {
        if !table.is_closed {
            closed.ended_sessions += close_table(target, &table, observer)?;
        }
        closed.tables += 1;
    }
    Ok(closed)
}

/// Closes one table. Returns the number of sessions that were ended for it.
fn close_table(target: &mut Connection, table: &TargetTable, observer: &dyn Observer) -> Result<usize> {
    let name = table.in_sql();
    let sql = format!(
        "SET LOCAL lock_timeout = {}; CREATE TRIGGER {TRIGGER} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {name} \
         FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()",
        LOCK_WAIT.as_millis()
    );
    let (started, mut ended) = (Instant::now(), BTreeSet::new());
    loop {
        check_stop(observer)?;
        match target.transaction(|target| target.script(&sql).map(drop)) {
            Ok(()) => return Ok(ended.len()),
            Err(error) if error.is_lock_timeout() && started.elapsed() < CLOSE_MAX => {
                if started.elapsed() >= WRITERS_WAIT_MAX {
                    ended.extend(end_holders(target, &name)?);
                }
            }
            Err(error) => {
                return Err(error).context(|| format!("table {name} cannot be closed to the app"));
            }
        }
    }
}

/// Ends the sessions that hold a table against its trigger: what they have written is not committed. Returns their processes.
fn end_holders(target: &mut Connection, table: &str) -> Result<Vec<String>> {
    // All modes that conflict with SHARE ROW EXCLUSIVE (manual, section 13.3).
    let sql = format!(
        "SELECT pid::text FROM (SELECT DISTINCT pid FROM pg_locks WHERE relation = {}::regclass AND granted AND pid <> pg_backend_pid() \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', \
         'AccessExclusiveLock')) AS holders WHERE pg_terminate_backend(pid)",
        quote_pg_literal(table)
    );
    target.load(&sql, &[]).context(|| "sessions with open transactions cannot be ended")
}

/// Opens the tables again, after a loss that was not accepted.
///
/// # Errors
/// When a table cannot be opened.
pub(super) fn reopen(target: &mut Connection, plan: &Plan) -> Result<()> {
    for table in tables(target, plan)?.iter().filter(|table| table.is_closed) {
        let sql = format!("DROP TRIGGER IF EXISTS {TRIGGER} ON {}", table.in_sql());
        target
            .script(&sql)
            .map(drop)
            .context(|| format!("table {} cannot be opened again", table.in_sql()))?;
    }
    target
        .script(&format!("DROP FUNCTION IF EXISTS {FUNCTION}()"))
        .map(drop)
        .context(|| "PostgreSQL cannot be opened to the app again")
}
