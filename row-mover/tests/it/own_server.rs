//! A server for one test alone, whose log can be read and whose settings can be changed.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use private_postgres::{Cluster, Options, Purpose, StopMode};
use tempfile::TempDir;

use crate::support::{ask, session};

/// A cluster in a folder of its own, removed with it.
pub struct OwnServer {
    folder: TempDir,
    pub cluster: Cluster,
}

impl OwnServer {
    /// Starts it with these settings beside the usual ones.
    #[track_caller]
    pub fn start(settings: &[&str]) -> OwnServer {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let version = std::env::var("TEST_POSTGRES_VERSION").ok().and_then(|version| version.parse().ok());
        let options = Options { version, throwaway: true, ..Options::new(folder.path(), Purpose::Test) };
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

    /// The URL of its database `postgres`.
    pub fn url(&self) -> String {
        self.cluster.url("postgres").unwrap()
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

/// A server that replays the log of another one, made from a backup of it.
pub struct Standby {
    data: PathBuf,
    owner: (u32, u32),
    bindir: PathBuf,
    port: u16,
}

impl Standby {
    #[track_caller]
    pub fn of(primary: &OwnServer) -> Standby {
        let primary_data = primary.cluster.status().unwrap().data_dir;
        let meta = fs::metadata(&primary_data).unwrap();
        // Its settings stand beside the data.
        let settings = primary.folder.path().join("server.conf");
        fs::copy(primary_data.parent().unwrap().join("server.conf"), &settings).unwrap();
        chown(&settings, Some(meta.uid()), Some(meta.gid())).unwrap();
        let data = primary.folder.path().join("standby");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        chown(&data, Some(meta.uid()), Some(meta.gid())).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let bindir = primary.cluster.bindir().unwrap();
        let standby = Standby { data, owner: (meta.uid(), meta.gid()), bindir, port };
        let (data, url) = (standby.data.to_str().unwrap().to_owned(), primary.url());
        standby.run("pg_basebackup", &["-d", &url, "-D", &data, "-R", "-X", "stream", "-c", "fast"]);
        let (options, log) =
            (format!("-p {port} -c unix_socket_directories=''"), format!("{data}/standby.log"));
        let started =
            standby.command("pg_ctl", &["start", "-w", "-D", &data, "-o", &options, "-l", &log]).status();
        assert!(started.unwrap().success(), "{}", fs::read_to_string(&log).unwrap_or_default());
        standby
    }

    /// The URL of the same database here.
    pub fn url(&self, of_primary: &str) -> String {
        let (before, place) = of_primary.rsplit_once('@').unwrap();
        let database = place.split_once('/').unwrap().1;
        format!("{before}@127.0.0.1:{}/{database}", self.port)
    }

    /// Waits until a question is answered with true here.
    #[track_caller]
    pub fn wait_until(url: &str, sql: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while ask(&mut session(url), sql) != ["t"] {
            assert!(Instant::now() < deadline, "{sql}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) {
        assert!(self.command(program, arguments).status().unwrap().success(), "{program}");
    }

    /// A program of the server, as the account that the server runs under.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bindir.join(program));
        command.args(arguments).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        if rustix::process::geteuid().is_root() {
            command.uid(self.owner.0).gid(self.owner.1);
        }
        command
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let data = self.data.to_str().unwrap_or_default().to_owned();
        let status = self.command("pg_ctl", &["stop", "-m", "immediate", "-D", &data]).status();
        if !std::thread::panicking() {
            assert!(status.unwrap().success());
        }
    }
}
