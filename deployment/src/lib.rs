//! The files by which the app runs on Kubernetes with PostgreSQL: manifests, overlays, the migration's Job and image, Compose, and the
//! alert rules. Settings come in, texts go out.
//!
//! It does no I/O, does not know the command line, and holds no secret.

pub mod names;
