//! Whether a connection can still be used, and how far a failed call got.

use std::time::{Duration, Instant};

use pq_sys::{ConnStatusType, PGTransactionStatusType};
use rustix::event::PollFlags;

use super::Connection;
use crate::error::{Error, Result};
use crate::failure::Loss;

/// How often what arrived while the connection was idle is read: the last words of a server that closes it, then its end.
const READS_MAX: usize = 16;

impl Connection {
    /// Sets when every wait ends, whatever the server does; none for the usual time of silence alone.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    pub(super) fn is_past_deadline(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// How long ago the server answered last.
    pub fn idle_for(&self) -> Duration {
        self.answered_at.elapsed()
    }

    /// Whether the connection is open and waits for no answer, so that it accepts a statement.
    pub fn is_usable(&self) -> bool {
        // SAFETY: the connection exists.
        let status = unsafe { pq_sys::PQstatus(self.raw.as_ptr()) };
        let is_free = !matches!(
            self.transaction_status(),
            PGTransactionStatusType::PQTRANS_ACTIVE | PGTransactionStatusType::PQTRANS_UNKNOWN
        );
        status == ConnStatusType::CONNECTION_OK && is_free
    }

    /// Whether a transaction is open.
    pub fn is_in_transaction(&self) -> bool {
        matches!(
            self.transaction_status(),
            PGTransactionStatusType::PQTRANS_INTRANS | PGTransactionStatusType::PQTRANS_INERROR
        )
    }

    /// Whether a statement of the open transaction failed, so that it can only be rolled back.
    pub fn is_in_failed_transaction(&self) -> bool {
        self.transaction_status() == PGTransactionStatusType::PQTRANS_INERROR
    }

    /// Checks, without asking the server, that it has not closed the connection, and that the deadline has not passed.
    ///
    /// # Errors
    /// When it has: nothing was sent, see [`Loss::BeforeSending`].
    pub fn check_open(&mut self) -> Result<()> {
        self.read_pending().map_err(|error| error.lost(Loss::BeforeSending))
    }

    /// The same outside of a transaction. Within one, the server's reason for closing the connection is the more useful error.
    pub(super) fn check_open_if_idle(&mut self) -> Result<()> {
        if self.is_in_transaction() { Ok(()) } else { self.check_open() }
    }

    fn read_pending(&mut self) -> Result<()> {
        if self.is_past_deadline() {
            return Err(Error::new("the deadline of the call passed before a statement was sent").stalled());
        }
        if !self.is_usable() {
            return Err(Error::new("the connection to PostgreSQL is closed or busy").transient());
        }
        for _ in 0..READS_MAX {
            if !self.wait(PollFlags::IN, Some(Instant::now()))? {
                return Ok(());
            }
            self.consume()?;
        }
        Ok(())
    }

    /// The error of a call, with what became of the connection.
    pub(super) fn with_loss(&self, error: Error) -> Error {
        if self.is_usable() || error.loss().is_some() { error } else { error.lost(Loss::Underway) }
    }
}
