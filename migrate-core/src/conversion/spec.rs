//! What the engine has to know of a conversion, apart from its functions, and where the bytes of a field go.

use super::{PgType, Refusal};
use crate::value::SourceValue;

/// The facts about one conversion; each conversion's file has a `spec` function that returns its own.
#[derive(Clone, Copy)]
pub(super) struct Spec {
    /// One sentence for people who read or write a mapping. It names the PostgreSQL type.
    pub(super) description: &'static str,
    pub(super) target_type: PgType,
    /// A value that such a column typically holds.
    pub(super) example: SourceValue<'static>,
    /// The type of the same values where nothing is inferred.
    pub(super) faithful_type: PgType,
    /// Whether SQLite's BINARY order of the source values is PostgreSQL's order of the target values.
    pub(super) keeps_order: bool,
    pub(super) long_values: LongForm,
    /// Whether only a human may choose it, because it loses something.
    pub(super) needs_decision: bool,
    /// What of a value does not come back, in words; none if all of it does, or its description names it.
    pub(super) not_kept: Option<&'static str>,
    /// Appends the normal form of a value, where two encodings can be the same value.
    pub(super) normal_form: Option<Append>,
}

impl Spec {
    /// A conversion that keeps the order, takes no long values, and encodes equal values equally.
    pub(super) const fn new(
        target_type: PgType,
        description: &'static str,
        example: SourceValue<'static>,
    ) -> Spec {
        Spec {
            description,
            target_type,
            example,
            faithful_type: target_type,
            keeps_order: true,
            long_values: LongForm::Refused,
            needs_decision: false,
            not_kept: None,
            normal_form: None,
        }
    }
}

/// Appends a form of a value.
type Append = fn(SourceValue<'_>, &mut Vec<u8>) -> Result<(), Refusal>;

/// How a conversion sends a value that is too long to be held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LongForm {
    /// Not at all: no form that it reads is that long.
    Refused,
    /// Its bytes, unchecked.
    Bytes,
    /// Its bytes, checked as text.
    Text,
    /// TEXT only in one piece, since a document is checked as a unit.
    Document,
    /// The same for BLOB, too.
    AnyDocument,
}

/// Where the bytes of a field go.
pub(super) trait Output {
    /// Calls `write` with the buffer, if there is one.
    fn with(&mut self, write: impl FnOnce(&mut Vec<u8>));

    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]) {
        self.with(|out| out.extend_from_slice(bytes));
    }
}

impl Output for Vec<u8> {
    fn with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(self);
    }
}

/// No output: only whether a value can be encoded matters.
pub(super) struct Discard;

impl Output for Discard {
    fn with(&mut self, _: impl FnOnce(&mut Vec<u8>)) {}
}
