//! The rounds of a benchmark: creates a database, measures each thing with it once a round, and removes its files. It judges nothing.

use std::path::Path;

use anyhow::Context;
use tempfile::TempDir;

use super::child::Interrupt;
use super::figures::Figures;
use super::ours::WHOLE;
use super::results::{Conditions, PeerOutcome, SubjectResult};
use super::server::Server;
use super::subjects::{Source, Subject, SubjectKind, lend_to_server};
use super::{floor, ours, peers, reading};
use crate::output;

/// What all measurements of a run need.
#[derive(Debug)]
pub(crate) struct Rounds<'a> {
    /// The server.
    pub(crate) server: &'a Server,
    /// The scratch folder of the run.
    pub(crate) folder: &'a Path,
    /// Whether the run was asked to end.
    pub(crate) interrupt: &'a Interrupt,
    /// Whether progress is not printed.
    pub(crate) is_quiet: bool,
}

/// A database that is compared, with the figures so far.
struct Compared {
    subject: Subject,
    figures: Figures,
    /// The same file by another plan.
    second: Option<(Subject, Figures)>,
    peers: Vec<PeerOutcome>,
}

impl Rounds<'_> {
    /// Compares `migrate` with the floor, a reading of the file and the peers; Hyperpage by two plans, which share the file and the peers.
    ///
    /// # Errors
    /// Where a migration is not proven, the server refuses something, or the run is interrupted.
    pub(crate) fn compare(
        &self,
        kind: SubjectKind,
        conditions: &Conditions,
    ) -> anyhow::Result<Vec<SubjectResult>> {
        let scratch = self.scratch(kind)?;
        self.remark(kind, "creating the database, its plan and its COPY files");
        let subject = Subject::make(kind, conditions.rows, scratch.path())
            .with_context(|| format!("the database {} cannot be created", kind.name()))?;
        let second = match kind {
            SubjectKind::Hyperpage => {
                Some((subject.with_source_indexes(scratch.path())?, Figures::default()))
            }
            _ => None,
        };
        let installed = conditions.peers.iter().filter(|(_, version)| version.is_ok());
        let peers = installed.map(|(peer, _)| (*peer, Ok(()))).collect();
        let mut compared = Compared { subject, figures: Figures::default(), second, peers };
        for round in 1..=conditions.rounds {
            let begins = |what: &str| self.begins(kind, round, conditions.rounds, what);
            self.compare_once(&mut compared, conditions.reading.is_ok(), scratch.path(), &begins)?;
            self.ended(kind, round, conditions.rounds, &compared.figures);
        }
        let Compared { subject, figures, second, peers } = compared;
        let second = second.map(|(second, mut second_figures)| {
            let is_shared = |name: &str| !name.starts_with("ours.") && !name.starts_with("floor.");
            second_figures.share(&figures, is_shared);
            SubjectResult::compared(&second, second_figures, peers.clone())
        });
        let first = SubjectResult::compared(&subject, figures, peers);
        Ok([first].into_iter().chain(second).collect())
    }

    /// One round: everything once, one after the other.
    fn compare_once(
        &self,
        compared: &mut Compared,
        is_read: bool,
        scratch: &Path,
        begins: &dyn Fn(&str) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Compared { subject, figures, second, peers } = compared;
        begins("the floor")?;
        floor::measure(self.server, subject, figures)?;
        begins("migrate")?;
        ours::measure(self.server, &subject.source, scratch, self.interrupt, figures)?;
        if let Some((second, figures)) = second {
            begins("the floor, with the indexes of SQLite only")?;
            floor::measure_overlapped(self.server, second, figures)?;
            begins("migrate, with the indexes of SQLite only")?;
            ours::measure(self.server, &second.source, scratch, self.interrupt, figures)?;
        }
        if is_read {
            begins(reading::PROGRAM)?;
            reading::measure(&subject.source.path, scratch, self.interrupt, figures)?;
        }
        for (peer, outcome) in peers.iter_mut().filter(|(_, outcome)| outcome.is_ok()) {
            begins(peer.name())?;
            *outcome = peers::measure(*peer, self.server, subject, scratch, self.interrupt, figures)?;
            if outcome.is_err() {
                figures.remove(peer.name());
            }
        }
        Ok(())
    }

    /// Measures `migrate` alone with several databases, each once a round.
    ///
    /// # Errors
    /// Where a migration is not proven, the server refuses something, or the run is interrupted.
    pub(crate) fn series(
        &self,
        kinds: &[SubjectKind],
        rows: u64,
        rounds: u32,
    ) -> anyhow::Result<Vec<SubjectResult>> {
        let mut measured = Vec::new();
        for kind in kinds {
            self.interrupt.check()?;
            let scratch = self.scratch(*kind)?;
            self.remark(*kind, "creating the database and its plan");
            let source = Source::make(*kind, rows, scratch.path())
                .with_context(|| format!("the database {} cannot be created", kind.name()))?;
            measured.push((scratch, source, Figures::default()));
        }
        for round in 1..=rounds {
            for (scratch, source, figures) in &mut measured {
                self.begins(source.kind, round, rounds, "migrate")?;
                ours::measure(self.server, source, scratch.path(), self.interrupt, figures)?;
                self.ended(source.kind, round, rounds, figures);
            }
        }
        Ok(measured.into_iter().map(|(_, source, figures)| SubjectResult::new(&source, figures)).collect())
    }

    /// A folder for the files of a database.
    fn scratch(&self, kind: SubjectKind) -> anyhow::Result<TempDir> {
        let scratch = tempfile::Builder::new()
            .prefix(kind.name())
            .tempdir_in(self.folder)
            .context("a scratch folder cannot be created")?;
        lend_to_server(scratch.path(), 0o755)?;
        Ok(scratch)
    }

    fn remark(&self, kind: SubjectKind, words: &str) {
        output::remarks(self.is_quiet)(&format!("{:15} {words}", kind.name()));
    }

    fn begins(&self, kind: SubjectKind, round: u32, rounds: u32, what: &str) -> anyhow::Result<()> {
        self.remark(kind, &format!("round {round} of {rounds}: {what}"));
        self.interrupt.check()
    }

    fn ended(&self, kind: SubjectKind, round: u32, rounds: u32, figures: &Figures) {
        self.remark(kind, &format!("round {round} of {rounds}: {}", last_round(figures)));
    }
}

/// Describes the durations of the last round.
fn last_round(figures: &Figures) -> String {
    let names = [
        ("floor.overlapped", "floor"),
        ("ours.load", "our load"),
        (WHOLE, "our whole"),
        ("pgloader.whole", "pgloader"),
        ("duckdb.copy", "DuckDB"),
    ];
    let last = |name: &str| figures.get(name)?.seconds.last().copied();
    let parts = names.iter().filter_map(|(name, words)| Some(format!("{words} {:.2} s", last(name)?)));
    parts.collect::<Vec<_>>().join(", ")
}
