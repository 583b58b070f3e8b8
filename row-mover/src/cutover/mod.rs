//! The cutover: freezes the source, applies the last difference, and closes the source once PostgreSQL is complete.
//!
//! What comes next is decided by `migrate_core::cutover` from the events in the ledger; switching the app is the caller's part.
