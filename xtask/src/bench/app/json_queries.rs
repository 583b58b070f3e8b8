//! Queries into the payload of jobs: containment with PostgreSQL's GIN index, against what the app can do with SQLite.
//!
//! All ways must find the same jobs; otherwise the run fails.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::backend::{BackendKind, Backends, Database};
use super::dataset::Dataset;
use crate::bench::figures::median;

/// The most repetitions of a query.
const REPETITIONS: usize = 9;

/// Repetitions end after this time, and after three of them.
const TIME_MAX: Duration = Duration::from_millis(1_500);

/// A way to find jobs by what their payload contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// PostgreSQL: `payload @> …`, which the GIN index serves.
    Containment,
    /// SQLite: `json_extract(payload, …) = …`, which parses each document.
    JsonExtract,
    /// SQLite: `payload LIKE …`, which scans text and works only while nobody changes its format.
    Like,
}

impl Method {
    /// All.
    pub(crate) const ALL: [Method; 3] = [Method::Containment, Method::JsonExtract, Method::Like];

    /// Its name for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Containment => "containment",
            Method::JsonExtract => "json_extract",
            Method::Like => "like",
        }
    }

    /// Its name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Method::Containment => "PostgreSQL `@>` with GIN",
            Method::JsonExtract => "SQLite `json_extract`",
            Method::Like => "SQLite `LIKE`",
        }
    }
}

/// A pattern, and how each way asks for it.
struct Pattern {
    name: &'static str,
    containment: &'static str,
    path: &'static str,
    value: &'static str,
    like: &'static str,
}

/// The job with the number 1 matches the first two, whatever the size is.
const PATTERNS: [Pattern; 3] = [
    Pattern {
        name: "selective: one repository of 10,000",
        containment: r#"{"repo":"org-19/repo-7919"}"#,
        path: "$.repo",
        value: "org-19/repo-7919",
        like: r#"%"repo":"org-19/repo-7919"%"#,
    },
    Pattern {
        name: "nested: one team of 500",
        containment: r#"{"meta":{"team":"team-229"}}"#,
        path: "$.meta.team",
        value: "team-229",
        like: r#"%"team":"team-229"%"#,
    },
    Pattern {
        name: "not selective: one event of two",
        containment: r#"{"event":"push"}"#,
        path: "$.event",
        value: "push",
        like: r#"%"event":"push"%"#,
    },
];

/// The figures of one pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PatternFigures {
    /// The pattern, for people.
    pub(crate) name: &'static str,
    /// Whether few jobs match: at most a hundredth.
    pub(crate) is_selective: bool,
    /// The jobs that each way found.
    pub(crate) matches: u64,
    /// The median of each way, in milliseconds, in the order of [`Method::ALL`].
    pub(crate) milliseconds: [f64; 3],
}

/// The figures of all patterns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JsonFigures {
    /// Jobs in each database.
    pub(crate) jobs: u64,
    /// The patterns.
    pub(crate) patterns: Vec<PatternFigures>,
}

/// Measures all patterns with `jobs` jobs.
///
/// # Errors
/// When a database cannot be created, or two ways find different jobs.
pub(crate) fn measure(
    backends: &Backends<'_>,
    jobs: u64,
    progress: &dyn Fn(&str) -> anyhow::Result<()>,
) -> anyhow::Result<JsonFigures> {
    let dataset = Dataset { jobs };
    progress("filling PostgreSQL")?;
    let postgres = backends.create(BackendKind::Postgres, dataset)?;
    progress("filling SQLite")?;
    let sqlite = backends.create(BackendKind::SqliteFull, dataset)?;
    let mut figures = Vec::new();
    for pattern in &PATTERNS {
        progress(pattern.name)?;
        figures.push(measure_pattern(pattern, &*postgres, &*sqlite, jobs)?);
    }
    Ok(JsonFigures { jobs, patterns: figures })
}

fn measure_pattern(
    pattern: &Pattern,
    postgres: &dyn Database,
    sqlite: &dyn Database,
    jobs: u64,
) -> anyhow::Result<PatternFigures> {
    let extract = format!("json_extract(payload, '{}') = $1", pattern.path);
    let ways = [
        (postgres, "payload @> $1::jsonb", pattern.containment),
        (sqlite, extract.as_str(), pattern.value),
        (sqlite, "payload LIKE $1", pattern.like),
    ];
    let mut milliseconds = [0.0; 3];
    let mut first: Option<Vec<Vec<String>>> = None;
    for ((database, condition, parameter), figure) in ways.into_iter().zip(&mut milliseconds) {
        let sql =
            format!("SELECT id FROM {} WHERE {condition} ORDER BY id", database.dialect().table("jobs"));
        let (ids, median) = repeat(database, &sql, parameter)?;
        *figure = median;
        match &first {
            None => first = Some(ids),
            Some(first) if *first != ids => {
                bail!("{}: {condition} found {} jobs, and @> {}", pattern.name, ids.len(), first.len());
            }
            Some(_) => {}
        }
    }
    let matches = first.map_or(0, |ids| ids.len() as u64);
    if matches == 0 {
        bail!("{}: no job matches, so that nothing was compared", pattern.name);
    }
    Ok(PatternFigures { name: pattern.name, is_selective: matches * 100 <= jobs, matches, milliseconds })
}

/// Repeats a query: returns its rows and the median of its times in milliseconds. The first run warms the caches and does not count.
fn repeat(database: &dyn Database, sql: &str, parameter: &str) -> anyhow::Result<(Vec<Vec<String>>, f64)> {
    let mut session = database.session()?;
    let ids = session.rows(sql, Some(parameter))?;
    let (mut times, begun) = (Vec::new(), Instant::now());
    while times.len() < REPETITIONS && (times.len() < 3 || begun.elapsed() < TIME_MAX) {
        let began = Instant::now();
        session.rows(sql, Some(parameter))?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok((ids, median(&times).context("no query was measured")?))
}
