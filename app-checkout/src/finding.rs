//! What a search of a checkout can find: facts only. How they are worded is the caller's decision.

use crate::lockfile::Manager;
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
    /// A description or keyword in package.json.
    Description,
    /// System packages that are installed, and whether build tools are among them.
    Installed(Vec<String>, bool),
    /// A package in a lock file.
    Locked(String, Manager),
    /// A module that is imported, required, re-exported or declared.
    Imported(String),
    /// A module that a test replaces.
    Mocked(String),
    /// A module in a string that imports nothing.
    ModuleName(String),
    /// A module in the configuration of Next.js.
    NextConfig(String),
    /// A function that defines a table in SQLite's dialect.
    Definition(String),
    /// A call that sets or reads a PRAGMA.
    Pragma,
    /// A type of a SQLite library.
    Type(String),
    /// A result code of SQLite.
    ResultCode(String),
    /// A database in memory.
    InMemory,
    /// The path of the SQLite file, in source code.
    DatabasePath,
    /// A setting, and the SQLite dialect or driver that it selects.
    Dialect(String, String),
    /// A construct that only SQLite's SQL has, in source code.
    Sql(String),
    /// Such constructs in a migration.
    MigrationSql(Vec<String>),
    /// The SQLite dialect of a journal or snapshot of drizzle-kit.
    Journal(String),
    /// A migration that a journal in SQLite's dialect lists.
    JournalEntry,
    /// A database file in the work tree, and whether git tracks it.
    Database(DatabaseState, bool),
    /// A database file that git tracks and the work tree no longer has.
    OnlyInGit,
    /// A symbolic link to a database file, or with the name of one.
    DatabaseLink,
    /// A variable that an env file sets.
    VariableSet(String),
    /// A variable in a comment of an env file.
    VariableComment(String),
    /// A variable whose value points to a SQLite file.
    VariableValue(String),
    /// A variable that source code reads.
    VariableRead(String),
    /// A variable or setting in a manifest or pipeline.
    Setting(String),
    /// The address of a SQLite file in a manifest or pipeline.
    Address,
    /// The path of a mount at the folder of the SQLite file.
    Mount(String),
    /// The name of a volume that holds the SQLite file, or of the storage behind it.
    Volume(String),
    /// A mention of SQLite.
    Mention,
    /// A mention of SQLite in a comment.
    Comment,
    /// A mention of the SQLite file by its name.
    FileName(String),
    /// A mention of the folder of the SQLite file.
    Folder(String),
    /// A number of lines that mention SQLite; the first is the finding's line.
    Lines(usize),
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
    /// A folder of the checkout that is not searched.
    UnsearchedFolder,
    /// A file of the checkout that is searched in another way, by its own name.
    OtherFile,
    /// A folder outside of the checkout.
    FolderOutside,
    /// A file outside of the checkout.
    FileOutside,
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
    /// Whether [`crate::apply`] deals with it.
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
