//! The connection that the queries run on.

/// A connection to PostgreSQL.
pub type Connection = diesel::PgConnection;
