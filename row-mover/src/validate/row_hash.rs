//! The hash of a row, of its key, or of one field. It is the same on both sides if and only if the values are the same.

use migrate_core::conversion::Refusal;
use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::value::SourceValue;
use sha2::{Digest, Sha256};

use super::digest::Digested;
use super::printed_text::{PrintedText, is_printed};
use super::target_rows::TargetRows;
use crate::error::{Context, Error, Result};
use crate::source::rows::{HELD_MAX_BYTES, Value};
use postgres_client::connection::Connection;

/// Which values have one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Those that are the same to a comparison.
    Value,
    /// Those that are the same to a key: 1.0 and 1.00 are one number.
    Key,
}

/// Hashes one field after the other, each in a form in which equal values have equal bytes.
#[derive(Default)]
pub(super) struct RowHash<'t> {
    hasher: Sha256,
    canonical: Vec<u8>,
    scratch: Vec<u8>,
    /// Asks what PostgreSQL prints for values of the source, where a column is compared by that.
    printer: Option<PrintedText<'t>>,
}

impl<'t> RowHash<'t> {
    /// For rows of the source, some of whose values are compared as PostgreSQL prints them.
    pub(super) fn of_source(table: &PlannedTable, target: &'t mut Connection) -> Result<RowHash<'t>> {
        Ok(RowHash { printer: PrintedText::of(table, target)?, ..RowHash::default() })
    }

    /// Adds a field of the source.
    pub(super) fn add_source(
        &mut self,
        column: &PlannedColumn,
        value: &Value<'_>,
        form: Form,
        failed: &dyn Fn() -> String,
    ) -> Result<()> {
        match value {
            Value::Held(value) => self.add_printed(column, *value, form),
            Value::Long(long) if column.has_digest() => {
                self.add_digest(&Digested::of(long).context(failed)?);
                Ok(())
            }
            // Like nothing of the target.
            Value::Uncomputed(failed) => {
                self.hasher.update([4]);
                self.hasher.update(&failed.reason);
                Ok(())
            }
            Value::Long(long) => {
                let whole = long.whole().context(failed)?;
                self.add_printed(column, long.as_value(&whole), form)
            }
        }
    }

    /// Adds a value of the source as PostgreSQL prints it, where its column is compared by that. A value that PostgreSQL refuses is added
    /// as it is.
    fn add_printed(&mut self, column: &PlannedColumn, value: SourceValue<'_>, form: Form) -> Result<()> {
        let mut printed = None;
        if let Some(printer) = self.printer.as_mut().filter(|_| is_printed(column) && !value.is_null()) {
            let mut text = Vec::new();
            if column.encode(value, &mut text).is_ok()
                && let Ok(text) = std::str::from_utf8(&text)
            {
                printed = printer.print(column, text)?;
            }
        }
        match printed {
            Some(text) => self.add(column, SourceValue::Text(text.as_bytes()), form),
            None => self.add(column, value, form),
        }
    }

    /// Adds a field of the target's current row.
    pub(super) fn add_target(
        &mut self,
        column: &PlannedColumn,
        rows: &TargetRows<'_>,
        position: usize,
        form: Form,
    ) -> Result<()> {
        if let Some(digested) = rows.digested(position) {
            self.add_digest(&digested);
            return Ok(());
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let added = match rows.field(position).map(|wire| column.decode(wire, &mut scratch)) {
            None => self.add(column, SourceValue::Null, form),
            Some(Ok(value)) => self.add(column, value, form),
            // A value that cannot be decoded was not sent: it is hashed as it is, and so equals no value of the source.
            Some(Err(error)) => {
                self.hasher.update([2]);
                self.hasher.update(error.to_string());
                Ok(())
            }
        };
        self.scratch = scratch;
        added
    }

    /// The first half of the hash of all that was added since the last time.
    pub(super) fn finish(&mut self) -> u128 {
        let digest = self.hasher.finalize_reset();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        u128::from_be_bytes(half)
    }

    fn add(&mut self, column: &PlannedColumn, value: SourceValue<'_>, form: Form) -> Result<()> {
        self.canonical.clear();
        if value.is_null() {
            self.hasher.update([0]);
            return Ok(());
        }
        let refused = |refusal: Refusal| {
            Error::new(format!("column {} cannot be compared", column.source)).caused_by(refusal)
        };
        match form {
            Form::Value => column.canonical(value, &mut self.canonical).map_err(refused)?,
            Form::Key => column.unique_form(value, &mut self.canonical).map_err(refused)?,
        }
        if column.has_digest() && self.canonical.len() > HELD_MAX_BYTES as usize {
            self.add_digest(&Digested::of_bytes(&self.canonical));
            return Ok(());
        }
        self.hasher.update([1]);
        self.hasher.update((self.canonical.len() as u64).to_be_bytes());
        self.hasher.update(&self.canonical);
        // A long document must not keep its room for the rest of the table.
        self.canonical.shrink_to(HELD_MAX_BYTES as usize);
        Ok(())
    }

    /// Adds a long value, which is known by its length and hash on both sides.
    fn add_digest(&mut self, digested: &Digested) {
        self.hasher.update([3]);
        self.hasher.update(digested.length.to_be_bytes());
        self.hasher.update(digested.sha256);
    }
}
