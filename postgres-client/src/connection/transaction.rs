//! Transactions, and savepoints within them.

use pq_sys::{ConnStatusType, PGTransactionStatusType};

use super::Connection;
use crate::error::{Context, Error, Result};

/// What begins a transaction without settings of its own.
pub(super) const BEGIN: &str = "BEGIN";

/// What separates it from the settings.
const SEPARATOR: &str = "; ";

impl Connection {
    /// Runs `work` in a transaction, which an error undoes. Within a transaction it runs in a savepoint.
    ///
    /// # Errors
    /// The error of `work`, or of a failed commit.
    pub fn transaction<T>(&mut self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        self.in_transaction(work, true)
    }

    /// Runs `work` in a transaction or savepoint that is undone in any case.
    ///
    /// # Errors
    /// The error of `work`, or of a failed rollback.
    pub fn undone_transaction<T>(&mut self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        self.in_transaction(work, false)
    }

    /// Begins every transaction with these statements, whose settings hold until it ends.
    pub(crate) fn begin_with(&mut self, settings: &str) {
        self.begin_sql = format!("{BEGIN}{SEPARATOR}{settings}").into();
    }

    /// What begins a transaction.
    pub fn begin_sql(&self) -> &str {
        &self.begin_sql
    }

    /// The statements with which every transaction begins; none where the settings are the session's.
    pub fn transaction_settings(&self) -> Option<&str> {
        self.begin_sql.split_once(SEPARATOR).map(|(_, settings)| settings)
    }

    fn in_transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T>,
        is_kept: bool,
    ) -> Result<T> {
        let (begin, commit, undo) = match self.transaction_status() {
            PGTransactionStatusType::PQTRANS_IDLE => (&*self.begin_sql.clone(), "COMMIT", "ROLLBACK"),
            // The innermost savepoint of a name is the one that is meant.
            _ => (
                "SAVEPOINT nested",
                "RELEASE SAVEPOINT nested",
                "ROLLBACK TO SAVEPOINT nested; RELEASE SAVEPOINT nested",
            ),
        };
        self.script(begin)?;
        let done = work(self);
        // A statement that failed leaves nothing to commit, whatever became of its error: PostgreSQL would roll back without an error.
        let has_failed = self.transaction_status() != PGTransactionStatusType::PQTRANS_INTRANS;
        match done {
            Ok(done) if is_kept && !has_failed => {
                self.script(commit).context(|| "a transaction could not be committed").map(|_| done)
            }
            Ok(_) if is_kept => {
                self.script(undo)?;
                Err(Error::new("a statement of the transaction failed, and nothing of it was kept"))
            }
            Ok(done) => self.script(undo).map(|_| done),
            Err(error) => {
                // A connection that cannot roll back is lost, and the server rolls back; the first error has the cause.
                drop(self.script(undo));
                Err(error)
            }
        }
    }

    pub(super) fn transaction_status(&self) -> PGTransactionStatusType {
        // SAFETY: the connection exists.
        unsafe { pq_sys::PQtransactionStatus(self.raw.as_ptr()) }
    }

    /// Whether the connection is open and in no transaction, so that somebody else can use it.
    pub fn is_idle(&self) -> bool {
        // SAFETY: the connection exists.
        let status = unsafe { pq_sys::PQstatus(self.raw.as_ptr()) };
        status == ConnStatusType::CONNECTION_OK
            && self.transaction_status() == PGTransactionStatusType::PQTRANS_IDLE
    }
}
