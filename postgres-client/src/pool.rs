//! Pools of Diesel connections, each set up the same way whatever the server's defaults are.

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, NopErrorHandler, R2D2Connection};

use crate::error::{Error, Result};
use crate::server_error::ServerError;
use crate::session::checked_session_sql;
use crate::{DbSettings, TargetUrl};

/// A pool of Diesel connections to the target.
pub type Pool = diesel::r2d2::Pool<ConnectionManager<PgConnection>>;

/// A connection of the pool.
pub type PooledConnection = diesel::r2d2::PooledConnection<ConnectionManager<PgConnection>>;

/// Opens a pool for a server whose version was checked. Connections are made when they are first needed.
///
/// # Errors
/// When the settings are no pool that r2d2 takes.
pub fn open(url: &TargetUrl, settings: &DbSettings) -> Result<Pool> {
    let setup = SessionSetup(checked_session_sql(settings));
    let pool = Pool::builder()
        .max_size(settings.pool_max)
        .min_idle(Some(settings.pool_min))
        .connection_timeout(settings.connection_timeout)
        .idle_timeout(Some(settings.idle_timeout))
        .connection_customizer(Box::new(setup))
        .error_handler(Box::new(NopErrorHandler))
        .build_unchecked(ConnectionManager::new(url.conninfo()));
    Ok(pool)
}

/// Takes a connection out of the pool.
///
/// # Errors
/// When none is to be had in time.
pub fn get(pool: &Pool) -> Result<PooledConnection> {
    // Whoever holds a pool has had a connection before: what keeps the next one away may pass.
    pool.get().map_err(|error| {
        Error::new("no connection to PostgreSQL within DB_CONNECTION_TIMEOUT").caused_by(error).stalled()
    })
}

/// Says what failed, with Diesel's error scrubbed.
pub fn diesel_failed(what: impl Into<String>) -> impl FnOnce(diesel::result::Error) -> Error {
    move |error| Error::new(what).caused_by(ServerError::from_diesel(error))
}

/// Runs `work` in one transaction, which an error of it undoes; `what` names it where the transaction itself fails.
pub fn all_or_none<T>(
    connection: &mut PooledConnection,
    what: &str,
    work: impl FnOnce(&mut PooledConnection) -> Result<T>,
) -> Result<T> {
    let mut failure = None;
    let done = connection.transaction(|connection| {
        work(connection).map_err(|error| {
            failure = Some(error);
            diesel::result::Error::RollbackTransaction
        })
    });
    match (done, failure) {
        (Ok(done), _) => Ok(done),
        (Err(_), Some(error)) => Err(error),
        (Err(error), None) => Err(diesel_failed(what)(error)),
    }
}

#[derive(Debug)]
struct SessionSetup(String);

impl<C: SimpleConnection + R2D2Connection + 'static> CustomizeConnection<C, diesel::r2d2::Error>
    for SessionSetup
{
    fn on_acquire(&self, connection: &mut C) -> std::result::Result<(), diesel::r2d2::Error> {
        connection.batch_execute(&self.0).map_err(diesel::r2d2::Error::QueryError)
    }
}
