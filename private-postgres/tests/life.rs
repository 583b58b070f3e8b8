//! The life of a cluster, against the real programs: created, started, stopped, moved, removed.

mod common;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use common::{Checkout, as_owner, helper, is_root, running, said, setting, single_user, start_as_told};
use private_postgres::{Cluster, Error, Options, Purpose, StopMode};

#[test]
fn a_restart_keeps_data_port_and_password() {
    let checkout = Checkout::new();
    let cluster = checkout.cluster();
    assert!(matches!(cluster.url("x"), Err(Error::NotCreated { .. })));
    assert!(!cluster.stop(StopMode::Fast).unwrap());
    assert!(!cluster.status().unwrap().state_dir.exists(), "looking must create nothing");

    cluster.start().unwrap();
    let first = running(&cluster);
    let url = cluster.url("my db").unwrap();
    assert!(url.ends_with(&format!("@127.0.0.1:{}/my%20db", first.port.unwrap())), "a wrong end of the URL");

    cluster.start().unwrap();
    assert_eq!(running(&cluster), first, "a second start changes nothing");

    assert!(cluster.stop(StopMode::Fast).unwrap());
    assert!(!cluster.stop(StopMode::Fast).unwrap());
    single_user(&cluster, "CREATE TABLE kept AS SELECT 'still here' AS what");

    cluster.start().unwrap();
    let second = running(&cluster);
    assert_ne!(second.pid, first.pid);
    assert_eq!(second.port, first.port);
    assert!(cluster.url("my db").unwrap() == url, "the URL changed");

    cluster.stop(StopMode::Immediate).unwrap();
    assert!(single_user(&cluster, "SELECT what FROM kept").contains("still here"));
}

#[test]
fn pg_ctl_and_status_agree() {
    let checkout = Checkout::new();
    let cluster = checkout.started();
    let status = running(&cluster);
    let pg_ctl = cluster.bindir().unwrap().join("pg_ctl");
    let said = |cluster: &Cluster| {
        let data = cluster.status().unwrap().data_dir;
        let output = as_owner(&data, &pg_ctl).args(["status", "-D"]).arg(&data).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = said(&cluster);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("PID: {})", status.pid.unwrap())), "{text}");
    cluster.stop(StopMode::Fast).unwrap();
    assert_eq!(said(&cluster).0, Some(3));
}

#[test]
fn a_taken_port_is_replaced() {
    let checkout = Checkout::new();
    let cluster = checkout.started();
    let port = running(&cluster).port.unwrap();
    cluster.stop(StopMode::Immediate).unwrap();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    cluster.start().unwrap();
    assert_ne!(running(&cluster).port, Some(port));
    drop(taken);
}

#[test]
fn many_starts_at_once_make_one_server() {
    let checkout = Checkout::new();
    let from_threads: Vec<u32> = thread::scope(|scope| {
        // A process that returns has closed its pipe: the server must not hold it open.
        let processes: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| helper("start_from_another_process", &checkout.path).output().unwrap()))
            .collect();
        let threads: Vec<_> =
            (0..3).map(|_| scope.spawn(|| running(&checkout.started()).pid.unwrap())).collect();
        let mut pids: Vec<u32> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        for process in processes {
            let output = process.join().unwrap();
            let pid = said(&output, "pid").unwrap_or_else(|| panic!("{output:?}"));
            pids.push(pid.parse().unwrap());
        }
        pids
    });
    let pid = running(&checkout.cluster()).pid.unwrap();
    assert_eq!(from_threads, [pid; 6]);
    let log = fs::read_to_string(checkout.cluster().status().unwrap().log).unwrap();
    assert_eq!(log.matches("starting PostgreSQL").count(), 1, "{log}");
}

#[test]
#[ignore = "runs in a process of its own, for the test above"]
fn start_from_another_process() {
    start_as_told();
}

#[test]
fn two_checkouts_and_two_purposes_never_meet() {
    let (one, other) = (Checkout::new(), Checkout::new());
    let (first, second) = (running(&one.started()), running(&other.started()));
    assert_ne!(first.port, second.port);
    assert_ne!(first.pid, second.pid);
    assert_ne!(first.data_dir, second.data_dir);
    assert_ne!(first.socket_dir, second.socket_dir);
    assert!(
        one.cluster().login().unwrap().password != other.cluster().login().unwrap().password,
        "two clusters share a password"
    );
    let main = Cluster::open(Options::new(&one.path, Purpose::Main)).unwrap().status().unwrap();
    assert!(!main.created);
    assert_ne!(main.state_dir, first.state_dir);
    assert_ne!(main.socket_dir, first.socket_dir);
}

#[test]
fn a_copy_of_a_checkout_is_another_checkout() {
    let (one, other) = (Checkout::new(), Checkout::new());
    let first = running(&one.started());
    let copied =
        std::process::Command::new("cp").arg("-a").arg(one.path.join(".postgres")).arg(&other.path).status();
    assert!(copied.unwrap().success());
    assert!(!other.cluster().status().unwrap().running, "the copy of a pid file is no server");
    let second = running(&other.started());
    assert_ne!(first.port, second.port);
    assert_eq!(running(&one.cluster()).pid, first.pid);
}

#[test]
fn a_moved_checkout_keeps_its_server() {
    let mut checkout = Checkout::new();
    let pid = running(&checkout.started()).pid;
    let moved = checkout.path.with_file_name("moved");
    fs::rename(&checkout.path, &moved).unwrap();
    checkout.path = moved;
    assert_eq!(running(&checkout.started()).pid, pid);
    checkout.cluster().stop(StopMode::Immediate).unwrap();
    assert_ne!(running(&checkout.started()).pid, pid);
}

#[test]
fn a_checkout_that_only_root_enters_is_served_from_outside() {
    let checkout = Checkout::within("closed/checkout");
    let closed = checkout.path.parent().unwrap();
    fs::set_permissions(closed, fs::Permissions::from_mode(0o700)).unwrap();
    let status = running(&checkout.started());
    // An ordinary user runs the server as itself, and enters its own folders.
    assert_eq!(status.data_dir.starts_with(&checkout.path), !is_root());
    checkout.cluster().stop(StopMode::Fast).unwrap();
    // It is found again when the folder has been opened: the data must not seem lost.
    fs::set_permissions(closed, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(running(&checkout.started()).data_dir, status.data_dir);
    let folders = checkout.cluster().folders().unwrap();
    assert!(checkout.cluster().remove().unwrap());
    assert!(folders.iter().all(|folder| !folder.exists()), "{folders:?}");
    assert!(!status.state_dir.parent().unwrap().exists());
}

#[test]
fn a_path_too_long_or_too_odd_for_a_socket_is_no_obstacle() {
    let long = format!("{}/{}", "deep".repeat(20), "deeper".repeat(12));
    for name in [long.as_str(), "it's $(touch odd) \"quoted\", 50% `caf\u{e9}`\\"] {
        let checkout = Checkout::within(name);
        let status = running(&checkout.started());
        let socket = status.socket_dir.join(format!(".s.PGSQL.{}", status.port.unwrap()));
        std::os::unix::net::UnixStream::connect(&socket).unwrap();
        let mode = fs::metadata(&status.socket_dir).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(checkout.cluster().remove().unwrap());
        assert!(!status.socket_dir.exists());
    }
}

#[test]
fn only_our_own_folders_are_removed() {
    let checkout = Checkout::new();
    let state = checkout.cluster().status().unwrap().state_dir;
    fs::create_dir_all(state.join("data")).unwrap();
    fs::write(state.join("data/precious"), "mine").unwrap();
    for result in [
        checkout.cluster().remove().map(drop),
        checkout.cluster().start(),
        checkout.cluster().folders().map(drop),
    ] {
        assert!(matches!(result, Err(Error::NotOurs { .. })), "{result:?}");
    }
    assert_eq!(fs::read_to_string(state.join("data/precious")).unwrap(), "mine");
    fs::remove_dir_all(&state).unwrap();

    // A link in the place of the folder is not followed.
    let elsewhere = checkout.path.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &state).unwrap();
    let result = checkout.cluster().remove();
    assert!(matches!(result, Err(Error::NotOurs { .. })), "{result:?}");
    fs::remove_file(&state).unwrap();
}

#[test]
fn a_removal_leaves_nothing_of_ours_and_all_else() {
    let checkout = Checkout::new();
    let status = running(&checkout.started());
    let root = status.state_dir.parent().unwrap().to_path_buf();
    fs::write(root.join("note"), "a user's").unwrap();
    assert!(checkout.cluster().remove().unwrap());
    assert!(!checkout.cluster().remove().unwrap());
    assert!(!status.state_dir.exists());
    assert_eq!(fs::read_to_string(root.join("note")).unwrap(), "a user's");
    fs::remove_file(root.join("note")).unwrap();
    checkout.started();
    assert!(checkout.cluster().remove().unwrap());
    assert!(!root.exists());
}

#[test]
fn throwaway_is_chosen_at_each_start() {
    let checkout = Checkout::new();
    let cluster = checkout.started();
    let durable = Cluster::open(Options { throwaway: false, ..checkout.options() }).unwrap();
    assert!(running(&cluster).throwaway);
    assert!(matches!(durable.start(), Err(Error::Throwaway { .. })));
    cluster.stop(StopMode::Fast).unwrap();
    assert_eq!(setting(&cluster, "fsync"), "off");

    durable.start().unwrap();
    assert!(!running(&durable).throwaway);
    // More than was asked for is no reason to refuse.
    cluster.start().unwrap();
    durable.stop(StopMode::Fast).unwrap();
    for (name, value) in [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")] {
        assert_eq!(setting(&durable, name), value, "{name}");
    }
    assert_eq!(setting(&durable, "listen_addresses"), "127.0.0.1");
}
