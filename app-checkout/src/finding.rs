//! What a search of a checkout can find: facts only. How they are worded is the caller's decision.

use crate::manager::Manager;
use std::path::PathBuf;

/// What a finding belongs to; the order is that of the counts in a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A package that the app requires, or that its image installs to build one.
    Dependency,
    /// A package in a lock file, which the package manager rewrites.
    Lockfile,
    /// An import or mock of a SQLite module.
    Import,
    /// Source code that only works with SQLite.
    Code,
    /// A schema, or the configuration that generates one, in SQLite's dialect.
    Schema,
    /// A migration in SQLite's dialect.
    Migration,
    /// A database file, or a companion of one.
    Database,
    /// An environment variable for the SQLite file.
    Environment,
    /// A line of a Kubernetes, Helm, Compose or image definition for the SQLite file.
    Manifest,
    /// A line of a pipeline.
    Ci,
    /// Documentation.
    Docs,
    /// A file or folder that could not be read, or is not searched.
    Unreadable,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A package, and the section of package.json that lists it.
    Listed(String, String),
    /// A script of package.json that works on SQLite.
    Script(String),
    /// System packages that are installed.
    Installed(Vec<String>),
    /// A package in a lock file.
    Locked(String, Manager),
    /// A module that is imported, mocked, configured or named.
    Module(String),
    /// A function, type or result code of a SQLite library, or its name for a database in memory.
    Name(String),
    /// A method that only the synchronous drivers of SQLite have.
    Call(&'static str),
    /// Parameters written as `?` in an SQL text.
    Placeholders,
    /// A setting, and the SQLite dialect or driver that it selects.
    Dialect(String, String),
    /// Constructs that only SQLite's SQL has.
    Sql(Vec<String>),
    /// A file of the migrations that drizzle-kit generated in SQLite's dialect.
    Journal,
    /// A database file in the work tree, and whether git tracks it.
    Database(DatabaseState, bool),
    /// A database file that git tracks and the work tree no longer has.
    OnlyInGit,
    /// A symbolic link to a database file, or with the name of one.
    DatabaseLink,
    /// An environment variable, or a setting that becomes one.
    Variable(String),
    /// The path or address of a SQLite file, which may contain a secret.
    Address,
    /// A mention of the SQLite file by its name.
    FileName(String),
    /// A mention, or a mount, of the folder of the SQLite file.
    Folder(String),
    /// The name of a volume that holds the SQLite file, or of the storage behind it.
    Volume(String),
    /// A number of lines that mention SQLite; the first is the finding's line.
    Mention(usize),
    /// A file or folder that cannot be read, with the reason.
    CannotRead(String),
    /// A package.json that does not parse.
    InvalidJson,
    /// A symbolic link to a target that is searched nowhere else.
    Link(LinkTarget),
}

/// The state of a database file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatabaseState {
    /// A SQLite database.
    Database,
    /// An empty file, which SQLite takes for an empty database.
    Empty,
    /// A file with the name of a database and other content: encrypted or damaged.
    Opaque,
    /// A log, journal or index of a database.
    Companion,
}

/// The target of a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkTarget {
    /// Nothing.
    Missing,
    /// A folder outside of the checkout, or one that is not searched.
    Folder,
    /// A file outside of the checkout, or one that is searched in another way.
    File,
}

/// One dependency on SQLite. Findings sort by path, then line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative to the checkout.
    pub path: PathBuf,
    /// Line, from 1; 1 also for a complete file.
    pub line: usize,
    /// What it belongs to.
    pub kind: Kind,
    /// What was found, without any value that could be a secret.
    pub fact: Fact,
    /// Whether [`crate::apply()`] deals with it.
    pub is_mechanical: bool,
}

/// A finding within a file that the caller knows: line, kind, fact, and whether it is mechanical.
pub(crate) type Hit = (usize, Kind, Fact, bool);

/// The result of one search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Sorted, without duplicates.
    pub findings: Vec<Finding>,
    /// Number of files read.
    pub files_read: usize,
    /// What a person should know about the search itself.
    pub remarks: Vec<Remark>,
}

/// A remark about a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Git did not report what it tracks, for this reason.
    GitUnknown(String),
    /// The backup folder lies in the checkout and was not searched.
    BackupSkipped(PathBuf),
    /// There is no package.json.
    NoPackage,
}
