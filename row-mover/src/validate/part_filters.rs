//! Conditions that select a part of a table in PostgreSQL, by values of the first columns of its key.

use migrate_core::conversion::Conversion;
use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::value::SourceValue;

use super::bound::{Bindings, TargetFilter};
use crate::error::Result;
use postgres_client::connection::Connection;

/// How many parts a worker gets of a table, so that one that is slow does not keep the others waiting.
pub(super) const PARTS_OF_WORKER: usize = 4;

/// The cuts at both ends of a part.
pub(super) fn ends<C>(cuts: &[C], place: usize) -> [Option<&C>; 2] {
    [place.checked_sub(1).and_then(|below| cuts.get(below)), cuts.get(place)]
}

/// The conditions for the target, given the cuts as texts: values of these columns. NULL comes last there, if a single column that was
/// NOT NULL no longer is.
pub(super) fn target_filters(
    table: &PlannedTable,
    columns: &[&PlannedColumn],
    cuts: &[Vec<String>],
    target: &mut Connection,
) -> Result<Vec<Option<TargetFilter>>> {
    let has_null = match columns {
        [column] => !is_not_null(table, column, target)?,
        _ => false,
    };
    let compared: Vec<Compared> = columns.iter().map(|column| Compared::of(column)).collect();
    Ok((0..=cuts.len()).map(|place| target_filter(cuts, place, &compared, has_null)).collect())
}

/// Whether PostgreSQL keeps NULL away from a column.
pub(super) fn is_not_null(
    table: &PlannedTable,
    column: &PlannedColumn,
    target: &mut Connection,
) -> Result<bool> {
    let relation = quote_pg_literal(&table.qualified(&table.target));
    let sql =
        format!("SELECT attnotnull FROM pg_attribute WHERE attrelid = {relation}::regclass AND attname = $1");
    let answer = target.query(&sql, &[Some(&column.target)])?;
    Ok(answer.first().and_then(|row| row.first()) == Some(&Some("t".to_owned())))
}

/// A column of the target in a condition.
struct Compared {
    name: String,
    type_name: &'static str,
}

impl Compared {
    fn of(column: &PlannedColumn) -> Compared {
        let name = quote_pg(&column.target);
        match is_text(column) {
            true => Compared { name: format!("{name} COLLATE \"C\""), type_name: "text" },
            false => Compared { name, type_name: "bigint" },
        }
    }
}

/// The condition for one part of the target: none where there is no cut.
fn target_filter(
    cuts: &[Vec<String>],
    place: usize,
    columns: &[Compared],
    has_null: bool,
) -> Option<TargetFilter> {
    let row = |terms: Vec<String>| match terms.as_slice() {
        [term] => term.clone(),
        terms => format!("({})", terms.join(", ")),
    };
    let names = row(columns.iter().map(|column| column.name.clone()).collect());
    let write = |bindings: &mut Bindings| {
        let mut bound = |cut: &Vec<String>| {
            let values = cut.iter().zip(columns);
            row(values.map(|(value, column)| bindings.add(value.clone(), column.type_name)).collect())
        };
        let [lower, upper] = ends(cuts, place);
        let lower = lower.map(|cut| format!("{names} > {}", bound(cut)));
        let upper = upper.map(|cut| format!("{names} <= {}", bound(cut)));
        match (lower, upper) {
            (Some(lower), None) if has_null => format!("({lower} OR {names} IS NULL)"),
            (lower, upper) => lower.into_iter().chain(upper).collect::<Vec<_>>().join(" AND "),
        }
    };
    (!cuts.is_empty()).then(|| TargetFilter::new(write))
}

/// Whether PostgreSQL compares the integers of a column as SQLite does.
pub(super) fn is_integer(column: &PlannedColumn) -> bool {
    matches!(column.conversion, Conversion::Bigint | Conversion::Integer | Conversion::Smallint)
        && column.limit.is_none()
}

/// Whether PostgreSQL compares the text of a column as SQLite does, by `COLLATE "C"`.
pub(super) fn is_text(column: &PlannedColumn) -> bool {
    column.conversion == Conversion::Text && column.limit.is_none()
}

/// A key as SQLite writes it and as text that PostgreSQL reads; none where one of them cannot.
pub(super) fn literals(value: SourceValue<'_>) -> Option<(String, String)> {
    match value {
        SourceValue::Integer(integer) => Some((integer.to_string(), integer.to_string())),
        SourceValue::Text(bytes) => {
            let text = str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
            Some((sqlite_text(bytes), text.to_owned()))
        }
        _ => None,
    }
}

/// Text of any bytes, as SQLite's SQL writes it.
fn sqlite_text(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("CAST(x'{digits}' AS TEXT)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_open_at_both_outer_ends() {
        let owned = |cuts: &[&str]| cuts.iter().map(|&cut| cut.to_owned()).collect::<Vec<_>>();
        let k = || Compared { name: "k".to_owned(), type_name: "bigint" };
        let filter =
            |place: usize, has_null| target_filter(&[owned(&["1"]), owned(&["5"])], place, &[k()], has_null);
        let written = |write: fn(&str, &str) -> String| {
            Some(TargetFilter::new(|bindings| {
                let lower = bindings.add("1".to_owned(), "bigint");
                write(&lower, &bindings.add("5".to_owned(), "bigint"))
            }))
        };
        let last = |write: fn(&str) -> String| {
            Some(TargetFilter::new(|bindings| write(&bindings.add("5".to_owned(), "bigint"))))
        };
        assert_eq!(filter(1, true), written(|lower, upper| format!("k > {lower} AND k <= {upper}")));
        assert_eq!(filter(2, true), last(|lower| format!("(k > {lower} OR k IS NULL)")));
        assert_eq!(filter(2, false), last(|lower| format!("k > {lower}")));
        assert_eq!(target_filter(&[], 0, &[k()], true), None);
        let t = Compared { name: "t COLLATE \"C\"".to_owned(), type_name: "text" };
        let of_two = target_filter(&[owned(&["1", "x"])], 1, &[k(), t], false);
        let expected = TargetFilter::new(|bindings| {
            let lower = [bindings.add("1".to_owned(), "bigint"), bindings.add("x".to_owned(), "text")];
            format!("(k, t COLLATE \"C\") > ({})", lower.join(", "))
        });
        assert_eq!(of_two, Some(expected));
    }
}
