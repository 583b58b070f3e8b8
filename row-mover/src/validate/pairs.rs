//! Pairs rows that only one side has with rows that only the other has, where they seem to be two versions of one row.

use std::collections::BTreeMap;

use super::row_counts::Unmatched;
use super::row_location::RowLocation;

/// An inspected row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct InspectedRow {
    /// Its name.
    pub(super) name: String,
    /// A hash of each of its fields; none where it is NULL.
    pub(super) columns: Vec<Option<u128>>,
    /// Its values as a report may show them, where they are asked for.
    pub(super) shown: Vec<String>,
}

/// How many columns two rows have in common; none where these are less than half, or nothing but NULL.
fn shared(left: &InspectedRow, right: &InspectedRow) -> Option<usize> {
    let both = || left.columns.iter().zip(&right.columns);
    let same = both().filter(|(left, right)| left == right).count();
    let is_known = both().any(|(left, right)| left.is_some() && left == right);
    (is_known && 2 * same >= left.columns.len()).then_some(same)
}

/// Pairs as places in both lists: those that share most columns first, each row once.
pub(super) fn pair(
    missing: &[Unmatched],
    extra: &[Unmatched],
    source: &BTreeMap<RowLocation, InspectedRow>,
    target: &BTreeMap<RowLocation, InspectedRow>,
) -> Vec<[usize; 2]> {
    let mut candidates = Vec::new();
    for (left_at, left) in missing.iter().enumerate() {
        let Some(left) = source.get(&left.location) else { continue };
        for (right_at, right) in extra.iter().enumerate() {
            let Some(right) = target.get(&right.location) else { continue };
            if let Some(same) = shared(left, right) {
                candidates.push((usize::MAX - same, left_at, right_at));
            }
        }
    }
    candidates.sort_unstable();
    let (mut is_left_paired, mut is_right_paired) = (vec![false; missing.len()], vec![false; extra.len()]);
    let mut pairs = Vec::new();
    for (_, left, right) in candidates {
        let (Some(is_left), Some(is_right)) = (is_left_paired.get_mut(left), is_right_paired.get_mut(right))
        else {
            continue;
        };
        if !*is_left && !*is_right {
            (*is_left, *is_right) = (true, true);
            pairs.push([left, right]);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[u128; 4]]) -> (Vec<Unmatched>, BTreeMap<RowLocation, InspectedRow>) {
        let location = |at: usize| RowLocation::of_number(i64::try_from(at).unwrap());
        let unmatched = |at| Unmatched { location: location(at), rows: 1, copies: [1, 0] };
        // 0 means NULL.
        let inspected = |row: &[u128; 4]| InspectedRow {
            columns: row.iter().map(|&value| (value > 0).then_some(value)).collect(),
            ..InspectedRow::default()
        };
        (
            (0..rows.len()).map(unmatched).collect(),
            rows.iter().enumerate().map(|(at, row)| (location(at), inspected(row))).collect(),
        )
    }

    #[test]
    fn the_rows_that_share_most_are_paired_and_strangers_are_not() {
        for (left, right, expected) in [
            (vec![[1, 2, 3, 4]], vec![[1, 2, 3, 5]], vec![[0, 0]]),
            (vec![[1, 2, 3, 4]], vec![[1, 2, 8, 9]], vec![[0, 0]]),
            (vec![[1, 2, 3, 4]], vec![[1, 7, 8, 9]], vec![]),
            (vec![[1, 0, 0, 0]], vec![[2, 0, 0, 0]], vec![]),
            (vec![[1, 0, 0, 2]], vec![[1, 0, 0, 3]], vec![[0, 0]]),
            (vec![[1, 2, 3, 4], [1, 2, 3, 5]], vec![[1, 2, 9, 5], [1, 2, 3, 6]], vec![[0, 1], [1, 0]]),
            (vec![[1, 2, 3, 4], [1, 2, 3, 5]], vec![[1, 2, 3, 6]], vec![[0, 0]]),
            (vec![], vec![[1, 2, 3, 6]], vec![]),
        ] {
            let ((missing, source), (extra, target)) = (rows(&left), rows(&right));
            assert_eq!(pair(&missing, &extra, &source, &target), expected, "{left:?} {right:?}");
        }
    }
}
