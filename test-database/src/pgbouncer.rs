//! PgBouncer in front of a server, where it is installed.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long it may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A running PgBouncer, which ends with the test.
pub struct PgBouncer {
    child: Child,
    /// Contains its settings.
    folder: TempDir,
    /// Where it listens, as `host:port`.
    address: String,
}

impl PgBouncer {
    /// Starts it in front of the server of `url`, with a pool mode and further lines of its settings. Returns `None` where it is not
    /// installed, which is reported, and is a failure in CI.
    ///
    /// # Panics
    /// When it does not start, or is not installed in CI.
    #[must_use]
    #[track_caller]
    #[allow(clippy::print_stderr, reason = "a test that cannot run says why")]
    pub fn start(url: &str, mode: &str, more: &str) -> Option<PgBouncer> {
        let is_installed = Command::new("pgbouncer").arg("--version").stdout(Stdio::null()).status().is_ok();
        if !is_installed {
            assert!(
                std::env::var_os("CI").is_none(),
                "pgbouncer is not installed (apt-get install pgbouncer)"
            );
            eprintln!("not run: pgbouncer is not installed (apt-get install pgbouncer)");
            return None;
        }
        let server = url.strip_prefix("postgres://").unwrap();
        let (login, rest) = server.rsplit_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        let (host, port) = rest.split_once('/').unwrap().0.split_once(':').unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let own_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = format!(
            "[databases]\n* = host={host} port={port} user={user} password={password}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own_port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n{more}\n"
        );
        fs::write(folder.path().join("pgbouncer.ini"), text).unwrap();
        let address = format!("127.0.0.1:{own_port}");
        let child = spawn(&folder, &address);
        Some(PgBouncer { child, folder, address })
    }

    /// Kills it, which ends all sessions of clients and of the server, and starts it again at the same address.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.folder, &self.address);
    }

    /// Returns the URL of the same database through it.
    ///
    /// # Panics
    /// When `direct` has no user or no database.
    #[must_use]
    pub fn url(&self, direct: &str) -> String {
        let (before, rest) = direct.rsplit_once('@').unwrap();
        let (_, database) = rest.split_once('/').unwrap();
        format!("{before}@{}/{database}", self.address)
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts the program and waits until it listens.
#[track_caller]
fn spawn(folder: &TempDir, address: &str) -> Child {
    let mut command = Command::new("pgbouncer");
    if rustix::process::geteuid().is_root() {
        // It does not run as root.
        command.args(["-u", "nobody"]);
    }
    let settings = folder.path().join("pgbouncer.ini");
    let child = command.arg(settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + START_TIMEOUT;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "pgbouncer does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}
