//! The hash of a key in the form in which PostgreSQL compares it: values that are equal there have the same bytes.

use migrate_core::conversion::Limit;
use migrate_core::plan::PlannedColumn;
use migrate_core::value::SourceValue;
use sha2::{Digest, Sha256};

/// A hash of a key.
pub(crate) type KeyHash = u128;

/// Hashes the parts of a key.
#[derive(Default)]
pub(crate) struct KeyHasher {
    hasher: Sha256,
    form: Vec<u8>,
}

impl KeyHasher {
    /// Adds a part; none where it is NULL or none that could be sent.
    pub(crate) fn with(mut self, column: &PlannedColumn, value: SourceValue<'_>) -> Option<KeyHasher> {
        if value.is_null() {
            return None;
        }
        self.form.clear();
        column.unique_form(value, &mut self.form).ok()?;
        if column.limit == Some(Limit::FoldedCase) {
            let folded = String::from_utf8_lossy(&self.form).to_lowercase();
            self.form = folded.into_bytes();
        }
        self.hasher.update((self.form.len() as u64).to_be_bytes());
        self.hasher.update(&self.form);
        Some(self)
    }

    /// The first half of the hash.
    pub(crate) fn finish(self) -> KeyHash {
        let digest = self.hasher.finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        u128::from_be_bytes(half)
    }
}
