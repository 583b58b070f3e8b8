//! Pools of connections, by r2d2: the migration's for short statements, and, in [`crate::app_pool`], the app's.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use r2d2::{ManageConnection, NopErrorHandler};

use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::retry::in_one_line;
use crate::session::open_short;
use crate::{DbSettings, TargetUrl};

/// The migration's pool of connections to the target.
pub type Pool = r2d2::Pool<Manager<Connection>>;

/// A connection of the migration's pool.
pub type PooledConnection = r2d2::PooledConnection<Manager<Connection>>;

/// What a pool holds: a connection, or a type around it.
pub trait Pooled: From<Connection> + Send + 'static {
    /// The connection.
    fn client(&mut self) -> &mut Connection;

    /// Whether somebody else can use it.
    fn is_reusable(&mut self) -> bool {
        self.client().is_idle()
    }
}

impl Pooled for Connection {
    fn client(&mut self) -> &mut Connection {
        self
    }
}

/// Opens and checks the connections of a pool.
pub struct Manager<C> {
    open: Box<dyn Fn() -> Result<Connection> + Send + Sync>,
    refusal: LastRefusal,
    pooled: PhantomData<fn() -> C>,
}

/// When and why the last attempt at a connection failed; none if it did not. r2d2 keeps no more than a text.
#[derive(Clone, Default)]
pub(crate) struct LastRefusal(Arc<Mutex<Option<(Instant, Error)>>>);

impl LastRefusal {
    fn set(&self, error: Option<Error>) {
        *self.lock() = error.map(|error| (Instant::now(), error));
    }

    /// Takes out the error of an attempt that failed after a moment, if it fulfils the condition.
    pub(crate) fn take_since(&self, moment: Instant, condition: impl Fn(&Error) -> bool) -> Option<Error> {
        self.lock()
            .take_if(|(failed_at, error)| *failed_at >= moment && condition(error))
            .map(|(_, error)| error)
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, Error)>> {
        // What is replaced as one is never half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Manager<C> {
    pub(crate) fn new(
        open: impl Fn() -> Result<Connection> + Send + Sync + 'static,
        refusal: LastRefusal,
    ) -> Manager<C> {
        Manager { open: Box::new(open), refusal, pooled: PhantomData }
    }
}

impl<C: Pooled> ManageConnection for Manager<C> {
    type Connection = C;
    type Error = ManagerError;

    fn connect(&self) -> std::result::Result<C, ManagerError> {
        match (self.open)() {
            Ok(connection) => {
                self.refusal.set(None);
                Ok(C::from(connection))
            }
            Err(error) => {
                let in_short = ManagerError(in_one_line(&error));
                self.refusal.set(Some(error));
                Err(in_short)
            }
        }
    }

    fn is_valid(&self, connection: &mut C) -> std::result::Result<(), ManagerError> {
        let answer = connection.client().script("SELECT 1");
        answer.map(drop).map_err(|error| ManagerError(in_one_line(&error)))
    }

    fn has_broken(&self, connection: &mut C) -> bool {
        !connection.is_reusable()
    }
}

/// The reason why the pool has no connection, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ManagerError(String);

/// Opens the migration's pool for a server whose version was checked. Connections are opened when they are first needed.
///
/// # Errors
/// When r2d2 does not accept the settings.
pub fn open(target: &TargetUrl, settings: &DbSettings) -> Result<Pool> {
    let (target, of_session) = (target.clone(), *settings);
    let manager = Manager::new(move || open_short(&target, &of_session), LastRefusal::default());
    Ok(builder(settings).build_unchecked(manager))
}

/// A pool with the sizes and timeouts of the settings.
pub(crate) fn builder<C: Pooled>(settings: &DbSettings) -> r2d2::Builder<Manager<C>> {
    r2d2::Pool::builder()
        .max_size(settings.pool_max)
        .min_idle(Some(settings.pool_min))
        .connection_timeout(settings.connection_timeout)
        .idle_timeout(Some(settings.idle_timeout))
        .error_handler(Box::new(NopErrorHandler))
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
