//! What a user of the app works with: on SQLite a connection of one's own, on PostgreSQL the pool of all.

use std::path::Path;

use anyhow::Context;
use hyperpage_store::postgres::Pool;
use hyperpage_store::sqlite::{SqliteOptions, Synchronous};
use hyperpage_store::{PostgresStore, SqliteStore, Store};
use postgres_client::{AppSettings, DbSettings, TargetUrl};

use super::backend::BUSY_TIMEOUT;

/// Opens a SQLite file as one process of the app does.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn open_sqlite(path: &Path, is_full: bool) -> anyhow::Result<Box<dyn Store + Send>> {
    let synchronous = if is_full { Synchronous::Full } else { Synchronous::Normal };
    let options = SqliteOptions { busy_timeout: BUSY_TIMEOUT, synchronous };
    Ok(Box::new(SqliteStore::open(path, options).context("a SQLite database cannot be opened")?))
}

/// The app's settings, with a pool of this size. The environment is not read: it may be production's.
pub(crate) fn settings(pool_max: u32) -> AppSettings {
    AppSettings { db: DbSettings { pool_max, ..DbSettings::default() }, ..AppSettings::default() }
}

/// Opens the app's pool, with its retries.
///
/// # Errors
/// When the URL or a setting cannot be used.
pub(crate) fn open_pool(url: &str, pool_max: u32) -> anyhow::Result<Pool> {
    Ok(Pool::open(&TargetUrl::parse(url)?, &settings(pool_max))?)
}

/// Returns what one user works with: the pool.
pub(crate) fn open_postgres(pool: &Pool) -> Box<dyn Store + Send> {
    Box::new(PostgresStore::new(pool.clone()))
}
