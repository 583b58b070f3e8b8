//! A whole query: WITH, one SELECT or several put together, ORDER BY and LIMIT.

use sqlite3_parser::ast::{CompoundOperator, CompoundSelect, OneSelect, Select, SelectBody, SortedColumn};

use super::body::{One, ones};
use super::form::Form;
use super::limit;
use super::order;
use super::outputs::Target;
use super::part::Read;
use super::with::{self, Environment};
use crate::translate::model::{Kind, Node, Result, Scope, untranslatable};
use crate::translate::operators::unified;

/// How deep queries and expressions may be nested.
const DEPTH_MAX: usize = 60;

/// Where a query stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// What it may read.
    pub(crate) environment: &'a Environment<'a>,
    /// What names mean around it.
    pub(crate) outer: Option<&'a Scope>,
    /// How many queries and expressions stand around it.
    pub(crate) depth: usize,
}

impl Frame<'_> {
    pub(super) fn deeper(&self) -> Result<Self> {
        if self.depth + 2 > DEPTH_MAX {
            return untranslatable("it is nested too deeply");
        }
        Ok(Frame { depth: self.depth + 2, ..*self })
    }

    /// What stands between the clauses: those of the outermost query each have a line.
    pub(super) fn separator(&self) -> &'static str {
        if self.depth == 0 { "\n  " } else { " " }
    }

    /// What stands between whole SELECTs.
    fn between(&self) -> &'static str {
        if self.depth == 0 { "\n" } else { " " }
    }
}

/// What a query is for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Purpose<'a> {
    /// Whether it matters only if there is a row.
    pub(crate) is_existence: bool,
    /// Whether its one value is taken.
    pub(crate) is_scalar: bool,
    /// The columns that its result columns are assigned to; none in the place of one that is left out.
    pub(crate) targets: Option<&'a [Option<Target>]>,
}

/// A translated query.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) sql: String,
    pub(crate) columns: Vec<Column>,
    /// Whether its rows have an order.
    pub(super) is_sorted: bool,
    /// Whether it is sure to give one row at most.
    pub(crate) gives_one_row: bool,
    /// Whether it is sure to give one row at least.
    pub(crate) gives_a_row: bool,
    /// The columns of outer queries that it names.
    pub(crate) outer_reads: Vec<Read>,
    pub(crate) notes: Vec<String>,
}

/// A column of a translated query.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its name in SQLite.
    pub(crate) name: String,
    /// Whether that is a name, and not the text of an expression.
    pub(crate) is_named: bool,
    pub(crate) form: Form,
}

/// Translates a query.
pub(crate) fn query(frame: &Frame<'_>, select: &Select<'_>, purpose: &Purpose<'_>) -> Result<Query> {
    let with = with::with(frame, select.with.as_ref())?;
    let inner = Frame { environment: &with.environment, ..*frame };
    let order_by = select.order_by.unwrap_or(&[]);
    let branches = branches(&inner, &select.body, order_by, purpose)?;
    let mut query = put_together(&inner, branches, order_by, purpose)?;
    limit::add(&inner, &mut query, select.limit, purpose)?;
    if !with.sql.is_empty() {
        query.sql = format!("{}{}{}", with.sql, frame.between(), query.sql);
    }
    query.outer_reads.extend(with.outer_reads);
    query.notes.extend(with.notes);
    Ok(query)
}

/// A SELECT and what puts it to those before it.
pub(super) type Branch = (Option<CompoundOperator>, One);

/// The SELECTs of a body, in their order.
pub(super) fn branches(
    frame: &Frame<'_>,
    body: &SelectBody<'_>,
    order_by: &[SortedColumn<'_>],
    purpose: &Purpose<'_>,
) -> Result<Vec<Branch>> {
    let compounds = body.compounds.as_ref().map(|compounds| compounds.as_slice()).unwrap_or_default();
    check_terms(body, compounds)?;
    let own_order = if compounds.is_empty() { order_by } else { &[] };
    let mut branches = Vec::new();
    let mut add = |operator, ones: Vec<One>| {
        for (place, one) in ones.into_iter().enumerate() {
            branches.push((if place == 0 { operator } else { Some(CompoundOperator::UnionAll) }, one));
        }
    };
    add(None, ones(frame, &body.select, own_order, purpose.is_scalar)?);
    for compound in compounds {
        let ones = ones(frame, &compound.select, &[], false)?;
        if ones.len() > 1 && compound.operator != CompoundOperator::UnionAll {
            return untranslatable("VALUES of several rows behind UNION, INTERSECT or EXCEPT");
        }
        add(Some(compound.operator), ones);
    }
    Ok(branches)
}

/// The most SELECTs and rows of VALUES that are put together. PostgreSQL calls itself for each UNION: at its default
/// `max_stack_depth` it takes between 5,000 and 8,000.
const TERMS_MAX: usize = 2000;

fn check_terms(body: &SelectBody<'_>, compounds: &[CompoundSelect<'_>]) -> Result<()> {
    let of_one = |select: &OneSelect<'_>| match select {
        OneSelect::Values(rows) => rows.len(),
        OneSelect::Select { .. } => 1,
    };
    let terms: usize =
        std::iter::once(&body.select).chain(compounds.iter().map(|one| &one.select)).map(of_one).sum();
    if terms > TERMS_MAX {
        return untranslatable(format!(
            "it puts {terms} SELECTs or rows of VALUES together, and at most {TERMS_MAX} are translated"
        ));
    }
    Ok(())
}

/// Puts SELECTs together, in the order of `order_by`.
pub(super) fn put_together(
    frame: &Frame<'_>,
    branches: Vec<Branch>,
    order_by: &[SortedColumn<'_>],
    purpose: &Purpose<'_>,
) -> Result<Query> {
    let forms = forms(&branches, purpose)?;
    let tells_apart = |operator: &Option<CompoundOperator>| {
        matches!(
            operator,
            Some(CompoundOperator::Union | CompoundOperator::Except | CompoundOperator::Intersect)
        )
    };
    let is_told_apart = branches.iter().any(|(operator, one)| one.is_distinct || tells_apart(operator));
    if is_told_apart {
        forms.iter().flatten().try_for_each(Form::must_compare)?;
    }
    let mut sql = select_sql(&branches, &forms, frame);
    let (mut columns, mut outer_reads, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let is_compound = branches.len() > 1;
    let (mut terms, mut gives_one_row, mut gives_a_row) = (Vec::new(), false, false);
    let not_null =
        |place: usize| forms.iter().all(|forms| forms.get(place).is_some_and(|form| form.not_null));
    let first_forms = forms.first().cloned().unwrap_or_default();
    for (place, (_, one)) in branches.into_iter().enumerate() {
        if place == 0 {
            columns = (one.outputs.into_iter().zip(first_forms.clone()).enumerate())
                .map(|(place, (output, form))| Column {
                    name: output.name,
                    is_named: output.is_named,
                    form: Form { not_null: not_null(place), ..form },
                })
                .collect();
            terms = one.order;
            (gives_one_row, gives_a_row) =
                (one.gives_one_row && !is_compound, one.gives_a_row && !is_compound);
        }
        outer_reads.extend(one.outer_reads);
        notes.extend(one.notes);
    }
    if is_compound && !order_by.is_empty() {
        let names: Vec<String> = columns.iter().map(|column: &Column| column.name.clone()).collect();
        terms = order::compound_terms(order_by, &names)?;
    }
    let order = order::sql(&terms, &first_forms, is_compound || is_told_apart)?;
    let is_sorted = !order.is_empty();
    if is_sorted {
        sql.push_str(&format!("{}ORDER BY {order}", frame.separator()));
    }
    Ok(Query { sql, columns, is_sorted, gives_one_row, gives_a_row, outer_reads, notes })
}

/// The SELECTs with what puts them together. SQLite does that from left to right; in PostgreSQL INTERSECT binds tighter.
fn select_sql(branches: &[Branch], forms: &[Vec<Form>], frame: &Frame<'_>) -> String {
    let mut sql = String::new();
    let mut is_loose = false;
    for ((operator, one), forms) in branches.iter().zip(forms) {
        let list: Vec<&str> = forms.iter().map(|form| form.sql.as_str()).collect();
        let distinct = if one.is_distinct { "DISTINCT " } else { "" };
        let list = list.join(", ");
        let word = match operator {
            None => {
                sql = format!("SELECT {distinct}{list}{}", one.tail);
                continue;
            }
            Some(CompoundOperator::Union) => "UNION",
            Some(CompoundOperator::UnionAll) => "UNION ALL",
            Some(CompoundOperator::Except) => "EXCEPT",
            Some(CompoundOperator::Intersect) => "INTERSECT",
        };
        if word == "INTERSECT" && is_loose {
            sql = format!("({sql})");
        }
        is_loose = word != "INTERSECT";
        let separator = frame.between();
        for part in [separator, word, separator, "SELECT ", distinct, &list, &one.tail] {
            sql.push_str(part);
        }
    }
    sql
}

/// The forms of the columns of each SELECT, those of one column alike.
pub(super) fn forms(branches: &[Branch], purpose: &Purpose<'_>) -> Result<Vec<Vec<Form>>> {
    let width = branches.first().map_or(0, |(_, one)| one.outputs.len());
    if purpose.targets.is_some_and(|targets| targets.len() != width) {
        return untranslatable("values and columns that are not equal in number");
    }
    if branches.iter().any(|(_, one)| one.outputs.len() != width) {
        return untranslatable("SELECTs put together that have not the same number of columns");
    }
    let mut forms: Vec<Vec<Form>> = branches.iter().map(|_| Vec::with_capacity(width)).collect();
    for place in 0..width {
        let column = match purpose.targets {
            None => alike(branches, place)?,
            Some(targets) => match targets.get(place) {
                None => return untranslatable("more values than columns"),
                Some(None) => continue,
                Some(Some(target)) => assigned(branches, place, target)?,
            },
        };
        forms.iter_mut().zip(column).for_each(|(forms, form)| forms.push(form));
    }
    Ok(forms)
}

fn assigned(branches: &[Branch], place: usize, target: &Target) -> Result<Vec<Form>> {
    let outputs = branches.iter().filter_map(|(_, one)| one.outputs.get(place));
    outputs.map(|output| output.assigned(target)).collect()
}

/// One column of several SELECTs: in its own form where that is the same in all, else with the conversions undone.
fn alike(branches: &[Branch], place: usize) -> Result<Vec<Form>> {
    let outputs: Vec<_> = branches.iter().filter_map(|(_, one)| one.outputs.get(place)).collect();
    let own: Vec<Option<Form>> = (outputs.iter())
        .map(|output| if output.node.kind == Kind::Null { Ok(None) } else { output.form().map(Some) })
        .collect::<Result<_>>()?;
    let first = own.iter().flatten().next().cloned();
    let Some(first) = first else { return outputs.iter().map(|output| output.form()).collect() };
    let is_same = |form: &Form| form.conversion == first.conversion && form.collation == first.collation;
    if own.iter().flatten().all(is_same) {
        let has_one_affinity = own.iter().flatten().all(|form| form.affinity == first.affinity);
        let null = || Form {
            sql: format!("NULL::{}", first.conversion.target_type()),
            not_null: false,
            ..first.clone()
        };
        let affinity = if has_one_affinity { first.affinity } else { crate::affinity::Affinity::Blob };
        return Ok(own.into_iter().map(|form| Form { affinity, ..form.unwrap_or_else(null) }).collect());
    }
    let undone: Vec<Node> =
        outputs.iter().map(|output| Node { native: None, affinity: None, ..output.node.clone() }).collect();
    let has_collation = own.iter().flatten().any(|form| form.collation != first.collation);
    if has_collation {
        return untranslatable("SELECTs put together whose columns have several collations");
    }
    let (kind, nodes) = unified(&undone)?;
    nodes
        .iter()
        .map(|node| match node.kind {
            Kind::Null => Form::of_node(&Node { kind, ..node.clone() }),
            _ => Form::of_node(node),
        })
        .collect()
}
