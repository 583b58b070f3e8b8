//! The phases of a load, and the next step of a run, as pure functions of the ledger's content.
//!
//! This module does not read the ledger; it only decides, so that tests can try every case.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::schedule::DoneTasks;

/// A phase, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Checks source and target; changes nothing.
    Preflight,
    /// Creates the sealed copy.
    Seal,
    /// Creates the tables.
    Schema,
    /// Moves the rows.
    Rows,
    /// Adds keys, indexes and foreign keys, and sets sequences.
    Constraints,
    /// Reads everything back and compares.
    Validate,
}

impl Phase {
    /// All phases, in their order.
    pub const ALL: [Phase; 6] =
        [Phase::Preflight, Phase::Seal, Phase::Schema, Phase::Rows, Phase::Constraints, Phase::Validate];

    /// The name on the screen and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Preflight => "preflight",
            Phase::Seal => "seal",
            Phase::Schema => "schema",
            Phase::Rows => "rows",
            Phase::Constraints => "constraints",
            Phase::Validate => "validate",
        }
    }

    /// The phase of this name.
    pub fn from_name(name: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The subject of a run: only a run with the same subject can resume it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSubject {
    /// The source file, as an absolute path.
    pub source_path: String,
    /// The plan's fingerprint.
    pub plan_sha256: String,
    /// The tables that move, by source name, ordered.
    pub tables: Vec<String>,
}

/// The state of the last run in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunState {
    /// Its subject.
    pub subject: RunSubject,
    /// The phases that are done.
    pub done: Vec<Phase>,
}

/// The decision about a requested run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// There is no run: begin.
    Begin,
    /// A run with the same subject was interrupted: resume from this phase.
    Resume(Phase),
    /// A run with the same subject is done, and was validated.
    AlreadyDone,
    /// There is a run with another subject; the differences, for people.
    Refuse(Vec<String>),
}

/// Decides what a run of `subject` does, given the last run in the ledger.
pub fn decide(last: Option<&RunState>, subject: &RunSubject) -> Decision {
    let Some(last) = last else { return Decision::Begin };
    let differing = differing(&last.subject, subject);
    if !differing.is_empty() {
        return Decision::Refuse(differing);
    }
    // The first phase that is not done, whatever follows it: a phase is done only once all before it are.
    match Phase::ALL.into_iter().find(|phase| !last.done.contains(phase)) {
        None => Decision::AlreadyDone,
        // The ledger is created once the copy is sealed, so a run without a sealed copy never changed anything.
        Some(Phase::Preflight | Phase::Seal) => Decision::Begin,
        Some(phase) => Decision::Resume(phase),
    }
}

/// The progress of a run, as the ledger has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The phases that are done.
    pub phases: Vec<Phase>,
    /// The tasks of the load; none before the builds are recorded.
    pub load: Option<LoadProgress>,
}

/// How far a load is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadProgress {
    /// The number of its chunks and builds.
    pub tasks: usize,
    /// Those that are done.
    pub done: DoneTasks,
}

/// The next step of a run. Each can be repeated after an interruption at any point: it is a transaction, or idempotent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Run the first migration, and record that the schema exists.
    CreateTables,
    /// Record the builds.
    PlanBuilds,
    /// Move the chunks and run the builds that are not done, each a transaction with its row in the ledger.
    MoveAndBuild,
    /// Record that the rows are loaded.
    FinishRows,
    /// Set the sequences, and record that the constraints exist.
    SetSequences,
    /// Write the rejects, compare everything, and record that it is validated.
    Validate,
    /// Nothing is left to do.
    Nothing,
}

/// Returns the next step of a run with this progress.
pub fn next_step(progress: &Progress) -> Step {
    let is_done = |phase| progress.phases.contains(&phase);
    if !is_done(Phase::Schema) {
        return Step::CreateTables;
    }
    let Some(load) = &progress.load else { return Step::PlanBuilds };
    if load.done.len() < load.tasks {
        Step::MoveAndBuild
    } else if !is_done(Phase::Rows) {
        Step::FinishRows
    } else if !is_done(Phase::Constraints) {
        Step::SetSequences
    } else if !is_done(Phase::Validate) {
        Step::Validate
    } else {
        Step::Nothing
    }
}

fn differing(last: &RunSubject, asked: &RunSubject) -> Vec<String> {
    let mut words = Vec::new();
    if last.source_path != asked.source_path {
        words.push(format!("the source was {}, now it is {}", last.source_path, asked.source_path));
    }
    if last.plan_sha256 != asked.plan_sha256 {
        words.push("the plan has changed since".to_owned());
    }
    if last.tables != asked.tables {
        words.push(format!(
            "the tables were {}, now they are {}",
            last.tables.join(", "),
            asked.tables.join(", ")
        ));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> RunSubject {
        RunSubject { source_path: "/a.db".into(), plan_sha256: "f".into(), tables: vec!["jobs".into()] }
    }

    #[test]
    fn a_run_resumes_where_it_was_interrupted() {
        for done in 0..=Phase::ALL.len() {
            let last = RunState { subject: subject(), done: Phase::ALL[..done].to_vec() };
            let expected = match done {
                0 | 1 => Decision::Begin,
                6 => Decision::AlreadyDone,
                _ => Decision::Resume(Phase::ALL[done]),
            };
            assert_eq!(decide(Some(&last), &subject()), expected, "{done} phases done");
        }
        assert_eq!(decide(None, &subject()), Decision::Begin);
    }

    #[test]
    fn a_phase_out_of_turn_does_not_hide_one_before_it() {
        let last = RunState {
            subject: subject(),
            done: vec![Phase::Preflight, Phase::Seal, Phase::Schema, Phase::Constraints],
        };
        assert_eq!(decide(Some(&last), &subject()), Decision::Resume(Phase::Rows));
    }

    #[test]
    fn a_run_with_another_subject_is_refused_with_the_differences() {
        let last = RunState { subject: subject(), done: Vec::new() };
        let other = RunSubject {
            source_path: "/b.db".into(),
            plan_sha256: "g".into(),
            tables: vec!["jobs".into(), "users".into()],
        };
        let Decision::Refuse(words) = decide(Some(&last), &other) else { panic!("it must be refused") };
        assert_eq!(
            words,
            [
                "the source was /a.db, now it is /b.db",
                "the plan has changed since",
                "the tables were jobs, now they are jobs, users"
            ]
        );
    }
}
