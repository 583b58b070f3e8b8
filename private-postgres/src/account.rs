//! The account that the server runs under: the caller's own, or an unprivileged one where the caller is root (PostgreSQL
//! refuses to run as root). Builds the commands that run under it. Knows nothing about clusters.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, at};

/// The environment variables that a server needs. All others are removed: the server would keep the caller's secrets for days, and
/// `PGPORT`, `PGOPTIONS` and the like would change its behaviour.
const KEPT_VARIABLES: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"];

/// An account of this system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    gid: u32,
    /// Whether commands must switch to it: the caller is root.
    switch: bool,
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl Account {
    /// The account for a new cluster: the caller's; for root `postgres`, else `nobody`.
    ///
    /// # Errors
    /// [`Error::NoAccount`] where root has neither.
    pub(crate) fn current() -> Result<Self, Error> {
        let passwd = passwd();
        if !is_root() {
            let uid = rustix::process::geteuid().as_raw();
            let gid = rustix::process::getegid().as_raw();
            return Ok(Self { name: name_of(&passwd, uid), uid, gid, switch: false });
        }
        ["postgres", "nobody"]
            .iter()
            .find_map(|wanted| passwd.iter().find(|entry| entry.name == *wanted && entry.uid != 0))
            .map(|entry| Self { name: entry.name.clone(), uid: entry.uid, gid: entry.gid, switch: true })
            .ok_or(Error::NoAccount)
    }

    /// The account for the cluster whose data folder is `data`: root runs an existing one as its owner.
    ///
    /// # Errors
    /// [`Error::OtherOwner`] where the caller is not root and the folder belongs to someone else.
    pub(crate) fn for_data(data: &Path) -> Result<Self, Error> {
        let current = Self::current()?;
        let Ok(owner) = fs::metadata(data) else { return Ok(current) };
        if owner.uid() == current.uid {
            return Ok(current);
        }
        let name = name(owner.uid());
        if is_root() && owner.uid() != 0 {
            return Ok(Self { name, uid: owner.uid(), gid: owner.gid(), switch: true });
        }
        Err(Error::OtherOwner { path: data.to_path_buf(), owner: name })
    }

    /// A command that runs under this account, in `folder`, with a bare environment and no standard input.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").current_dir(folder).stdin(Stdio::null());
        for name in KEPT_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // Messages in another language, for tests: `LANGUAGE` itself is for the caller's own terminal.
        if let Some(language) = std::env::var_os("PRIVATE_POSTGRES_LANGUAGE") {
            command.env("LANGUAGE", language);
        }
        if self.switch {
            // The standard library drops root's supplementary groups together with the user id.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Runs a command and returns its standard output.
    ///
    /// # Errors
    /// [`Error::Spawn`] where it does not run, [`Error::Failed`] with the end of its output where it fails.
    pub(crate) fn capture(&self, command: &mut Command) -> Result<String, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let as_account = if self.switch { format!(" as the account {}", self.name) } else { String::new() };
        let output = command.output().map_err(|source| Error::Spawn {
            program: program.clone(),
            as_account,
            source,
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let written = [output.stderr, output.stdout].concat();
        Err(Error::Failed { program, detail: tail(&String::from_utf8_lossy(&written), 20) })
    }

    /// Whether this account can enter a folder: it is tried, so that parents, access lists and mounts all count.
    ///
    /// # Errors
    /// [`Error::Spawn`] where the trial fails for a reason other than access.
    pub(crate) fn can_enter(&self, folder: &Path) -> Result<bool, Error> {
        if !self.switch {
            return Ok(true);
        }
        // The child changes its user before its folder, so a folder that is closed to the account fails the spawn.
        match self.command("/bin/sh", folder).args(["-c", "exit 0"]).status() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
            Err(source) => Err(Error::Spawn {
                program: "/bin/sh".to_owned(),
                as_account: format!(" as the account {} in {}", self.name, folder.display()),
                source,
            }),
        }
    }

    /// Changes the owner of a file or folder to this account, if the caller is root.
    ///
    /// # Errors
    /// [`Error::Io`] where the file system refuses.
    pub(crate) fn give(&self, path: &Path) -> Result<(), Error> {
        if !self.switch {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid)).map_err(at("change the owner of", path))
    }
}

/// The last lines of a program's output, trimmed.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

struct Entry {
    name: String,
    uid: u32,
    gid: u32,
}

/// The accounts in `/etc/passwd`; lines of another form (comments, NIS) are no accounts.
fn passwd() -> Vec<Entry> {
    let text = fs::read("/etc/passwd").unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Entry { name, uid, gid })
        })
        .collect()
}

/// The name of an account, or its number where it has none here.
pub(crate) fn name(uid: u32) -> String {
    name_of(&passwd(), uid)
}

fn name_of(passwd: &[Entry], uid: u32) -> String {
    passwd.iter().find(|entry| entry.uid == uid).map_or_else(|| uid.to_string(), |entry| entry.name.clone())
}
