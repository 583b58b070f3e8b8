//! What a migration takes beside what PostgreSQL alone takes and beside other programs: the parts of `cargo xtask bench`.
//!
//! [`subjects`] makes the databases, [`floor`] measures the server alone, [`ours`] this program, [`peers`] others, and [`report`]
//! puts medians beside each other. What is measured when is the command's to say. `docs/performance.md` tells of the method.

pub(crate) mod child;
pub(crate) mod figures;
pub(crate) mod floor;
pub(crate) mod ours;
pub(crate) mod peers;
pub(crate) mod report;
pub(crate) mod server;
pub(crate) mod statements;
pub(crate) mod subjects;
