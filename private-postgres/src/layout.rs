//! The paths of a cluster: path arithmetic and the choice between inside and outside of the checkout.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::account::{Account, is_root};
use crate::error::{Error, at};
use crate::files;

/// Every state folder carries this file; a folder without it is never deleted.
pub(crate) const MARKER: &str = "private-postgres.json";

/// The folder inside a checkout that holds its clusters.
const INSIDE: &str = ".postgres";

/// The folder outside of all checkouts, for those that the server's account cannot enter.
const OUTSIDE: &str = "/var/lib/hyperpage-postgres";

/// The longest path of a socket, in bytes: `sockaddr_un` less the closing zero.
const SOCKET_PATH_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// The purpose of a cluster; each purpose has a data folder and a server of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// The developer's own data.
    Main,
    /// The databases that tests make and drop.
    Test,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Test => "test",
        }
    }
}

/// The paths of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The folder of all clusters of the checkout.
    pub(crate) root: PathBuf,
    /// This cluster's folder in it.
    pub(crate) state: PathBuf,
}

impl Layout {
    /// Chooses the place of a cluster: the given folder; else outside where there already is one, or where the account cannot enter the
    /// checkout; else inside. Creates nothing.
    pub(crate) fn locate(
        checkout: &Path,
        folder: Option<&Path>,
        purpose: Purpose,
        major: u32,
    ) -> Result<Self, Error> {
        if let Some(folder) = folder {
            return Ok(Self::under(folder.join(hash(checkout)), purpose, major));
        }
        let inside = Self::under(checkout.join(INSIDE), purpose, major);
        let outside = Self::under(outside_root(checkout), purpose, major);
        let outside_is_fit = |account: &Account| account.can_enter(checkout).map(|can| !can);
        if is_root()
            && (outside.is_marked() || (!inside.is_marked() && outside_is_fit(&Account::current()?)?))
        {
            return Ok(outside);
        }
        Ok(inside)
    }

    fn under(root: PathBuf, purpose: Purpose, major: u32) -> Self {
        let state = root.join(format!("{}-{major}", purpose.name()));
        Self { root, state }
    }

    /// The major versions that the checkout already has a cluster of, newest first.
    pub(crate) fn majors(checkout: &Path, folder: Option<&Path>, purpose: Purpose) -> Vec<u32> {
        let prefix = format!("{}-", purpose.name());
        let roots = match folder {
            Some(folder) => vec![folder.join(hash(checkout))],
            None => vec![checkout.join(INSIDE), outside_root(checkout)],
        };
        let mut majors: Vec<u32> = roots
            .iter()
            .filter_map(|root| fs::read_dir(root).ok())
            .flat_map(|entries| entries.flatten())
            .filter(|entry| entry.path().join(MARKER).is_file() && entry.path().join("data").is_dir())
            .filter_map(|entry| entry.file_name().to_str()?.strip_prefix(&prefix)?.parse().ok())
            .collect();
        majors.sort_unstable_by(|a, b| b.cmp(a));
        majors.dedup();
        majors
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.state.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.state.join("server.log")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    pub(crate) fn marker(&self) -> PathBuf {
        self.state.join(MARKER)
    }

    /// The settings that are kept between starts: the port, the mode, the programs.
    pub(crate) fn record(&self) -> PathBuf {
        self.state.join("server.json")
    }

    pub(crate) fn password(&self) -> PathBuf {
        self.state.join("password")
    }

    /// The settings file, which the data folder's `postgresql.conf` includes by the relative path `../server.conf`, so
    /// that the checkout can be moved.
    pub(crate) fn settings(&self) -> PathBuf {
        self.state.join("server.conf")
    }

    /// The folder of the socket: in the state folder where the socket's path fits and needs no quoting, else in /tmp.
    pub(crate) fn socket_dir(&self) -> PathBuf {
        let near = self.state.join("socket");
        let longest = near.join(".s.PGSQL.65535");
        let plain = near.to_str().is_some_and(|text| !text.contains(char::is_control));
        if plain && longest.as_os_str().len() <= SOCKET_PATH_MAX {
            return near;
        }
        PathBuf::from(format!("/tmp/hyperpage-postgres-{}", hash(&self.state)))
    }

    /// The name that the server's processes carry in their titles, different for every cluster.
    pub(crate) fn cluster_name(&self) -> String {
        format!("hyperpage-{}", hash(&self.state))
    }

    /// Whether the state folder was made by this crate.
    pub(crate) fn is_marked(&self) -> bool {
        self.marker().is_file()
    }

    /// Creates the state folder and returns its lock, held. Leftovers of killed processes are gone afterwards.
    ///
    /// # Errors
    /// [`Error::NotOurs`] where a folder with other things in it is in the place.
    pub(crate) fn prepare(&self, checkout: &Path) -> Result<fs::File, Error> {
        self.refuse_foreign()?;
        files::create_folder(&self.root, 0o755)?;
        let ignore = self.root.join(".gitignore");
        if self.root.ends_with(INSIDE) && !ignore.exists() {
            // No version control may pick the folder up, whatever the checkout's own ignore file contains.
            files::replace(&ignore, "*\n", 0o644)?;
        }
        let lock = self.create_and_lock()?;
        if !self.is_marked() {
            let text =
                serde_json::json!({ "checkout": checkout.to_string_lossy(), "made by": "private-postgres" });
            files::replace(&self.marker(), &format!("{text:#}\n"), 0o644)?;
        }
        files::delete_leftovers(&self.state, &[".new-", ".initdb-"])?;
        Ok(lock)
    }

    /// A removal may delete the folder while others wait for its lock: then it is created again.
    fn create_and_lock(&self) -> Result<fs::File, Error> {
        loop {
            // The server's account must reach the data folder through it; private files in it have mode 0600 or 0700.
            files::create_folder(&self.state, if is_root() { 0o755 } else { 0o700 })?;
            match files::lock(&self.lock()) {
                Err(Error::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound && !self.state.exists() => {}
                result => return result,
            }
        }
    }

    /// Returns the path that the state folder is renamed to before it is deleted: a sibling named after this process.
    pub(crate) fn doomed(&self) -> PathBuf {
        self.root.join(format!("{}{}", self.doomed_prefix(), std::process::id()))
    }

    fn doomed_prefix(&self) -> String {
        let name = self.state.file_name().unwrap_or_default().to_string_lossy();
        format!(".removing-{name}-")
    }

    /// Deletes the paths of [`Layout::doomed`], and the remains of earlier removals that were killed.
    pub(crate) fn delete_doomed(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.root).map_err(at("read", &self.root))? {
            let entry = entry.map_err(at("read", &self.root))?;
            if entry.file_name().to_string_lossy().starts_with(&self.doomed_prefix()) {
                files::delete_marked(&entry.path(), MARKER)?;
            }
        }
        Ok(())
    }

    /// Refuses a folder that is not ours. An empty one, or one with just a lock, is a creation that was cut short.
    pub(crate) fn refuse_foreign(&self) -> Result<(), Error> {
        let Ok(found) = fs::symlink_metadata(&self.state) else { return Ok(()) };
        let foreign = || Error::NotOurs { path: self.state.clone(), marker: MARKER };
        if !found.is_dir() {
            return Err(foreign());
        }
        if self.is_marked() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.state).map_err(at("read", &self.state))? {
            let name = entry.map_err(at("read", &self.state))?.file_name();
            let is_beginning = name == "lock" || name.to_string_lossy().starts_with(".new-");
            // Another process may have created the folder meanwhile. It writes the marker before anything else.
            if !is_beginning && !self.is_marked() {
                return Err(foreign());
            }
        }
        Ok(())
    }
}

/// The folder of a checkout's clusters outside of it.
fn outside_root(checkout: &Path) -> PathBuf {
    Path::new(OUTSIDE).join(hash(checkout))
}

/// Twelve hexadecimal digits that identify a path.
fn hash(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    Sha256::digest(path.as_os_str().as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_path_fits_or_moves_to_tmp() {
        for length in 1..200 {
            let layout = Layout::under(PathBuf::from(format!("/{}", "x".repeat(length))), Purpose::Test, 15);
            let socket = layout.socket_dir().join(".s.PGSQL.65535");
            assert!(socket.as_os_str().len() <= SOCKET_PATH_MAX, "{}", socket.display());
        }
        let short = Layout::under(PathBuf::from("/short"), Purpose::Main, 15);
        assert_eq!(short.socket_dir(), Path::new("/short/main-15/socket"));
        let odd = Layout::under(PathBuf::from("/a\nb"), Purpose::Main, 15);
        assert!(odd.socket_dir().starts_with("/tmp"));
    }

    #[test]
    fn a_folder_that_is_just_being_made_is_ours() {
        for _ in 0..50 {
            let root = tempfile::tempdir().unwrap();
            let layout = Layout::under(root.path().to_owned(), Purpose::Test, 15);
            std::thread::scope(|scope| {
                let made = scope.spawn(|| {
                    let lock = layout.prepare(root.path()).unwrap();
                    fs::create_dir(layout.state.join("data")).unwrap();
                    drop(lock);
                });
                while !made.is_finished() {
                    layout.refuse_foreign().unwrap();
                }
            });
        }
    }

    #[test]
    fn two_checkouts_share_a_given_folder_and_no_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let locate = |checkout: &str| {
            Layout::locate(Path::new(checkout), Some(folder.path()), Purpose::Test, 15).unwrap()
        };
        let (one, other) = (locate("/a"), locate("/b"));
        assert!(one.state.starts_with(folder.path()), "{}", one.state.display());
        assert_ne!(one.root, other.root);
        fs::create_dir_all(one.data()).unwrap();
        fs::write(one.marker(), "").unwrap();
        let majors = |checkout: &str, folder| Layout::majors(Path::new(checkout), folder, Purpose::Test);
        assert_eq!(majors("/a", Some(folder.path())), [15]);
        assert!(majors("/b", Some(folder.path())).is_empty() && majors("/a", None).is_empty());
    }

    #[test]
    fn two_checkouts_share_no_name() {
        let one = Layout::under(outside_root(Path::new("/a")), Purpose::Main, 15);
        let other = Layout::under(outside_root(Path::new("/b")), Purpose::Main, 15);
        assert_ne!(one.state, other.state);
        assert_ne!(one.cluster_name(), other.cluster_name());
    }
}
