//! Aggregate functions, where the caller permits them.

use super::of;
use crate::translate::model::{Family, Kind, Native, Node, Notes, Result, untranslatable};
use crate::translate::operators::{arithmetic::float, compare};

/// Whether a function with so many arguments is an aggregate.
pub(crate) fn is_aggregate(name: &str, arguments: usize) -> bool {
    match name {
        "count" | "sum" | "total" | "avg" | "group_concat" | "string_agg" => true,
        "min" | "max" => arguments == 1,
        _ => false,
    }
}

/// The call of an aggregate.
pub(crate) fn call(notes: &mut Notes, name: &str, is_distinct: bool, arguments: &[Node]) -> Result<Node> {
    if is_distinct {
        must_be_told_apart(name, arguments)?;
    }
    let distinct = if is_distinct { "DISTINCT " } else { "" };
    Ok(match (name, arguments) {
        ("count", [value]) => {
            let sql = value.native.as_ref().map_or(&value.sql, |native| &native.sql);
            of(Kind::Integer, format!("count({distinct}{sql})"), arguments, true)
        }
        ("sum", [value]) => sum(distinct, value)?,
        ("total", [value]) => {
            let sum = sum(distinct, value)?;
            of(Kind::Real, format!("coalesce({}, 0)::float8", sum.sql), arguments, true)
        }
        ("avg", [value]) => {
            let number = value.number()?;
            let sql = format!("avg({distinct}{})::float8", number.sql);
            Node { is_approximate: true, ..of(Kind::Real, sql, arguments, false) }
        }
        ("min" | "max", [value]) => least_or_greatest(name, value)?,
        ("group_concat" | "string_agg", [text, rest @ ..]) if rest.len() <= 1 => {
            let separator = rest.first().cloned().unwrap_or_else(|| Node::of_text(","));
            notes.push(format!(
                "the order in which {name} puts its parts together is not fixed, in neither database"
            ));
            let (text, separator) = (text.text()?, separator.text()?);
            of(Kind::Text, format!("string_agg({distinct}{}, {})", text.sql, separator.sql), arguments, false)
        }
        _ => return untranslatable(format!("{name} with {} arguments", arguments.len())),
    })
}

/// Refuses DISTINCT of values that are equal in one of the databases alone.
pub(crate) fn must_be_told_apart(name: &str, arguments: &[Node]) -> Result<()> {
    for argument in arguments {
        if matches!(argument.kind, Kind::Json | Kind::Document | Kind::Unknown) && argument.native.is_none() {
            return untranslatable(format!(
                "{name} of DISTINCT values that may be equal where SQLite's differ"
            ));
        }
        let collation = argument.collation.as_ref().filter(|by| **by != Default::default());
        if argument.kind == Kind::Text && collation.is_some() {
            return untranslatable(format!("{name} of DISTINCT text under a collation"));
        }
    }
    Ok(())
}

fn sum(distinct: &str, value: &Node) -> Result<Node> {
    let number = value.number()?;
    let arguments = std::slice::from_ref(value);
    Ok(match number.kind {
        Kind::Integer => {
            of(Kind::Integer, format!("sum({distinct}{})::bigint", number.sql), arguments, false)
        }
        Kind::Real => {
            let node = of(Kind::Real, format!("sum({distinct}{})", float(&number)), arguments, false);
            Node { is_approximate: true, ..node }
        }
        Kind::Number => {
            let node = of(Kind::Number, format!("sum({distinct}{})", number.sql), arguments, false);
            Node { is_approximate: true, ..node }
        }
        _ => return untranslatable("a sum of what is no number"),
    })
}

/// `min` and `max` keep the form of the column.
fn least_or_greatest(name: &str, value: &Node) -> Result<Node> {
    match (&value.native, value.kind) {
        // PostgreSQL has neither for `boolean`, nor before version 18 for `uuid`.
        (Some(native), _) if !matches!(native.family, Family::Boolean | Family::Uuid) => {
            let mut node = value.clone();
            node.sql = format!("{name}({})", value.sql);
            node.native = Some(Native { family: native.family, sql: format!("{name}({})", native.sql) });
            (node.affinity, node.is_not_null) = (None, false);
            Ok(node)
        }
        (_, Kind::Text) => {
            let sql = match value.collation.as_ref().filter(|by| **by != Default::default()) {
                Some(_) => return untranslatable(format!("{name} of text under a collation")),
                None => compare::in_c(value),
            };
            Ok(of(Kind::Text, format!("{name}({sql})"), std::slice::from_ref(value), false))
        }
        (_, Kind::Integer | Kind::Real | Kind::Number) => {
            Ok(of(value.kind, format!("{name}({})", value.sql), std::slice::from_ref(value), false))
        }
        _ => untranslatable(format!("{name} of such a value")),
    }
}
