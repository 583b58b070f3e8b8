//! The parts of `cargo xtask bench`, which measures a migration against PostgreSQL alone and other programs.
//!
//! [`parts`] names what can be measured, [`subjects`] creates the databases, [`rounds`] decides the order. [`floor`] measures the server
//! alone, [`ours`] this program, [`peers`] others, [`reading`] a single reading of the file; [`goals`] judges, [`report`] prints. [`app`]
//! measures the app's work instead of a migration, [`cutover`] the pause of a cutover. The command decides what is measured.
//! `docs/performance.md` describes the method.

pub(crate) mod app;
pub(crate) mod child;
pub(crate) mod cutover;
pub(crate) mod figures;
pub(crate) mod floor;
pub(crate) mod goals;
pub(crate) mod obstacles;
pub(crate) mod ours;
pub(crate) mod parts;
pub(crate) mod peers;
pub(crate) mod ratios;
pub(crate) mod reading;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod room;
pub(crate) mod rounds;
pub(crate) mod server;
pub(crate) mod statements;
pub(crate) mod subjects;
pub(crate) mod usage;
