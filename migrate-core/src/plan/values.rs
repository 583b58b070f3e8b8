//! The conversion of a planned column's values in both directions, within the limits of the column's type.

use super::PlannedColumn;
use crate::conversion::{Conversion, Limit, LongValue, PgType, Refusal, Undecodable, computed, rounding};
use crate::terms::Rounding;
use crate::uniqueness::{Folding, append_unique_form};
use crate::value::{SourceValue, StorageClass};

impl PlannedColumn {
    /// Appends a value that is not NULL, as [`crate::conversion::Conversion::encode`] does, within the column's limit.
    ///
    /// # Errors
    /// A [`Refusal`] when the column cannot hold the value exactly; `out` may then hold part of it.
    pub fn encode(&self, value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        self.encode_rounded(self.round, value, out)
    }

    /// The rounding that lets the column hold a value which it refuses as it is.
    pub fn rounding_for(&self, value: SourceValue<'_>) -> Option<Rounding> {
        let helps =
            |rounding: &Rounding| self.encode_rounded(Some(*rounding), value, &mut Vec::new()).is_ok();
        [Rounding::Microseconds, Rounding::Scale].into_iter().find(helps).filter(|_| self.round.is_none())
    }

    fn encode_rounded(
        &self,
        round: Option<Rounding>,
        value: SourceValue<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let from = out.len();
        let (conversion, limit) = (&self.conversion, self.limit.as_ref());
        match round {
            None => conversion.encode(self.plain(value), out)?,
            Some(round) => rounding::encode(round, conversion, limit, self.plain(value), out)?,
        }
        match (&self.limit, out.get(from..)) {
            (Some(limit), Some(wire)) => limit.check(wire),
            _ => Ok(()),
        }
    }

    /// How the column accepts a value of this many bytes, which are too many to be held in memory.
    ///
    /// # Errors
    /// A [`Refusal`] if class or length alone show that it cannot.
    pub fn long_value(&self, class: StorageClass, length: u64) -> Result<LongValue, Refusal> {
        LongValue::of(&self.conversion, self.limit.as_ref(), class, length)
    }

    /// Whether PostgreSQL can compare its long values by length and SHA-256, which are then those of the source's value.
    pub fn has_digest(&self) -> bool {
        self.conversion.sends_source_bytes()
            && matches!(self.limit, None | Some(Limit::Characters(_) | Limit::FoldedCase))
    }

    /// The SQLite value of PostgreSQL's bytes, as [`crate::conversion::Conversion::decode`] returns it, without the padding that
    /// PostgreSQL adds.
    ///
    /// # Errors
    /// [`Undecodable`] when the bytes correspond to nothing that could have been sent.
    pub fn decode<'a>(
        &self,
        wire: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Result<SourceValue<'a>, Undecodable> {
        let value = self.conversion.decode(wire, scratch)?;
        Ok(self.limit.as_ref().map_or(value, |limit| limit.stripped(value)))
    }

    /// Whether `target`, from [`PlannedColumn::decode`], equals `source` within the tolerance of the conversion.
    pub fn same(&self, source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
        if self.conversion.same(self.plain(source), target) || self.is_computed_alike(source, target) {
            return true;
        }
        let (mut wire, mut scratch) = (Vec::new(), Vec::new());
        self.rounded(source, &mut wire, &mut scratch)
            .is_some_and(|source| self.conversion.same(source, target))
    }

    /// Whether the target is what PostgreSQL computes for a generated column, with decimals, where SQLite has used floating point.
    fn is_computed_alike(&self, source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
        let scale = match self.limit {
            Some(Limit::Digits { scale, .. }) => Some(scale),
            _ => None,
        };
        self.generated.is_some()
            && self.conversion == Conversion::Numeric
            && computed::is_near(source, target, scale)
    }

    /// Appends a form in which two values have the same bytes exactly where they are [`PlannedColumn::same`].
    ///
    /// # Errors
    /// The [`Refusal`] of [`crate::conversion::Conversion::encode`].
    pub fn canonical(&self, value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let (mut wire, mut scratch) = (Vec::new(), Vec::new());
        let value = self.rounded(value, &mut wire, &mut scratch).unwrap_or(self.plain(value));
        self.conversion.canonical(value, out)
    }

    /// The value of the source that the rounded value stands for; none if nothing is rounded. A decimal that PostgreSQL computes is
    /// rounded by its type, while SQLite computes with floats.
    fn rounded<'a>(
        &self,
        value: SourceValue<'_>,
        wire: &'a mut Vec<u8>,
        scratch: &'a mut Vec<u8>,
    ) -> Option<SourceValue<'a>> {
        if let (Some(_), Some(Limit::Digits { scale, .. })) = (&self.generated, &self.limit) {
            return rounding::to_scale(self.plain(value), *scale, scratch).map(|value| self.plain(value));
        }
        rounding::encode(self.round?, &self.conversion, self.limit.as_ref(), self.plain(value), wire).ok()?;
        self.conversion.decode(wire, scratch).ok()
    }

    /// Appends a form in which two values have the same bytes if they are equal in PostgreSQL: 1.0 and 1.00 are returned unchanged, and
    /// are equal as numbers.
    ///
    /// # Errors
    /// The [`Refusal`] of [`crate::conversion::Conversion::encode`].
    pub fn unique_form(&self, value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        match self.target_type {
            PgType::Numeric => {
                let (mut wire, mut scratch) = (Vec::new(), Vec::new());
                let value = self.rounded(value, &mut wire, &mut scratch).unwrap_or(self.plain(value));
                append_unique_form(&self.conversion, Folding::None, value, out)
            }
            _ => self.canonical(value, out),
        }
    }

    /// Whether both databases give its values in one order.
    pub fn keeps_order(&self) -> bool {
        self.round.is_none()
            && self.conversion.keeps_order()
            && self.limit.as_ref().is_none_or(Limit::keeps_order)
    }

    fn plain<'a>(&self, value: SourceValue<'a>) -> SourceValue<'a> {
        self.limit.as_ref().map_or(value, |limit| limit.plain(value))
    }
}
