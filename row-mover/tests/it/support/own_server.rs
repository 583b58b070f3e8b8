//! A server for one test alone, whose log can be read, whose settings can be changed, and which can be stopped.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use private_postgres::{Cluster, Options, Purpose, StopMode};
use tempfile::TempDir;
use test_database::TestDatabase;

use super::session;

/// A cluster in a folder of its own, removed with it.
pub struct OwnServer {
    pub folder: TempDir,
    pub cluster: Cluster,
}

impl OwnServer {
    /// Starts it with these settings beside the usual ones. Its commits need not survive a crash.
    #[track_caller]
    pub fn start(settings: &[&str]) -> OwnServer {
        OwnServer::with(settings, true)
    }

    /// The same, with synchronous commits where a session asks for them.
    #[track_caller]
    pub fn start_durable(settings: &[&str]) -> OwnServer {
        OwnServer::with(settings, false)
    }

    #[track_caller]
    fn with(settings: &[&str], throwaway: bool) -> OwnServer {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let version = std::env::var("TEST_POSTGRES_VERSION").ok().and_then(|version| version.parse().ok());
        let options = Options { version, throwaway, ..Options::new(folder.path(), Purpose::Test) };
        let cluster = Cluster::open(options).unwrap();
        cluster.start().unwrap();
        let server = OwnServer { folder, cluster };
        for setting in settings {
            session(&server.url()).query(&format!("ALTER SYSTEM SET {setting}"), &[]).unwrap();
        }
        server.cluster.stop(StopMode::Fast).unwrap();
        server.cluster.start().unwrap();
        server
    }

    /// The URL of its database `postgres`, as its superuser.
    pub fn url(&self) -> String {
        self.cluster.url("postgres").unwrap()
    }

    /// An empty database of its own.
    pub fn database(&self) -> TestDatabase {
        TestDatabase::create_on(&self.url())
    }

    /// All that it has logged.
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
