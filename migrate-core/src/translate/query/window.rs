//! Window functions, and aggregate functions with FILTER, ORDER BY or OVER (SQLite manual, "Window Functions").

use sqlite3_parser::ast::{
    Expr, FrameBound, FrameExclude, FrameMode, FunctionCallOrder, FunctionTail, Over, Window,
};

use super::context::aggregated;
use super::expression::Translator;
use super::order;
use crate::source_sql::plain_name;
use crate::translate::functions::aggregate::{self, Surroundings};
use crate::translate::model::{Constant, Kind, Native, Node, Result, Untranslatable};
use crate::translate::operators::{compare::in_c, unified};

/// A call with DISTINCT, ORDER BY, FILTER or OVER.
pub(crate) struct Call<'e, 'b> {
    pub(crate) name: &'e str,
    pub(crate) is_distinct: bool,
    /// `None` for `*`.
    pub(crate) arguments: Option<&'e [Expr<'b>]>,
    pub(crate) order_by: Option<&'e FunctionCallOrder<'b>>,
    pub(crate) tail: Option<&'e FunctionTail<'b>>,
}

/// Translates such a call.
pub(crate) fn call(translator: &mut Translator<'_>, call: &Call<'_, '_>) -> Result<Node> {
    let name = call.name.to_ascii_lowercase();
    let over = call.tail.and_then(|tail| tail.over_clause);
    if over.is_some() && !translator.context.can_window {
        return Err(Untranslatable::WindowHere { function: name });
    }
    let arguments = call.arguments.unwrap_or_default();
    let is_aggregate =
        (call.arguments.is_none() && name == "count") || aggregate::is_aggregate(&name, arguments.len());
    if over.is_none() && !(is_aggregate && translator.can_aggregate) {
        return Err(Untranslatable::Filter { function: name });
    }
    let nodes = match over {
        // A window is over grouped rows.
        Some(_) => {
            translator.context.can_window = false;
            let nodes = translator.nodes(arguments);
            translator.context.can_window = true;
            nodes?
        }
        None => aggregated(translator, &name, arguments)?,
    };
    let (surroundings, has_order) = surroundings(translator, call, over)?;
    let node = if call.arguments.is_none() && is_aggregate {
        Node::atom(Kind::Integer, surroundings.call("count", "*")).not_null()
    } else if is_aggregate {
        aggregate::call(&mut translator.notes, &name, &surroundings, &nodes)?
    } else {
        over_rows(&name, &nodes, &surroundings, has_order)?
    };
    Ok(node.made_of(&nodes))
}

/// Translates what surrounds the arguments, and returns whether the window has an order.
fn surroundings(
    translator: &mut Translator<'_>,
    call: &Call<'_, '_>,
    over: Option<&Over<'_>>,
) -> Result<(Surroundings, bool)> {
    let mut tail = String::new();
    if let Some(condition) = call.tail.and_then(|tail| tail.filter_clause) {
        let condition = if over.is_some() {
            translator.node(condition)?
        } else {
            aggregated(translator, "FILTER", std::slice::from_ref(condition))?
                .pop()
                .unwrap_or_else(Node::null)
        };
        tail.push_str(&format!(" FILTER (WHERE {})", condition.condition()?));
    }
    let mut within = String::new();
    match call.order_by {
        None => {}
        Some(FunctionCallOrder::SortList(terms)) => {
            if call.is_distinct {
                return Err(Untranslatable::DistinctOrderIn { function: call.name.to_owned() });
            }
            let reads_before = translator.context.reads.len();
            let order = order::plain(translator, terms)?;
            for read in translator.context.reads.iter_mut().skip(reads_before).filter(|read| read.level == 0)
            {
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
        tail.push_str(&format!(" OVER ({sql})"));
    }
    if call.is_distinct && over.is_some() {
        return Err(Untranslatable::DistinctWindow { function: call.name.to_owned() });
    }
    let is_window = over.is_some();
    Ok((Surroundings { is_distinct: call.is_distinct, is_window, order: within, tail }, has_order))
}

/// Returns the definition of a window, and whether it has an order.
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
        return Err(Untranslatable::WindowChain);
    }
    let mut parts = Vec::new();
    let partition = base.and_then(|base| base.partition_by).or(window.partition_by);
    if let Some(partition) = partition {
        let mut keys = Vec::new();
        for node in translator.nodes(partition)? {
            if matches!(node.kind, Kind::Json | Kind::Document | Kind::Unknown) && node.native.is_none() {
                return Err(Untranslatable::NotDistinguished);
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
        // PostgreSQL requires an order for GROUPS.
        if mode == "GROUPS" && order.is_empty() {
            return Err(Untranslatable::UnsortedGroups);
        }
    }
    Ok((parts.join(" "), !order.is_empty()))
}

fn named<'a>(translator: &Translator<'a>, name: &str) -> Result<&'a Window<'a>> {
    let found =
        translator.context.windows.iter().find(|window| plain_name(window.name.0).eq_ignore_ascii_case(name));
    found.map_or_else(
        || Err(Untranslatable::UnknownWindow { window: name.to_owned() }),
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
        _ => Err(Untranslatable::WindowBound),
    }
}

/// Translates a window function.
fn over_rows(name: &str, nodes: &[Node], frame: &Surroundings, has_order: bool) -> Result<Node> {
    if !frame.is_window || !frame.order.is_empty() {
        return Err(Untranslatable::Filter { function: name.to_owned() });
    }
    let needs_order = !matches!(name, "rank" | "dense_rank" | "percent_rank" | "cume_dist");
    if needs_order && !has_order {
        return Err(Untranslatable::UnorderedWindow { function: name.to_owned() });
    }
    let literal = |node: &Node| match node.constant {
        Some(Constant::Integer(number @ 0..=2_147_483_647)) => Ok(number),
        _ => Err(Untranslatable::RowCount { function: name.to_owned() }),
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
            let [value, otherwise] = both.as_slice() else {
                return Err(Untranslatable::NotOrdered { function: name.to_owned() });
            };
            let (Some(value), Some(otherwise)) = (typed(kind, value), typed(kind, otherwise)) else {
                return Err(Untranslatable::NotOrdered { function: name.to_owned() });
            };
            Ok(Node::atom(kind, frame.call(name, &format!("{value}, {rows}, {otherwise}"))))
        }
        ("nth_value", [value, row]) if literal(row)? > 0 => {
            let row = literal(row)?;
            same_form(value, |sql| frame.call(name, &format!("{sql}, {row}")))
        }
        _ => Err(Untranslatable::WindowFunction { function: name.to_owned(), arguments: nodes.len() }),
    }
}

/// Returns a value with a cast, because `lag` requires two values of one type.
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

/// Translates a call that returns a value of its argument in the same form.
fn same_form(value: &Node, call: impl Fn(&str) -> String) -> Result<Node> {
    if value.constant.is_some() {
        return Err(Untranslatable::WindowConstant);
    }
    if value.is_collated_text() {
        return Err(Untranslatable::Collated);
    }
    if value.kind == Kind::Truth {
        return same_form(&value.number()?, call);
    }
    let sql = if value.kind == Kind::Text { in_c(value) } else { value.sql.clone() };
    let native = value.native.as_ref().map(|native| Native { family: native.family, sql: call(&native.sql) });
    Ok(Node { native, is_atom: true, is_not_null: false, affinity: None, sql: call(&sql), ..value.clone() })
}
