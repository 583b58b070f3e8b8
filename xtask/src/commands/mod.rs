//! The commands, one file each.

pub(crate) mod bench;
pub(crate) mod cleanup;
pub(crate) mod generate;
pub(crate) mod health;
pub(crate) mod migrate;
pub(crate) mod postgres;
pub(crate) mod smoke;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod validate;
