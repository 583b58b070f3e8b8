//! The app's operations on PostgreSQL: Diesel builds the queries, `postgres-client` carries them out.

mod connection;
mod error;
mod row;

pub use connection::Connection;
pub use error::client_error;
pub use row::{Field, Row, Rows};
