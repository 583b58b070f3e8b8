//! Hyperpage's operations on its migrated database: recognises the database by its catalog, and rehearses what `hyperpage-store` does.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::Context;
use hyperpage_store::exercise::{Operation, Problem};
use hyperpage_store::postgres::{Connection, Limits, Rehearsal, Rehearsed, rehearse};
use hyperpage_store::{Error, Table};
use postgres_client::connection::text_array;
use postgres_client::lock_wait::LockWait;
use postgres_client::lock_watch::LockWatch;
use postgres_client::session::{lock_timeout, open_bulk};
use postgres_client::{DbSettings, TargetUrl};

use crate::stop::Stop;
use crate::{plan_folder, workspace};

/// The eight tables.
const TABLES: [Table; 8] = [
    Table::AppState,
    Table::JobHistory,
    Table::Jobs,
    Table::OauthTokens,
    Table::RateLimits,
    Table::ToolConfigs,
    Table::UserSessions,
    Table::Users,
];

/// The longest wait for a lock, and the longest time for a statement.
const LOCK_TIMEOUT_MAX: Duration = Duration::from_secs(2);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The columns of tables that the role finds by its search path, with their types.
const COLUMNS_SQL: &str = "
    SELECT pg_catalog.concat_ws(' ', c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull)
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname = ANY ($1::text[])";

/// The planned columns in the same form: PostgreSQL knows which names are those of one type.
const EXPECTED_SQL: &str = "
    SELECT pg_catalog.concat_ws(' ', c ->> 0, c ->> 1, pg_catalog.format_type(pg_catalog.to_regtype(c ->> 2), -1), c ->> 3)
    FROM pg_catalog.json_array_elements($1::json) AS c";

/// A rehearsal with the holders of the locks that operations waited for.
pub(crate) struct HyperpageSmoke {
    pub(super) rehearsal: Rehearsal,
    pub(super) blocked: Vec<(Operation, LockWait)>,
}

/// Whether a database is Hyperpage's.
pub(super) enum Recognized {
    /// It has the eight tables, each with the columns and types of `schema-pg`.
    Hyperpage,
    /// It has the eight tables, and these columns are in either the database or `schema-pg`, but not in both.
    Altered(Vec<String>),
    /// It lacks at least one of the tables.
    Other,
}

/// Recognizes Hyperpage's database by its catalog. For any other one, `schema-pg` may be missing.
pub(super) fn recognize(url: &TargetUrl, settings: &DbSettings) -> anyhow::Result<Recognized> {
    let names = TABLES.map(Table::name);
    let mut connection = open_bulk(url, settings)?;
    let found: Vec<String> = connection.load(COLUMNS_SQL, &[Some(&text_array(names.map(Some)))])?;
    let has_table = |name: &&str| found.iter().any(|column| column.split(' ').next() == Some(name));
    if !names.iter().all(has_table) {
        return Ok(Recognized::Other);
    }
    let plan = plan_folder::read(&workspace::plan_dir())?;
    let planned = plan.tables.iter().filter(|table| names.contains(&&*table.target));
    let columns: Vec<[&str; 4]> = planned
        .flat_map(|table| {
            table.columns.iter().map(|column| {
                let not_null = if column.not_null { "t" } else { "f" };
                [&*table.target, &*column.target, column.target_type.sql(), not_null]
            })
        })
        .collect();
    let columns = serde_json::to_string(&columns)?;
    let expected: BTreeSet<String> = connection.load(EXPECTED_SQL, &[Some(&columns)])?.into_iter().collect();
    let found: BTreeSet<String> = found.into_iter().collect();
    let differences: BTreeSet<String> =
        found.symmetric_difference(&expected).map(|line| column(line)).collect();
    Ok(match differences.is_empty() {
        true => Recognized::Hyperpage,
        false => Recognized::Altered(differences.into_iter().collect()),
    })
}

/// The column of a line of the catalog, such as `jobs.name`.
fn column(line: &str) -> String {
    line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(".")
}

/// Rehearses all operations.
pub(super) fn smoke(
    url: &TargetUrl,
    settings: &DbSettings,
    timeout: Duration,
    stop: &Stop,
) -> anyhow::Result<HyperpageSmoke> {
    let lock_timeout = LOCK_TIMEOUT_MAX.min(lock_timeout(settings));
    let limits =
        Limits { lock_timeout, statement_timeout: STATEMENT_TIMEOUT, deadline: Instant::now() + timeout };
    let client = open_bulk(url, settings)?;
    let backend = client.backend().clone();
    // The lock watch derives its interval from the timeout of statements.
    let watch = LockWatch::apart(url, &DbSettings { statement_timeout: lock_timeout * 2, ..*settings });
    let mut blocked = Vec::new();
    let tag = format!("{:016x}{:016x}", RandomState::new().hash_one(0), RandomState::new().hash_one(1));
    let mut connection = Connection::from(client);
    let rehearsal = rehearse(&mut connection, &tag, limits, &mut |operation, rehearsed| {
        if let Rehearsed::Problem(Problem::Failed(Error::Busy { .. })) = rehearsed {
            let waited = postgres_client::Error::new("a lock was not available").transient();
            let explained = watch.explain(waited, Some(&backend));
            blocked.extend(explained.lock_wait().cloned().map(|wait| (operation, wait)));
        }
        if stop.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if stop.is_asked() {
        let nothing_changed = || "Nothing was changed. Run the same command again.".to_owned();
        return Err(stop.explain(row_mover::Error::stopped(), nothing_changed));
    }
    let rehearsal = rehearsal.context(
        "the app's operations could not be tried; the server rolls the transaction back, and nothing was changed",
    )?;
    Ok(HyperpageSmoke { rehearsal, blocked })
}
