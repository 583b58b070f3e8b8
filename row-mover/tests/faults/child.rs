//! A migration in a child process, which can be killed: this test binary, started again to run only [`child`].

use postgres_client::watch::Watch;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use migrate_core::phase::Phase;
use migrate_core::plan::Plan;
use migrate_core::render;
use row_mover::run::{self, Observer, Outcome, Request};
use row_mover::target::migration::Migration;

use crate::engine::{Case, moved, request};

/// Environment variables with the source and the target of a child.
const CHILD_VARIABLES: [&str; 2] = ["FAULTS_CHILD_DIR", "FAULTS_CHILD_URL"];

/// Prefix of the child's own lines, since the test harness prints, too.
const MARK: &str = "step: ";

/// Prints which phases and builds begin and end.
struct Telling;

impl Telling {
    fn tell(words: &str) {
        // In one write, since several threads print.
        let line = format!("\n{MARK}{words}\n");
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        std::io::stdout().lock().flush().unwrap();
    }
}

impl Observer for Telling {
    fn phase_started(&self, phase: Phase) {
        Telling::tell(&format!("{phase}"));
    }
    fn build_started(&self, _table: &str, _what: &str) {
        Telling::tell("+");
    }
    fn build_finished(&self, _table: &str, _what: &str, _took: Duration) {
        Telling::tell("-");
    }
}

impl Watch for Telling {}

#[test]
#[ignore = "the process that other tests start and kill"]
fn child() {
    let [Ok(dir), Ok(url)] = CHILD_VARIABLES.map(std::env::var) else { return };
    let dir = PathBuf::from(dir);
    let plan = Plan::from_json(&fs::read_to_string(dir.join("plan.json")).unwrap()).unwrap();
    let migrations = Migration::in_folder(&dir.join("migrations")).unwrap();
    // With everything that may run beside the load.
    let request = Request { integrity_check: true, ..request(&dir, &url, &plan, &migrations) };
    match run::migrate(&request, &Telling) {
        // The previous child had finished just before it was killed.
        Ok(Outcome::AlreadyDone(_)) => {}
        result => drop(moved(result)),
    }
}

/// A running child, killed on drop.
pub struct Child {
    process: std::process::Child,
    /// Its error message, if it failed.
    said: PathBuf,
    steps: Receiver<(Instant, String)>,
    /// Its lines so far, with their times.
    pub told: Vec<(Instant, String)>,
}

impl Child {
    pub fn start(case: &Case) -> Child {
        fs::write(case.dir.path().join("plan.json"), render::plan_json(&case.plan)).unwrap();
        let values = [case.dir.path().to_str().unwrap(), case.database.url()];
        let said = case.dir.path().join("said");
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::child", "--ignored", "--nocapture", "--test-threads=1"])
            .envs(CHILD_VARIABLES.into_iter().zip(values))
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let steps = steps(process.stdout.take().unwrap());
        Child { process, steps, said, told: Vec::new() }
    }

    /// Waits until it reaches `phase`. Returns false if it ends before.
    pub fn wait_for(&mut self, phase: Phase) -> bool {
        while self.phase().is_none_or(|on| on < phase) {
            match self.steps.recv_timeout(Duration::from_secs(120)) {
                Ok(step) => self.told.push(step),
                Err(mpsc::RecvTimeoutError::Disconnected) => return false,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("a migration does not go on: {:?}", self.told),
            }
        }
        true
    }

    /// Returns the last phase that it has printed.
    pub fn phase(&self) -> Option<Phase> {
        self.told.iter().rev().find_map(|(_, step)| Phase::from_name(step))
    }

    /// Whether a build has begun and not ended.
    pub fn is_building(&self) -> bool {
        let count = |sign: &str| self.told.iter().filter(|(_, step)| step == sign).count();
        count("+") > count("-")
    }

    /// Suspends it until it is killed.
    pub fn stop(&self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    }

    /// Kills it and keeps its lines. Returns false if it had already ended.
    pub fn kill(&mut self, what: &str) -> bool {
        self.process.kill().unwrap();
        let status = self.process.wait().unwrap();
        self.told.extend(self.steps.iter());
        let is_killed = std::os::unix::process::ExitStatusExt::signal(&status) == Some(9);
        assert!(status.success() || is_killed, "{what}: {}", fs::read_to_string(&self.said).unwrap());
        !status.success()
    }

    /// Waits until it ends, which must be without an error.
    pub fn succeed(&mut self) {
        let is_good = self.process.wait().unwrap().success();
        assert!(is_good, "{}", fs::read_to_string(&self.said).unwrap());
        self.told.extend(self.steps.iter());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads the child's lines until it ends.
fn steps(output: ChildStdout) -> Receiver<(Instant, String)> {
    let (tell, steps) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(step) = line.strip_prefix(MARK)
                && tell.send((Instant::now(), step.to_owned())).is_err()
            {
                break;
            }
        }
    });
    steps
}
