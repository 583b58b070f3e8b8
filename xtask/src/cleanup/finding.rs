//! What a search of an app checkout can find. It holds facts only: how they are printed is for `report`.

use serde::Serialize;
use std::path::PathBuf;

/// What a finding belongs to; the order is the order of the counts in the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A package that the app asks for, or what its image installs to build one.
    Dependency,
    /// An entry of a lock file; the package manager rewrites it.
    Lockfile,
    /// An import, require, re-export or mock of a SQLite module.
    Import,
    /// Source code that only works with SQLite.
    Code,
    /// A schema, or the configuration that generates one, in SQLite's dialect.
    Schema,
    /// A migration in SQLite's dialect.
    Migration,
    /// A database file, or a companion of one.
    Database,
    /// An environment variable that says where the SQLite file is.
    Environment,
    /// A Kubernetes, Helm, compose or image definition that is there for the SQLite file.
    Manifest,
    /// A pipeline that speaks of SQLite.
    Ci,
    /// Documentation that speaks of SQLite.
    Docs,
    /// A file or folder that could not be read, so that nothing can be said about it.
    Unreadable,
}

impl Kind {
    /// The name that stands in a summary, for that many findings.
    pub(crate) fn counted(self, count: usize) -> String {
        let (one, many) = match self {
            Self::Dependency => ("dependency", "dependencies"),
            Self::Lockfile => ("lock file entry", "lock file entries"),
            Self::Import => ("import", "imports"),
            Self::Code => ("line of code", "lines of code"),
            Self::Schema => ("schema definition", "schema definitions"),
            Self::Migration => ("migration file", "migration files"),
            Self::Database => ("database file", "database files"),
            Self::Environment => ("environment variable", "environment variables"),
            Self::Manifest => ("manifest line", "manifest lines"),
            Self::Ci => ("CI line", "CI lines"),
            Self::Docs => ("docs line", "docs lines"),
            Self::Unreadable => ("unreadable", "unreadable"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// One thing that is left, in a file that the caller knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// Line, from 1; 1 also where the whole file is meant.
    pub(crate) line: usize,
    /// What it belongs to.
    pub(crate) kind: Kind,
    /// What it is, without any value that could be a secret.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) remedy: String,
    /// Whether `--apply` does it.
    pub(crate) mechanical: bool,
}

impl Hit {
    /// A hit that a person has to deal with.
    pub(crate) fn new(line: usize, kind: Kind, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { line, kind, what: what.into(), remedy: remedy.into(), mechanical: false }
    }

    /// The same hit, dealt with by `--apply`.
    pub(crate) fn mechanical(self) -> Self {
        Self { mechanical: true, ..self }
    }
}

/// One thing that is left of SQLite in the checkout. Findings sort by path, then line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Relative to the checkout.
    pub(crate) path: PathBuf,
    /// What was found there.
    pub(crate) hit: Hit,
}

/// Everything that one search of a checkout found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Sorted, without duplicates.
    pub(crate) findings: Vec<Finding>,
    /// How many files were looked into.
    pub(crate) files_read: usize,
    /// Remarks about the search itself, for a person: what was left out, and why.
    pub(crate) remarks: Vec<String>,
}
