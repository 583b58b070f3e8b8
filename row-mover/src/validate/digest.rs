//! Long values as they are compared: by length and SHA-256, which each database computes itself.
//!
//! Both databases read every byte of such a value, but do not send it.

use std::ops::ControlFlow;

use sha2::{Digest, Sha256};

use crate::source::rows::LongText;

/// The digest of a long value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digested {
    /// Its length in bytes.
    pub(crate) length: u64,
    /// The SHA-256 of its bytes.
    pub(crate) sha256: [u8; 32],
}

impl Digested {
    /// Of a value that is read in pieces.
    pub(crate) fn of(long: &LongText<'_>) -> rusqlite::Result<Digested> {
        let mut hasher = Sha256::new();
        let _ = long.pieces(|piece| {
            hasher.update(piece);
            ControlFlow::<()>::Continue(())
        })?;
        Ok(Digested { length: long.length(), sha256: hasher.finalize().into() })
    }

    /// Of bytes in memory.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Digested {
        Digested { length: bytes.len() as u64, sha256: Sha256::digest(bytes).into() }
    }

    /// As PostgreSQL returns it: the length as `bigint`, and the hash as `bytea`.
    pub(crate) fn of_fields(length: &[u8], sha256: &[u8]) -> Option<Digested> {
        let length = u64::from_be_bytes(length.try_into().ok()?);
        Some(Digested { length, sha256: sha256.try_into().ok()? })
    }
}
