//! What crashes, kills and reboots leave behind, and that the next start copes with it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Child;

use common::{Checkout, as_owner, helper, kill, running, single_user, start_as_told, wait_for};
use private_postgres::{Cluster, Error, StopMode};

#[test]
fn a_killed_postmaster_is_started_again() {
    let checkout = Checkout::new();
    let cluster = checkout.started();
    let before = running(&cluster);
    kill(before.pid.unwrap());
    let status = cluster.status().unwrap();
    assert!(!status.running);
    assert_eq!(status.pid, None);
    assert!(status.data_dir.join("postmaster.pid").exists(), "the stale file is what this test is about");
    cluster.start().unwrap();
    let after = running(&cluster);
    assert_ne!(after.pid, before.pid);
    assert_eq!(after.port, before.port);
}

/// Backends that are too busy to notice that their postmaster is gone; here one that is stopped, so that it surely is.
#[cfg(target_os = "linux")]
#[test]
fn processes_that_outlive_their_postmaster_are_ended() {
    use common::is_gone;
    use rustix::process::{Pid, Signal, kill_process};

    let checkout = Checkout::new();
    let cluster = checkout.started();
    let postmaster = running(&cluster).pid.unwrap();
    let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap();
    let orphan = children.split_whitespace().next().unwrap().parse().unwrap();
    let orphan = Pid::from_raw(orphan).unwrap();
    kill_process(orphan, Signal::STOP).unwrap();
    kill(postmaster);
    assert!(!is_gone(orphan));
    cluster.start().unwrap();
    assert_ne!(running(&cluster).pid, Some(postmaster));
    wait_for("the end of the orphan", || is_gone(orphan));
}

/// A program that belongs to the server's account and got the process id that a stale file names.
struct Stranger(Child);

impl Stranger {
    fn new(data: &Path) -> Self {
        Self(as_owner(data, Path::new("/bin/sleep")).arg("600").spawn().unwrap())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stale_file_that_names_a_living_stranger_is_no_obstacle() {
    let checkout = Checkout::new();
    let cluster = checkout.started();
    let before = running(&cluster);
    let pid_file = before.data_dir.join("postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    let (own, rest) = text.split_once('\n').unwrap();
    assert_eq!(own, before.pid.unwrap().to_string());
    kill(before.pid.unwrap());

    let mut stranger = Stranger::new(&before.data_dir);
    let pid = stranger.0.id();
    let socket = before.socket_dir.join(format!(".s.PGSQL.{}", before.port.unwrap()));
    assert!(socket.exists(), "a stale socket is a part of this test");
    for path in [&pid_file, &socket.with_extension(format!("{}.lock", before.port.unwrap()))] {
        let owner = fs::metadata(&before.data_dir).unwrap();
        fs::write(path, format!("{pid}\n{rest}")).unwrap();
        let _ = std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()));
    }

    assert!(!cluster.status().unwrap().running);
    assert!(!cluster.stop(StopMode::Immediate).unwrap());
    cluster.start().unwrap();
    assert_eq!(running(&cluster).port, before.port);
    assert_ne!(running(&cluster).pid, Some(pid));
    cluster.stop(StopMode::Fast).unwrap();
    assert!(stranger.0.try_wait().unwrap().is_none(), "the stranger was ended");
}

#[test]
fn a_killed_creation_is_made_anew() {
    let checkout = Checkout::new();
    let state = checkout.cluster().status().unwrap().state_dir;
    let half_done = || {
        let entries = fs::read_dir(&state).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".initdb-")).count()
    };
    let mut starter = helper("start_from_another_process", &checkout.path).spawn().unwrap();
    wait_for("initdb", || half_done() == 1);
    starter.kill().unwrap();
    starter.wait().unwrap();
    assert_eq!(half_done(), 1, "it was killed too late for this test");
    assert!(!checkout.cluster().status().unwrap().created);

    let cluster = checkout.started();
    running(&cluster);
    assert_eq!(half_done(), 0);
    cluster.stop(StopMode::Fast).unwrap();
    assert!(single_user(&cluster, "SELECT rolname FROM pg_roles WHERE rolsuper").contains("hyperpage"));
}

#[test]
#[ignore = "runs in a process of its own, for the test above"]
fn start_from_another_process() {
    start_as_told();
}

#[test]
fn a_damaged_record_costs_the_port_and_nothing_else() {
    let checkout = Checkout::new();
    let cluster = checkout.started();
    let state = running(&cluster).state_dir;
    cluster.stop(StopMode::Fast).unwrap();
    for damage in ["", "{", "{\"port\": 99999999}", "\u{0}\u{0}"] {
        fs::write(state.join("server.json"), damage).unwrap();
        cluster.start().unwrap();
        running(&cluster);
        cluster.stop(StopMode::Fast).unwrap();
    }
}

#[test]
fn a_lost_password_is_said() {
    let checkout = Checkout::new();
    let cluster = checkout.started();
    let path = running(&cluster).state_dir.join("password");
    for damage in ["", "short\n"] {
        fs::write(&path, damage).unwrap();
        assert!(matches!(cluster.url("postgres"), Err(Error::Password { .. })));
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(cluster.url("postgres"), Err(Error::Password { .. })));
}

#[test]
fn a_data_folder_of_another_version_is_refused() {
    let checkout = Checkout::new();
    let cluster = checkout.started();
    let status = running(&cluster);
    cluster.stop(StopMode::Fast).unwrap();
    fs::write(status.data_dir.join("PG_VERSION"), "9.6\n").unwrap();
    let error = cluster.start().unwrap_err();
    assert!(matches!(error, Error::DataVersion { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("9.6") && text.contains(&status.major.to_string()), "{text}");
}

#[test]
fn a_start_that_fails_shows_the_end_of_the_log() {
    let checkout = Checkout::new();
    let cluster = checkout.started();
    let data = running(&cluster).data_dir;
    cluster.stop(StopMode::Fast).unwrap();
    let mut settings = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
    settings.write_all(b"no_such_setting = 1\n").unwrap();
    let error = Cluster::start(&cluster).unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
    assert!(!error.to_string().contains("ready to accept"), "an earlier start's lines: {error}");
}
