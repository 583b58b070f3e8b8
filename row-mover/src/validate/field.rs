//! One field of a row in PostgreSQL: whether it is a value of the source, and how a report shows it.

use migrate_core::plan::PlannedColumn;
use migrate_core::value::SourceValue;

use super::digest::Digested;
use super::target_rows::TargetRow;
use crate::source::rows::Value;
use crate::source::scan;

/// A field from PostgreSQL.
pub(super) struct Field<'a> {
    /// Its bytes; none where it is NULL or long.
    bytes: Option<&'a [u8]>,
    /// Its digest, if it is long.
    digested: Option<Digested>,
}

impl<'a> Field<'a> {
    /// That of a row at a place.
    pub(super) fn of(row: &'a impl TargetRow, position: usize) -> Field<'a> {
        Field { bytes: row.field(position), digested: row.digested(position) }
    }

    /// Whether it is the source value. One that cannot be decoded is none that was sent.
    pub(super) fn is(
        &self,
        column: &PlannedColumn,
        source: &Value<'_>,
        scratch: &mut Vec<u8>,
    ) -> rusqlite::Result<bool> {
        match (source, self.digested, self.bytes) {
            // A row with such a value is a reject; one that came nevertheless is like nothing of the source.
            (Value::Uncomputed(_), ..) => Ok(false),
            (Value::Held(source), None, None) => Ok(source.is_null()),
            (Value::Held(source), None, Some(wire)) => Ok(is_same(column, *source, wire, scratch)),
            (Value::Held(SourceValue::Text(bytes) | SourceValue::Blob(bytes)), Some(target), _) => {
                Ok(bytes.len() as u64 == target.length && Digested::of_bytes(bytes) == target)
            }
            (Value::Held(_), Some(_), _) => Ok(false),
            (Value::Long(long), Some(target), _) => {
                // Values of two lengths differ whatever their bytes are.
                Ok(long.length() == target.length && Digested::of(long)? == target)
            }
            (Value::Long(_), None, None) => Ok(false),
            (Value::Long(long), None, Some(wire)) if column.has_digest() => {
                Ok(long.length() == wire.len() as u64 && Digested::of(long)? == Digested::of_bytes(wire))
            }
            // A document, which PostgreSQL may write shorter than the source.
            (Value::Long(long), None, Some(wire)) => {
                Ok(is_same(column, long.as_value(&long.whole()?), wire, scratch))
            }
        }
    }

    /// As a report may show it.
    pub(super) fn shown(&self, column: &PlannedColumn, scratch: &mut Vec<u8>) -> String {
        match (self.digested, self.bytes) {
            (Some(target), _) => format!("({} bytes)", target.length),
            (None, None) => "NULL".to_owned(),
            (None, Some(wire)) => match column.decode(wire, scratch) {
                Ok(value) => scan::shown(value, column.secret),
                Err(error) => format!("({error})"),
            },
        }
    }
}

/// A value of the source as a report may show it.
pub(super) fn shown_source(column: &PlannedColumn, source: &Value<'_>) -> String {
    match source {
        Value::Held(value) => scan::shown(*value, column.secret),
        Value::Long(long) => format!("({} bytes)", long.length()),
        Value::Uncomputed(failed) => format!("(not computed: {})", failed.reason),
    }
}

fn is_same(column: &PlannedColumn, source: SourceValue<'_>, wire: &[u8], scratch: &mut Vec<u8>) -> bool {
    !source.is_null() && column.decode(wire, scratch).is_ok_and(|target| column.same(source, target))
}
