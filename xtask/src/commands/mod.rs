//! The commands.
pub(crate) mod cleanup;
