//! A server whose processes are suspended: nothing answers, and nothing is closed.

use std::fs;
use std::marker::PhantomData;
use std::process::Command;

use private_postgres::Cluster;
use rustix::process::{Pid, Signal, kill_process};

/// A suspended server, which resumes when this is dropped.
#[must_use]
#[derive(Debug)]
pub struct Suspended<'a> {
    processes: Vec<Pid>,
    /// A server that is removed meanwhile would be waited for in vain.
    server: PhantomData<&'a Cluster>,
}

impl<'a> Suspended<'a> {
    /// Suspends the postmaster first, which then starts no more processes, and then its children.
    #[track_caller]
    pub(crate) fn processes_of(cluster: &'a Cluster) -> Suspended<'a> {
        let postmaster = cluster.status().unwrap().pid.unwrap();
        let postmaster = Pid::from_raw(postmaster.try_into().unwrap()).unwrap();
        let mut suspended = Suspended { processes: Vec::new(), server: PhantomData };
        suspended.suspend(postmaster);
        // A signal takes effect a moment later, so the postmaster may still have started another process.
        loop {
            let children = children_of(postmaster);
            let new: Vec<Pid> =
                children.into_iter().filter(|child| !suspended.processes.contains(child)).collect();
            if new.is_empty() {
                return suspended;
            }
            for child in new {
                suspended.suspend(child);
            }
        }
    }

    fn suspend(&mut self, process: Pid) {
        // A child may have ended meanwhile: it stays a zombie until the postmaster resumes.
        let _ = kill_process(process, Signal::STOP);
        self.processes.push(process);
    }
}

impl Drop for Suspended<'_> {
    fn drop(&mut self) {
        for process in &self.processes {
            let _ = kill_process(*process, Signal::CONT);
        }
    }
}

/// Returns the children of a process: from /proc where there is one, else from `ps`.
fn children_of(parent: Pid) -> Vec<Pid> {
    if let Ok(entries) = fs::read_dir("/proc") {
        let stat = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("stat")).ok();
        return entries.flatten().filter_map(stat).filter_map(|line| child_in_stat(&line, parent)).collect();
    }
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .filter_map(|line| {
            let (pid, parent_of_it) = line.trim().split_once(char::is_whitespace)?;
            child_with(pid, parent_of_it.trim(), parent)
        })
        .collect()
}

/// Reads a line such as `412 (postgres: a (b)) S 400 …`: the process, its name, its state, its parent.
fn child_in_stat(line: &str, parent: Pid) -> Option<Pid> {
    let (pid, _) = line.split_once(' ')?;
    let (_, after_name) = line.rsplit_once(") ")?;
    child_with(pid, after_name.split(' ').nth(1)?, parent)
}

fn child_with(pid: &str, parent_of_it: &str, parent: Pid) -> Option<Pid> {
    let is_child = parent_of_it.parse() == Ok(parent.as_raw_nonzero().get());
    if is_child { Pid::from_raw(pid.parse().ok()?) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_recognised_whatever_its_name() {
        let parent = Pid::from_raw(400).unwrap();
        for (line, expected) in [
            ("412 (postgres) S 400 412 412 0", Some(412)),
            ("412 (a) S 1 (b) S 400 412", Some(412)),
            ("412 (postgres) S 40 400 400", None),
            ("", None),
        ] {
            let child = child_in_stat(line, parent).map(|pid| pid.as_raw_nonzero().get());
            assert_eq!(child, expected, "{line}");
        }
    }
}
