//! Aggregate functions, where the caller permits them.

use crate::translate::model::{Caveat, Family, Kind, Native, Node, Notes, Result, untranslatable};
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
            Node::atom(Kind::Integer, format!("count({distinct}{sql})")).made_of(arguments).not_null()
        }
        ("sum", [value]) => sum(distinct, value)?,
        ("total", [value]) => {
            let sum = sum(distinct, value)?;
            Node::atom(Kind::Real, format!("coalesce({}, 0)::float8", sum.sql)).made_of(arguments).not_null()
        }
        ("avg", [value]) => {
            let number = value.number()?;
            let sql = format!("avg({distinct}{})::float8", number.sql);
            Node::atom(Kind::Real, sql).made_of(arguments).with(Caveat::Approximate)
        }
        ("min" | "max", [value]) => least_or_greatest(name, value)?,
        ("group_concat" | "string_agg", [text, rest @ ..]) if rest.len() <= 1 => {
            let separator = rest.first().cloned().unwrap_or_else(|| Node::of_text(","));
            notes.push(format!(
                "the order in which {name} puts its parts together is not fixed, in neither database"
            ));
            let (text, separator) = (text.text()?, separator.text()?);
            Node::atom(Kind::Text, format!("string_agg({distinct}{}, {})", text.sql, separator.sql))
                .made_of(arguments)
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
        if argument.is_collated_text() {
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
            Node::atom(Kind::Integer, format!("sum({distinct}{})::bigint", number.sql)).made_of(arguments)
        }
        Kind::Real => {
            let node =
                Node::atom(Kind::Real, format!("sum({distinct}{})", float(&number))).made_of(arguments);
            node.with(Caveat::Approximate)
        }
        Kind::Number => {
            let node = Node::atom(Kind::Number, format!("sum({distinct}{})", number.sql)).made_of(arguments);
            node.with(Caveat::Approximate)
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
            if value.is_collated_text() {
                return untranslatable(format!("{name} of text under a collation"));
            }
            let sql = format!("{name}({})", compare::in_c(value));
            Ok(Node::atom(Kind::Text, sql).made_of([value]))
        }
        (_, Kind::Integer | Kind::Real | Kind::Number) => {
            Ok(Node::atom(value.kind, format!("{name}({})", value.sql)).made_of([value]))
        }
        _ => untranslatable(format!("{name} of such a value")),
    }
}
