//! What validation expects of a source row where the plan lets rows stay behind or values become NULL: what the load did is decided
//! anew, by the same function, from the source's row alone.

use migrate_core::plan::PlannedTable;

use crate::row_encoder::{self, RowBuffer, RowOutcome};
use crate::source::rows::Values;

/// Whether a source row is to be in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is.
    Moved,
    /// It is not.
    StayedBehind,
}

/// What is expected of the row that was looked at last.
#[derive(Debug)]
pub(super) struct Expected {
    /// The places of the columns that are sent; none where nothing can be rejected.
    sent: Option<Vec<usize>>,
    nulled: Vec<usize>,
    scratch: RowBuffer,
}

impl Expected {
    /// Of the rows of `table`, whose columns say what their policy is.
    pub(super) fn of(table: &PlannedTable) -> Expected {
        let sent = row_encoder::may_reject(table).then(|| table.sent_positions());
        Expected { sent, nulled: Vec::new(), scratch: RowBuffer::default() }
    }

    /// Looks at a row that was selected with all planned columns.
    pub(super) fn look(&mut self, table: &PlannedTable, row: &impl Values) -> rusqlite::Result<Presence> {
        self.nulled.clear();
        let Some(sent) = &self.sent else { return Ok(Presence::Moved) };
        self.scratch.clear();
        match row_encoder::append_columns(table, sent, row, &mut self.scratch)? {
            // A row that would have stopped the migration was not there when it began: it is looked for like any other.
            RowOutcome::Moves | RowOutcome::Stops(_) => Ok(Presence::Moved),
            RowOutcome::Nulled(refused) => {
                self.nulled.extend(refused.iter().map(|refused| refused.position));
                Ok(Presence::Moved)
            }
            RowOutcome::Skipped(_) => Ok(Presence::StayedBehind),
        }
    }

    /// How many values of the last row are to be NULL in PostgreSQL.
    pub(super) fn nulled_count(&self) -> u64 {
        self.nulled.len() as u64
    }

    /// Whether the value at a place of the last row is to be NULL in PostgreSQL.
    pub(super) fn is_nulled(&self, position: usize) -> bool {
        self.nulled.contains(&position)
    }
}
