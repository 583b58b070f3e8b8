//! What a comparison of a table has counted so far: rows, and for each column the values by form and diagnosis.

use std::collections::BTreeMap;

use migrate_core::comparison::{
    ComparedColumn, ComparedTable, Diagnosis, DifferentValues, EqualValues, OtherForm, Pairing,
    RowDifference, RowKind, TimeUnit,
};
use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::value::SourceValue;

use super::cells::{SourceCell, TargetCell, Verdict, compare};
use crate::validate::NAMED_DIFFERENCES_MAX;

/// How many diagnoses with an amount of their own a column keeps apart, such as shifts by different times.
const DIAGNOSES_MAX: usize = 16;

/// Values of one form or diagnosis.
#[derive(Clone, Debug, Default)]
struct Found {
    values: u64,
    first: Vec<String>,
    shown: Vec<[String; 2]>,
}

/// The values of a column.
#[derive(Clone, Debug, Default)]
struct ColumnCounts {
    equal: u64,
    /// Of the equal ones, numbers other than 0 that are times in the unit of the column's conversion.
    in_planned_unit: u64,
    forms: BTreeMap<OtherForm, Found>,
    differences: BTreeMap<Diagnosis, Found>,
}

/// The rows and values of a table, or of a part of it.
#[derive(Clone, Debug, Default)]
pub(super) struct TableCounts {
    pub(super) source_rows: u64,
    pub(super) target_rows: u64,
    pub(super) equal: u64,
    pub(super) in_another_form: u64,
    pub(super) missing: u64,
    pub(super) extra: u64,
    pub(super) duplicates: u64,
    pub(super) different: u64,
    rows: Vec<RowDifference>,
    columns: Vec<ColumnCounts>,
}

/// How values are counted.
#[derive(Clone, Copy)]
pub(super) struct Naming {
    pub(super) show_values: bool,
}

impl TableCounts {
    pub(super) fn new(table: &PlannedTable) -> TableCounts {
        TableCounts { columns: vec![ColumnCounts::default(); table.columns.len()], ..TableCounts::default() }
    }

    /// Counts a pair of rows; `name` is called for their key where they are named.
    pub(super) fn pair(
        &mut self,
        table: &PlannedTable,
        naming: Naming,
        source: &[SourceCell<'_>],
        target: &[TargetCell<'_>],
        scratch: &mut Vec<u8>,
        name: &mut dyn FnMut() -> String,
    ) {
        let (mut has_form, mut has_difference) = (false, false);
        for (((column, counts), source), target) in
            table.columns.iter().zip(&mut self.columns).zip(source).zip(target)
        {
            let found = match compare(column, source, target, scratch) {
                Verdict::Equal => {
                    counts.equal += 1;
                    counts.in_planned_unit += u64::from(is_number_of_units(column, source));
                    continue;
                }
                Verdict::OtherForm(form) => {
                    has_form = true;
                    counts.forms.entry(form).or_default()
                }
                Verdict::Different(diagnosis) => {
                    has_difference = true;
                    counts.difference(diagnosis)
                }
            };
            found.add(1, naming.show_values, name, || {
                [source.shown(column.secret), target.shown(column, scratch)]
            });
        }
        match (has_difference, has_form) {
            (true, _) => self.different += 1,
            (false, true) => {
                self.equal += 1;
                self.in_another_form += 1;
            }
            (false, false) => self.equal += 1,
        }
    }

    /// Counts a row that is on one side only.
    pub(super) fn row(&mut self, kind: RowKind, name: &mut dyn FnMut() -> String) {
        match kind {
            RowKind::Missing => self.missing += 1,
            RowKind::Extra => self.extra += 1,
            RowKind::Duplicate => self.duplicates += 1,
        }
        if self.rows.iter().filter(|row| row.kind == kind).count() < NAMED_DIFFERENCES_MAX {
            self.rows.push(RowDifference { kind, key: name(), rows: 1 });
        }
    }

    /// Takes a missing and an extra row back, which are a pair after all.
    pub(super) fn paired_after_all(&mut self, source_name: &str, target_name: &str) {
        self.missing = self.missing.saturating_sub(1);
        self.extra = self.extra.saturating_sub(1);
        for (kind, name) in [(RowKind::Missing, source_name), (RowKind::Extra, target_name)] {
            if let Some(place) = self.rows.iter().position(|row| row.kind == kind && row.key == name) {
                self.rows.remove(place);
            }
        }
    }

    /// Adds the counts of the next part of the table, in the order of keys.
    pub(super) fn add(&mut self, part: TableCounts) {
        self.source_rows += part.source_rows;
        self.target_rows += part.target_rows;
        self.equal += part.equal;
        self.in_another_form += part.in_another_form;
        self.missing += part.missing;
        self.extra += part.extra;
        self.duplicates += part.duplicates;
        self.different += part.different;
        self.rows.extend(part.rows);
        for (counts, part) in self.columns.iter_mut().zip(part.columns) {
            counts.equal += part.equal;
            counts.in_planned_unit += part.in_planned_unit;
            for (form, found) in part.forms {
                counts.forms.entry(form).or_default().join(found);
            }
            for (diagnosis, found) in part.differences {
                counts.difference(diagnosis).join(found);
            }
        }
    }

    /// The result for the table.
    pub(super) fn finish(mut self, table: &PlannedTable, pairing: Pairing, seconds: f64) -> ComparedTable {
        for (column, counts) in table.columns.iter().zip(&mut self.columns) {
            let moved = counts.settle_units(column);
            // Rows that were equal but for this; there are at most as many.
            let rows = moved.min(self.equal);
            self.in_another_form -= rows.min(self.in_another_form);
            self.equal -= rows;
            self.different += rows;
        }
        let mut rows = self.rows;
        rows.sort_by_key(|row| row.kind);
        for kind in [RowKind::Missing, RowKind::Extra, RowKind::Duplicate] {
            let mut kept = 0;
            rows.retain(|row| {
                kept += usize::from(row.kind == kind);
                row.kind != kind || kept <= NAMED_DIFFERENCES_MAX
            });
        }
        let existing = table.existing.as_ref().map(|existing| &existing.table);
        let columns = table.columns.iter().zip(self.columns);
        ComparedTable {
            table: table.source.clone(),
            target: existing.map_or_else(|| table.target.clone(), |found| found.name_in_words()),
            pairing,
            source_rows: self.source_rows,
            target_rows: self.target_rows,
            equal: self.equal,
            in_another_form: self.in_another_form,
            missing: self.missing,
            extra: self.extra,
            duplicates: self.duplicates,
            different: self.different,
            columns: columns
                .map(|(column, counts)| {
                    let type_name = existing.and_then(|found| found.column(&column.target));
                    counts.finish(column, type_name.map_or_else(String::new, |found| found.type_name.clone()))
                })
                .collect(),
            rows,
            seconds,
        }
    }
}

impl ColumnCounts {
    fn difference(&mut self, diagnosis: Diagnosis) -> &mut Found {
        let is_full = self.differences.len() >= DIAGNOSES_MAX && !self.differences.contains_key(&diagnosis);
        self.differences.entry(if is_full { Diagnosis::Other } else { diagnosis }).or_default()
    }

    /// Decides which unit of time the column has: all its numbers must have one. Those in another unit are differences; returns how many.
    fn settle_units(&mut self, column: &PlannedColumn) -> u64 {
        let unit = |form: &OtherForm| match form {
            OtherForm::NumberAsMoment { unit } | OtherForm::MomentAsNumber { unit } => Some(*unit),
            _ => None,
        };
        let planned = unit_of(column).map(|_| self.in_planned_unit).unwrap_or(0);
        let most =
            self.forms.iter().filter(|(form, _)| unit(form).is_some()).max_by_key(|(_, found)| found.values);
        let Some((most, most_values)) = most.map(|(form, found)| (*form, found.values)) else { return 0 };
        let kept = (most_values > planned).then_some(most);
        let others: Vec<OtherForm> =
            self.forms.keys().filter(|form| unit(form).is_some() && Some(**form) != kept).copied().collect();
        let mut moved = 0;
        for form in others {
            if let Some(found) = self.forms.remove(&form) {
                moved += found.values;
                self.difference(Diagnosis::InconsistentUnit).join(found);
            }
        }
        if kept.is_some() && planned > 0 {
            // Rows in the conversion's own unit are the ones that differ. Their keys were not kept.
            moved += planned;
            self.equal -= planned.min(self.equal);
            self.difference(Diagnosis::InconsistentUnit).values += planned;
        }
        moved
    }

    fn finish(self, column: &PlannedColumn, type_name: String) -> ComparedColumn {
        let mut forms: Vec<EqualValues> = (self.forms.into_iter())
            .map(|(form, found)| EqualValues {
                form,
                values: found.values,
                first: found.first,
                shown: found.shown,
            })
            .collect();
        forms.sort_by_key(|found| u64::MAX - found.values);
        let mut differences: Vec<DifferentValues> = (self.differences.into_iter())
            .map(|(diagnosis, found)| DifferentValues {
                diagnosis,
                values: found.values,
                first: found.first,
                shown: found.shown,
            })
            .collect();
        differences.sort_by_key(|found| u64::MAX - found.values);
        ComparedColumn {
            column: column.source.clone(),
            target: column.target.clone(),
            declared: column.declared.clone(),
            type_name,
            conversion: column.conversion.name(),
            secret: column.secret,
            equal: self.equal,
            forms,
            differences,
        }
    }
}

impl Found {
    fn add(
        &mut self,
        values: u64,
        show_values: bool,
        name: &mut dyn FnMut() -> String,
        shown: impl FnOnce() -> [String; 2],
    ) {
        self.values += values;
        if self.first.len() < NAMED_DIFFERENCES_MAX {
            self.first.push(name());
            if show_values {
                self.shown.push(shown());
            }
        }
    }

    fn join(&mut self, other: Found) {
        self.values += other.values;
        self.first.extend(other.first);
        self.first.truncate(NAMED_DIFFERENCES_MAX);
        self.shown.extend(other.shown);
        self.shown.truncate(NAMED_DIFFERENCES_MAX);
    }
}

/// The unit of time in which a column's conversion reads numbers, if it does.
fn unit_of(column: &PlannedColumn) -> Option<TimeUnit> {
    migrate_core::comparison::unit_of(&column.conversion)
}

/// Whether a value is a number that shows the unit: 0 is the same in all.
fn is_number_of_units(column: &PlannedColumn, source: &SourceCell<'_>) -> bool {
    let is_other_than_0 = match source.value() {
        Some(SourceValue::Integer(integer)) => integer != 0,
        Some(SourceValue::Real(real)) => real != 0.0,
        _ => false,
    };
    is_other_than_0 && unit_of(column).is_some()
}
