//! A PostgreSQL cluster that belongs to one checkout alone: found or fetched, created, started, healed, stopped, removed.
//!
//! It runs the programs `initdb`, `pg_ctl` and `postgres` and never links a client library: connecting, creating
//! databases and running SQL is the caller's part, with the URL that [`Cluster::url`] returns.
//!
//! ```no_run
//! use private_postgres::{Cluster, Options, Purpose};
//!
//! let cluster = Cluster::open(Options::new("/path/to/checkout", Purpose::Main))?;
//! cluster.start()?;
//! let url = cluster.url("postgres")?;
//! # Ok::<(), private_postgres::Error>(())
//! ```

mod account;
mod binaries;
mod cluster;
mod create;
mod error;
mod files;
mod layout;
mod login;
mod npm;
mod process;
mod search;
mod server;
mod settings;

pub use binaries::Binaries;
pub use cluster::{Cluster, Options, Status};
pub use error::Error;
pub use layout::Purpose;
pub use login::Login;
pub use npm::pinned_majors;
pub use server::StopMode;

/// The oldest major version of PostgreSQL that is supported.
pub const OLDEST_MAJOR: u32 = 15;

/// The superuser of every private cluster.
pub const SUPERUSER: &str = "hyperpage";
