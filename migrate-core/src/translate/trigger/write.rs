//! What statements assign: SET, and the ON CONFLICT of an INSERT.

use sqlite3_parser::ast::{self, Expr, UpsertDo};

use crate::source_sql::plain_name;
use crate::translate::model::{Relation, Result, Scope, ScopeColumn, ScopeTable, Writes, untranslatable};
use crate::translate::operators::default_value;
use crate::translate::query::{Frame, Part, Target, Translator, plain_column};

/// What SET assigns.
pub(super) struct Assignments {
    pub(super) list: Vec<Assignment>,
}

/// One column and its value, in PostgreSQL's SQL.
pub(super) struct Assignment {
    /// The place of the column.
    pub(super) place: usize,
    /// The column's name.
    pub(super) column: String,
    pub(super) value: String,
    /// The own columns of the row that the value depends on, by table and place.
    pub(super) reads: Vec<(usize, usize)>,
}

/// A column as one that takes a value.
pub(super) fn target(column: &ScopeColumn) -> Target {
    Target { conversion: column.conversion.clone(), affinity: column.affinity }
}

/// The place of a column that is written to.
pub(super) fn place(table: &Relation, writes: &Writes, name: &str) -> Result<usize> {
    let named = table.columns.iter().position(|column| column.source.eq_ignore_ascii_case(name));
    let is_rowid = ["rowid", "_rowid_", "oid"].iter().any(|rowid| rowid.eq_ignore_ascii_case(name));
    match named.or(table.rowid.filter(|_| is_rowid)) {
        None => untranslatable(format!("the column {name}, which {} has not", table.source)),
        Some(place) if writes.generated.contains(&place) => {
            untranslatable(format!("it writes to {}.{name}, which is generated", table.source))
        }
        Some(place) => Ok(place),
    }
}

/// Translates SET.
pub(super) fn assignments(
    translator: &mut Translator<'_>,
    table: &Relation,
    writes: &Writes,
    sets: &[ast::Set<'_>],
) -> Result<Assignments> {
    let mut list = Vec::with_capacity(sets.len());
    for set in sets {
        let [name] = set.col_names.as_slice() else {
            return untranslatable("SET of several columns at once");
        };
        let place = place(table, writes, &plain_name(name.0))?;
        let Some(column) = table.columns.get(place) else { continue };
        translator.part.reads.clear();
        let value = value(translator, &set.expr, &target(column))?;
        let reads = translator.part.reads.drain(..).filter(|read| read.level == 0);
        let reads = reads.map(|read| (read.table, read.column)).collect();
        list.push(Assignment { place, column: column.sql.clone(), value, reads });
    }
    Ok(Assignments { list })
}

/// A value as one of a column.
fn value(translator: &mut Translator<'_>, expression: &Expr<'_>, target: &Target) -> Result<String> {
    if let Some(clock) = default_value::whole_clock(&expression.to_string(), &target.conversion) {
        return Ok(clock.sql);
    }
    let column = plain_column(translator, expression)?;
    let node = translator.node(expression)?;
    target.value(&node, column.as_ref())
}

/// The name of the table that ON CONFLICT updates, which no column's name hides.
pub(super) const UPSERT_ALIAS: &str = "present";

/// The ON CONFLICT clause of an INSERT, where PostgreSQL has the constraint that it is about.
pub(super) fn on_conflict(
    frame: &Frame<'_>,
    table: &Relation,
    writes: &Writes,
    name: &str,
    upsert: &ast::Upsert<'_>,
) -> Result<(String, Vec<String>)> {
    if upsert.next.is_some() {
        return untranslatable("more than one ON CONFLICT");
    }
    let target = match &upsert.index {
        None => String::new(),
        Some(index) if index.where_clause.is_some() => {
            return untranslatable("ON CONFLICT with the WHERE of a partial index");
        }
        Some(index) => {
            let mut places = Vec::new();
            for column in index.targets {
                let name = match &column.expr {
                    Expr::Id(id) => plain_name(id.0),
                    Expr::Name(name) => plain_name(name.0),
                    _ => return untranslatable("ON CONFLICT with an expression"),
                };
                places.push(place(table, writes, &name)?);
            }
            let mut sorted = places.clone();
            sorted.sort_unstable();
            if !writes.unique.contains(&sorted) {
                return untranslatable(
                    "ON CONFLICT of columns that PostgreSQL does not keep unique by themselves",
                );
            }
            let names: Vec<&str> =
                places.iter().filter_map(|place| Some(table.columns.get(*place)?.sql.as_str())).collect();
            format!(" ({})", names.join(", "))
        }
    };
    match &upsert.do_clause {
        UpsertDo::Nothing => Ok((format!(" ON CONFLICT{target} DO NOTHING"), Vec::new())),
        UpsertDo::Set { .. } if target.is_empty() => untranslatable("ON CONFLICT DO UPDATE without columns"),
        UpsertDo::Set { sets, where_clause } => {
            let scope = upsert_scope(frame, table, name);
            let mut translator = Translator::of_part(&scope, frame.depth, Part::new(frame.environment));
            let assignments = assignments(&mut translator, table, writes, sets)?;
            let list: Vec<String> =
                assignments.list.iter().map(|set| format!("{} = {}", set.column, set.value)).collect();
            let condition = match where_clause {
                Some(condition) => format!(" WHERE {}", translator.node(condition)?.condition()?),
                None => String::new(),
            };
            let sql = format!(" ON CONFLICT{target} DO UPDATE SET {}{condition}", list.join(", "));
            Ok((sql, translator.notes))
        }
    }
}

/// The row that is there already by the table's own name, and the one that was to come as `excluded`.
fn upsert_scope(frame: &Frame<'_>, table: &Relation, name: &str) -> Scope {
    let mut scope = Scope {
        outer: frame.outer.map(|outer| Box::new(outer.clone())),
        aliases: frame.outer.map(|outer| outer.aliases.clone()).unwrap_or_default(),
        ..Scope::default()
    };
    for (place, (name, alias)) in [(name, UPSERT_ALIAS), ("excluded", "excluded")].into_iter().enumerate() {
        let columns = (table.columns.iter())
            .map(|column| ScopeColumn { sql: format!("{alias}.{}", column.sql), ..column.clone() })
            .collect::<Vec<_>>();
        if alias == "excluded" {
            scope.hidden.extend((0..columns.len()).map(|column| (place, column)));
        }
        scope.aliases.insert(alias.to_owned());
        scope.tables.push(ScopeTable { names: vec![name.to_owned()], columns, rowid: table.rowid });
    }
    scope
}
