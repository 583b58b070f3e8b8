//! What a comparison of a table has counted so far: rows, and for each column the values by form and diagnosis.

use std::collections::BTreeMap;

use migrate_core::comparison::{
    ComparedColumn, ComparedTable, Diagnosis, DifferentValues, EqualValues, OtherForm, Pairing,
    RowDifference, RowKind,
};
use migrate_core::plan::{PlannedColumn, PlannedTable};

use super::cells::{SourceCell, TargetCell, Verdict, compare, is_unread};
use super::settled_forms::{self, Forms, Moved, Signatures};
use crate::validate::NAMED_DIFFERENCES_MAX;

/// How many diagnoses with an amount of their own a column keeps apart, such as shifts by different times.
const DIAGNOSES_MAX: usize = 16;

/// Values of one form or diagnosis.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) values: u64,
    first: Vec<String>,
    shown: Vec<[String; 2]>,
}

/// The values of a column.
#[derive(Clone, Debug, Default)]
struct ColumnCounts {
    equal: u64,
    forms: Forms,
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
    pub(super) undecided: u64,
    /// Whether long values differ of which only the digest is known.
    pub(super) has_unread: bool,
    rows: Vec<RowDifference>,
    columns: Vec<ColumnCounts>,
    signatures: Signatures,
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
        self.signatures.begin();
        for (place, (((column, counts), source), target)) in
            table.columns.iter().zip(&mut self.columns).zip(source).zip(target).enumerate()
        {
            let found = match compare(column, source, target, scratch) {
                Verdict::Equal => {
                    counts.equal += 1;
                    match settled_forms::planned(column, source) {
                        None => continue,
                        Some(form) => {
                            self.signatures.add(place, true, form);
                            counts.forms.planned(form, column, source)
                        }
                    }
                }
                Verdict::OtherForm(form) => {
                    has_form = true;
                    self.signatures.add(place, false, form);
                    counts.forms.other(form, column, source)
                }
                Verdict::Different(diagnosis) => {
                    has_difference = true;
                    self.has_unread |= is_unread(source, target);
                    counts.difference(diagnosis)
                }
            };
            found.add(1, naming.show_values, name, || {
                [source.shown(column.secret), target.shown(column, scratch)]
            });
        }
        if !has_difference {
            self.signatures.end(has_form);
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

    /// Takes missing and extra rows back that may be pairs: it is not decided whether they are.
    pub(super) fn leave_undecided(&mut self) {
        let pairs = self.missing.min(self.extra);
        self.undecided += pairs;
        self.missing -= pairs;
        self.extra -= pairs;
        self.rows.retain(|row| match row.kind {
            RowKind::Missing => self.missing > 0,
            RowKind::Extra => self.extra > 0,
            RowKind::Duplicate => true,
        });
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
        self.undecided += part.undecided;
        self.has_unread |= part.has_unread;
        self.rows.extend(part.rows);
        self.signatures.join(part.signatures);
        for (counts, part) in self.columns.iter_mut().zip(part.columns) {
            counts.equal += part.equal;
            counts.forms.join(part.forms);
            for (diagnosis, found) in part.differences {
                counts.difference(diagnosis).join(found);
            }
        }
    }

    /// The result for the table.
    pub(super) fn finish(mut self, table: &PlannedTable, pairing: Pairing, seconds: f64) -> ComparedTable {
        let mut settled = Vec::new();
        for (place, counts) in self.columns.iter_mut().enumerate() {
            settled.extend(
                counts.settle_forms().into_iter().map(|(is_planned, form)| (place, is_planned, form)),
            );
        }
        // Rows that were equal but for these.
        let [equal, in_another_form] = self.signatures.rows_with(&settled);
        self.equal = self.equal.saturating_sub(equal);
        self.in_another_form = self.in_another_form.saturating_sub(in_another_form);
        self.different += equal;
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
            undecided: self.undecided,
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

    /// Decides which forms the column has. Values in others are differences; returns these forms, and whether they are the conversion's.
    fn settle_forms(&mut self) -> Vec<(bool, OtherForm)> {
        let mut moved = Vec::new();
        for Moved { diagnosis, is_planned, form, found } in self.forms.settle() {
            if is_planned {
                self.equal -= found.values.min(self.equal);
            }
            self.difference(diagnosis).join(found);
            moved.push((is_planned, form));
        }
        moved
    }

    fn finish(self, column: &PlannedColumn, type_name: String) -> ComparedColumn {
        let mut forms: Vec<EqualValues> = (self.forms.others().into_iter())
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
    pub(super) fn add(
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

    pub(super) fn join(&mut self, other: Found) {
        self.values += other.values;
        self.first.extend(other.first);
        self.first.truncate(NAMED_DIFFERENCES_MAX);
        self.shown.extend(other.shown);
        self.shown.truncate(NAMED_DIFFERENCES_MAX);
    }
}
