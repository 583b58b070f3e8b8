//! A server that logs as PostgreSQL does by default, with a database for a case, and what it has logged.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use private_postgres::{Cluster, Options, Purpose};
use tempfile::TempDir;
use test_database::TestDatabase;

use crate::support::{ask, session};

/// The defaults of PostgreSQL for what errors leave in the log; the private server is more discreet.
const DEFAULTS: [&str; 3] =
    ["log_min_messages = 'warning'", "log_min_error_statement = 'error'", "log_error_verbosity = 'default'"];

/// A cluster for one test, removed with its folder.
pub struct LoudServer {
    _folder: TempDir,
    cluster: Cluster,
}

impl LoudServer {
    pub fn start() -> LoudServer {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let version = std::env::var("TEST_POSTGRES_VERSION").ok().and_then(|version| version.parse().ok());
        let options = Options { version, throwaway: true, ..Options::new(folder.path(), Purpose::Test) };
        let cluster = Cluster::open(options).unwrap();
        cluster.start().unwrap();
        let server = LoudServer { _folder: folder, cluster };
        let mut admin = session(&server.url());
        for setting in DEFAULTS {
            admin.query(&format!("ALTER SYSTEM SET {setting}"), &[]).unwrap();
        }
        admin.query("SELECT pg_reload_conf()", &[]).unwrap();
        // Its sessions have the settings of the moment at which they begin.
        let logging =
            "SELECT current_setting('log_error_verbosity'), current_setting('log_min_error_statement')";
        while ask(&mut session(&server.url()), logging) != ["default|error"] {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        for others in ["log_parameter_max_length_on_error", "log_statement", "log_min_duration_statement"] {
            let sql = "SELECT setting = boot_val FROM pg_settings WHERE name = $1";
            assert!(admin.one::<bool>(sql, &[Some(others)]).unwrap(), "{others}");
        }
        server
    }

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

impl Drop for LoudServer {
    fn drop(&mut self) {
        let removed = self.cluster.remove();
        if !std::thread::panicking() {
            removed.unwrap();
        }
    }
}
