//! A complete query: WITH, a SELECT or a compound of several, ORDER BY and LIMIT.

use sqlite3_parser::ast::{CompoundOperator, CompoundSelect, OneSelect, Select, SelectBody, SortedColumn};

use super::body::{SelectCore, select_cores};
use super::context::{QueryContext, Read};
use super::expression::Translator;
use super::form::Form;
use super::limit;
use super::order;
use super::outputs::Target;
use super::with::{self, Environment};
use crate::translate::model::{Kind, Node, Notes, Result, Scope, Untranslatable};
use crate::translate::operators::unified;

/// The deepest nesting of queries and expressions.
const DEPTH_MAX: usize = 60;

/// The position of a query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// Everything that it may read.
    pub(crate) environment: &'a Environment<'a>,
    /// The scope of the enclosing query.
    pub(crate) outer: Option<&'a Scope>,
    /// The number of enclosing queries and expressions.
    pub(crate) depth: usize,
}

impl<'a> Frame<'a> {
    /// Creates a translator of expressions in this query.
    pub(crate) fn translator<'s>(&self, scope: &'s Scope) -> Translator<'s>
    where
        'a: 's,
    {
        Translator::of_part(scope, self.depth, QueryContext::new(self.environment))
    }

    pub(super) fn deeper(&self) -> Result<Self> {
        if self.depth + 2 > DEPTH_MAX {
            return Err(Untranslatable::TooDeep);
        }
        Ok(Frame { depth: self.depth + 2, ..*self })
    }

    /// Returns the separator of clauses: those of the outermost query each have a line.
    pub(super) fn separator(&self) -> &'static str {
        if self.depth == 0 { "\n  " } else { " " }
    }

    /// Returns the separator of SELECTs.
    fn between(&self) -> &'static str {
        if self.depth == 0 { "\n" } else { " " }
    }
}

/// The purpose of a query.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Purpose<'a> {
    /// Whether only the existence of a row matters.
    pub(crate) is_existence: bool,
    /// Whether it is a scalar subquery.
    pub(crate) is_scalar: bool,
    /// The columns that its result columns are assigned to; `None` for a result column that is skipped.
    pub(crate) targets: Option<&'a [Option<Target>]>,
}

/// A translated query.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) sql: String,
    pub(crate) columns: Vec<Column>,
    /// Whether its rows are sorted.
    pub(super) is_sorted: bool,
    /// Whether it returns at most one row.
    pub(crate) is_single_row: bool,
    /// Whether it returns at least one row.
    pub(crate) has_row: bool,
    /// The columns of outer queries that it reads.
    pub(crate) outer_reads: Vec<Read>,
    pub(crate) notes: Notes,
}

/// A column of a translated query.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its name in SQLite.
    pub(crate) name: String,
    /// Whether that is a name instead of the text of an expression.
    pub(crate) is_named: bool,
    pub(crate) form: Form,
}

/// Translates a query.
pub(crate) fn query(frame: &Frame<'_>, select: &Select<'_>, purpose: &Purpose<'_>) -> Result<Query> {
    let with = with::with(frame, select.with.as_ref())?;
    let inner = Frame { environment: &with.environment, ..*frame };
    let order_by = select.order_by.unwrap_or(&[]);
    let branches = branches(&inner, &select.body, order_by, purpose)?;
    let mut query = combine(&inner, branches, order_by, purpose)?;
    limit::add(&inner, &mut query, select.limit, purpose)?;
    if !with.sql.is_empty() {
        query.sql = format!("{}{}{}", with.sql, frame.between(), query.sql);
    }
    query.outer_reads.extend(with.outer_reads);
    query.notes.extend(with.notes);
    Ok(query)
}

/// A SELECT, and the operator that combines it with those before it.
pub(super) type Branch = (Option<CompoundOperator>, SelectCore);

/// Translates the SELECTs of a body.
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
    let mut add = |operator, cores: Vec<SelectCore>| {
        for (index, core) in cores.into_iter().enumerate() {
            branches.push((if index == 0 { operator } else { Some(CompoundOperator::UnionAll) }, core));
        }
    };
    add(None, select_cores(frame, &body.select, own_order, purpose.is_scalar)?);
    for compound in compounds {
        let cores = select_cores(frame, &compound.select, &[], false)?;
        if cores.len() > 1 && compound.operator != CompoundOperator::UnionAll {
            return Err(Untranslatable::CompoundValues);
        }
        add(Some(compound.operator), cores);
    }
    Ok(branches)
}

/// The largest number of SELECTs and rows of VALUES in a compound. PostgreSQL recurses for each UNION: at its default
/// `max_stack_depth` the limit is between 5,000 and 8,000.
const TERMS_MAX: usize = 2000;

fn check_terms(body: &SelectBody<'_>, compounds: &[CompoundSelect<'_>]) -> Result<()> {
    let of_one = |select: &OneSelect<'_>| match select {
        OneSelect::Values(rows) => rows.len(),
        OneSelect::Select { .. } => 1,
    };
    let terms: usize =
        std::iter::once(&body.select).chain(compounds.iter().map(|core| &core.select)).map(of_one).sum();
    if terms > TERMS_MAX {
        return Err(Untranslatable::TooManyTerms { terms, terms_max: TERMS_MAX });
    }
    Ok(())
}

/// Combines SELECTs, sorted by `order_by`.
pub(super) fn combine(
    frame: &Frame<'_>,
    branches: Vec<Branch>,
    order_by: &[SortedColumn<'_>],
    purpose: &Purpose<'_>,
) -> Result<Query> {
    let forms = forms(&branches, purpose)?;
    let is_set_operator = |operator: &Option<CompoundOperator>| {
        matches!(
            operator,
            Some(CompoundOperator::Union | CompoundOperator::Except | CompoundOperator::Intersect)
        )
    };
    let is_distinct = branches.iter().any(|(operator, core)| core.is_distinct || is_set_operator(operator));
    if is_distinct {
        forms.iter().flatten().try_for_each(Form::check_comparable)?;
    }
    let mut sql = select_sql(&branches, &forms, frame);
    let (mut columns, mut outer_reads, mut notes) = (Vec::new(), Vec::new(), Notes::new());
    let is_compound = branches.len() > 1;
    let (mut terms, mut is_single_row, mut has_row) = (Vec::new(), false, false);
    let not_null =
        |index: usize| forms.iter().all(|forms| forms.get(index).is_some_and(|form| form.not_null));
    let first_forms = forms.first().cloned().unwrap_or_default();
    for (index, (_, core)) in branches.into_iter().enumerate() {
        if index == 0 {
            columns = (core.outputs.into_iter().zip(first_forms.clone()).enumerate())
                .map(|(index, (output, form))| Column {
                    name: output.name,
                    is_named: output.is_named,
                    form: Form { not_null: not_null(index), ..form },
                })
                .collect();
            terms = core.order;
            (is_single_row, has_row) = (core.is_single_row && !is_compound, core.has_row && !is_compound);
        }
        outer_reads.extend(core.outer_reads);
        notes.extend(core.notes);
    }
    if is_compound && !order_by.is_empty() {
        let names: Vec<String> = columns.iter().map(|column: &Column| column.name.clone()).collect();
        terms = order::compound_terms(order_by, &names)?;
    }
    let order = order::sql(&terms, &first_forms, is_compound || is_distinct)?;
    let is_sorted = !order.is_empty();
    if is_sorted {
        sql.push_str(&format!("{}ORDER BY {order}", frame.separator()));
    }
    Ok(Query { sql, columns, is_sorted, is_single_row, has_row, outer_reads, notes })
}

/// Returns the compound. SQLite combines from left to right; in PostgreSQL INTERSECT binds tighter.
fn select_sql(branches: &[Branch], forms: &[Vec<Form>], frame: &Frame<'_>) -> String {
    let mut sql = String::new();
    let mut is_loose = false;
    for ((operator, core), forms) in branches.iter().zip(forms) {
        let list: Vec<&str> = forms.iter().map(|form| form.sql.as_str()).collect();
        let distinct = if core.is_distinct { "DISTINCT " } else { "" };
        let list = list.join(", ");
        let word = match operator {
            None => {
                sql = format!("SELECT {distinct}{list}{}", core.tail);
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
        for part in [separator, word, separator, "SELECT ", distinct, &list, &core.tail] {
            sql.push_str(part);
        }
    }
    sql
}

/// Returns the forms of the columns of each SELECT, with the same form for one column.
pub(super) fn forms(branches: &[Branch], purpose: &Purpose<'_>) -> Result<Vec<Vec<Form>>> {
    let width = branches.first().map_or(0, |(_, core)| core.outputs.len());
    if purpose.targets.is_some_and(|targets| targets.len() != width) {
        return Err(Untranslatable::ValueCount);
    }
    if branches.iter().any(|(_, core)| core.outputs.len() != width) {
        return Err(Untranslatable::CompoundColumnCount);
    }
    let mut forms: Vec<Vec<Form>> = branches.iter().map(|_| Vec::with_capacity(width)).collect();
    for index in 0..width {
        let column = match purpose.targets {
            None => alike(branches, index)?,
            Some(targets) => match targets.get(index) {
                None => return Err(Untranslatable::ValueCount),
                Some(None) => continue,
                Some(Some(target)) => assigned(branches, index, target)?,
            },
        };
        forms.iter_mut().zip(column).for_each(|(forms, form)| forms.push(form));
    }
    Ok(forms)
}

fn assigned(branches: &[Branch], index: usize, target: &Target) -> Result<Vec<Form>> {
    let outputs = branches.iter().filter_map(|(_, core)| core.outputs.get(index));
    outputs.map(|output| output.assigned(target)).collect()
}

/// Returns one column of several SELECTs: in its own form if that is the same in all, else with the conversions undone.
fn alike(branches: &[Branch], index: usize) -> Result<Vec<Form>> {
    let outputs: Vec<_> = branches.iter().filter_map(|(_, core)| core.outputs.get(index)).collect();
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
        return Err(Untranslatable::CompoundCollations);
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
