//! Values of both sides as they are compared: in memory, or known by length and SHA-256.

use std::borrow::Cow;

use migrate_core::comparison::{self, Diagnosis, OtherForm};
use migrate_core::plan::PlannedColumn;
use migrate_core::value::{SourceValue, StorageClass};

use crate::source::rows::Value;
use crate::source::scan;
use crate::validate::{Digested, TargetRows};

/// A value of the source.
#[derive(Clone, Debug)]
pub(super) enum SourceCell<'a> {
    /// One that is lent.
    Held(SourceValue<'a>),
    /// One that is kept.
    Kept(StorageClass, Vec<u8>),
    /// A long one, of which both databases can compute the hash.
    Digest(Digested),
    /// One that SQLite cannot compute.
    Uncomputed,
}

/// A value of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TargetCell<'a> {
    /// NULL.
    Null,
    /// In PostgreSQL's binary format.
    Held(Cow<'a, [u8]>),
    /// A long one.
    Digest(Digested),
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are the same by the column's conversion.
    Equal,
    /// They are the same in another form.
    OtherForm(OtherForm),
    /// They differ.
    Different(Diagnosis),
}

impl<'a> SourceCell<'a> {
    /// A value of the current row. Of one longer than `held_max` only the digest, if it has one.
    pub(super) fn of(
        column: &PlannedColumn,
        value: Value<'a>,
        held_max: u32,
    ) -> rusqlite::Result<SourceCell<'a>> {
        Ok(match value {
            Value::Held(value) => SourceCell::Held(value),
            Value::Long(long) if column.has_digest() && long.length() > u64::from(held_max) => {
                SourceCell::Digest(Digested::of(long)?)
            }
            Value::Long(long) => SourceCell::Kept(long.class(), long.whole()?),
            Value::Uncomputed(_) => SourceCell::Uncomputed,
        })
    }

    /// The same value, kept.
    pub(super) fn kept(self) -> SourceCell<'static> {
        match self {
            SourceCell::Held(SourceValue::Null) => SourceCell::Held(SourceValue::Null),
            SourceCell::Held(SourceValue::Integer(integer)) => {
                SourceCell::Held(SourceValue::Integer(integer))
            }
            SourceCell::Held(SourceValue::Real(real)) => SourceCell::Held(SourceValue::Real(real)),
            SourceCell::Held(SourceValue::Text(bytes)) => {
                SourceCell::Kept(StorageClass::Text, bytes.to_vec())
            }
            SourceCell::Held(SourceValue::Blob(bytes)) => {
                SourceCell::Kept(StorageClass::Blob, bytes.to_vec())
            }
            SourceCell::Kept(class, bytes) => SourceCell::Kept(class, bytes),
            SourceCell::Digest(digest) => SourceCell::Digest(digest),
            SourceCell::Uncomputed => SourceCell::Uncomputed,
        }
    }

    /// The value, where it is in memory.
    pub(super) fn value(&self) -> Option<SourceValue<'_>> {
        match self {
            SourceCell::Held(value) => Some(*value),
            SourceCell::Kept(StorageClass::Text, bytes) => Some(SourceValue::Text(bytes)),
            SourceCell::Kept(_, bytes) => Some(SourceValue::Blob(bytes)),
            SourceCell::Digest(_) | SourceCell::Uncomputed => None,
        }
    }

    /// About how much memory it takes.
    pub(super) fn size(&self) -> usize {
        let bytes = match self {
            SourceCell::Kept(_, bytes) => bytes.len(),
            SourceCell::Held(SourceValue::Text(bytes) | SourceValue::Blob(bytes)) => bytes.len(),
            _ => 0,
        };
        bytes + size_of::<SourceCell<'_>>()
    }

    /// As a report may show it.
    pub(super) fn shown(&self, is_secret: bool) -> String {
        match (self, self.value()) {
            (_, Some(value)) => scan::shown(value, is_secret),
            (SourceCell::Digest(digest), _) => format!("({} bytes)", digest.length),
            _ => "(not computed)".to_owned(),
        }
    }
}

impl<'a> TargetCell<'a> {
    /// A value of the current row.
    pub(super) fn of(rows: &'a TargetRows<'_>, position: usize) -> TargetCell<'a> {
        match (rows.digested(position), rows.field(position)) {
            (Some(digest), _) => TargetCell::Digest(digest),
            (None, Some(wire)) => TargetCell::Held(Cow::Borrowed(wire)),
            (None, None) => TargetCell::Null,
        }
    }

    /// The same value, kept.
    pub(super) fn kept(self) -> TargetCell<'static> {
        match self {
            TargetCell::Null => TargetCell::Null,
            TargetCell::Held(wire) => TargetCell::Held(Cow::Owned(wire.into_owned())),
            TargetCell::Digest(digest) => TargetCell::Digest(digest),
        }
    }

    /// About how much memory it takes.
    pub(super) fn size(&self) -> usize {
        self.wire().map_or(0, <[u8]>::len) + size_of::<TargetCell<'_>>()
    }

    fn wire(&self) -> Option<&[u8]> {
        match self {
            TargetCell::Held(wire) => Some(wire),
            _ => None,
        }
    }

    /// As a report may show it.
    pub(super) fn shown(&self, column: &PlannedColumn, scratch: &mut Vec<u8>) -> String {
        match self {
            TargetCell::Null => "NULL".to_owned(),
            TargetCell::Digest(digest) => format!("({} bytes)", digest.length),
            TargetCell::Held(wire) => match column.decode(wire, scratch) {
                Ok(value) => scan::shown(value, column.secret),
                Err(error) => format!("({error})"),
            },
        }
    }
}

/// Whether two values are the same by the column's conversion.
pub(super) fn is_same(
    column: &PlannedColumn,
    source: &SourceCell<'_>,
    target: &TargetCell<'_>,
    scratch: &mut Vec<u8>,
) -> bool {
    match (source, target) {
        (SourceCell::Uncomputed, _) => false,
        (SourceCell::Digest(source), TargetCell::Digest(target)) => source == target,
        (SourceCell::Digest(source), TargetCell::Held(wire)) => {
            source.length == wire.len() as u64 && *source == Digested::of_bytes(wire)
        }
        (SourceCell::Digest(_), TargetCell::Null) => false,
        (_, target) => match (source.value(), target) {
            (Some(value), TargetCell::Null) => value.is_null(),
            (Some(value), TargetCell::Held(wire)) => {
                !value.is_null()
                    && column.decode(wire, scratch).is_ok_and(|target| column.same(value, target))
            }
            (Some(SourceValue::Text(bytes) | SourceValue::Blob(bytes)), TargetCell::Digest(target)) => {
                bytes.len() as u64 == target.length && Digested::of_bytes(bytes) == *target
            }
            _ => false,
        },
    }
}

/// Whether two values are equal, in whatever form.
pub(super) fn is_equal(
    column: &PlannedColumn,
    source: &SourceCell<'_>,
    target: &TargetCell<'_>,
    scratch: &mut Vec<u8>,
) -> bool {
    let has_form = |value: SourceValue<'_>| comparison::form(column, value, target.wire()).is_some();
    is_same(column, source, target, scratch) || source.value().is_some_and(has_form)
}

/// Whether two values that are not the same may be equal in another form, which only the values themselves show: of one only the digest is
/// known.
pub(super) fn is_unread(source: &SourceCell<'_>, target: &TargetCell<'_>) -> bool {
    match (source, target) {
        (SourceCell::Digest(_), TargetCell::Null) | (SourceCell::Uncomputed, _) => false,
        (SourceCell::Digest(_), _) => true,
        (source, TargetCell::Digest(_)) => source.value().is_some_and(|value| !value.is_null()),
        _ => false,
    }
}

/// Compares two values.
pub(super) fn compare(
    column: &PlannedColumn,
    source: &SourceCell<'_>,
    target: &TargetCell<'_>,
    scratch: &mut Vec<u8>,
) -> Verdict {
    if is_same(column, source, target, scratch) {
        return Verdict::Equal;
    }
    let Some(value) = source.value() else {
        return Verdict::Different(match source {
            SourceCell::Uncomputed => Diagnosis::Uncomputed,
            _ => long_value(source, target),
        });
    };
    if matches!(target, TargetCell::Digest(_)) {
        return Verdict::Different(Diagnosis::Other);
    }
    match comparison::examine(column, value, target.wire()) {
        Ok(form) => Verdict::OtherForm(form),
        Err(diagnosis) => Verdict::Different(diagnosis),
    }
}

/// What happened to a long value of which only the length is known.
fn long_value(source: &SourceCell<'_>, target: &TargetCell<'_>) -> Diagnosis {
    match (source, target) {
        (_, TargetCell::Null) => Diagnosis::BecameNull,
        (_, TargetCell::Held(wire)) if wire.is_empty() => Diagnosis::BecameEmpty,
        _ => Diagnosis::Other,
    }
}
