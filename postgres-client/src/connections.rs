//! The connections of a run within a budget, apart from the session that holds its lock.

use std::time::{Duration, Instant};

use crate::budget::Budget;
use crate::connection::Connection;
use crate::error::Result;
use crate::pool::{self, Pool};
use crate::session::open_bulk_again;
use crate::{DbSettings, PooledConnection, TargetUrl};

/// How long the server may count a connection that we have closed.
const CLOSING_MAX: Duration = Duration::from_secs(3);

/// How long to wait before asking for another one again.
const CLOSING_WAIT: Duration = Duration::from_millis(20);

/// Opens connections.
pub struct Connections<'a> {
    target: &'a TargetUrl,
    settings: DbSettings,
    budget: Budget,
    pool: Pool,
}

impl<'a> Connections<'a> {
    /// The connections of a target. None is opened before it is needed.
    ///
    /// # Errors
    /// When r2d2 does not accept the settings.
    pub fn new(target: &'a TargetUrl, settings: &DbSettings, budget: Budget) -> Result<Connections<'a>> {
        let pool_max = settings.pool_max.min(u32::try_from(budget.pooled).unwrap_or(1)).max(1);
        let settings = DbSettings { pool_max, pool_min: settings.pool_min.min(pool_max), ..*settings };
        let settings = if budget.is_tight() { DbSettings { pool_min: 0, ..settings } } else { settings };
        let pool = pool::open(target, &settings)?;
        Ok(Connections { target, settings, budget, pool })
    }

    /// The budget of the run.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// The settings of its sessions.
    pub fn settings(&self) -> &DbSettings {
        &self.settings
    }

    /// A connection for short statements. Where they are few it is closed as soon as it is dropped.
    ///
    /// # Errors
    /// When none is available in time.
    pub fn pooled(&self) -> Result<PooledConnection> {
        if self.budget.is_tight() {
            // The pool goes with the connection.
            return pool::get(&pool::open(self.target, &self.settings)?);
        }
        pool::get(&self.pool)
    }

    /// A connection for rows and builds.
    ///
    /// # Errors
    /// When the server refuses it. A server that still counts a connection which we have closed is asked again, silently.
    pub fn bulk(&self) -> Result<Connection> {
        let until = Instant::now() + CLOSING_MAX;
        loop {
            match open_bulk_again(self.target, &self.settings) {
                Err(error) if self.budget.is_tight() && error.is_transient() && Instant::now() < until => {
                    std::thread::sleep(CLOSING_WAIT);
                }
                opened => return opened,
            }
        }
    }
}
