//! What a run has measured, and under which conditions: the data that goals and reports are made of.

use super::figures::Figures;
use super::parts::Part;
use super::peers::Peer;
use super::subjects::{Source, Subject, SubjectKind};

/// The outcome for a peer: measured, or why not.
pub(crate) type PeerOutcome = (Peer, Result<(), String>);

/// The conditions of a run.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    /// The value of `--rows`.
    pub(crate) rows: u64,
    /// The value of `--rounds`.
    pub(crate) rounds: u32,
    /// The parts that `--only` selects; empty where all are measured.
    pub(crate) only: Vec<Part>,
    /// The server's settings, by name.
    pub(crate) server: Vec<(String, String)>,
    /// The peers with their version, or why they are not run.
    pub(crate) peers: Vec<(Peer, Result<String, String>)>,
    /// Why the file is not read once, if it is not.
    pub(crate) reading: Result<(), String>,
}

/// The measurements with one database.
#[derive(Clone, Debug)]
pub(crate) struct SubjectResult {
    /// The database.
    pub(crate) kind: SubjectKind,
    /// How many tables it has.
    pub(crate) tables: u64,
    /// How many rows all of them have.
    pub(crate) rows: u64,
    /// The size of the SQLite file.
    pub(crate) sqlite_bytes: u64,
    /// The size of the rows as COPY files, where the floor needs them.
    pub(crate) copy_bytes: Option<u64>,
    /// The figures of all rounds.
    pub(crate) figures: Figures,
    /// The peers that were run.
    pub(crate) peers: Vec<PeerOutcome>,
}

/// A figure of a database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    /// The database.
    pub(crate) kind: SubjectKind,
    /// The name of the figure.
    pub(crate) figure: &'static str,
    /// What it is divided by.
    pub(crate) per: Per,
}

/// What a figure is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Per {
    /// Nothing.
    Database,
    /// The number of tables.
    Table,
    /// The number of rows.
    Row,
}

/// What a figure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

impl SubjectResult {
    /// Of a database that was measured without floor and peers.
    pub(crate) fn new(source: &Source, figures: Figures) -> SubjectResult {
        SubjectResult {
            kind: source.kind,
            tables: source.plan.tables.len() as u64,
            rows: source.rows,
            sqlite_bytes: source.sqlite_bytes,
            copy_bytes: None,
            figures,
            peers: Vec::new(),
        }
    }

    /// Of a database that was compared with the floor and with peers.
    pub(crate) fn compared(subject: &Subject, figures: Figures, peers: Vec<PeerOutcome>) -> SubjectResult {
        let copy_bytes = Some(subject.copy_bytes());
        SubjectResult { copy_bytes, peers, ..SubjectResult::new(&subject.source, figures) }
    }
}

impl Bound {
    /// Whether a figure is as wanted.
    pub(crate) fn allows(self, value: f64) -> bool {
        match self {
            Bound::AtMost(most) => value <= most,
            Bound::AtLeast(least) => value >= least,
        }
    }

    /// The figure itself.
    pub(crate) fn figure(self) -> f64 {
        let (Bound::AtMost(figure) | Bound::AtLeast(figure)) = self;
        figure
    }

    /// What is wanted, for people.
    pub(crate) fn words(self) -> String {
        match self {
            Bound::AtMost(most) => format!("≤ {most:.2}"),
            Bound::AtLeast(least) => format!("≥ {least:.2}"),
        }
    }
}

impl Term {
    /// The seconds of a figure.
    pub(crate) const fn of(kind: SubjectKind, figure: &'static str) -> Term {
        Term { kind, figure, per: Per::Database }
    }

    /// The seconds of a figure for each table or row.
    pub(crate) const fn per(kind: SubjectKind, figure: &'static str, per: Per) -> Term {
        Term { kind, figure, per }
    }

    /// The median, where the run has the figure.
    pub(crate) fn value(self, subjects: &[SubjectResult]) -> Option<f64> {
        let subject = find(subjects, self.kind)?;
        Some(subject.figures.median(self.figure)? / self.per.count(subject))
    }
}

impl Per {
    /// How many of them a database has.
    pub(crate) fn count(self, subject: &SubjectResult) -> f64 {
        let count = match self {
            Per::Database => 1,
            Per::Table => subject.tables,
            Per::Row => subject.rows,
        };
        // Far below 2^53, so that it is exact.
        count.max(1) as f64
    }
}

/// The measurements with a database, where there are any.
pub(crate) fn find(subjects: &[SubjectResult], kind: SubjectKind) -> Option<&SubjectResult> {
    subjects.iter().find(|subject| subject.kind == kind)
}
