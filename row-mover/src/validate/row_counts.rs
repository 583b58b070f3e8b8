//! Counts the rows that two sorted lists share and those that only one has: exactly, with copies, and keeps the first of each kind.

use std::collections::BTreeMap;

use super::external_sort::Record;
use super::row_location::RowLocation;
use crate::error::Result;

/// Maximum number of rows of each kind that are kept for inspection.
pub(super) const KEPT_ROWS_MAX: usize = 1000;

/// Maximum number of rows of one key that are kept: a key is repeated only where PostgreSQL's constraint is gone.
const KEPT_OF_KEY_MAX: usize = 16;

/// Rows that the other side does not have, or has fewer copies of; copies of one row are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unmatched {
    /// The location of the first copy.
    pub(super) location: RowLocation,
    /// The number of rows that the other side lacks.
    pub(super) rows: u64,
    /// The numbers of copies in SQLite and PostgreSQL.
    pub(super) copies: [u64; 2],
}

/// The rows that two lists share and those that only one has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RowCounts {
    /// Rows on both sides.
    pub(super) equal: u64,
    /// Rows that only the source has.
    pub(super) missing: u64,
    /// Rows that only the target has.
    pub(super) extra: u64,
    /// Rows of one key with other values.
    pub(super) different: u64,
    /// The first missing rows in the order of their locations, and the same for the others.
    pub(super) first_missing: BTreeMap<RowLocation, Unmatched>,
    pub(super) first_extra: BTreeMap<RowLocation, Unmatched>,
    /// By location in the source, the location in the target.
    pub(super) first_different: BTreeMap<RowLocation, RowLocation>,
}

/// The rows of one key that have no match.
#[derive(Default)]
struct Group {
    id: Option<u128>,
    missing: Vec<Unmatched>,
    extra: Vec<Unmatched>,
    missing_rows: u64,
    extra_rows: u64,
}

/// Returns the records of a side in their order.
pub(super) type Records<'a> = &'a mut dyn FnMut() -> Result<Option<Record>>;

impl RowCounts {
    /// Counts the rows of both sides.
    ///
    /// # Errors
    /// When a side cannot be read.
    pub(super) fn of(source: Records<'_>, target: Records<'_>) -> Result<RowCounts> {
        let mut counts = RowCounts::default();
        let mut group = Group::default();
        let mut heads = [source()?, target()?];
        while let Some(least) = heads.iter().flatten().min().copied() {
            if group.id != Some(least.group) {
                counts.close(std::mem::take(&mut group));
                group.id = Some(least.group);
            }
            let [source_head, target_head] = &mut heads;
            let (in_source, source_location) = take(source_head, &least, source)?;
            let (in_target, target_location) = take(target_head, &least, target)?;
            counts.equal += in_source.min(in_target);
            let copies = [in_source, in_target];
            if in_source > in_target {
                group.missing_rows += in_source - in_target;
                keep(&mut group.missing, source_location, in_source - in_target, copies);
            } else if in_target > in_source {
                group.extra_rows += in_target - in_source;
                keep(&mut group.extra, target_location, in_target - in_source, copies);
            }
        }
        counts.close(group);
        Ok(counts)
    }

    /// Adds the rows of a key: a missing and an extra one are one row with other values.
    fn close(&mut self, mut group: Group) {
        let both = group.missing_rows.min(group.extra_rows);
        self.different += both;
        self.missing += group.missing_rows - both;
        self.extra += group.extra_rows - both;
        for (missing, extra) in group.missing.iter_mut().zip(&mut group.extra) {
            // Copies of one row under one key have the same name: only the first is kept.
            let rows = missing.rows.min(extra.rows);
            missing.rows -= rows;
            extra.rows -= rows;
            self.first_different.insert(missing.location, extra.location);
        }
        keep_first(&mut self.first_different);
        let has_missing = group.missing_rows > both;
        for left in group.missing.into_iter().filter(|left| has_missing && left.rows > 0) {
            self.first_missing.insert(left.location, left);
        }
        keep_first(&mut self.first_missing);
        let has_extra = group.extra_rows > both;
        for left in group.extra.into_iter().filter(|left| has_extra && left.rows > 0) {
            self.first_extra.insert(left.location, left);
        }
        keep_first(&mut self.first_extra);
    }
}

fn keep(kept: &mut Vec<Unmatched>, location: RowLocation, rows: u64, copies: [u64; 2]) {
    if kept.len() < KEPT_OF_KEY_MAX {
        kept.push(Unmatched { location, rows, copies });
    }
}

fn keep_first<V>(kept: &mut BTreeMap<RowLocation, V>) {
    while kept.len() > KEPT_ROWS_MAX {
        kept.pop_last();
    }
}

/// Moves past all records of the row of `least`; returns their number, and the location of the first.
fn take(head: &mut Option<Record>, least: &Record, next: Records<'_>) -> Result<(u64, RowLocation)> {
    let (mut count, mut location) = (0, RowLocation::default());
    while let Some(record) = head.filter(|head| (head.group, head.row) == (least.group, least.row)) {
        if count == 0 {
            location = record.location;
        }
        count += 1;
        *head = next()?;
    }
    Ok((count, location))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::external_sort::Sorter;
    use super::*;
    use proptest::prelude::*;

    /// Sorts rows of (key, value) with runs of `run_records` records; the location is the index in the list.
    fn sorted(
        rows: &[(u8, u8)],
        has_key: bool,
        run_records: usize,
    ) -> impl FnMut() -> Result<Option<Record>> {
        let mut sorter = Sorter::new(run_records * size_of::<Record>());
        for (number, &(key, value)) in (0..).zip(rows) {
            // Spread, as hashes are.
            let row = (u128::from(key) << 8 | u128::from(value))
                .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let group = if has_key { u128::from(key) } else { row };
            sorter.add(Record { group, row, location: RowLocation::of_number(number) }).unwrap();
        }
        let mut sorted = sorter.sorted().unwrap();
        move || sorted.next()
    }

    fn occurrences(rows: &[(u8, u8)]) -> HashMap<(u8, u8), u64> {
        let mut occurrences = HashMap::new();
        rows.iter().for_each(|row| *occurrences.entry(*row).or_default() += 1);
        occurrences
    }

    proptest! {
        #[test]
        fn it_counts_as_a_difference_of_multisets_does(
            source in prop::collection::vec((0_u8..6, 0_u8..3), 0..120),
            target in prop::collection::vec((0_u8..6, 0_u8..3), 0..120),
            run_records in 1_usize..40,
        ) {
            let counts = RowCounts::of(
                &mut sorted(&source, false, run_records),
                &mut sorted(&target, false, run_records),
            ).unwrap();
            let (in_source, in_target) = (occurrences(&source), occurrences(&target));
            let lacks = |one: &HashMap<(u8, u8), u64>, other: &HashMap<(u8, u8), u64>| -> u64 {
                one.iter().map(|(row, count)| count.saturating_sub(*other.get(row).unwrap_or(&0))).sum()
            };
            prop_assert_eq!(counts.missing, lacks(&in_source, &in_target));
            prop_assert_eq!(counts.extra, lacks(&in_target, &in_source));
            prop_assert_eq!(counts.different, 0);
            prop_assert_eq!(counts.equal + counts.missing, source.len() as u64);
            prop_assert_eq!(counts.equal + counts.extra, target.len() as u64);
            // Each missing copy is listed once, with the location of the first copy.
            for (kept, rows, other, side) in
                [(&counts.first_missing, &source, &in_target, 0), (&counts.first_extra, &target, &in_source, 1)]
            {
                let all = occurrences(rows);
                let short = all.iter().filter(|(row, count)| **count > *other.get(row).unwrap_or(&0)).count();
                prop_assert_eq!(kept.len(), short);
                for unmatched in kept.values() {
                    let row = rows[usize::try_from(unmatched.location.number()).unwrap()];
                    prop_assert_eq!(rows.iter().position(|other| *other == row), usize::try_from(unmatched.location.number()).ok());
                    prop_assert_eq!(unmatched.copies[side], all[&row]);
                    prop_assert_eq!(unmatched.rows, all[&row] - other.get(&row).unwrap_or(&0));
                }
            }
        }

        #[test]
        fn rows_of_one_key_are_one_row_with_other_values(
            source in prop::collection::btree_map(0_u8..40, 0_u8..3, 0..40),
            target in prop::collection::btree_map(0_u8..40, 0_u8..3, 0..40),
            run_records in 1_usize..20,
        ) {
            let rows = |map: &BTreeMap<u8, u8>| map.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>();
            let [source_rows, target_rows] = [&source, &target].map(rows);
            let counts = RowCounts::of(
                &mut sorted(&source_rows, true, run_records),
                &mut sorted(&target_rows, true, run_records),
            ).unwrap();
            let different: Vec<u8> = source.iter()
                .filter(|(key, value)| target.get(key).is_some_and(|other| other != *value))
                .map(|(key, _)| *key)
                .collect();
            let missing = source.keys().filter(|key| !target.contains_key(key)).count();
            let extra = target.keys().filter(|key| !source.contains_key(key)).count();
            prop_assert_eq!((counts.missing, counts.extra), (missing as u64, extra as u64));
            prop_assert_eq!(counts.different, different.len() as u64);
            prop_assert_eq!(counts.equal + counts.missing + counts.different, source.len() as u64);
            let named: Vec<u8> = counts.first_different.keys()
                .map(|location| source_rows[usize::try_from(location.number()).unwrap()].0)
                .collect();
            prop_assert_eq!(named, different);
        }
    }

    #[test]
    fn no_more_than_the_first_are_kept_and_all_are_counted() {
        let mut number = 0;
        let mut source = || {
            number += 1;
            let row = number as u128;
            // From the last to the first, as far as places are concerned.
            Ok((number <= 5000).then(|| Record {
                group: row,
                row,
                location: RowLocation::of_number(5000 - number),
            }))
        };
        let counts = RowCounts::of(&mut source, &mut || Ok(None)).unwrap();
        assert_eq!((counts.missing, counts.extra, counts.first_missing.len()), (5000, 0, KEPT_ROWS_MAX));
        assert_eq!(counts.first_missing.keys().map(|location| location.number()).max(), Some(999));
    }
}
