//! How the values of a planned column get there and back: its conversion, within what the column holds less of than its type.

use super::PlannedColumn;
use crate::conversion::{Limit, LongValue, PgType, Refusal, Undecodable};
use crate::uniqueness::{Folding, append_unique_form};
use crate::value::{SourceValue, StorageClass};

impl PlannedColumn {
    /// Appends a value that is not NULL, as [`crate::conversion::Conversion::encode`] does, within the column's limit.
    ///
    /// # Errors
    /// A [`Refusal`] when the column cannot hold the value exactly; `out` may then hold part of it.
    pub fn encode(&self, value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let from = out.len();
        self.conversion.encode(self.plain(value), out)?;
        match (&self.limit, out.get(from..)) {
            (Some(limit), Some(wire)) => limit.check(wire),
            _ => Ok(()),
        }
    }

    /// How the column takes a value of so many bytes, which are too many to be held in memory.
    ///
    /// # Errors
    /// A [`Refusal`] where class or length alone say that it cannot.
    pub fn long_value(&self, class: StorageClass, length: u64) -> Result<LongValue, Refusal> {
        LongValue::of(&self.conversion, self.limit.as_ref(), class, length)
    }

    /// Whether PostgreSQL can tell its long values by their length and SHA-256, which are then those of the source's value.
    pub fn has_digest(&self) -> bool {
        self.conversion.sends_source_bytes()
            && matches!(self.limit, None | Some(Limit::Characters(_) | Limit::FoldedCase))
    }

    /// The SQLite value that PostgreSQL's bytes stand for, as [`crate::conversion::Conversion::decode`] gives it, without what PostgreSQL adds to fill
    /// the column.
    ///
    /// # Errors
    /// [`Undecodable`] when the bytes stand for nothing that could have been sent.
    pub fn decode<'a>(
        &self,
        wire: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Result<SourceValue<'a>, Undecodable> {
        let value = self.conversion.decode(wire, scratch)?;
        Ok(self.limit.as_ref().map_or(value, |limit| limit.stripped(value)))
    }

    /// Whether `target`, which [`PlannedColumn::decode`] gave, is `source`, but for what the conversion allows.
    pub fn same(&self, source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
        self.conversion.same(self.plain(source), target)
    }

    /// Appends a form in which two values have the same bytes exactly where they are [`PlannedColumn::same`].
    ///
    /// # Errors
    /// The [`Refusal`] of [`crate::conversion::Conversion::encode`].
    pub fn canonical(&self, value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        self.conversion.canonical(self.plain(value), out)
    }

    /// Appends a form in which two values have the same bytes where PostgreSQL takes them for one: 1.0 and 1.00 come back as they
    /// are, and are one number all the same.
    ///
    /// # Errors
    /// The [`Refusal`] of [`crate::conversion::Conversion::encode`].
    pub fn unique_form(&self, value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        match self.target_type {
            PgType::Numeric => append_unique_form(&self.conversion, Folding::None, self.plain(value), out),
            _ => self.canonical(value, out),
        }
    }

    /// Whether both databases give its values in one order.
    pub fn keeps_order(&self) -> bool {
        self.conversion.keeps_order() && self.limit.as_ref().is_none_or(Limit::keeps_order)
    }

    fn plain<'a>(&self, value: SourceValue<'a>) -> SourceValue<'a> {
        self.limit.as_ref().map_or(value, |limit| limit.plain(value))
    }
}
