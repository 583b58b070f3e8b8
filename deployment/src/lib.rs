//! The files by which the app runs on Kubernetes with PostgreSQL: manifests, overlays, the migration's Job and image, Compose, and the
//! alert rules. Settings come in, texts go out.
//!
//! It does no I/O, does not know the command line, and holds no secret.

mod alerts;
mod compose;
mod file;
mod files;
mod image;
mod kustomization;
mod manifests;
pub mod names;
pub mod policy;
pub mod settings;
pub mod value;
mod yaml;

pub use file::File;
pub use files::{SETTINGS_FILE, is_generated, render};
pub use manifests::database::secret_keys;
