//! Pools of connections for short statements, each set up the same way whatever the server's defaults are.

use r2d2::{ManageConnection, NopErrorHandler};

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::retry::in_one_line;
use crate::session::open_short;
use crate::{DbSettings, TargetUrl};

/// A pool of connections to the target.
pub type Pool = r2d2::Pool<Manager>;

/// A connection of the pool.
pub type PooledConnection = r2d2::PooledConnection<Manager>;

/// Opens and checks the connections of a pool.
#[derive(Debug)]
pub struct Manager {
    target: TargetUrl,
    settings: DbSettings,
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = ManagerError;

    fn connect(&self) -> std::result::Result<Connection, ManagerError> {
        open_short(&self.target, &self.settings).map_err(ManagerError)
    }

    fn is_valid(&self, connection: &mut Connection) -> std::result::Result<(), ManagerError> {
        connection.script("SELECT 1").map(drop).map_err(ManagerError)
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        !connection.is_idle()
    }
}

/// The reason why the pool has no connection, in one line: r2d2 keeps no more of it.
#[derive(Debug, thiserror::Error)]
#[error("{}", in_one_line(.0))]
pub struct ManagerError(Error);

/// Opens a pool for a server whose version was checked. Connections are opened when they are first needed.
///
/// # Errors
/// When r2d2 does not accept the settings.
pub fn open(target: &TargetUrl, settings: &DbSettings) -> Result<Pool> {
    let pool = Pool::builder()
        .max_size(settings.pool_max)
        .min_idle(Some(settings.pool_min))
        .connection_timeout(settings.connection_timeout)
        .idle_timeout(Some(settings.idle_timeout))
        .error_handler(Box::new(NopErrorHandler))
        .build_unchecked(Manager { target: target.clone(), settings: *settings });
    Ok(pool)
}

/// Takes a connection out of the pool.
///
/// # Errors
/// When none is available in time. A pool is opened after a first connection succeeded, so that a later one may succeed again.
pub fn get(pool: &Pool) -> Result<PooledConnection> {
    pool.get().map_err(|error| {
        Error::new("no connection to PostgreSQL within DB_CONNECTION_TIMEOUT").caused_by(error).stalled()
    })
}
