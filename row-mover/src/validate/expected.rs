//! What validation expects of a source row where the plan lets rows be skipped or values become NULL, decided again from the source's
//! row alone. A rejected value that certainly fits is expected in PostgreSQL, whatever the load decided (`fit.rs`).

use migrate_core::copy_format::FieldRefusal;
use migrate_core::plan::PlannedTable;

use super::fit::certainly_fits;
use crate::row_encoder::{self, Refused, RowBuffer, RowOutcome};
use crate::source::rows::Values;

/// Whether a source row is to be in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is.
    Moved,
    /// It is not: the plan's policy skips it.
    Skipped,
}

/// The expectation for the last row.
#[derive(Debug)]
pub(super) struct Expected {
    /// The places of the columns that are sent; none where nothing can be rejected.
    sent: Option<Vec<usize>>,
    nulled: Vec<usize>,
    scratch: RowBuffer,
}

impl Expected {
    /// For the rows of `table`, whose columns have their policies.
    pub(super) fn of(table: &PlannedTable) -> Expected {
        let sent = row_encoder::may_reject(table).then(|| table.sent_positions());
        Expected { sent, nulled: Vec::new(), scratch: RowBuffer::default() }
    }

    /// Decides about a row that was selected with all planned columns.
    pub(super) fn next_row(&mut self, table: &PlannedTable, row: &impl Values) -> rusqlite::Result<Presence> {
        self.nulled.clear();
        let Some(sent) = &self.sent else { return Ok(Presence::Moved) };
        self.scratch.clear();
        let outcome = row_encoder::append_columns(table, sent, row, &mut self.scratch)?;
        self.presence(table, row, outcome)
    }

    /// Returns whether a row is expected that the load treats in this way.
    fn presence(
        &mut self,
        table: &PlannedTable,
        row: &impl Values,
        outcome: RowOutcome,
    ) -> rusqlite::Result<Presence> {
        match outcome {
            // A row that would have stopped the migration did not exist when it began; it is expected like any other.
            RowOutcome::Moves | RowOutcome::Stops(_) => Ok(Presence::Moved),
            RowOutcome::Nulled(refused) => {
                for refused in &refused {
                    if !fits(table, row, refused)? {
                        self.nulled.push(refused.position);
                    }
                }
                Ok(Presence::Moved)
            }
            RowOutcome::Skipped(refused) => {
                for refused in &refused {
                    if !fits(table, row, refused)? {
                        return Ok(Presence::Skipped);
                    }
                }
                Ok(Presence::Moved)
            }
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

/// Whether a value fits that the load rejected. A row that is too long as a sum of its values is not judged.
fn fits(table: &PlannedTable, row: &impl Values, refused: &Refused) -> rusqlite::Result<bool> {
    if matches!(refused.refusal, FieldRefusal::Row { .. }) {
        return Ok(false);
    }
    let Some(column) = table.columns.get(refused.position) else { return Ok(false) };
    Ok(certainly_fits(column, &row.value(refused.position)?))
}

#[cfg(test)]
mod tests {
    use migrate_core::conversion::Conversion;
    use migrate_core::plan::PlannedColumn;
    use migrate_core::reject::OnReject;
    use migrate_core::value::SourceValue;

    use super::*;
    use crate::source::rows::Value;

    struct Row(SourceValue<'static>);

    impl Values for Row {
        fn value(&self, _: usize) -> rusqlite::Result<Value<'_>> {
            Ok(Value::Held(self.0))
        }
    }

    /// As if the load refused a value that its column holds: the row is not in PostgreSQL, and counted as skipped.
    #[test]
    fn a_fitting_row_that_the_load_skipped_is_expected() {
        for (policy, outcome) in [
            (OnReject::Skip, RowOutcome::Skipped as fn(Vec<Refused>) -> RowOutcome),
            (OnReject::Null, RowOutcome::Nulled as fn(Vec<Refused>) -> RowOutcome),
        ] {
            let column = PlannedColumn {
                on_reject: Some(policy),
                ..super::super::fit::tests::column(Conversion::Integer)
            };
            let table = PlannedTable {
                source: "t".to_owned(),
                target: "t".to_owned(),
                schema: None,
                without_rowid: false,
                existing: None,
                rowid: None,
                profile_rows: None,
                columns: vec![column],
                searches: Vec::new(),
                primary_key: None,
                unique: Vec::new(),
                foreign_keys: Vec::new(),
                checks: Vec::new(),
                indexes: Vec::new(),
                notes: Vec::new(),
                comment: None,
            };
            for (value, is_right) in [(7, false), (i64::MAX, true)] {
                let mut expected = Expected::of(&table);
                let refused = Refused {
                    position: 0,
                    refusal: FieldRefusal::Uncomputed { reason: "a fault of the load".to_owned() },
                };
                let row = Row(SourceValue::Integer(value));
                let presence = expected.presence(&table, &row, outcome(vec![refused])).unwrap();
                let is_rejected = presence == Presence::Skipped || expected.is_nulled(0);
                assert_eq!(is_rejected, is_right, "{policy:?}, {value}");
            }
        }
    }
}
