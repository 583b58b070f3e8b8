//! Encodes rows in COPY's binary format, and decides the outcome of a row with values that PostgreSQL cannot hold as planned.
//! Preflight, the load, the file of rejected rows and validation all use this one function.

mod row_buffer;
mod value;

pub use row_buffer::{DeferredValue, RowBuffer};
pub use value::{LongText, PIECE_BYTES, Uncomputed, Value, Values};

use migrate_core::copy_format::{self, FieldRefusal};
use migrate_core::load_plan::RejectAction;
use migrate_core::plan::PlannedTable;
use migrate_core::reject::OnReject;

/// The outcome of a row.
#[derive(Debug, PartialEq, Eq)]
pub enum RowOutcome {
    /// It moves as it is.
    Moves,
    /// It moves with NULL in these places.
    Nulled(Vec<Refused>),
    /// The row is skipped.
    Skipped(Vec<Refused>),
    /// It stops the migration.
    Stops(Vec<Refused>),
}

/// A value that PostgreSQL cannot hold as planned.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its place among the planned columns.
    pub position: usize,
    /// Why.
    pub refusal: FieldRefusal,
}

/// Appends a row that moves in COPY's binary format, and returns its outcome. The columns of `table` have their policies; without a
/// policy, a value that cannot move stops the migration. Long values are read to their end, so that the outcome is known before the first
/// byte of the row is sent.
///
/// # Errors
/// When the row cannot be read.
pub fn append_row(
    table: &PlannedTable,
    row: &impl Values,
    out: &mut RowBuffer,
) -> rusqlite::Result<RowOutcome> {
    let row_at = out.mark();
    copy_format::begin_row(table.columns.len(), &mut out.bytes);
    let outcome = append_fields(table, 0..table.columns.len(), row, out)?;
    if matches!(outcome, RowOutcome::Skipped(_) | RowOutcome::Stops(_)) {
        out.truncate(row_at);
    }
    Ok(outcome)
}

/// The same for the columns at `positions` alone, of a row that was selected with all; the appended bytes are of no use.
pub(crate) fn append_columns(
    table: &PlannedTable,
    positions: &[usize],
    row: &impl Values,
    scratch: &mut RowBuffer,
) -> rusqlite::Result<RowOutcome> {
    append_fields(table, positions.iter().copied(), row, scratch)
}

fn append_fields(
    table: &PlannedTable,
    positions: impl Iterator<Item = usize>,
    row: &impl Values,
    out: &mut RowBuffer,
) -> rusqlite::Result<RowOutcome> {
    let (mut refused, mut is_skipped, mut is_stopped) = (Vec::new(), false, false);
    let row_at = out.mark();
    for (position, column) in positions.filter_map(|position| Some((position, table.columns.get(position)?)))
    {
        let field_at = out.mark();
        if let Err(refusal) = out.append_value(column, position, row.value(position)?)? {
            out.truncate(field_at);
            refused.push(Refused { position, refusal });
            match RejectAction::of(column) {
                RejectAction::Stop => is_stopped = true,
                RejectAction::SkipRow => is_skipped = true,
                RejectAction::SetNull => copy_format::append_null(&mut out.bytes),
            }
        }
    }
    // In a row that is too long, the longest value is reported. Setting it to NULL is no remedy for a row that other values make too
    // long.
    if let Err(refusal) = copy_format::check_row(table.columns.len(), out.length_since(row_at)) {
        let position = out.longest_since(row_at);
        refused.push(Refused { position, refusal });
        match table.columns.get(position).and_then(|column| column.on_reject) {
            Some(OnReject::Skip) => is_skipped = true,
            _ => is_stopped = true,
        }
    }
    Ok(match (is_stopped, is_skipped, refused.is_empty()) {
        (_, _, true) => RowOutcome::Moves,
        (true, ..) => RowOutcome::Stops(refused),
        (_, true, _) => RowOutcome::Skipped(refused),
        _ => RowOutcome::Nulled(refused),
    })
}

/// Whether any row of `table` may be skipped, according to its columns.
pub(crate) fn may_skip(table: &PlannedTable) -> bool {
    table.columns.iter().any(|column| RejectAction::of(column) == RejectAction::SkipRow)
}

/// Whether any row of `table` may be skipped or lose a value, according to its columns.
pub(crate) fn may_reject(table: &PlannedTable) -> bool {
    table.columns.iter().any(|column| RejectAction::of(column) != RejectAction::Stop)
}
