//! The commands, one file each.

pub(crate) mod postgres;
pub(crate) mod test;
