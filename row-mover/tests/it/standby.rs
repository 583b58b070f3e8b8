//! A server that follows another one, for sessions in recovery.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use test_database::own_server::OwnServer;

use crate::support::{ask, session};

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
