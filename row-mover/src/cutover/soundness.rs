//! Whether the source is sound enough for a cutover: `integrity_check` of a copy, before any writer waits.
//!
//! A damaged index says nothing against the rows in PostgreSQL. It is refused because a rollback would go back to a file that answers the
//! app wrongly. The check takes about as long as moving the rows, so it never runs in a freeze: its result is that of the copy that
//! PostgreSQL equals when the check begins, and later copies have none.

use super::Cutover;
use crate::error::{Error, Result};
use crate::ledger;
use crate::remedy::Remedy;
use crate::run::check_sealed_copy;
use crate::source::integrity_check::Integrity;

impl Cutover<'_> {
    /// The result of `integrity_check` for the copy that PostgreSQL equals now, from the ledger; none where it has not run.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn integrity(&mut self) -> Result<Option<Integrity>> {
        ledger::integrity(&mut self.session, self.run.id)
    }

    /// Checks the copy that PostgreSQL equals now, and records the result.
    ///
    /// # Errors
    /// When the copy is gone or not what was sealed, the ledger cannot be written, or the observer asks to stop.
    pub fn check_copy(&mut self) -> Result<Integrity> {
        let found = check_sealed_copy(&self.run.seal, self.observer)?;
        // A ledger of an earlier version has no room for the result.
        ledger::create(&mut self.session)?;
        ledger::record_integrity(&mut self.session, self.run.id, &found)?;
        Ok(found)
    }

    /// Refuses a source whose indexes do not agree with its tables.
    ///
    /// # Errors
    /// The first problem, and how to repair it.
    pub fn refuse_damage(&self, found: &Integrity) -> Result<()> {
        let Some(problem) = found.problems.first() else { return Ok(()) };
        let source = self.run.seal.source_path.clone();
        Err(Error::new(format!("the indexes of {} do not agree with its tables", source.display()))
            .caused_by(format!("integrity_check: {problem}"))
            .with_remedy_value(Remedy::RepairIndexes { source }))
    }
}
