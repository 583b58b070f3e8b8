//! The errors of this crate, each with what to do next. No message holds the password.

use std::io;
use std::path::PathBuf;

/// Why a private cluster could not be found, created, started, stopped or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read, written, created or deleted.
    #[error("cannot {action} {path}", path = path.display())]
    Io {
        /// The operation, as a verb: `create`, `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A program could not be run at all.
    #[error("cannot run {program}{as_account}")]
    Spawn {
        /// The program's path or name.
        program: String,
        /// ` as the account NAME`, or nothing.
        as_account: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("{program} failed: {detail}")]
    Failed {
        /// The program's path or name.
        program: String,
        /// The end of its output.
        detail: String,
    },
    /// A program of a PostgreSQL server is missing; a folder with clients alone does not count as a server's.
    #[error("there is no program {path}", path = path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// `PG_BINDIR` names a folder that cannot be used.
    #[error(
        "PG_BINDIR={path} cannot be used: {reason}; \
         point it at a folder with initdb, pg_ctl and postgres of PostgreSQL 15 or later, or unset it",
        path = path.display()
    )]
    Bindir {
        /// The folder that the variable names.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// `PG_BINDIR` holds another major version than the one asked for.
    #[error(
        "PG_BINDIR={path} holds PostgreSQL {found}, but version {wanted} was asked for; \
         unset PG_BINDIR or ask for {found}",
        path = path.display()
    )]
    BindirMajor {
        /// The folder that the variable names.
        path: PathBuf,
        /// The major version in it.
        found: u32,
        /// The major version asked for.
        wanted: u32,
    },
    /// A major version that this crate does not run.
    #[error("PostgreSQL {0} is not supported: 15 or later is needed")]
    Unsupported(u32),
    /// No installed PostgreSQL fits, and none could be fetched.
    #[error(
        "no {wanted} with initdb, pg_ctl and postgres was found (searched: {searched}) and fetching one failed. \
         Install the server: Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; \
         macOS: brew install postgresql@17; or install Node.js with npm so that it can be fetched; \
         or set PG_BINDIR to the folder of the programs"
    )]
    NoBinaries {
        /// `PostgreSQL 15 or later`, or `PostgreSQL 16`.
        wanted: String,
        /// The folders that were searched.
        searched: String,
        /// Why the fetch failed.
        source: Box<Error>,
    },
    /// The npm package does not exist for this version or platform.
    #[error("there is no package for {0}")]
    NoPackage(String),
    /// A downloaded package is not the one that was pinned.
    #[error("{package} does not have the expected checksum: expected {expected}, found {found}")]
    Checksum {
        /// The package with its version.
        package: String,
        /// The pinned checksum.
        expected: &'static str,
        /// The checksum of the download.
        found: String,
    },
    /// Running as root, and there is no unprivileged account to run the server under.
    #[error(
        "PostgreSQL refuses to run as root, and /etc/passwd has neither an account `postgres` nor `nobody`; \
         create one: useradd --system postgres"
    )]
    NoAccount,
    /// The state folder was not created by this crate.
    #[error("{path} was not made by this program (it has no {marker}), so it is left alone; move it away", path = path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// The marker file that our folders carry.
        marker: &'static str,
    },
    /// The server's account cannot enter the state folder any more.
    #[error("the account {account} cannot enter {path}; let it pass the folders above (chmod o+x)", path = path.display())]
    Closed {
        /// The state folder.
        path: PathBuf,
        /// The account.
        account: String,
    },
    /// The cluster was made by another user.
    #[error(
        "the cluster in {path} belongs to the account {owner}; run the command as the user that made it \
         (root for a cluster made as root), or remove it as that user",
        path = path.display()
    )]
    OtherOwner {
        /// The data folder.
        path: PathBuf,
        /// The account that owns it.
        owner: String,
    },
    /// The data folder was made by another major version than the programs'.
    #[error(
        "the data folder {path} was made by PostgreSQL {data}, but the programs in {bindir} are PostgreSQL {found}; \
         use programs of version {data}, or remove the cluster to make a new one",
        path = path.display(), bindir = bindir.display()
    )]
    DataVersion {
        /// The data folder.
        path: PathBuf,
        /// The content of its `PG_VERSION`.
        data: String,
        /// The folder of the programs.
        bindir: PathBuf,
        /// The major version of the programs.
        found: u32,
    },
    /// The server did not start.
    #[error("the server did not start; the end of its log {log}:\n{tail}", log = log.display())]
    Start {
        /// The log file.
        log: PathBuf,
        /// The server's output during this start.
        tail: String,
    },
    /// The server did not reach a state in time.
    #[error("the server (process {pid}) {what} after {seconds} s; see its log {log}", log = log.display())]
    Timeout {
        /// The postmaster.
        pid: u32,
        /// `does not accept connections`, `is still running`.
        what: &'static str,
        /// How long was waited, in seconds.
        seconds: u64,
        /// The log file.
        log: PathBuf,
    },
    /// Processes hold the data folder that cannot be seen or ended from here.
    #[error(
        "a server that cannot be seen from here uses {data} (another container, perhaps); stop it there",
        data = data.display()
    )]
    Elsewhere {
        /// The data folder.
        data: PathBuf,
    },
    /// A durable server was asked for while a throwaway one runs.
    #[error(
        "the server of {data} runs in throwaway mode (fsync off), but a durable one is needed; \
         stop it first: the next start will be durable",
        data = data.display()
    )]
    Throwaway {
        /// The data folder.
        data: PathBuf,
    },
    /// The password file is gone or empty while the data folder is there.
    #[error("the password file {path} is missing or damaged; put it back, or remove the cluster to make a new one", path = path.display())]
    Password {
        /// The password file.
        path: PathBuf,
    },
    /// The cluster has not been created yet.
    #[error("there is no cluster in {path} yet; start it first", path = path.display())]
    NotCreated {
        /// The state folder.
        path: PathBuf,
    },
}

/// Returns a function for `map_err` that turns the `io::Error` of an action on a path into an [`Error`].
pub(crate) fn at(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { action, path, source }
}
