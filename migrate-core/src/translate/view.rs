//! Views: a stored `CREATE VIEW` as a query of PostgreSQL.

use sqlite3_parser::ast::Stmt;

use super::model::{Catalog, Note, Notes, Result, ScopeColumn, Untranslatable, with_stored};
use super::query::{Environment, Frame, Purpose, query};
use crate::conversion::Conversion;
use crate::source_sql::plain_name;

/// A translated view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslatedView {
    /// The query.
    pub query: String,
    /// Its columns, by their names in SQLite; their SQL is empty, because the planner names them.
    pub columns: Vec<ScopeColumn>,
    /// What a reviewer should know of the translation.
    pub notes: Notes,
}

/// Translates a stored `CREATE VIEW`, which may read what is in `catalog`.
///
/// # Errors
/// [`super::Untranslatable`] with the reason.
pub fn view(sql: &str, catalog: &Catalog) -> Result<TranslatedView> {
    with_stored(sql, |statement| {
        let Stmt::CreateView { columns, select, .. } = statement else {
            return Err(Untranslatable::NotAView);
        };
        let environment = Environment::of(catalog, sql);
        let frame = Frame { environment: &environment, outer: None, depth: 0 };
        let translated = query(&frame, select, &Purpose::default())?;
        let named: Option<Vec<String>> =
            columns.map(|columns| columns.iter().map(|column| plain_name(column.col_name.0)).collect());
        if named.as_ref().is_some_and(|named| named.len() != translated.columns.len()) {
            return Err(Untranslatable::ViewColumnCount);
        }
        let mut notes = translated.notes;
        let mut known = Vec::with_capacity(translated.columns.len());
        for (index, column) in translated.columns.iter().enumerate() {
            let name = named.as_ref().and_then(|named| named.get(index)).unwrap_or(&column.name);
            if named.is_none() && !column.is_named {
                notes.insert(Note::UnnamedColumn { column: name.clone() });
            }
            notes.extend(own_form(name, &column.form.conversion));
            known.push(column.form.column(name, String::new()));
        }
        Ok(TranslatedView { query: translated.sql, columns: known, notes })
    })
}

/// Returns a note on a column that PostgreSQL has in another form than SQLite.
fn own_form(name: &str, conversion: &Conversion) -> Option<Note> {
    let is_same = matches!(
        conversion,
        Conversion::Text
            | Conversion::Bigint
            | Conversion::Integer
            | Conversion::Smallint
            | Conversion::DoublePrecision
            | Conversion::Numeric
            | Conversion::Bytea
    );
    (!is_same).then(|| Note::ConvertedColumn {
        column: name.to_owned(),
        pg_type: conversion.target_type().to_string(),
        conversion: conversion.name(),
    })
}
