//! What is in the way of a goal that is missed, in figures of the same run: the parts of what takes too long, the largest first. It judges
//! nothing.

use super::ours::{PHASE, WHOLE};
use super::results::{Per, SubjectResult, Term, find};

/// The share of a figure below which a part is not worth a word.
const PART_MIN_SHARE: f64 = 0.01;

/// How a missed ratio is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explanation {
    /// By the parts of the figure above, in multiples of the floor, which is below.
    PartsByFloor,
    /// By the parts of the migration, which is below, in seconds.
    PartsOfMigrate,
    /// By what the figure above takes, and may take.
    Excess,
    /// By how much longer each phase takes above than below, for each unit.
    Growth,
}

/// A part of a figure, in seconds.
type PartSeconds = (String, f64);

/// Describes what makes a ratio miss its goal.
pub(crate) fn explain(
    explanation: Explanation,
    above: Term,
    below: Term,
    wanted: f64,
    subjects: &[SubjectResult],
) -> String {
    let (Some(one), Some(other)) = (find(subjects, above.kind), find(subjects, below.kind)) else {
        return String::new();
    };
    let seconds =
        |term: Term, subject: &SubjectResult| subject.figures.median(term.figure).unwrap_or_default();
    let (above_seconds, below_seconds) = (seconds(above, one), seconds(below, other));
    match explanation {
        Explanation::PartsByFloor => {
            let parts = parts(above.figure, one).into_iter().map(|(name, part)| (name, part / below_seconds));
            format!("in multiples of the floor of {below_seconds:.2} s: {}", list(parts.collect(), ""))
        }
        Explanation::PartsOfMigrate => format!(
            "migrate takes {below_seconds:.2} s and may take {:.2} s: {}",
            above_seconds / wanted,
            list(parts(below.figure, other), " s")
        ),
        Explanation::Excess => format!(
            "it takes {above_seconds:.2} s and may take {:.2} s, which is {wanted:.2} times {below_seconds:.2} s",
            below_seconds * wanted
        ),
        Explanation::Growth => growth(above, one, other),
    }
}

/// The parts of a figure: the phases of a migration or of its load, and what is none of them.
fn parts(figure: &str, subject: &SubjectResult) -> Vec<PartSeconds> {
    let phases = subject.figures.0.iter().filter_map(|measured| {
        let phase = measured.name.strip_prefix(PHASE)?;
        let is_part = figure == WHOLE || matches!(phase, "rows" | "constraints");
        Some((phase.to_owned(), subject.figures.median(&measured.name).filter(|_| is_part)?))
    });
    let mut parts: Vec<PartSeconds> = phases.collect();
    let all: f64 = parts.iter().map(|(_, seconds)| seconds).sum();
    let rest = subject.figures.median(figure).unwrap_or_default() - all;
    if figure == WHOLE {
        parts.push(("start and end".to_owned(), rest));
    }
    parts
}

/// How much longer each part of a migration takes for each unit than in another database.
fn growth(term: Term, above: &SubjectResult, below: &SubjectResult) -> String {
    let (factor, unit, each) = match term.per {
        Per::Database => (1.0, " s", ""),
        Per::Table => (1e3, " ms", " a table"),
        Per::Row => (1e6, " µs", " a row"),
    };
    let per_unit = |subject: &SubjectResult| -> Vec<PartSeconds> {
        let count = term.per.count(subject);
        parts(term.figure, subject).into_iter().map(|(name, part)| (name, part * factor / count)).collect()
    };
    let before = per_unit(below);
    let seconds_before =
        |name: &str| before.iter().find(|(one, _)| one == name).map_or(0.0, |(_, seconds)| *seconds);
    let grown = per_unit(above).into_iter().map(|(name, now)| {
        let change = now - seconds_before(&name);
        (name, change)
    });
    format!("longer{each} by: {}", list(grown.collect(), unit))
}

/// Parts for people, the largest first, without those that hardly count.
fn list(mut parts: Vec<PartSeconds>, unit: &str) -> String {
    parts.sort_by(|one, other| other.1.total_cmp(&one.1));
    let all: f64 = parts.iter().map(|(_, part)| part.max(0.0)).sum();
    let worth = parts.into_iter().filter(|(_, part)| *part > 0.0 && *part >= all * PART_MIN_SHARE);
    worth.map(|(name, part)| format!("{name} {part:.2}{unit}")).collect::<Vec<_>>().join(", ")
}

/// The databases whose migration had more private memory than allowed, the largest first, each with the time of its peak.
pub(crate) fn memory(most_bytes: f64, subjects: &[SubjectResult]) -> String {
    let mut beyond: Vec<(f64, String)> = subjects
        .iter()
        .filter_map(|subject| {
            // Far below 2^53, so that it is exact.
            let bytes = subject.figures.private_bytes(WHOLE)? as f64;
            let curves = &subject.figures.get(WHOLE)?.memory_curve;
            let peak = curves.iter().flatten().max_by(|one, other| one.1.total_cmp(&other.1));
            let when = peak.map_or_else(String::new, |(seconds, _)| format!(" at {seconds:.1} s"));
            (bytes > most_bytes)
                .then(|| (bytes, format!("{} {:.1} MB{when}", subject.kind.name(), bytes / 1e6)))
        })
        .collect();
    beyond.sort_by(|one, other| other.0.total_cmp(&one.0));
    beyond.into_iter().map(|(_, words)| words).collect::<Vec<_>>().join(", ")
}

/// A count for people, rounded where it is large: `1.4 million`.
pub(crate) fn rough(count: u64) -> String {
    if count < 1_000_000 {
        return ::report::figures::count(count);
    }
    // Far below 2^53, so that it is exact.
    let millions = format!("{:.1}", count as f64 / 1e6);
    format!("{} million", millions.strip_suffix(".0").unwrap_or(&millions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::Figures;
    use crate::bench::subjects::SubjectKind;
    use crate::bench::usage::MemorySample;

    fn subject(kind: SubjectKind, (tables, rows): (u64, u64), figures: &[(&str, f64)]) -> SubjectResult {
        let mut all = Figures::default();
        figures.iter().for_each(|(name, seconds)| all.add(*name, *seconds));
        let (sqlite_bytes, copy_bytes, peers) = (0, None, Vec::new());
        SubjectResult { kind, tables, rows, sqlite_bytes, copy_bytes, figures: all, peers }
    }

    fn migrated(kind: SubjectKind, size: (u64, u64), factor: f64) -> SubjectResult {
        let figures = [
            ("floor.overlapped", 2.0),
            (WHOLE, 4.0 * factor),
            ("ours.phase.preflight", 0.0),
            ("ours.phase.seal", 0.5),
            ("ours.phase.rows", 1.9 * factor),
            ("ours.phase.constraints", 0.3 * factor),
            ("ours.phase.validate", 1.0 * factor),
            ("ours.load", 2.2 * factor),
            ("pgloader.whole", 6.0),
        ];
        subject(kind, size, &figures)
    }

    #[test]
    fn parts_are_listed_with_the_largest_first() {
        let subjects = [migrated(SubjectKind::Hyperpage, (8, 100), 1.0)];
        let term = |figure| Term::of(SubjectKind::Hyperpage, figure);
        let floor = term("floor.overlapped");
        for (explanation, above, below, wanted, words) in [
            (
                Explanation::PartsByFloor,
                term(WHOLE),
                floor,
                1.5,
                "in multiples of the floor of 2.00 s: rows 0.95, validate 0.50, seal 0.25, start and end 0.15, constraints 0.15",
            ),
            (
                Explanation::PartsByFloor,
                term("ours.load"),
                floor,
                1.08,
                "in multiples of the floor of 2.00 s: rows 0.95, constraints 0.15",
            ),
            (
                Explanation::PartsOfMigrate,
                term("pgloader.whole"),
                term(WHOLE),
                1.6,
                "migrate takes 4.00 s and may take 3.75 s: rows 1.90 s, validate 1.00 s, seal 0.50 s, start and end 0.30 s, constraints 0.30 s",
            ),
            (
                Explanation::Excess,
                term("ours.phase.validate"),
                term("ours.load"),
                0.45,
                "it takes 1.00 s and may take 0.99 s, which is 0.45 times 2.20 s",
            ),
        ] {
            assert_eq!(explain(explanation, above, below, wanted, &subjects), words);
        }
    }

    #[test]
    fn growth_is_that_of_each_phase() {
        let [few, many] = [SubjectKind::FewTables, SubjectKind::ManyTables];
        let subjects = [migrated(few, (200, 2_000), 1.0), migrated(many, (2_000, 20_000), 20.0)];
        let explained = |per| {
            let [above, below] = [many, few].map(|kind| Term::per(kind, WHOLE, per));
            explain(Explanation::Growth, above, below, 1.2, &subjects)
        };
        // The seal takes the same time for ten times as many tables: it is no part of the growth.
        assert_eq!(
            explained(Per::Table),
            "longer a table by: rows 9.50 ms, start and end 6.25 ms, validate 5.00 ms, constraints 1.50 ms"
        );
        assert!(
            explained(Per::Row).starts_with("longer a row by: rows 950.00 µs, "),
            "{}",
            explained(Per::Row)
        );
        assert!(
            explained(Per::Database).starts_with("longer by: rows 36.10 s, "),
            "{}",
            explained(Per::Database)
        );
    }

    #[test]
    fn memory_names_the_databases_that_have_too_much_and_when() {
        let mut subjects = Vec::new();
        for (kind, bytes) in [
            (SubjectKind::Wide, 65_000_000),
            (SubjectKind::Json, 64_000_000),
            (SubjectKind::Blob, 91_500_000),
        ] {
            let mut one = subject(kind, (1, 1), &[(WHOLE, 4.0)]);
            one.figures.0[0].private_bytes.push(bytes);
            let samples = [(1.0, bytes / 2), (2.5, bytes), (3.0, 10)];
            let samples = samples.map(|(seconds, bytes)| MemorySample { seconds, bytes });
            one.figures.add_memory_curve(WHOLE, &samples);
            subjects.push(one);
        }
        assert_eq!(memory(64e6, &subjects), "blob 91.5 MB at 2.5 s, wide 65.0 MB at 2.5 s");
    }

    #[test]
    fn large_counts_are_rounded() {
        for (count, words) in
            [(200, "200"), (20_000, "20,000"), (1_400_000, "1.4 million"), (19_999_994, "20 million")]
        {
            assert_eq!(rough(count), words);
        }
    }
}
