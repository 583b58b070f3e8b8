//! The ratios that are shown with each database. It measures nothing; `goals` judges what the project wants.

use super::ours::WHOLE;
use super::parts::Part;
use super::reading;
use super::results::{Bound, Per, SubjectResult};

/// The most private memory that the migrator may have, in bytes.
pub(crate) const MEMORY_MAX_BYTES: f64 = 64.0 * 1e6;

/// The name of the goal of memory, also with each database.
pub(crate) const MEMORY_GOAL: &str = "private memory of migrate, MB";

/// The ratios that are shown with each database, of the medians of two figures, and what is wanted where no goal above is about it.
const SUBJECT_RATIOS: [(&str, &str, &str, Option<Bound>); 7] = [
    ("rows + constraints / overlapped floor", "ours.load", "floor.overlapped", None),
    ("rows + constraints / the round's best floor", "ours.load", "floor.best", None),
    ("whole migrate / overlapped floor", WHOLE, "floor.overlapped", None),
    ("pgloader / whole migrate", "pgloader.whole", WHOLE, None),
    ("rows / DuckDB's CREATE TABLE AS", "ours.phase.rows", "duckdb.copy", Some(Bound::AtMost(1.0))),
    ("validate / rows + constraints", "ours.phase.validate", "ours.load", None),
    ("seal / reading the file once", "ours.phase.seal", reading::PROGRAM, None),
];

/// A ratio that is shown with a database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SubjectRatio {
    /// What is compared.
    pub(crate) name: &'static str,
    /// The figure of this run.
    pub(crate) value: f64,
    /// What is wanted; none where the figure is shown only.
    pub(crate) bound: Option<Bound>,
}

/// The ratios of one database for which the run has figures, its time for each table where that is what it is for, and its memory.
pub(crate) fn subject_ratios(subject: &SubjectResult) -> Vec<SubjectRatio> {
    let figures = &subject.figures;
    let ratios = SUBJECT_RATIOS.into_iter().filter_map(|(name, above, below, bound)| {
        Some(SubjectRatio { name, value: figures.ratio(above, below)?, bound })
    });
    let has_many_tables = Part::of(subject.kind) == Part::Tables;
    let per_table = figures.median(WHOLE).filter(|_| has_many_tables).map(|seconds| SubjectRatio {
        name: "whole migrate, ms a table",
        value: seconds * 1e3 / Per::Table.count(subject),
        bound: None,
    });
    // Far below 2^53, so that it is exact.
    let memory = figures.private_bytes(WHOLE).map(|bytes| SubjectRatio {
        name: MEMORY_GOAL,
        value: bytes as f64 / 1e6,
        bound: Some(Bound::AtMost(MEMORY_MAX_BYTES / 1e6)),
    });
    ratios.chain(per_table).chain(memory).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::Figures;
    use crate::bench::subjects::SubjectKind;

    #[test]
    fn a_database_has_the_ratios_of_its_figures() {
        let shown = |kind| {
            let mut figures = Figures::default();
            for (name, seconds) in [(WHOLE, 4.0), ("ours.phase.rows", 1.5), ("duckdb.copy", 0.5)] {
                figures.add(name, seconds);
            }
            let (sqlite_bytes, copy_bytes, peers) = (0, None, Vec::new());
            let subject =
                SubjectResult { kind, tables: 200, rows: 1, sqlite_bytes, copy_bytes, figures, peers };
            let ratios = subject_ratios(&subject).into_iter();
            ratios.map(|ratio| (ratio.name, ratio.value, ratio.bound)).collect::<Vec<_>>()
        };
        let duckdb = ("rows / DuckDB's CREATE TABLE AS", 3.0, Some(Bound::AtMost(1.0)));
        assert_eq!(shown(SubjectKind::Wide), [duckdb]);
        assert_eq!(shown(SubjectKind::FewTables), [duckdb, ("whole migrate, ms a table", 20.0, None)]);
    }
}
