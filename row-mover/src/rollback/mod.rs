//! The rollback: puts SQLite back in charge, and keeps what was written to PostgreSQL since.
//!
//! What comes next is decided by `migrate_core::cutover` from the events in the ledger; switching the app is the caller's part.
