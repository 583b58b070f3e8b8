//! ORDER BY. SQLite takes NULL as less than all else (manual, "SELECT", section 4), PostgreSQL as more, so that each term says it.

use sqlite3_parser::ast::{As, Expr, NullsOrder, ResultColumn, SortOrder, SortedColumn};

use super::expression::Translator;
use super::form::Form;
use super::group::{is_star, position};
use super::outputs::Output;
use crate::source_sql::plain_name;
use crate::translate::model::{Collation, Family, Kind, Node, Result, untranslatable};
use crate::translate::operators::compare::in_c;

/// A term of ORDER BY.
#[derive(Clone, Debug)]
pub(super) struct Term {
    /// The result column that it is, by its place.
    place: Option<usize>,
    node: Node,
    is_descending: bool,
    nulls: Option<NullsOrder>,
}

/// The terms of one SELECT: places of result columns, aliases, or expressions of its own tables.
pub(super) fn terms(
    translator: &mut Translator<'_>,
    order_by: &[SortedColumn<'_>],
    columns: &[ResultColumn<'_>],
    outputs: &[Output],
) -> Result<Vec<Term>> {
    let has_star = columns.iter().any(is_star);
    let mut terms = Vec::with_capacity(order_by.len());
    for sorted in order_by {
        let same = columns.iter().position(
            |column| matches!(column, ResultColumn::Expr(expression, _) if *expression == sorted.expr),
        );
        let place = match position(&sorted.expr) {
            Some(place) if place >= outputs.len() => {
                return untranslatable("ORDER BY of a place that is not there");
            }
            Some(place) => Some(place),
            None => named(&sorted.expr, columns).or(same).filter(|_| !has_star),
        };
        let node = match place.and_then(|place| outputs.get(place)) {
            Some(output) => output.node.clone(),
            None => translator.node(&sorted.expr)?,
        };
        if node.native.as_ref().is_some_and(|native| native.family == Family::Instant) {
            translator.note("points in time are sorted as such, where SQLite sorts their text");
        }
        terms.push(Term {
            place,
            node,
            is_descending: sorted.order == Some(SortOrder::Desc),
            nulls: sorted.nulls,
        });
    }
    Ok(terms)
}

/// The result column that has a name as its alias.
fn named(expression: &Expr<'_>, columns: &[ResultColumn<'_>]) -> Option<usize> {
    let name = match expression {
        Expr::Id(id) => plain_name(id.0),
        Expr::Name(name) => plain_name(name.0),
        _ => return None,
    };
    columns.iter().position(|column| {
        matches!(column, ResultColumn::Expr(_, Some(As::As(alias) | As::Elided(alias)))
            if plain_name(alias.0).eq_ignore_ascii_case(&name))
    })
}

/// The terms of a compound: places and names of its result columns, and nothing else.
pub(super) fn compound_terms(order_by: &[SortedColumn<'_>], names: &[String]) -> Result<Vec<Term>> {
    let place = |expression: &Expr<'_>| match expression {
        Expr::Id(id) => names.iter().position(|name| name.eq_ignore_ascii_case(&plain_name(id.0))),
        Expr::Name(name) => names.iter().position(|other| other.eq_ignore_ascii_case(&plain_name(name.0))),
        other => position(other).filter(|place| *place < names.len()),
    };
    let term = |sorted: &SortedColumn<'_>| match place(&sorted.expr) {
        None => untranslatable("ORDER BY of a compound by what is no name of its first SELECT's columns"),
        place => Ok(Term {
            place,
            node: Node::null(),
            is_descending: sorted.order == Some(SortOrder::Desc),
            nulls: sorted.nulls,
        }),
    };
    order_by.iter().map(term).collect()
}

/// The SQL of the terms; empty where all are constant. Where rows are told apart, they are sorted by result columns alone.
pub(super) fn sql(terms: &[Term], forms: &[Form], by_place: bool) -> Result<String> {
    let mut parts = Vec::new();
    for term in terms {
        let (key, is_not_null) = if by_place {
            let Some((place, form)) = term.place.and_then(|place| Some((place, forms.get(place)?))) else {
                return untranslatable("ORDER BY of what is no result column, where rows are told apart");
            };
            form.must_compare()?;
            ((place + 1).to_string(), form.not_null)
        } else {
            match key(&term.node)? {
                Some(key) => (key, term.node.is_not_null),
                None => continue,
            }
        };
        parts.push(directed(&key, term.is_descending, term.nulls, is_not_null));
    }
    Ok(parts.join(", "))
}

/// Terms of ORDER BY within a call, such as that of a window.
pub(super) fn plain(translator: &mut Translator<'_>, order_by: &[SortedColumn<'_>]) -> Result<String> {
    let mut parts = Vec::new();
    for sorted in order_by {
        let node = translator.node(&sorted.expr)?;
        if let Some(key) = key(&node)? {
            let is_descending = sorted.order == Some(SortOrder::Desc);
            parts.push(directed(&key, is_descending, sorted.nulls, node.is_not_null));
        }
    }
    Ok(parts.join(", "))
}

fn directed(key: &str, is_descending: bool, nulls: Option<NullsOrder>, is_not_null: bool) -> String {
    let direction = if is_descending { " DESC" } else { "" };
    let nulls = match (nulls, is_descending) {
        _ if is_not_null => "",
        (Some(NullsOrder::First), _) | (None, false) => " NULLS FIRST",
        (Some(NullsOrder::Last), _) | (None, true) => " NULLS LAST",
    };
    format!("{key}{direction}{nulls}")
}

/// What rows are sorted by; none where it is the same for all.
fn key(node: &Node) -> Result<Option<String>> {
    if node.constant.is_some() || node.kind == Kind::Null {
        return Ok(None);
    }
    if let Some(native) = &node.native {
        return Ok(Some(native.sql.clone()));
    }
    Ok(Some(match node.kind {
        Kind::Text => match node.collation() {
            Collation::Nocase => format!("lower({})", in_c(node)),
            Collation::Rtrim => format!("rtrim({}, ' ')", in_c(node)),
            Collation::Other(_) => return untranslatable("a collation that only the app knows"),
            _ => in_c(node),
        },
        Kind::Json | Kind::Document | Kind::Unknown => {
            return untranslatable("an order of values whose exact form PostgreSQL's type does not keep");
        }
        _ => node.sql.clone(),
    }))
}
