//! The goals of a migration, each judged with the figures of one run: met, missed with what is in the way, or not measured with what
//! measures it. It measures nothing.

use super::obstacles::{self, Explanation};
use super::ours::WHOLE;
use super::parts::Part;
use super::peers::Peer;
use super::ratios::{MEMORY_GOAL, MEMORY_MAX_BYTES};
use super::reading;
use super::results::{Bound, Conditions, Per, SubjectResult, Term, find};
use super::subjects::{DEFAULT_ROWS, SubjectKind};
use ::report::figures::count;

/// A goal with its figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Goal {
    /// What is compared.
    pub(crate) name: String,
    /// What is wanted.
    pub(crate) bound: Bound,
    /// The figure of this run, also where it is not enough to judge.
    pub(crate) value: Option<f64>,
    /// The verdict.
    pub(crate) outcome: Outcome,
}

/// The verdict about a goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The figure is as wanted.
    Met,
    /// It is not.
    Missed {
        /// What is in the way, in figures of this run.
        obstacle: String,
    },
    /// This run has not measured all that the goal is about.
    NotMeasured {
        /// Why, and what measures it.
        reason: String,
    },
}

/// A goal that is a ratio of two medians.
struct RatioGoal {
    /// Its name, for the value of `--rows`.
    name: fn(u64) -> String,
    above: Term,
    below: Term,
    bound: Bound,
    explanation: Explanation,
}

/// The goals that are ratios.
const RATIO_GOALS: [RatioGoal; 9] = [
    RatioGoal {
        name: |rows| of_size("pgloader's bare copy / whole migrate with proof, same indexes", rows),
        above: Term::of(SubjectKind::SourceIndexes, "pgloader.whole"),
        below: Term::of(SubjectKind::SourceIndexes, WHOLE),
        bound: Bound::AtLeast(1.6),
        explanation: Explanation::PartsOfMigrate,
    },
    RatioGoal {
        name: |rows| of_size("pgloader's bare copy / whole migrate with proof, reviewed plan", rows),
        above: Term::of(SubjectKind::Hyperpage, "pgloader.whole"),
        below: Term::of(SubjectKind::Hyperpage, WHOLE),
        bound: Bound::AtLeast(1.3),
        explanation: Explanation::PartsOfMigrate,
    },
    RatioGoal {
        name: |rows| of_size("rows + constraints / overlapped floor, reviewed plan", rows),
        above: Term::of(SubjectKind::Hyperpage, "ours.load"),
        below: Term::of(SubjectKind::Hyperpage, "floor.overlapped"),
        bound: Bound::AtMost(1.08),
        explanation: Explanation::PartsByFloor,
    },
    RatioGoal {
        name: |rows| of_size("whole migrate / overlapped floor, reviewed plan", rows),
        above: Term::of(SubjectKind::Hyperpage, WHOLE),
        below: Term::of(SubjectKind::Hyperpage, "floor.overlapped"),
        bound: Bound::AtMost(1.5),
        explanation: Explanation::PartsByFloor,
    },
    RatioGoal {
        name: |rows| of_size("validate / rows + constraints, without GIN", rows),
        above: Term::of(SubjectKind::SourceIndexes, "ours.phase.validate"),
        below: Term::of(SubjectKind::SourceIndexes, "ours.load"),
        bound: Bound::AtMost(0.45),
        explanation: Explanation::Excess,
    },
    RatioGoal {
        name: |rows| of_size("seal / reading the file once (sha256sum)", rows),
        above: Term::of(SubjectKind::Hyperpage, "ours.phase.seal"),
        below: Term::of(SubjectKind::Hyperpage, reading::PROGRAM),
        bound: Bound::AtMost(2.4),
        explanation: Explanation::Excess,
    },
    RatioGoal {
        name: |rows| {
            let [many, few] =
                [SubjectKind::ManyTables, SubjectKind::FewTables].map(|kind| count(kind.size(rows)));
            format!("{many} small tables, per table / {few} tables, per table")
        },
        above: Term::per(SubjectKind::ManyTables, WHOLE, Per::Table),
        below: Term::per(SubjectKind::FewTables, WHOLE, Per::Table),
        bound: Bound::AtMost(1.2),
        explanation: Explanation::Growth,
    },
    RatioGoal {
        name: |rows| {
            let [large, small] =
                [SubjectKind::LargeHyperpage, SubjectKind::Hyperpage].map(|kind| kind.size(rows) * 7);
            format!("cost per row at {} rows / at {}", obstacles::rough(large), obstacles::rough(small))
        },
        above: Term::per(SubjectKind::LargeHyperpage, WHOLE, Per::Row),
        below: Term::per(SubjectKind::Hyperpage, WHOLE, Per::Row),
        bound: Bound::AtMost(1.1),
        explanation: Explanation::Growth,
    },
    RatioGoal {
        name: |rows| {
            let size = SubjectKind::WithoutRowid.size(rows);
            format!("a table WITHOUT ROWID of {} rows / the same with rowids", obstacles::rough(size))
        },
        above: Term::of(SubjectKind::WithoutRowid, WHOLE),
        below: Term::of(SubjectKind::Rowids, WHOLE),
        bound: Bound::AtMost(1.2),
        explanation: Explanation::Growth,
    },
];

/// The name of a goal that is about the database of the app, with its size where that is not the one that the goals are meant for.
fn of_size(name: &str, rows: u64) -> String {
    match rows {
        DEFAULT_ROWS => name.to_owned(),
        _ => format!("{name}, {} rows", obstacles::rough(SubjectKind::Hyperpage.size(rows) * 7)),
    }
}

/// Judges all goals.
pub(crate) fn judge(conditions: &Conditions, subjects: &[SubjectResult]) -> Vec<Goal> {
    let ratios = RATIO_GOALS.iter().map(|goal| goal.judge(conditions, subjects));
    ratios.chain([memory(conditions, subjects)]).collect()
}

impl RatioGoal {
    fn judge(&self, conditions: &Conditions, subjects: &[SubjectResult]) -> Goal {
        let values = self.above.value(subjects).zip(self.below.value(subjects));
        let value = values.filter(|(_, below)| *below > 0.0).map(|(above, below)| above / below);
        let is_toy = self.above.per != Per::Database && conditions.rows < DEFAULT_ROWS;
        let outcome = match value {
            // The time to start would decide.
            _ if is_toy => Outcome::NotMeasured { reason: run_that_measures(self.above.kind, conditions) },
            Some(value) if self.bound.allows(value) => Outcome::Met,
            Some(_) => Outcome::Missed {
                obstacle: obstacles::explain(
                    self.explanation,
                    self.above,
                    self.below,
                    self.bound.figure(),
                    subjects,
                ),
            },
            None => {
                let missing =
                    [self.above, self.below].into_iter().find(|term| term.value(subjects).is_none());
                let reason = missing.map_or_else(
                    || "the figure that is divided by is 0; a larger --rows measures it".to_owned(),
                    |term| why_missing(term, conditions, subjects),
                );
                Outcome::NotMeasured { reason }
            }
        };
        Goal { name: (self.name)(conditions.rows), bound: self.bound, value, outcome }
    }
}

/// The goal of memory, which is about every size: one database can miss it, and only all of them at the size of the goals meet it.
fn memory(conditions: &Conditions, subjects: &[SubjectResult]) -> Goal {
    let bytes = |subject: &SubjectResult| subject.figures.private_bytes(WHOLE);
    let most = subjects.iter().filter_map(bytes).max();
    let bound = Bound::AtMost(MEMORY_MAX_BYTES / 1e6);
    // Far below 2^53, so that it is exact.
    let value = most.map(|most| most as f64 / 1e6);
    let is_measured = |kind: &SubjectKind| find(subjects, *kind).and_then(bytes).is_some();
    let is_complete = conditions.rows >= DEFAULT_ROWS && SubjectKind::ALL.iter().all(is_measured);
    let outcome = match value {
        None => {
            let reason = "this system does not report private memory: RssAnon of /proc/PID/status is Linux's";
            Outcome::NotMeasured { reason: reason.to_owned() }
        }
        Some(value) if !bound.allows(value) => {
            Outcome::Missed { obstacle: obstacles::memory(MEMORY_MAX_BYTES, subjects) }
        }
        Some(_) if is_complete => Outcome::Met,
        Some(value) => {
            let (rows, without) = (rows_option(conditions), without_only(conditions));
            let reason = format!("at most {value:.1} in this run; {rows}--large{without} measures it");
            Outcome::NotMeasured { reason }
        }
    };
    let name = format!(
        "{MEMORY_GOAL}, any size, up to {} tables",
        count(SubjectKind::MostTables.size(conditions.rows))
    );
    Goal { name, bound, value, outcome }
}

/// The options of a run that measures a database at the size of the goals.
fn run_that_measures(kind: SubjectKind, conditions: &Conditions) -> String {
    let part = Part::of(kind);
    let is_selected = conditions.only.is_empty() || conditions.only.contains(&part);
    let mut options = rows_option(conditions);
    if part.large() == Some(kind) {
        options.push_str("--large ");
    }
    if !is_selected {
        options.push_str(&format!("--only {} ", part.name()));
    }
    match options.is_empty() {
        true => "a run without --only measures it".to_owned(),
        false => format!("{options}measures it"),
    }
}

/// The option for the size of the goals, where the run was smaller.
fn rows_option(conditions: &Conditions) -> String {
    match conditions.rows < DEFAULT_ROWS {
        true => format!("--rows {DEFAULT_ROWS} "),
        false => String::new(),
    }
}

/// What to leave out for all databases, where the run selected some.
fn without_only(conditions: &Conditions) -> &'static str {
    if conditions.only.is_empty() { "" } else { " without --only" }
}

/// Why a run has not measured a figure, and what measures it.
fn why_missing(term: Term, conditions: &Conditions, subjects: &[SubjectResult]) -> String {
    let Some(subject) = find(subjects, term.kind) else {
        return run_that_measures(term.kind, conditions);
    };
    if term.figure == reading::PROGRAM {
        return conditions
            .reading
            .clone()
            .err()
            .unwrap_or_else(|| format!("{} was not run", reading::PROGRAM));
    }
    let Some(peer) = Peer::ALL.into_iter().find(|peer| term.figure.starts_with(peer.name())) else {
        return format!("{} has no figure {}", subject.kind.name(), term.figure);
    };
    let version = conditions.peers.iter().find(|(one, _)| *one == peer).map(|(_, version)| version);
    let outcome = subject.peers.iter().find(|(one, _)| *one == peer).map(|(_, outcome)| outcome);
    match (version, outcome) {
        (None, _) => "a run without --no-peers measures it".to_owned(),
        (Some(Err(reason)), _) | (_, Some(Err(reason))) => format!("{}: {reason}", peer.name()),
        _ => format!("{} has no figure {}", subject.kind.name(), term.figure),
    }
}

#[cfg(test)]
mod tests;
