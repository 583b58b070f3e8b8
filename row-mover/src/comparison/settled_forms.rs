//! Decides by all values of a column which form they have, where a value alone does not show it: the unit of a time, bytes as hexadecimal
//! digits or base64. A column has one; values in another one differ, and so do all if their unit is none of our time and another one is.

use std::collections::BTreeMap;

use migrate_core::comparison::{Diagnosis, FormFamily, OtherForm, TimeUnit, form_of_conversion, likely_unit};
use migrate_core::conversion::PgType;
use migrate_core::plan::PlannedColumn;
use migrate_core::value::SourceValue;

use super::cells::SourceCell;
use super::counts::Found;

/// Values of one form, and the units in which they are times of ours.
#[derive(Clone, Debug, Default)]
struct OfForm {
    found: Found,
    likely: BTreeMap<TimeUnit, u64>,
}

/// The values of a column by their form.
#[derive(Clone, Debug, Default)]
pub(super) struct Forms {
    /// Those that are equal by the column's conversion, where that shows.
    planned: BTreeMap<OtherForm, OfForm>,
    /// Those in another form.
    others: BTreeMap<OtherForm, OfForm>,
}

/// Values that differ after all.
pub(super) struct Moved {
    /// What happened to them.
    pub(super) diagnosis: Diagnosis,
    /// Whether the column's conversion had them equal.
    pub(super) is_planned: bool,
    /// Their form.
    pub(super) form: OtherForm,
    pub(super) found: Found,
}

/// A column by its place, whether its conversion had the value equal, and the form of the value.
type OfColumn = (usize, bool, OtherForm);

/// How many combinations of forms are kept apart. Of others only the values are counted as different, not the rows.
const SIGNATURES_MAX: usize = 4096;

/// The rows without a difference by the forms of their values, so that it is known how many differ once the forms are settled.
#[derive(Clone, Debug, Default)]
pub(super) struct Signatures {
    current: Vec<OfColumn>,
    /// For each combination its rows, and those of them that have a value in another form.
    rows: BTreeMap<Vec<OfColumn>, [u64; 2]>,
}

impl Signatures {
    pub(super) fn begin(&mut self) {
        self.current.clear();
    }

    pub(super) fn add(&mut self, place: usize, is_planned: bool, form: OtherForm) {
        if form.family().is_some() {
            self.current.push((place, is_planned, form));
        }
    }

    /// Counts the row whose forms were added.
    pub(super) fn end(&mut self, has_form: bool) {
        if !self.current.is_empty() {
            count(&mut self.rows, &self.current, [1, u64::from(has_form)]);
        }
    }

    pub(super) fn join(&mut self, other: Signatures) {
        other.rows.into_iter().for_each(|(forms, counts)| count(&mut self.rows, &forms, counts));
    }

    /// The rows with one of these forms, and those of them that have a value in another form.
    pub(super) fn rows_with(&self, settled: &[OfColumn]) -> [u64; 2] {
        let with = self.rows.iter().filter(|(forms, _)| forms.iter().any(|form| settled.contains(form)));
        with.fold([0, 0], |sums, (_, counts)| [sums[0] + counts[0], sums[1] + counts[1]])
    }
}

fn count(rows: &mut BTreeMap<Vec<OfColumn>, [u64; 2]>, forms: &[OfColumn], counts: [u64; 2]) {
    let has_room = rows.len() < SIGNATURES_MAX;
    match rows.get_mut(forms) {
        Some(known) => *known = [known[0] + counts[0], known[1] + counts[1]],
        None if has_room => drop(rows.insert(forms.to_vec(), counts)),
        None => {}
    }
}

/// The form of a value that is equal by the column's conversion, where other values of the column could have another one.
pub(super) fn planned(column: &PlannedColumn, source: &SourceCell<'_>) -> Option<OtherForm> {
    let value = source.value()?;
    let families = match value {
        // They are the same in all units and encodings.
        SourceValue::Null | SourceValue::Integer(0) | SourceValue::Text(b"") | SourceValue::Blob(b"") => {
            return None;
        }
        SourceValue::Real(0.0) => return None,
        SourceValue::Integer(_) | SourceValue::Real(_) => FormFamily::Units,
        SourceValue::Blob(_) => FormFamily::BytesAsText,
        SourceValue::Text(_) => FormFamily::TextAsBytes,
    };
    let form = form_of_conversion(&column.conversion, value.storage_class())?;
    (form.family() == Some(families)).then_some(form)
}

impl Forms {
    /// The values that are equal by the column's conversion, in this form.
    pub(super) fn planned(
        &mut self,
        form: OtherForm,
        column: &PlannedColumn,
        source: &SourceCell<'_>,
    ) -> &mut Found {
        of_form(&mut self.planned, form, column, source)
    }

    /// The values in this other form.
    pub(super) fn other(
        &mut self,
        form: OtherForm,
        column: &PlannedColumn,
        source: &SourceCell<'_>,
    ) -> &mut Found {
        of_form(&mut self.others, form, column, source)
    }

    pub(super) fn join(&mut self, part: Forms) {
        for (own, part) in [(&mut self.planned, part.planned), (&mut self.others, part.others)] {
            for (form, found) in part {
                let own = own.entry(form).or_default();
                own.found.join(found.found);
                for (unit, values) in found.likely {
                    *own.likely.entry(unit).or_default() += values;
                }
            }
        }
    }

    /// Takes out the values that differ after all.
    pub(super) fn settle(&mut self) -> Vec<Moved> {
        let mut moved = Vec::new();
        for (is_planned, forms) in [(true, &mut self.planned), (false, &mut self.others)] {
            for (form, of_form) in take(forms, |form, of_form| of_form.wrong_unit(form).is_some()) {
                let diagnosis = of_form.wrong_unit(form).unwrap_or(Diagnosis::InconsistentUnit);
                moved.push(Moved { diagnosis, is_planned, form, found: of_form.found });
            }
        }
        let families = [
            (FormFamily::Units, Diagnosis::InconsistentUnit),
            (FormFamily::BytesAsText, Diagnosis::InconsistentForm),
            (FormFamily::TextAsBytes, Diagnosis::InconsistentForm),
        ];
        for (family, diagnosis) in families {
            let mut values: BTreeMap<OtherForm, (u64, bool)> = BTreeMap::new();
            for (is_planned, forms) in [(true, &self.planned), (false, &self.others)] {
                for (form, of_form) in forms.iter().filter(|(form, _)| form.family() == Some(family)) {
                    let sum = values.entry(*form).or_default();
                    *sum = (sum.0 + of_form.found.values, sum.1 || is_planned);
                }
            }
            // Of two forms with as many values the planned one is kept.
            let Some(kept) = values.iter().max_by_key(|(_, values)| **values).map(|(form, _)| *form) else {
                continue;
            };
            for (is_planned, forms) in [(true, &mut self.planned), (false, &mut self.others)] {
                let others = take(forms, |form, _| form.family() == Some(family) && form != kept);
                let others = others.into_iter().map(|(form, of_form)| (form, of_form.found));
                moved.extend(others.map(|(form, found)| Moved { diagnosis, is_planned, form, found }));
            }
        }
        moved
    }

    /// What is in another form.
    pub(super) fn others(self) -> Vec<(OtherForm, Found)> {
        self.others.into_iter().map(|(form, of_form)| (form, of_form.found)).collect()
    }
}

/// Takes out the forms for which a condition holds.
fn take(
    forms: &mut BTreeMap<OtherForm, OfForm>,
    is_taken: impl Fn(OtherForm, &OfForm) -> bool,
) -> Vec<(OtherForm, OfForm)> {
    let all = std::mem::take(forms);
    let (taken, kept) = all.into_iter().partition(|(form, of_form)| is_taken(*form, of_form));
    let kept: Vec<(OtherForm, OfForm)> = kept;
    forms.extend(kept);
    taken
}

fn of_form<'f>(
    forms: &'f mut BTreeMap<OtherForm, OfForm>,
    form: OtherForm,
    column: &PlannedColumn,
    source: &SourceCell<'_>,
) -> &'f mut Found {
    let of_form = forms.entry(form).or_default();
    // A duration may be anything.
    let is_time = form.unit().is_some() && column.target_type != PgType::Interval;
    if let Some(unit) = source.value().filter(|_| is_time).and_then(likely_unit) {
        *of_form.likely.entry(unit).or_default() += 1;
    }
    &mut of_form.found
}

impl OfForm {
    /// Whether most of the values are times of ours in another unit than that of the form.
    fn wrong_unit(&self, form: OtherForm) -> Option<Diagnosis> {
        let read = form.unit()?;
        let is_likely =
            |(unit, values): &(&TimeUnit, &u64)| **unit != read && **values * 2 > self.found.values;
        let (likely, _) = self.likely.iter().find(is_likely)?;
        Some(Diagnosis::WrongUnit { read, likely: *likely })
    }
}
