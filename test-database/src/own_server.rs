//! A server for one test alone, whose log can be read, whose settings can be changed, and which can be stopped, restarted and suspended.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use private_postgres::{Cluster, Options, Purpose};
use tempfile::TempDir;

pub use private_postgres::StopMode;

use crate::suspended::Suspended;
use crate::{TestDatabase, VERSION_VARIABLE, execute};

/// Names the folder for the data of servers, such as one in memory.
const FOLDER_VARIABLE: &str = "TEST_POSTGRES_DIR";

/// A cluster in a folder of its own, removed with it.
pub struct OwnServer {
    /// The folder, which other files of a test may share.
    pub folder: TempDir,
    /// The cluster.
    pub cluster: Cluster,
}

impl OwnServer {
    /// Starts it with these settings beside the usual ones. Its commits need not survive a crash.
    ///
    /// # Panics
    /// When it does not start, or refuses a setting.
    #[must_use]
    #[track_caller]
    pub fn start(settings: &[&str]) -> OwnServer {
        OwnServer::with(settings, true)
    }

    /// The same, with synchronous commits where a session asks for them.
    ///
    /// # Panics
    /// As [`OwnServer::start`].
    #[must_use]
    #[track_caller]
    pub fn start_durable(settings: &[&str]) -> OwnServer {
        OwnServer::with(settings, false)
    }

    #[track_caller]
    fn with(settings: &[&str], throwaway: bool) -> OwnServer {
        let parent = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty());
        let folder = parent.map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let version = std::env::var(VERSION_VARIABLE).ok().and_then(|version| version.parse().ok());
        let options = Options { version, throwaway, ..Options::new(folder.path(), Purpose::Test) };
        let cluster = Cluster::open(options).unwrap();
        cluster.start().unwrap();
        let server = OwnServer { folder, cluster };
        for setting in settings {
            execute(&server.url(), &format!("ALTER SYSTEM SET {setting}")).unwrap();
        }
        server.restart(StopMode::Fast);
        server
    }

    /// Stops it and starts it again, at the same port.
    ///
    /// # Panics
    /// When it does not stop or start.
    #[track_caller]
    pub fn restart(&self, mode: StopMode) {
        self.cluster.stop(mode).unwrap();
        self.cluster.start().unwrap();
    }

    /// Suspends all its processes until the guard is dropped. The kernel still accepts connections and data for them.
    ///
    /// # Panics
    /// When it is not running.
    #[track_caller]
    pub fn suspend(&self) -> Suspended<'_> {
        Suspended::processes_of(&self.cluster)
    }

    /// Returns the URL of its database `postgres`, as its superuser.
    ///
    /// # Panics
    /// When the cluster was removed.
    #[must_use]
    pub fn url(&self) -> String {
        self.cluster.url("postgres").unwrap()
    }

    /// Creates an empty database on it.
    ///
    /// # Panics
    /// As [`TestDatabase::create_on`].
    #[must_use]
    #[track_caller]
    pub fn database(&self) -> TestDatabase {
        TestDatabase::create_on(&self.url())
    }

    /// Returns all that it has logged.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.cluster.status().unwrap().log).unwrap()).into_owned()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let removed = self.cluster.remove();
        if !std::thread::panicking() {
            removed.unwrap();
        }
    }
}
