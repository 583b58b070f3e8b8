//! Window functions, and aggregate functions with FILTER, ORDER BY or OVER (SQLite manual, "Window Functions").

use sqlite3_parser::ast::{
    Expr, FrameBound, FrameExclude, FrameMode, FunctionCallOrder, FunctionTail, Over, Window,
};

use super::expression::Translator;
use super::order;
use super::part::aggregated;
use crate::source_sql::plain_name;
use crate::translate::functions::aggregate;
use crate::translate::model::{Caveat, Constant, Family, Kind, Native, Node, Result, untranslatable};
use crate::translate::operators::{arithmetic::float, compare::in_c, unified};

/// A call with more than its arguments.
pub(crate) struct Call<'e, 'b> {
    pub(crate) name: &'e str,
    pub(crate) is_distinct: bool,
    /// None where they are `*`.
    pub(crate) arguments: Option<&'e [Expr<'b>]>,
    pub(crate) order_by: Option<&'e FunctionCallOrder<'b>>,
    pub(crate) tail: Option<&'e FunctionTail<'b>>,
}

/// What stands before and behind the arguments of a translated call.
struct Frame {
    before: &'static str,
    within: String,
    behind: String,
    has_order: bool,
    is_window: bool,
}

impl Frame {
    fn call(&self, function: &str, arguments: &str) -> String {
        format!("{function}({}{arguments}{}){}", self.before, self.within, self.behind)
    }
}

/// Translates such a call.
pub(crate) fn call(translator: &mut Translator<'_>, call: &Call<'_, '_>) -> Result<Node> {
    let name = call.name.to_ascii_lowercase();
    let over = call.tail.and_then(|tail| tail.over_clause);
    if over.is_some() && !translator.part.takes_windows {
        return untranslatable(format!("{name} OVER a window here"));
    }
    let arguments = call.arguments.unwrap_or_default();
    let is_aggregate =
        (call.arguments.is_none() && name == "count") || aggregate::is_aggregate(&name, arguments.len());
    if over.is_none() && !(is_aggregate && translator.takes_aggregates) {
        return untranslatable(format!("{name} with FILTER or ORDER BY here"));
    }
    let nodes = match over {
        // A window is over rows that are grouped already.
        Some(_) => {
            translator.part.takes_windows = false;
            let nodes = translator.nodes(arguments);
            translator.part.takes_windows = true;
            nodes?
        }
        None => aggregated(translator, &name, arguments)?,
    };
    let frame = frame(translator, call, over)?;
    if call.is_distinct {
        aggregate::must_be_told_apart(&name, &nodes)?;
    }
    let node = if is_aggregate {
        over_aggregate(translator, &name, call, &nodes, &frame)?
    } else {
        over_rows(&name, &nodes, &frame)?
    };
    Ok(node.made_of(&nodes))
}

fn frame(translator: &mut Translator<'_>, call: &Call<'_, '_>, over: Option<&Over<'_>>) -> Result<Frame> {
    let mut behind = String::new();
    if let Some(condition) = call.tail.and_then(|tail| tail.filter_clause) {
        let condition = if over.is_some() {
            translator.node(condition)?
        } else {
            aggregated(translator, "FILTER", std::slice::from_ref(condition))?
                .pop()
                .unwrap_or_else(Node::null)
        };
        behind.push_str(&format!(" FILTER (WHERE {})", condition.condition()?));
    }
    let mut within = String::new();
    match call.order_by {
        None => {}
        Some(FunctionCallOrder::SortList(terms)) => {
            if call.is_distinct {
                return untranslatable(format!("{} with DISTINCT and ORDER BY", call.name));
            }
            let reads_before = translator.part.reads.len();
            let order = order::plain(translator, terms)?;
            for read in translator.part.reads.iter_mut().skip(reads_before).filter(|read| read.level == 0) {
                read.is_aggregated = over.is_none();
            }
            if !order.is_empty() {
                within = format!(" ORDER BY {order}");
            }
        }
    }
    let mut has_order = false;
    if let Some(over) = over {
        let (sql, is_ordered) = window(translator, over)?;
        has_order = is_ordered;
        behind.push_str(&format!(" OVER ({sql})"));
    }
    let before = if call.is_distinct { "DISTINCT " } else { "" };
    if call.is_distinct && over.is_some() {
        return untranslatable(format!("{} of DISTINCT values OVER a window", call.name));
    }
    Ok(Frame { before, within, behind, has_order, is_window: over.is_some() })
}

/// A window's definition, and whether it has an order.
fn window(translator: &mut Translator<'_>, over: &Over<'_>) -> Result<(String, bool)> {
    let window: &Window<'_> = match over {
        Over::Window(window) => window,
        Over::Name(name) => named(translator, &plain_name(name.0))?,
    };
    let base = match &window.base {
        Some(name) => Some(named(translator, &plain_name(name.0))?),
        None => None,
    };
    if base.is_some_and(|base| base.base.is_some()) {
        return untranslatable("a window that stands on one that stands on another");
    }
    let mut parts = Vec::new();
    let partition = base.and_then(|base| base.partition_by).or(window.partition_by);
    if let Some(partition) = partition {
        let mut keys = Vec::new();
        for node in translator.nodes(partition)? {
            if matches!(node.kind, Kind::Json | Kind::Document | Kind::Unknown) && node.native.is_none() {
                return untranslatable("PARTITION BY values that may be equal where SQLite's differ");
            }
            keys.push(node.key_sql()?);
        }
        parts.push(format!("PARTITION BY {}", keys.join(", ")));
    }
    let order = base.and_then(|base| base.order_by).or(window.order_by);
    let order = order.map(|order| order::plain(translator, order)).transpose()?.unwrap_or_default();
    if !order.is_empty() {
        parts.push(format!("ORDER BY {order}"));
    }
    if let Some(clause) = &window.frame_clause {
        let mode = match clause.mode {
            FrameMode::Groups => "GROUPS",
            FrameMode::Range => "RANGE",
            FrameMode::Rows => "ROWS",
        };
        let is_range = matches!(clause.mode, FrameMode::Range);
        let start = bound(translator, &clause.start, is_range)?;
        let bounds = match &clause.end {
            Some(end) => format!("BETWEEN {start} AND {}", bound(translator, end, is_range)?),
            None => start,
        };
        let exclude = match clause.exclude {
            None | Some(FrameExclude::NoOthers) => "",
            Some(FrameExclude::CurrentRow) => " EXCLUDE CURRENT ROW",
            Some(FrameExclude::Group) => " EXCLUDE GROUP",
            Some(FrameExclude::Ties) => " EXCLUDE TIES",
        };
        parts.push(format!("{mode} {bounds}{exclude}"));
        // Without an order PostgreSQL takes no GROUPS.
        if mode == "GROUPS" && order.is_empty() {
            return untranslatable("a window of GROUPS without ORDER BY");
        }
    }
    Ok((parts.join(" "), !order.is_empty()))
}

fn named<'a>(translator: &Translator<'a>, name: &str) -> Result<&'a Window<'a>> {
    let found =
        translator.part.windows.iter().find(|window| plain_name(window.name.0).eq_ignore_ascii_case(name));
    found.map_or_else(
        || untranslatable(format!("the window {name}, which is not there")),
        |found| Ok(&found.window),
    )
}

fn bound(translator: &mut Translator<'_>, bound: &FrameBound<'_>, is_range: bool) -> Result<String> {
    let (distance, word) = match bound {
        FrameBound::CurrentRow => return Ok("CURRENT ROW".to_owned()),
        FrameBound::UnboundedPreceding => return Ok("UNBOUNDED PRECEDING".to_owned()),
        FrameBound::UnboundedFollowing => return Ok("UNBOUNDED FOLLOWING".to_owned()),
        FrameBound::Preceding(distance) => (distance, "PRECEDING"),
        FrameBound::Following(distance) => (distance, "FOLLOWING"),
    };
    match translator.node(distance)?.constant {
        Some(Constant::Integer(rows)) if rows >= 0 && !is_range => Ok(format!("{rows} {word}")),
        _ => untranslatable("a bound of a window that is no number of rows"),
    }
}

/// An aggregate function, with its casts around all of it.
fn over_aggregate(
    translator: &mut Translator<'_>,
    name: &str,
    call: &Call<'_, '_>,
    nodes: &[Node],
    frame: &Frame,
) -> Result<Node> {
    if call.arguments.is_none() {
        return Ok(Node::atom(Kind::Integer, frame.call("count", "*")).not_null());
    }
    let number = || nodes.first().map_or_else(|| untranslatable("an aggregate of nothing"), Node::number);
    match (name, nodes) {
        ("count", [value]) => {
            let sql = value.native.as_ref().map_or(&value.sql, |native| &native.sql);
            Ok(Node::atom(Kind::Integer, frame.call("count", sql)).not_null())
        }
        ("sum" | "total", [_]) => {
            let number = number()?;
            let (kind, argument) = match number.kind {
                Kind::Integer | Kind::Number => (number.kind, number.sql.clone()),
                Kind::Real => (Kind::Real, float(&number)),
                _ => return untranslatable("a sum of what is no number"),
            };
            let sum = frame.call("sum", &argument);
            let node = match (name, kind) {
                ("total", _) => Node::atom(Kind::Real, format!("coalesce({sum}, 0)::float8")).not_null(),
                (_, Kind::Integer) => Node::atom(kind, format!("({sum})::bigint")),
                _ => Node::atom(kind, sum),
            };
            Ok(if kind == Kind::Integer { node } else { node.with(Caveat::Approximate) })
        }
        ("avg", [_]) => {
            let number = number()?;
            let sql = format!("({})::float8", frame.call("avg", &number.sql));
            Ok(Node::atom(Kind::Real, sql).with(Caveat::Approximate))
        }
        ("min" | "max", [value]) => {
            let mut value = value.clone();
            // PostgreSQL has neither for `boolean`, nor before version 18 for `uuid`.
            value.native.take_if(|native| matches!(native.family, Family::Boolean | Family::Uuid));
            let has_order = value.native.is_some()
                || matches!(value.kind, Kind::Integer | Kind::Real | Kind::Number | Kind::Text);
            if !has_order {
                return untranslatable(format!("{name} of such a value"));
            }
            same_form(&value, |sql| frame.call(name, sql))
        }
        ("group_concat" | "string_agg", [text, rest @ ..]) if rest.len() <= 1 => {
            if frame.within.is_empty() {
                translator.note(format!(
                    "the order in which {name} puts its parts together is not fixed, in neither database"
                ));
                if frame.is_window {
                    return untranslatable(format!("{name} OVER a window"));
                }
            }
            let separator = rest.first().cloned().unwrap_or_else(|| Node::of_text(","));
            let arguments = format!("{}, {}", text.text()?.sql, separator.text()?.sql);
            Ok(Node::atom(Kind::Text, frame.call("string_agg", &arguments)))
        }
        _ => untranslatable(format!("{name} with {} arguments", nodes.len())),
    }
}

/// A function of windows alone.
fn over_rows(name: &str, nodes: &[Node], frame: &Frame) -> Result<Node> {
    if !frame.is_window || !frame.within.is_empty() {
        return untranslatable(format!("the function {name} with FILTER or ORDER BY"));
    }
    let needs_order = !matches!(name, "rank" | "dense_rank" | "percent_rank" | "cume_dist");
    if needs_order && !frame.has_order {
        return untranslatable(format!("{name} over rows without an order"));
    }
    let literal = |node: &Node| match node.constant {
        Some(Constant::Integer(number @ 0..=2_147_483_647)) => Ok(number),
        _ => untranslatable(format!("{name} with a number of rows that is no literal")),
    };
    match (name, nodes) {
        ("row_number" | "rank" | "dense_rank", []) => {
            Ok(Node::atom(Kind::Integer, frame.call(name, "")).not_null())
        }
        ("percent_rank" | "cume_dist", []) => Ok(Node::atom(Kind::Real, frame.call(name, "")).not_null()),
        ("ntile", [count]) if literal(count)? > 0 => {
            let sql = format!("({})::bigint", frame.call(name, &literal(count)?.to_string()));
            Ok(Node::atom(Kind::Integer, sql).not_null())
        }
        ("first_value" | "last_value", [value]) | ("lag" | "lead", [value]) => {
            same_form(value, |sql| frame.call(name, sql))
        }
        ("lag" | "lead", [value, rows]) => {
            let rows = literal(rows)?;
            same_form(value, |sql| frame.call(name, &format!("{sql}, {rows}")))
        }
        ("lag" | "lead", [value, rows, otherwise]) => {
            let rows = literal(rows)?;
            let (kind, both) = unified(&[value.clone(), otherwise.clone()])?;
            let [value, otherwise] = both.as_slice() else { return untranslatable(name) };
            let (Some(value), Some(otherwise)) = (typed(kind, value), typed(kind, otherwise)) else {
                return untranslatable(format!("{name} of such a value"));
            };
            Ok(Node::atom(kind, frame.call(name, &format!("{value}, {rows}, {otherwise}"))))
        }
        ("nth_value", [value, row]) if literal(row)? > 0 => {
            let row = literal(row)?;
            same_form(value, |sql| frame.call(name, &format!("{sql}, {row}")))
        }
        _ => untranslatable(format!("the window function {name} with {} arguments", nodes.len())),
    }
}

/// A value with a type that it has by itself, since `lag` wants two of one type.
fn typed(kind: Kind, node: &Node) -> Option<String> {
    let to = match kind {
        Kind::Integer => "bigint",
        Kind::Real => "float8",
        Kind::Number => "numeric",
        Kind::Text => "text",
        _ => return None,
    };
    Some(format!("{}::{to}", node.operand()))
}

/// A call that gives one of its argument's values, in the form that they have.
fn same_form(value: &Node, call: impl Fn(&str) -> String) -> Result<Node> {
    if value.constant.is_some() {
        return untranslatable("a function of rows with a constant");
    }
    if value.is_collated_text() {
        return untranslatable("a function of rows of text under a collation");
    }
    if value.kind == Kind::Truth {
        return same_form(&value.number()?, call);
    }
    let sql = if value.kind == Kind::Text { in_c(value) } else { value.sql.clone() };
    let native = value.native.as_ref().map(|native| Native { family: native.family, sql: call(&native.sql) });
    Ok(Node { native, is_atom: true, is_not_null: false, affinity: None, sql: call(&sql), ..value.clone() })
}
