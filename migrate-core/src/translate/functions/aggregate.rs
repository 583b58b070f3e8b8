//! Aggregate functions.

use crate::translate::model::{Caveat, Family, Kind, Native, Node, Note, Notes, Result, Untranslatable};
use crate::translate::operators::{arithmetic::float, compare};

/// Whether a function with this number of arguments is an aggregate.
pub(crate) fn is_aggregate(name: &str, arguments: usize) -> bool {
    match name {
        "count" | "sum" | "total" | "avg" | "group_concat" | "string_agg" => true,
        "min" | "max" => arguments == 1,
        _ => false,
    }
}

/// What surrounds the arguments of a call.
#[derive(Default)]
pub(crate) struct Surroundings {
    pub(crate) is_distinct: bool,
    pub(crate) is_window: bool,
    /// ORDER BY, after the arguments.
    pub(crate) order: String,
    /// FILTER and OVER, after the call.
    pub(crate) tail: String,
}

impl Surroundings {
    /// Returns the SQL of a call.
    pub(crate) fn call(&self, function: &str, arguments: &str) -> String {
        let distinct = if self.is_distinct { "DISTINCT " } else { "" };
        format!("{function}({distinct}{arguments}{}){}", self.order, self.tail)
    }

    /// Returns the SQL of a call with a cast of its result.
    fn cast_call(&self, function: &str, argument: &str, to: &str) -> String {
        let call = self.call(function, argument);
        if self.tail.is_empty() { format!("{call}::{to}") } else { format!("({call})::{to}") }
    }
}

/// Translates the call of an aggregate.
pub(crate) fn call(
    notes: &mut Notes,
    name: &str,
    surroundings: &Surroundings,
    arguments: &[Node],
) -> Result<Node> {
    if surroundings.is_distinct {
        check_distinct(arguments)?;
    }
    let node = match (name, arguments) {
        ("count", [value]) => {
            let sql = value.native.as_ref().map_or(&value.sql, |native| &native.sql);
            Node::atom(Kind::Integer, surroundings.call("count", sql)).not_null()
        }
        ("sum" | "total", [value]) => sum(name, surroundings, value)?,
        ("avg", [value]) => {
            let sql = surroundings.cast_call("avg", &value.number()?.sql, "float8");
            Node::atom(Kind::Real, sql).with(Caveat::Approximate)
        }
        ("min" | "max", [value]) => least_or_greatest(name, surroundings, value)?,
        ("group_concat" | "string_agg", [text, rest @ ..]) if rest.len() <= 1 => {
            if surroundings.order.is_empty() {
                notes.insert(Note::ConcatenationOrder { function: name.to_owned() });
                if surroundings.is_window {
                    return Err(Untranslatable::UnsortedWindow { function: name.to_owned() });
                }
            }
            let separator = rest.first().cloned().unwrap_or_else(|| Node::of_text(","));
            let list = format!("{}, {}", text.text()?.sql, separator.text()?.sql);
            Node::atom(Kind::Text, surroundings.call("string_agg", &list))
        }
        _ => {
            let function = name.to_owned();
            return Err(Untranslatable::AggregateArguments { function, arguments: arguments.len() });
        }
    };
    Ok(node.made_of(arguments))
}

/// Refuses DISTINCT of values that are equal in only one of the databases.
pub(crate) fn check_distinct(arguments: &[Node]) -> Result<()> {
    for argument in arguments {
        if matches!(argument.kind, Kind::Json | Kind::Document | Kind::Unknown) && argument.native.is_none() {
            return Err(Untranslatable::NotDistinguished);
        }
        if argument.is_collated_text() {
            return Err(Untranslatable::Collated);
        }
    }
    Ok(())
}

fn sum(name: &str, surroundings: &Surroundings, value: &Node) -> Result<Node> {
    let number = value.number()?;
    let argument = if number.kind == Kind::Real { float(&number) } else { number.sql.clone() };
    let node = match (name, number.kind) {
        (_, Kind::Null) => return Err(Untranslatable::NotANumber),
        ("total", _) => {
            let sql = format!("coalesce({}, 0)::float8", surroundings.call("sum", &argument));
            Node::atom(Kind::Real, sql).not_null()
        }
        (_, Kind::Integer) => Node::atom(Kind::Integer, surroundings.cast_call("sum", &argument, "bigint")),
        (_, kind) => Node::atom(kind, surroundings.call("sum", &argument)),
    };
    Ok(if number.kind == Kind::Integer { node } else { node.with(Caveat::Approximate) })
}

/// Translates `min` and `max`, which keep the form of the column.
fn least_or_greatest(name: &str, surroundings: &Surroundings, value: &Node) -> Result<Node> {
    let call = |sql: &str| surroundings.call(name, sql);
    match (&value.native, value.kind) {
        // PostgreSQL has neither for `boolean`, and for `uuid` only since version 18.
        (Some(Native { family, sql }), _) if !matches!(family, Family::Boolean | Family::Uuid) => {
            let native = Some(Native { family: *family, sql: call(sql) });
            let node = Node { native, sql: call(&value.sql), is_atom: true, ..value.clone() };
            Ok(Node { affinity: None, is_not_null: false, ..node })
        }
        _ if value.is_collated_text() => Err(Untranslatable::Collated),
        (_, Kind::Text) => Ok(Node::atom(Kind::Text, call(&compare::in_c(value)))),
        (_, Kind::Integer | Kind::Real | Kind::Number) => Ok(Node::atom(value.kind, call(&value.sql))),
        (_, Kind::Truth) => Ok(Node::atom(Kind::Integer, call(&value.number()?.sql))),
        _ => Err(Untranslatable::NotOrdered { function: name.to_owned() }),
    }
}
