//! The parts of `cargo xtask bench`, which measures a migration against PostgreSQL alone and other programs.
//!
//! [`subjects`] creates the databases, [`floor`] measures the server alone, [`ours`] this program, [`peers`] others, and [`report`]
//! compares medians. [`app`] measures the app's work instead of a migration, [`cutover`] the pause of a
//! cutover. The command decides what is measured when. `docs/performance.md` describes the method.

pub(crate) mod app;
pub(crate) mod child;
pub(crate) mod cutover;
pub(crate) mod figures;
pub(crate) mod floor;
pub(crate) mod ours;
pub(crate) mod peers;
pub(crate) mod report;
pub(crate) mod server;
pub(crate) mod statements;
pub(crate) mod subjects;
