//! Shared lookups of all sections: tables by name, sums over them, and the verdict that agrees with the findings.

use std::collections::BTreeMap;

use migrate_core::plan::PlannedTable;

use super::findings::{self, Finding};
use crate::Report;
use crate::model::{Command, Compared, TableReport, Verdict};

/// A report and the data that is derived from it once.
pub(super) struct Page<'a> {
    pub(super) report: &'a Report<'a>,
    /// The verdict, as the findings leave it.
    pub(super) verdict: Verdict,
    /// The problems.
    pub(super) findings: Vec<Finding<'a>>,
    /// All tables: those of the plan in its order, and then those that only the report has.
    pub(super) tables: Vec<Table<'a>>,
    places: BTreeMap<&'a str, usize>,
}

/// A table, as far as plan and report know it.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) name: &'a str,
    pub(super) planned: Option<&'a PlannedTable>,
    pub(super) moved: Option<&'a TableReport>,
}

/// Sums over all tables.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) moved: u64,
    pub(super) compared: u64,
    pub(super) rows_compared: u64,
    pub(super) values_equal: u64,
    pub(super) missing: u64,
    pub(super) extra: u64,
    pub(super) different: u64,
    pub(super) compare_seconds: f64,
}

impl<'a> Page<'a> {
    pub(super) fn of(report: &'a Report<'a>) -> Page<'a> {
        let moved: BTreeMap<&str, &TableReport> =
            report.tables.iter().map(|table| (table.table.as_str(), table)).collect();
        let mut tables: Vec<Table<'_>> = (report.plan.tables.iter())
            .map(|planned| Table {
                name: &planned.source,
                planned: Some(planned),
                moved: moved.get(planned.source.as_str()).copied(),
            })
            .collect();
        let mut places = BTreeMap::new();
        for (place, table) in tables.iter().enumerate() {
            places.entry(table.name).or_insert(place);
        }
        for moved in report.tables.iter().filter(|table| !places.contains_key(table.table.as_str())) {
            tables.push(Table { name: &moved.table, planned: None, moved: Some(moved) });
        }
        for (place, table) in tables.iter().enumerate() {
            places.entry(table.name).or_insert(place);
        }
        let findings = findings::findings(report);
        // The verdict must not contradict the findings: with a finding against it, nothing is proven.
        let contradicts = findings.iter().any(findings::Finding::is_against_proof);
        let verdict = if contradicts { Verdict::NotProven } else { report.verdict };
        Page { report, verdict, findings, tables, places }
    }

    /// The anchor of a table: made of its place, never of its name.
    pub(super) fn anchor(&self, source: &str) -> Option<String> {
        self.places.get(source).map(|place| format!("t{place}"))
    }

    /// The subject of the report.
    pub(super) fn kind(&self) -> &'static str {
        match self.report.command {
            Command::Migrate => "Migration from SQLite to PostgreSQL",
            Command::Validate => "Validation of a migration from SQLite to PostgreSQL",
        }
    }

    /// The sums over all tables.
    pub(super) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for table in &self.tables {
            let Some(moved) = table.moved else { continue };
            sums.moved += 1;
            sums.rows = sums.rows.saturating_add(moved.rows);
            sums.bytes = sums.bytes.saturating_add(moved.bytes);
            let Some(compared) = &moved.compared else { continue };
            let columns = table.planned.map_or(0, |planned| planned.columns.len() as u64);
            sums.compared += 1;
            sums.rows_compared = sums.rows_compared.saturating_add(compared.source_rows);
            sums.values_equal = sums.values_equal.saturating_add(compared.equal.saturating_mul(columns));
            sums.missing = sums.missing.saturating_add(compared.missing);
            sums.extra = sums.extra.saturating_add(compared.extra);
            sums.different = sums.different.saturating_add(compared.different);
            sums.compare_seconds += compared.seconds;
        }
        sums
    }
}

impl Table<'_> {
    /// The result of comparing it; none if it was not compared.
    pub(super) fn compared(&self) -> Option<&Compared> {
        self.moved.and_then(|moved| moved.compared.as_ref())
    }
}

/// How many rows are not as they should be.
pub(super) fn wrong(compared: &Compared) -> u64 {
    compared.missing.saturating_add(compared.extra).saturating_add(compared.different)
}

/// The verdict for people.
pub(super) fn verdict_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "Proven",
        Verdict::NotProven => "Not proven",
    }
}
