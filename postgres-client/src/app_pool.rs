//! The app's pool: connections that are known to be open, within a deadline, and its state for reports.
//!
//! A connection that was used a moment ago is handed out without asking the server. Whether the server has closed it is visible without
//! a round trip, and a connection that was idle for longer is asked.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::TargetUrl;
use crate::app_session;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::pool::{self, LastRefusal, Manager, Pooled};
use crate::settings::AppSettings;

/// After how long without an answer a connection is asked before it is used. Firewalls forget connections after minutes at the earliest.
const ASKED_AFTER: Duration = Duration::from_secs(10);

/// How long the answer may take: a server that needs longer is replaced by another connection, or is down.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// How often a wait for a connection checks whether the server refuses them for good.
const REFUSAL_CHECK_EACH: Duration = Duration::from_millis(250);

/// A pool of the app's connections. Clones share it.
pub struct AppPool<C: Pooled> {
    pool: r2d2::Pool<Manager<C>>,
    timeout: Duration,
    refusal: LastRefusal,
    waiting: Arc<AtomicU32>,
}

impl<C: Pooled> Clone for AppPool<C> {
    fn clone(&self) -> AppPool<C> {
        AppPool {
            pool: self.pool.clone(),
            timeout: self.timeout,
            refusal: self.refusal.clone(),
            waiting: Arc::clone(&self.waiting),
        }
    }
}

/// What the connections of a pool are doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// The most connections that there may be.
    pub max: u32,
    /// Open connections.
    pub open: u32,
    /// Those that nobody uses.
    pub idle: u32,
    /// Those that are in use.
    pub in_use: u32,
    /// Callers that wait for one.
    pub waiting: u32,
}

impl<C: Pooled> AppPool<C> {
    /// Creates the pool. `DB_POOL_MIN` connections are opened in the background, further ones when they are needed.
    #[must_use]
    pub fn open(target: &TargetUrl, settings: &AppSettings) -> AppPool<C> {
        let refusal = LastRefusal::default();
        let (target, of_session) = (target.clone(), settings.clone());
        let manager = Manager::new(move || app_session::open(&target, &of_session), refusal.clone());
        // This pool checks its connections itself, within the caller's deadline.
        let pool = pool::builder(&settings.db).test_on_check_out(false).build_unchecked(manager);
        AppPool { pool, timeout: settings.db.connection_timeout, refusal, waiting: Arc::default() }
    }

    /// What its connections are doing.
    #[must_use]
    pub fn state(&self) -> PoolState {
        let state = self.pool.state();
        PoolState {
            max: self.pool.max_size(),
            open: state.connections,
            idle: state.idle_connections,
            in_use: state.connections.saturating_sub(state.idle_connections),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    /// Takes out a connection, whose waits end at `deadline`.
    ///
    /// # Errors
    /// When none is available within `DB_CONNECTION_TIMEOUT` or by the deadline, or at once when the server refuses connections for good,
    /// because of a wrong password for instance.
    pub fn get(&self, deadline: Instant) -> Result<AppConnection<C>> {
        let until = deadline.min(Instant::now() + self.timeout);
        let _waiting = Waiting::new(&self.waiting);
        loop {
            let mut connection = AppConnection(self.next(until)?);
            connection.client().set_deadline(Some(deadline));
            if is_alive(connection.client(), deadline) {
                return Ok(connection);
            }
            // A connection that is of no use is closed when it is dropped. After the deadline every one is of no use.
            if Instant::now() >= until {
                return Err(late());
            }
        }
    }

    fn next(&self, until: Instant) -> Result<r2d2::PooledConnection<Manager<C>>> {
        let began = Instant::now();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timed_out = match self.pool.get_timeout(left.min(REFUSAL_CHECK_EACH)) {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            let is_over = left <= REFUSAL_CHECK_EACH;
            let is_final = |refusal: &Error| !refusal.is_transient() && !refusal.is_unreachable();
            let refusal = self.refusal.take_since(began, |refusal| is_over || is_final(refusal));
            if let Some(refusal) = refusal {
                let refusal = if refusal.is_unreachable() { refusal.stalled() } else { refusal };
                return Err(Error::new("no connection to PostgreSQL was available").caused_by(refusal));
            }
            if is_over {
                return Err(exhausted(timed_out));
            }
        }
    }
}

/// The error where those that were taken out had been lost, or the time was over.
fn late() -> Error {
    Error::new("no connection to PostgreSQL was available within DB_CONNECTION_TIMEOUT").stalled()
}

/// The error where all connections are in use, or none was opened in time.
fn exhausted(timed_out: r2d2::Error) -> Error {
    late().caused_by(timed_out).with_remedy_text(
        "DB_POOL_MAX sets how many connections there may be, and DB_CONNECTION_TIMEOUT how long to wait for one, in milliseconds",
    )
}

/// Whether a connection can be used, as far as that is known without a statement or by a short one.
fn is_alive(connection: &mut Connection, deadline: Instant) -> bool {
    if connection.check_open().is_err() {
        return false;
    }
    if connection.idle_for() < ASKED_AFTER {
        return true;
    }
    connection.set_deadline(Some(deadline.min(Instant::now() + ANSWER_MAX)));
    let is_alive = connection.script("SELECT 1").is_ok();
    connection.set_deadline(Some(deadline));
    is_alive
}

/// A connection of the pool, which returns to it when dropped, or is closed if somebody else could not use it.
pub struct AppConnection<C: Pooled>(r2d2::PooledConnection<Manager<C>>);

impl<C: Pooled> Deref for AppConnection<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C: Pooled> DerefMut for AppConnection<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.0
    }
}

impl<C: Pooled> Drop for AppConnection<C> {
    fn drop(&mut self) {
        self.0.client().set_deadline(None);
    }
}

/// Counts a caller that waits, for as long as it does.
struct Waiting<'a>(&'a AtomicU32);

impl Waiting<'_> {
    fn new(waiting: &AtomicU32) -> Waiting<'_> {
        waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
