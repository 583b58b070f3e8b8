//! What the tests share: a checkout that leaves nothing behind, and ways to look at a cluster from outside.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use private_postgres::{Cluster, Options, Purpose, Status};
use tempfile::TempDir;

/// A checkout in a temporary folder; its cluster is removed with it.
pub(crate) struct Checkout {
    folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Checkout {
    /// One that every account can enter.
    pub(crate) fn new() -> Self {
        Self::within("checkout")
    }

    /// One in a folder of this name, below the temporary folder.
    pub(crate) fn within(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let path = fs::canonicalize(folder.path()).unwrap().join(name);
        fs::create_dir_all(&path).unwrap();
        Self { folder, path }
    }

    pub(crate) fn options(&self) -> Options {
        Options { throwaway: true, ..Options::new(&self.path, Purpose::Test) }
    }

    pub(crate) fn cluster(&self) -> Cluster {
        Cluster::open(self.options()).unwrap()
    }

    /// The cluster, started.
    pub(crate) fn started(&self) -> Cluster {
        let cluster = self.cluster();
        cluster.start().unwrap();
        cluster
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if let Ok(cluster) = Cluster::open(self.options()) {
            let state = cluster.status().map(|status| status.state_dir);
            let removed = cluster.remove();
            // A test that fails already says why; a second panic would hide it.
            if !std::thread::panicking() {
                removed.unwrap();
                assert!(!state.unwrap().exists(), "the state folder is still there");
            }
        }
    }
}

/// The state of a cluster that must be running.
pub(crate) fn running(cluster: &Cluster) -> Status {
    let status = cluster.status().unwrap();
    assert!(status.running, "{status:#?}");
    assert!(status.pid.is_some());
    status
}

/// A command under the account that owns the data folder.
pub(crate) fn as_owner(data: &Path, program: &Path) -> Command {
    let owner = fs::metadata(data).unwrap();
    let mut command = Command::new(program);
    command.current_dir("/");
    if is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs SQL on a stopped cluster with PostgreSQL's single-user mode, and returns what it prints.
pub(crate) fn single_user(cluster: &Cluster, sql: &str) -> String {
    let status = cluster.status().unwrap();
    assert!(!status.running);
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("sql");
    fs::write(&input, format!("{sql}\n")).unwrap();
    let output = as_owner(&status.data_dir, &cluster.bindir().unwrap().join("postgres"))
        .args(["--single", "-D"])
        .arg(&status.data_dir)
        .arg("postgres")
        .stdin(fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The value of a setting of a stopped cluster, as the server itself reads it.
pub(crate) fn setting(cluster: &Cluster, name: &str) -> String {
    let data = cluster.status().unwrap().data_dir;
    let output = as_owner(&data, &cluster.bindir().unwrap().join("postgres"))
        .args(["-C", name, "-D"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Polls until the condition holds; fails after 30 s.
pub(crate) fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Kills a process for good and waits until it is gone.
pub(crate) fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    wait_for("the end of the process", || is_gone(pid));
}

/// Whether a process has ended; one that only waits for its parent to notice has.
pub(crate) fn is_gone(pid: rustix::process::Pid) -> bool {
    rustix::process::test_kill_process(pid).is_err()
        || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|text| text.contains(") Z "))
}

/// The command that runs the ignored test of this name in a process of its own.
pub(crate) fn helper(name: &str, checkout: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]).env("TEST_CHECKOUT", checkout);
    command
}

/// What the helper's process printed after this word.
pub(crate) fn said(output: &std::process::Output, word: &str) -> Option<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| Some(line.split_once(&format!("{word}: "))?.1.to_owned()))
}

/// The part of a helper that runs in its process: starts the cluster of `TEST_CHECKOUT`, version `TEST_VERSION`, and says
/// how it went.
#[allow(clippy::print_stdout, reason = "the output is what the parent reads")]
pub(crate) fn start_as_told() {
    let checkout = std::env::var_os("TEST_CHECKOUT").unwrap();
    let version = std::env::var("TEST_VERSION").ok().map(|text| text.parse().unwrap());
    let options = Options { throwaway: true, version, ..Options::new(checkout, Purpose::Test) };
    let result = Cluster::open(options).and_then(|cluster| {
        cluster.start()?;
        cluster.status()
    });
    match result {
        Ok(status) => println!("\npid: {}", status.pid.unwrap()),
        Err(error) => println!("\nerror: {error}"),
    }
}
