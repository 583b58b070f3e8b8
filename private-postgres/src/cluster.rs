//! The cluster of a checkout, the API of this crate. Each operation is safe while other processes do the same.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::{Error, at};
use crate::layout::{Layout, Purpose};
use crate::login::Login;
use crate::server::{self, Launched, Phase, StopMode};
use crate::{SUPERUSER, create, files, npm, search, settings};

/// How often a start is tried when other processes take the free port first.
const PORT_ATTEMPTS: u32 = 5;

/// Which cluster is meant, and how it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The top folder of the checkout.
    pub checkout: PathBuf,
    /// The cluster's purpose.
    pub purpose: Purpose,
    /// The major version, 15 or later. Without one: that of `PG_BINDIR` where it is set; else of the cluster that the
    /// checkout already has; else the newest installed; else the newest that can be fetched.
    pub version: Option<u32>,
    /// Whether the data may be lost in a crash of the machine, for speed (`fsync` off).
    pub throwaway: bool,
    /// The folder for the clusters of all checkouts, such as one in memory; else each checkout has its own. The server's account must be
    /// able to enter it.
    pub folder: Option<PathBuf>,
}

impl Options {
    /// A durable cluster of any available version.
    #[must_use]
    pub fn new(checkout: impl Into<PathBuf>, purpose: Purpose) -> Self {
        Self { checkout: checkout.into(), purpose, version: None, throwaway: false, folder: None }
    }
}

/// A cluster that belongs to one checkout.
#[derive(Debug, Clone)]
pub struct Cluster {
    options: Options,
    major: u32,
    layout: Layout,
}

/// The state of a cluster, without the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The top folder of the checkout.
    pub checkout: PathBuf,
    /// The cluster's purpose.
    pub purpose: Purpose,
    /// Its major version.
    pub major: u32,
    /// Whether its data folder is there.
    pub created: bool,
    /// Whether its server accepts connections at this moment.
    pub running: bool,
    /// The postmaster's process id, also while it starts or stops.
    pub pid: Option<u32>,
    /// The port of the running server, or the one that the next start tries first.
    pub port: Option<u16>,
    /// The folder of the socket.
    pub socket_dir: PathBuf,
    /// The full version of the server that was started last.
    pub version: Option<String>,
    /// The folder of that server's programs.
    pub bindir: Option<PathBuf>,
    /// The folder that `remove` deletes.
    pub state_dir: PathBuf,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The server's log.
    pub log: PathBuf,
    /// The account that the server runs under.
    pub account: String,
    /// Whether it was last started with `fsync` off.
    pub throwaway: bool,
}

/// A record of the last start.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    port: u16,
    throwaway: bool,
    bindir: PathBuf,
    version: String,
}

impl Cluster {
    /// Determines the cluster. Creates, starts and fetches nothing.
    ///
    /// # Errors
    /// [`Error::Io`] where the checkout is no folder; those of [`Binaries::find`] about `PG_BINDIR` and the version.
    pub fn open(options: Options) -> Result<Self, Error> {
        let checkout = fs::canonicalize(&options.checkout).map_err(at("find", &options.checkout))?;
        let options = Options { checkout, ..options };
        let major = choose_major(&options)?;
        let layout = Layout::locate(&options.checkout, options.folder.as_deref(), options.purpose, major)?;
        Ok(Self { options, major, layout })
    }

    /// Ensures that the server accepts connections: creates, repairs and starts what is necessary. The server keeps running when
    /// the caller ends.
    ///
    /// # Errors
    /// [`Error::NoBinaries`] and the others about programs; [`Error::Start`] with the end of the log;
    /// [`Error::Throwaway`] where a throwaway server runs and a durable one is asked for.
    pub fn start(&self) -> Result<(), Error> {
        self.layout.refuse_foreign()?;
        let account = self.account()?;
        if !self.layout.data().exists() {
            // Before anything is created: a cluster that cannot run must not count as one.
            Binaries::find_for(Some(self.major), &account)?;
        }
        let _lock = self.layout.prepare(&self.options.checkout)?;
        if !account.can_enter(&self.layout.state)? {
            return Err(Error::Closed { path: self.layout.state.clone(), account: account.name });
        }
        if let Some(postmaster) = server::observe(&self.layout)? {
            if postmaster.phase != Phase::Stopping {
                return self.join();
            }
            server::wait_until_gone(&self.layout)?;
        }
        let binaries = Binaries::find_for(Some(self.major), &account)?;
        create::ensure(&self.layout, &account, &binaries, self.options.throwaway)?;
        server::heal(&self.layout, &account)?;
        self.launch(&account, &binaries)
    }

    /// Waits for a server that is already running or starting, and checks its durability.
    fn join(&self) -> Result<(), Error> {
        server::wait_until_ready(&self.layout, 0)?;
        if self.record().is_some_and(|record| record.throwaway) && !self.options.throwaway {
            return Err(Error::Throwaway { data: self.layout.data() });
        }
        Ok(())
    }

    fn launch(&self, account: &Account, binaries: &Binaries) -> Result<(), Error> {
        let last = self.record();
        let throwaway = self.options.throwaway;
        if last.as_ref().is_some_and(|record| record.throwaway) && !throwaway {
            // Data that was written without fsync must reach the disk before anything builds on it.
            rustix::fs::sync();
        }
        let mut port = match last.map(|record| record.port).filter(|port| server::is_free(*port)) {
            Some(port) => port,
            None => server::free_port()?,
        };
        for _ in 0..PORT_ATTEMPTS {
            let socket_dir = self.layout.socket_dir();
            let text = settings::text(port, &socket_dir, &self.layout.cluster_name(), throwaway);
            files::replace(&self.layout.settings(), &text, 0o644)?;
            let bindir = binaries.bindir.clone();
            self.write_record(&Record { port, throwaway, bindir, version: binaries.version.clone() })?;
            match server::launch(&self.layout, account, &binaries.bindir, port)? {
                Launched::Ready => return Ok(()),
                Launched::PortTaken => port = server::free_port()?,
            }
        }
        Err(Error::Start {
            log: self.layout.log(),
            tail: format!("each of {PORT_ATTEMPTS} free ports was taken before the server could use it"),
        })
    }

    /// Stops the server and the remaining processes of a dead one. Returns `false` when nothing was running.
    ///
    /// # Errors
    /// [`Error::Timeout`] when it does not end in time.
    pub fn stop(&self, mode: StopMode) -> Result<bool, Error> {
        if !self.layout.is_marked() {
            return Ok(false);
        }
        let account = self.account()?;
        let _lock = self.layout.prepare(&self.options.checkout)?;
        self.stop_locked(&account, mode)
    }

    fn stop_locked(&self, account: &Account, mode: StopMode) -> Result<bool, Error> {
        let found = server::observe(&self.layout)?;
        if let Some(postmaster) = found {
            server::stop(&self.layout, postmaster, mode)?;
        }
        if self.layout.data().exists() {
            server::heal(&self.layout, account)?;
        }
        Ok(found.is_some())
    }

    /// Returns what is known about the cluster. Changes nothing and does not wait.
    ///
    /// # Errors
    /// [`Error::OtherOwner`] where it belongs to another user.
    pub fn status(&self) -> Result<Status, Error> {
        let account = self.account()?;
        let record = self.record();
        let seen = server::observe(&self.layout)?;
        let port = seen.and_then(|found| found.port).or(record.as_ref().map(|record| record.port));
        let running =
            seen.is_some_and(|found| found.phase == Phase::Ready && found.port.is_some_and(server::accepts));
        Ok(Status {
            checkout: self.options.checkout.clone(),
            purpose: self.options.purpose,
            major: self.major,
            created: self.layout.data().exists(),
            running,
            pid: seen.map(server::Postmaster::number),
            port,
            socket_dir: self.layout.socket_dir(),
            version: record.as_ref().map(|record| record.version.clone()),
            bindir: record.as_ref().map(|record| record.bindir.clone()),
            state_dir: self.layout.state.clone(),
            data_dir: self.layout.data(),
            log: self.layout.log(),
            account: account.name,
            throwaway: record.is_some_and(|record| record.throwaway),
        })
    }

    /// Returns how to connect to the cluster. It need not be running, but must have been started once.
    ///
    /// # Errors
    /// [`Error::NotCreated`] before the first start, [`Error::Password`] where the password file is damaged.
    pub fn login(&self) -> Result<Login, Error> {
        let not_created = || Error::NotCreated { path: self.layout.state.clone() };
        let record = self.record().filter(|_| self.layout.data().exists()).ok_or_else(not_created)?;
        // A server that was started by hand may have another port; its PID file names it.
        let port = server::observe(&self.layout)?.and_then(|found| found.port).unwrap_or(record.port);
        let password = create::password(&self.layout)?;
        Ok(Login { host: "127.0.0.1", port, user: SUPERUSER, password })
    }

    /// Returns the URL of a database of the cluster, including the password.
    ///
    /// # Errors
    /// Those of [`Cluster::login`].
    pub fn url(&self, database: &str) -> Result<String, Error> {
        Ok(self.login()?.url(database))
    }

    /// Returns the folder of the server's programs, which are fetched when they are missing.
    ///
    /// # Errors
    /// Those of [`Binaries::find`].
    pub fn bindir(&self) -> Result<PathBuf, Error> {
        Ok(Binaries::find_for(Some(self.major), &self.account()?)?.bindir)
    }

    /// Returns the existing folders that [`Cluster::remove`] would delete.
    ///
    /// # Errors
    /// [`Error::NotOurs`] where the state folder was not made by this crate.
    pub fn folders(&self) -> Result<Vec<PathBuf>, Error> {
        self.layout.refuse_foreign()?;
        let (state, socket) = (self.layout.state.clone(), self.layout.socket_dir());
        let outside = !socket.starts_with(&state);
        let mut folders = vec![state];
        folders.extend(outside.then_some(socket));
        folders.retain(|path| path.exists());
        Ok(folders)
    }

    /// Stops the server and deletes the cluster with all its data. Returns `false` when there was none.
    ///
    /// # Errors
    /// [`Error::NotOurs`] when the folder was not created by this crate; nothing is deleted then.
    pub fn remove(&self) -> Result<bool, Error> {
        self.layout.refuse_foreign()?;
        if !self.layout.state.exists() {
            return Ok(false);
        }
        let account = self.account()?;
        let lock = self.layout.prepare(&self.options.checkout)?;
        self.stop_locked(&account, StopMode::Immediate)?;
        files::delete(&self.layout.socket_dir())?;
        // In one step: a process that waits for the lock finds no folder, and a killed removal leaves no partial cluster.
        let doomed = self.layout.doomed();
        fs::rename(&self.layout.state, &doomed).map_err(at("rename", &self.layout.state))?;
        drop(lock);
        self.layout.delete_doomed()?;
        remove_if_empty(&self.layout.root);
        Ok(true)
    }

    fn account(&self) -> Result<Account, Error> {
        Account::for_data(&self.layout.data())
    }

    /// Reads the record of the last start. A missing or damaged one counts as none; the next start writes a new one.
    fn record(&self) -> Option<Record> {
        serde_json::from_str(&fs::read_to_string(self.layout.record()).ok()?).ok()
    }

    fn write_record(&self, record: &Record) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(record).map_err(|error| Error::Io {
            action: "write",
            path: self.layout.record(),
            source: error.into(),
        })?;
        files::replace(&self.layout.record(), &format!("{text}\n"), 0o644)
    }
}

/// Chooses the major version, preferring an existing cluster: after an upgrade of the system its data must not seem lost.
fn choose_major(options: &Options) -> Result<u32, Error> {
    let account = Account::current()?;
    let installed = Binaries::installed(options.version, &account)?.map(|binaries| binaries.major);
    if let Some(version) = options.version {
        return Ok(version);
    }
    let existing = Layout::majors(&options.checkout, options.folder.as_deref(), options.purpose);
    Ok(match (installed, existing.first()) {
        (Some(major), _) if existing.contains(&major) || search::variable().is_some() => major,
        (_, Some(major)) => *major,
        (Some(major), None) => major,
        (None, None) => npm::DEFAULT_MAJOR,
    })
}

/// Removes the folder of a checkout's clusters when the last one is gone; others in it keep it.
fn remove_if_empty(root: &Path) {
    let only_ignore = fs::read_dir(root)
        .is_ok_and(|entries| entries.flatten().all(|entry| entry.file_name() == ".gitignore"));
    if only_ignore {
        let _ = fs::remove_file(root.join(".gitignore"));
        // Fails when another cluster was created in the meantime, as it should.
        let _ = fs::remove_dir(root);
        if let Some(parent) = root.parent().filter(|parent| parent.ends_with("hyperpage-postgres")) {
            let _ = fs::remove_dir(parent);
        }
    }
}
