//! Inspects the processes of this machine: which one is the postmaster of a data folder, which ones are left over from a
//! dead one. Reads /proc where there is one, else asks `ps`. Ends no process.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Pid;

use crate::files::same_file;

/// Whether the process is a PostgreSQL that works in this data folder. The process id in a stale file may belong to any other program by
/// now, so a running process is not enough.
pub(crate) fn serves(pid: Pid, data: &Path) -> bool {
    if Path::new("/proc/self/cwd").exists() {
        return works_in(pid.as_raw_nonzero().get(), data) && is_postgres(pid.as_raw_nonzero().get());
    }
    // The folder cannot be seen here; the program can.
    listed(&["-ww", "-p", &pid.to_string()]).iter().any(|process| {
        process.command.split_whitespace().next().is_some_and(|program| program.ends_with("/postgres"))
    })
}

/// The processes of a cluster whose postmaster is dead: backends that are still busy, and keep the shared memory that the
/// next server needs. `uid` is the account's; nobody else's process is ever named.
pub(crate) fn orphans(data: &Path, cluster_name: &str, uid: u32) -> Vec<Pid> {
    if let Ok(entries) = fs::read_dir("/proc") {
        use std::os::unix::fs::MetadataExt;
        return entries
            .flatten()
            .filter(|entry| entry.metadata().is_ok_and(|found| found.uid() == uid))
            .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
            .filter(|pid| is_postgres(*pid) && works_in(*pid, data))
            .filter_map(Pid::from_raw)
            .collect();
    }
    let title = format!("postgres: {cluster_name}: ");
    listed(&["-axww"])
        .iter()
        .filter(|process| process.uid == uid && process.command.starts_with(&title))
        .filter_map(|process| Pid::from_raw(process.pid))
        .collect()
}

/// Whether the process's working folder is this one. A server never leaves its data folder.
fn works_in(pid: i32, data: &Path) -> bool {
    match (fs::metadata(format!("/proc/{pid}/cwd")), fs::metadata(data)) {
        (Ok(folder), Ok(data)) => same_file(&folder, &data),
        _ => false,
    }
}

fn is_postgres(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with(b"postgres"))
}

struct Listed {
    pid: i32,
    uid: u32,
    command: String,
}

/// The processes that `ps` lists.
fn listed(arguments: &[&str]) -> Vec<Listed> {
    let output = Command::new("ps")
        .args(arguments)
        .args(["-o", "pid=,uid=,command="])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(parse_listed).collect()
}

fn parse_listed(line: &str) -> Option<Listed> {
    let (pid, rest) = line.trim_start().split_once(' ')?;
    let (uid, command) = rest.trim_start().split_once(' ')?;
    Some(Listed { pid: pid.parse().ok()?, uid: uid.parse().ok()?, command: command.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ps_are_read() {
        let line = "  412   101 postgres: hyperpage-0a: checkpointer ";
        let read = parse_listed(line).unwrap();
        assert_eq!(
            (read.pid, read.uid, read.command.as_str()),
            (412, 101, "postgres: hyperpage-0a: checkpointer")
        );
        for bad in ["", "x", "1", "a b c", "1 b c"] {
            assert!(parse_listed(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn another_program_serves_no_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!serves(rustix::process::getpid(), folder.path()));
        assert!(!serves(rustix::process::getpid(), &std::env::current_dir().unwrap()));
    }
}
