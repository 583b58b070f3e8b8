//! The operator classes that a human chose for keys of indexes: whether PostgreSQL has them for the method and the type, and in which
//! schema an extension has its own.
//!
//! A class with a schema is taken as it is: only the target knows it, and preflight asks. A unique index can have none of these.

use super::class_problem::ClassProblem;
use super::{PlanningError, names};
use crate::conversion::PgType;
use crate::mapping::{DEFAULT_SCHEMA, TableMapping};
use crate::operator_class::{OperatorClass, methods, own, supplied};
use crate::plan::{PlannedIndex, PlannedIndexColumn, PlannedTable};
use crate::source_schema::{SourceIndexOrigin, SourceTable};
use crate::source_sql::index_facts;
use crate::terms::IndexMethod;

/// Refuses classes for indexes that the table does not have, and for keys that an index does not have.
pub(super) fn check_names(table: &SourceTable, mapping: &TableMapping) -> Result<(), PlanningError> {
    let indexes = || table.indexes.iter().filter(|index| index.origin == SourceIndexOrigin::CreateIndex);
    for (name, classes) in &mapping.index_ops {
        names::known("index", name, &indexes().map(|index| index.name.as_str()).collect())?;
        let Some(index) = indexes().find(|index| index.name == *name) else { continue };
        // An index whose statement cannot be read is not migrated, and named for that.
        let facts = index.sql.as_deref().and_then(|sql| index_facts(name, sql).ok()).unwrap_or_default();
        let columns: Vec<&str> = index.columns.iter().filter_map(|key| key.column.as_deref()).collect();
        let keys = index.columns.iter().zip(&facts.keys);
        let expressions: Vec<&str> =
            keys.filter(|(key, _)| key.column.is_none()).map(|(_, sql)| sql.as_str()).collect();
        if let Some(unknown) = classes.unknown(&columns, &expressions) {
            let known = columns.into_iter().chain(expressions).collect();
            names::known("key", unknown, &known).map_err(|error| match error {
                PlanningError::UnknownName { kind, name: key, nearest } => {
                    PlanningError::UnknownName { kind, name: format!("{key} of index {name}"), nearest }
                }
                other => other,
            })?;
        }
    }
    Ok(())
}

/// Checks the classes of indexes that the plan creates, and adds the schema of a class that an extension has.
pub(super) fn settle(tables: &mut [PlannedTable]) -> Result<(), PlanningError> {
    for table in tables.iter_mut().filter(|table| table.existing.is_none()) {
        // Moved out, so that the table's columns can be read.
        let mut indexes = std::mem::take(&mut table.indexes);
        let settled = indexes.iter_mut().try_for_each(|index| settle_index(table, index));
        table.indexes = indexes;
        settled?;
    }
    Ok(())
}

fn settle_index(table: &PlannedTable, index: &mut PlannedIndex) -> Result<(), PlanningError> {
    // The name in `mapping.toml`, which is not the one in PostgreSQL.
    let name = index.source.as_ref().unwrap_or(&index.name).clone();
    let (method, is_unique) = (index.method, index.unique);
    for key in &mut index.columns {
        let Some(class) = &key.ops else { continue };
        let subject = Subject::of(table, key, method);
        match subject.settled(class) {
            // A class of the list settles without a schema.
            Ok(settled) if is_unique && settled.schema().is_some() => {
                return Err(subject.refused(&name, class, ClassProblem::Unique));
            }
            Err(ClassProblem::Unknown) if is_unique => {
                return Err(subject.refused(&name, class, ClassProblem::Unique));
            }
            Err(problem) => return Err(subject.refused(&name, class, problem)),
            Ok(settled) => key.ops = Some(settled),
        }
    }
    Ok(())
}

/// A key of an index.
struct Subject<'a> {
    table: &'a PlannedTable,
    /// The column, by source name, or the expression.
    key: String,
    /// The type; none of an expression.
    kind: Option<PgType>,
    method: IndexMethod,
}

impl<'a> Subject<'a> {
    fn of(table: &'a PlannedTable, key: &PlannedIndexColumn, method: IndexMethod) -> Subject<'a> {
        let column = match &key.expression {
            None => table.target_column(&key.column),
            Some(_) => None,
        };
        let name = key.expression.as_ref().unwrap_or(&key.column);
        Subject {
            table,
            key: column.map_or(name, |column| &column.source).clone(),
            kind: column.map(|column| column.conversion.target_type()),
            method,
        }
    }

    /// The class under the name by which a session that sees `pg_catalog` alone finds it.
    fn settled(&self, class: &OperatorClass) -> Result<OperatorClass, ClassProblem> {
        if !class.is_own() {
            return Ok(class.clone());
        }
        match own(self.method, class.name(), self.kind) {
            Some(true) => return Ok(OperatorClass::of_postgresql(class.name())),
            Some(false) => return Err(ClassProblem::OtherType),
            // A newer version of PostgreSQL may have it.
            None if class.schema().is_some() => return Ok(class.clone()),
            None => {}
        }
        let unknown = || match methods(class.name()).is_empty() {
            true => ClassProblem::Unknown,
            false => ClassProblem::OtherMethod,
        };
        let supplied = supplied(self.method, class.name()).ok_or_else(unknown)?;
        match self.kind.is_none_or(|kind| supplied.types.contains(&kind)) {
            true => Ok(OperatorClass::in_schema(DEFAULT_SCHEMA, class.name())),
            false => Err(ClassProblem::OtherType),
        }
    }

    fn refused(&self, index: &str, class: &OperatorClass, problem: ClassProblem) -> PlanningError {
        PlanningError::OperatorClass {
            table: self.table.source.clone(),
            index: index.to_owned(),
            key: self.key.clone(),
            class: class.clone(),
            method: self.method,
            kind: self.kind,
            problem,
        }
    }
}
