//! The commands, one file each.

pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod catch_up;
pub(crate) mod cleanup;
pub(crate) mod cutover;
pub(crate) mod deploy;
pub(crate) mod generate;
pub(crate) mod guide;
pub(crate) mod health;
pub(crate) mod migrate;
pub(crate) mod postgres;
pub(crate) mod rollback;
pub(crate) mod schema;
pub(crate) mod smoke;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod validate;
