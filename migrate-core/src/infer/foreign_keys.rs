//! One type for the columns of a foreign key and those that they reference, which PostgreSQL requires.

use std::collections::BTreeSet;

use super::declared::is_integer_or_text;
use super::words::mapping_lines;
use super::{Facts, Inference, faithful};
use crate::conversion::{Conversion, PgType};

/// A column of a foreign key, or one that is referenced, with its inferred type.
#[derive(Clone, Debug)]
pub struct Side<'a> {
    /// The facts about it.
    pub facts: Facts<'a>,
    /// Its inferred type.
    pub inference: Inference,
    /// Whether its type is fixed, by a person or because the column is the rowid.
    pub is_fixed: bool,
}

/// Sets one conversion for columns that foreign keys join, if one accepts all their values. `pairs` are indexes into `sides`, the
/// child's first. Columns without a common conversion keep their faithful type.
pub fn unify(sides: &mut [Side<'_>], pairs: &[(usize, usize)]) {
    for group in groups(sides.len(), pairs) {
        let is_agreed = group.windows(2).all(|pair| {
            let conversion = |index: usize| sides.get(index).map(|side| &side.inference.conversion);
            pair.first().and_then(|&index| conversion(index))
                == pair.get(1).and_then(|&index| conversion(index))
        });
        if is_agreed {
            continue;
        }
        if !agree(sides, pairs, &group, true) {
            fall_back(sides, pairs, &group);
            if !agree(sides, pairs, &group, false) {
                suggest_text(sides, pairs, &group);
            }
        }
    }
}

/// Returns the groups of indexes that are connected.
fn groups(count: usize, pairs: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); count];
    for &(child, parent) in pairs {
        if child < count && parent < count && child != parent {
            neighbours[child].push(parent);
            neighbours[parent].push(child);
        }
    }
    let mut is_seen = vec![false; count];
    let mut groups = Vec::new();
    for start in (0..count).filter(|&index| !neighbours[index].is_empty()) {
        let mut group = Vec::new();
        let mut waiting = vec![start];
        while let Some(index) = waiting.pop() {
            if !std::mem::replace(&mut is_seen[index], true) {
                group.push(index);
                waiting.extend(neighbours[index].iter().copied());
            }
        }
        group.sort_unstable();
        groups.extend((!group.is_empty()).then_some(group));
    }
    groups
}

/// Sets the conversion of one of `group` for all of them, if it accepts all values. Fixed ones come first, then those that reference
/// none, and then the others, unless only `parents` are considered.
fn agree(sides: &mut [Side<'_>], pairs: &[(usize, usize)], group: &[usize], parents: bool) -> bool {
    let children: BTreeSet<usize> =
        pairs.iter().filter(|(child, parent)| child != parent).map(|(child, _)| *child).collect();
    let is_fixed = |index: &usize| sides.get(*index).is_some_and(|side| side.is_fixed);
    let is_asked = |index: &usize| !parents || is_fixed(index) || !children.contains(index);
    let mut candidates: Vec<usize> = group.iter().copied().filter(is_asked).collect();
    candidates.sort_by_key(|index| (!is_fixed(index), children.contains(index), *index));
    let mut refused: Vec<Conversion> = Vec::new();
    let chosen = candidates.into_iter().find(|&candidate| {
        let Some(conversion) = sides.get(candidate).map(|side| &side.inference.conversion) else {
            return false;
        };
        let is_known = refused.contains(conversion);
        let fits_all =
            || group.iter().all(|&index| sides.get(index).is_some_and(|side| side.can_be(conversion)));
        if !is_known && fits_all() {
            return true;
        }
        refused.extend((!is_known).then(|| conversion.clone()));
        false
    });
    let Some(chosen) = chosen else { return false };
    let Some((conversion, name)) =
        sides.get(chosen).map(|side| (side.inference.conversion.clone(), side.name()))
    else {
        return false;
    };
    for &index in group {
        let Some(side) = sides.get_mut(index).filter(|side| side.is_open_to(&conversion)) else { continue };
        let why = format!("the same as {name}, with which a foreign key joins it: all its values fit");
        side.inference = Inference { conversion: conversion.clone(), why, suggestion: None };
    }
    true
}

/// Sets the faithful types for all of `group`, and explains why.
fn fall_back(sides: &mut [Side<'_>], pairs: &[(usize, usize)], group: &[usize]) {
    for &index in group {
        let other = other_side(sides, pairs, index);
        let Some(side) = sides.get_mut(index).filter(|side| !side.is_fixed) else { continue };
        let before = side.inference.conversion.name();
        let plain = faithful(&side.facts);
        if plain.conversion == side.inference.conversion {
            continue;
        }
        let joined =
            other.map(|(name, _)| format!("; not {before}, since a foreign key joins it with {name}"));
        let why = format!("{}{}", plain.why, joined.unwrap_or_default());
        side.inference = Inference { why, ..plain };
    }
}

/// Suggests text for columns that reference text and are not text.
fn suggest_text(sides: &mut [Side<'_>], pairs: &[(usize, usize)], group: &[usize]) {
    for &index in group {
        let Some((name, PgType::Text)) = other_side(sides, pairs, index) else { continue };
        let Some(side) = sides.get_mut(index).filter(|side| !side.is_fixed) else { continue };
        let holds_all = side.facts.rejects(&Conversion::TextFromAny) == 0;
        if side.inference.conversion.target_type() != PgType::Text && holds_all {
            let lines = mapping_lines(side.facts.table, side.facts.column, &Conversion::TextFromAny);
            let words = format!("it points to {name}, which is text; the foreign key can stay with\n{lines}");
            side.inference.suggestion = Some(words);
        }
    }
}

/// Returns the name and type of the first column that `index` references, or else of the first that references it.
fn other_side(sides: &[Side<'_>], pairs: &[(usize, usize)], index: usize) -> Option<(String, PgType)> {
    let up =
        pairs.iter().find(|(child, parent)| *child == index && *parent != index).map(|(_, parent)| *parent);
    let down =
        || pairs.iter().find(|(child, parent)| *parent == index && *child != index).map(|(child, _)| *child);
    let side = sides.get(up.or_else(down)?)?;
    Some((side.name(), side.inference.conversion.target_type()))
}

impl Side<'_> {
    fn name(&self) -> String {
        format!("{}.{}", self.facts.table, self.facts.column)
    }

    /// Whether the column can have `conversion`, or has a fixed type that is comparable with it.
    fn can_be(&self, conversion: &Conversion) -> bool {
        if self.inference.conversion == *conversion {
            return true;
        }
        if self.is_fixed {
            return is_comparable(self.inference.conversion.target_type(), conversion.target_type());
        }
        let holds_all = self.facts.values() > 0 && self.facts.rejects(conversion) == 0;
        // Without values, the declared types must agree.
        let means_text = *conversion == Conversion::TextFromAny && is_integer_or_text(self.facts.declared);
        let is_alike = self.facts.values() == 0
            && (means_text || faithful(&self.facts).conversion.target_type() == conversion.faithful_type());
        (holds_all || is_alike) && self.facts.admits(conversion)
    }

    fn is_open_to(&self, conversion: &Conversion) -> bool {
        !self.is_fixed && self.inference.conversion != *conversion
    }
}

/// Whether PostgreSQL allows the two types in a foreign key.
fn is_comparable(left: PgType, right: PgType) -> bool {
    let is_integer = |kind| matches!(kind, PgType::Smallint | PgType::Integer | PgType::Bigint);
    left == right || (is_integer(left) && is_integer(right))
}

#[cfg(test)]
mod tests {
    use super::super::{ColumnRole, infer, tests::profile};
    use super::*;
    use crate::source_schema::SourceColumn;

    const LOWER: &str = "'0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'";

    /// A column that a foreign key joins: its name, its type, its values, and the conversion that a person gave it.
    type Column = (&'static str, &'static str, &'static [&'static str], Option<Conversion>);

    /// Columns, which of them foreign keys join, and what they become.
    type Joined = (&'static [Column], &'static [(usize, usize)], &'static [&'static str]);

    /// What becomes of columns that `pairs` join.
    fn unified(columns: &[Column], pairs: &[(usize, usize)]) -> Vec<Inference> {
        let declared: Vec<SourceColumn> = columns
            .iter()
            .map(|(name, declared, ..)| SourceColumn {
                name: (*name).to_owned(),
                declared_type: (*declared).to_owned(),
                not_null: false,
                default: None,
                primary_key_position: 0,
                generated: false,
            })
            .collect();
        let mut sides: Vec<Side<'_>> = (declared.iter().zip(columns))
            .map(|(column, (_, _, values, fixed))| {
                let role = ColumnRole { is_foreign_key: true, ..ColumnRole::default() };
                let facts =
                    Facts { profile: Some(profile(values)), role, ..Facts::declared("t", column, false) };
                let inferred = infer(&facts);
                let conversion = fixed.clone().unwrap_or(inferred.conversion.clone());
                Side { facts, inference: Inference { conversion, ..inferred }, is_fixed: fixed.is_some() }
            })
            .collect();
        unify(&mut sides, pairs);
        sides.into_iter().map(|side| side.inference).collect()
    }

    #[test]
    fn joined_columns_get_one_conversion_or_their_faithful_ones() {
        const CASES: &[Joined] = &[
            // The child follows, with values and without.
            (
                &[("id", "TEXT", &[LOWER], None), ("owner", "TEXT", &[LOWER, "NULL"], None)],
                &[(1, 0)],
                &["uuid", "uuid"],
            ),
            (&[("id", "TEXT", &[LOWER], None), ("owner", "TEXT", &[], None)], &[(1, 0)], &["uuid", "uuid"]),
            // An orphan that is no UUID takes both back to text.
            (
                &[("id", "TEXT", &[LOWER], None), ("owner", "TEXT", &["''"], None)],
                &[(1, 0)],
                &["text", "text"],
            ),
            // A child follows a parent that has no value yet.
            (
                &[("id", "TEXT", &[], None), ("owner_id", "TEXT", &[LOWER], None)],
                &[(1, 0)],
                &["text", "text"],
            ),
            // One bad child of two takes all of them back.
            (
                &[
                    ("id", "TEXT", &[LOWER], None),
                    ("a_id", "TEXT", &[LOWER], None),
                    ("b_id", "TEXT", &["'x'"], None),
                ],
                &[(1, 0), (2, 0)],
                &["text", "text", "text"],
            ),
            // A chain, and a column that points to itself.
            (
                &[
                    ("id", "UUID", &[LOWER], None),
                    ("id", "TEXT", &[LOWER], None),
                    ("code", "TEXT", &[LOWER], None),
                ],
                &[(2, 1), (1, 0), (0, 0)],
                &["uuid", "uuid", "uuid"],
            ),
            // What a person decided stays, and the others follow it where they can.
            (
                &[("id", "TEXT", &[LOWER], Some(Conversion::Text)), ("owner_id", "TEXT", &[LOWER], None)],
                &[(1, 0)],
                &["text", "text"],
            ),
            (
                &[
                    ("id", "INTEGER", &["1"], Some(Conversion::Bigint)),
                    ("n", "INTEGER", &["1"], Some(Conversion::Integer)),
                ],
                &[(1, 0)],
                &["bigint", "integer"],
            ),
            // Integers under the name of a time follow the key.
            (
                &[
                    ("id", "INTEGER", &["1"], Some(Conversion::Bigint)),
                    ("last_event", "INTEGER", &["1700000000"], None),
                ],
                &[(1, 0)],
                &["bigint", "bigint"],
            ),
            (
                &[("id", "INT", &["1"], None), ("ref", "NUMERIC", &["1"], None)],
                &[(1, 0)],
                &["bigint", "bigint"],
            ),
            // Nothing holds both.
            (
                &[("id", "TEXT", &["'1'"], None), ("ref", "INTEGER", &["1"], None)],
                &[(1, 0)],
                &["text", "bigint"],
            ),
            (
                &[("id", "TEXT", &["'1'"], None), ("ref", "INTEGER", &[], None)],
                &[(1, 0)],
                &["text", "bigint"],
            ),
        ];
        for (columns, pairs, expected) in CASES {
            let found = unified(columns, pairs);
            let names: Vec<&str> = found.iter().map(|inference| inference.conversion.name()).collect();
            assert_eq!(names, *expected, "{columns:?} {found:?}");
        }
    }

    #[test]
    fn what_cannot_be_joined_is_told_how() {
        let found = unified(&[("id", "TEXT", &["'1'"], None), ("ref", "INTEGER", &["1"], None)], &[(1, 0)]);
        let expected = "it points to t.id, which is text; the foreign key can stay with\n\
                        [tables.t.columns.ref]\nas = \"text_from_any\"";
        assert_eq!(found[1].suggestion.as_deref(), Some(expected));
        let found = unified(&[("id", "TEXT", &[LOWER], None), ("owner", "TEXT", &["''"], None)], &[(1, 0)]);
        assert_eq!(
            found[0].why,
            "all its values are text; not uuid, since a foreign key joins it with t.owner"
        );
    }
}
