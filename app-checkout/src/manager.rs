//! The package managers of JavaScript, by their lock files.

use std::path::Path;

/// The package manager that wrote a lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manager {
    /// package-lock.json and npm-shrinkwrap.json.
    Npm,
    /// yarn.lock, classic and later.
    Yarn,
    /// pnpm-lock.yaml.
    Pnpm,
    /// bun.lock.
    Bun,
}

impl Manager {
    /// The manager of a lock file.
    pub fn of(path: &Path) -> Option<Self> {
        match path.file_name()?.to_str()? {
            "package-lock.json" | "npm-shrinkwrap.json" | ".package-lock.json" => Some(Self::Npm),
            "yarn.lock" => Some(Self::Yarn),
            "pnpm-lock.yaml" => Some(Self::Pnpm),
            "bun.lock" => Some(Self::Bun),
            _ => None,
        }
    }
}
