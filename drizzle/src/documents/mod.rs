//! The TypeScript types of JSON documents, inferred from all documents of a column.
//!
//! Documents are added one at a time and only their shapes are kept: keys and kinds of values, never a value. Keys that look like data
//! (numbers, dates, addresses, identifiers, or too many different ones) are not kept either: the object is a `Record`. Of columns
//! that are secret nothing is read. Each document that was added can be assigned to the type, and the order of documents does not matter
//! unless a column exceeds [`SIZE_MAX`].

mod reader;
mod shape;
#[cfg(test)]
mod tests;
mod typescript;

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::conversion::PgType;
use migrate_core::plan::{Plan, PlannedColumn, PlannedTable};

use crate::names::camel_case;
use crate::{FOLDER, GENERATED, TextFile};
use shape::Shape;

/// The most places with a shape of their own in a column; the type of a column with more of them is `unknown`.
const SIZE_MAX: usize = 50_000;

/// The types of a plan's JSON columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentTypes {
    /// The columns by source table and source column.
    columns: BTreeMap<(String, String), DocumentColumn>,
}

/// A column of JSON documents.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DocumentColumn {
    /// The name of the exported type.
    type_name: String,
    /// Table and column in PostgreSQL, for people.
    shown: String,
    /// Whether nothing of it may be read.
    is_secret: bool,
    /// What the documents have in common; none if they have too many shapes.
    shape: Option<Shape>,
    /// A size that the shape does not exceed.
    size_bound: usize,
}

impl DocumentTypes {
    /// The module that exports the types, as `schema.ts` imports it.
    pub const MODULE: &'static str = "./documents";

    /// The path of the file with the types, below the app's folder.
    pub fn path() -> String {
        format!("{FOLDER}/documents.ts")
    }

    /// The types for a plan before any row is read: what defaults show, and otherwise `unknown`.
    pub fn new(plan: &Plan) -> DocumentTypes {
        let mut columns = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for table in &plan.tables {
            for column in table.columns.iter().filter(|column| is_document(column)) {
                let default = column.default.as_deref().filter(|_| !column.secret).and_then(literal);
                let described = DocumentColumn {
                    type_name: type_name(table, column, &mut taken),
                    shown: format!("{}.{}", table.target, column.target),
                    is_secret: column.secret,
                    shape: Some(default.and_then(|text| reader::shape_of(&text)).unwrap_or_default()),
                    size_bound: 0,
                };
                columns.insert((table.source.clone(), column.source.clone()), described);
            }
        }
        DocumentTypes { columns }
    }

    /// Whether the plan has no JSON column.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Returns the name of the type of a column's documents, by source names.
    pub fn of(&self, table: &str, column: &str) -> Option<&str> {
        let column = self.columns.get(&(table.to_owned(), column.to_owned()))?;
        Some(&column.type_name)
    }

    /// Whether the documents of a column are to be read, by source names.
    pub fn reads(&self, table: &str, column: &str) -> bool {
        self.columns.get(&(table.to_owned(), column.to_owned())).is_some_and(|column| !column.is_secret)
    }

    /// Adds a document of a column, by source names. A text that is no document does not count: it is not migrated either.
    pub fn add(&mut self, table: &str, column: &str, document: &str) {
        let Some(column) = self.columns.get_mut(&(table.to_owned(), column.to_owned())) else { return };
        let Some(known) = column.shape.as_mut().filter(|_| !column.is_secret) else { return };
        let Some(shape) = reader::shape_of(document) else { return };
        // Most documents add nothing: their sizes bound the shape's, which is measured only when the bound is reached.
        column.size_bound += shape.size();
        known.merge(shape);
        if column.size_bound > SIZE_MAX {
            column.size_bound = known.size();
            if column.size_bound > SIZE_MAX {
                column.shape = None;
            }
        }
    }

    /// The names of the types.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.values().map(|column| column.type_name.as_str())
    }

    /// The names of the types that are `unknown`.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let is_unknown = |column: &&DocumentColumn| column.written() == typescript::UNKNOWN;
        self.columns.values().filter(is_unknown).map(|column| column.type_name.as_str())
    }

    /// The names of types that a text of TypeScript does not export.
    pub fn missing_in<'s>(&'s self, text: &'s str) -> impl Iterator<Item = &'s str> {
        let exported: BTreeSet<&str> = text.lines().filter_map(exported_type).collect();
        self.names().filter(move |name| !exported.contains(name))
    }

    /// The file that exports the types.
    pub fn file(&self) -> TextFile {
        let mut content = format!(
            "{GENERATED}\n\
             // The types of JSON documents, inferred from all documents of each column.\n"
        );
        for column in self.columns.values() {
            content.push_str(&format!(
                "\n/** {} */\nexport type {} = {};\n",
                column.description(),
                column.type_name,
                column.written()
            ));
        }
        TextFile { path: DocumentTypes::path(), content }
    }
}

impl DocumentColumn {
    fn written(&self) -> String {
        self.shape.as_ref().map_or_else(|| typescript::UNKNOWN.to_owned(), typescript::type_of)
    }

    fn description(&self) -> String {
        let shown = crate::names::comment(&self.shown).replace("*/", "* /");
        let remark = match &self.shape {
            _ if self.is_secret => " Not inferred: the column is secret.",
            None => " They have too many different shapes.",
            Some(shape) if shape.is_empty() => " No document was there to infer a type from.",
            Some(shape) if typescript::has_inexact(shape) => {
                " Some numbers have more digits than JavaScript keeps."
            }
            Some(_) => "",
        };
        format!("The documents of `{shown}`.{remark}")
    }
}

fn is_document(column: &PlannedColumn) -> bool {
    matches!(column.target_type, PgType::Jsonb | PgType::Json)
}

/// Returns a name such as `JobsPayload` that no other column has.
fn type_name(table: &PlannedTable, column: &PlannedColumn, taken: &mut BTreeSet<String>) -> String {
    let plain = format!("{}{}", capitalized(&table.target), capitalized(&column.target));
    let numbered = (2_u32..).map(|number| format!("{plain}{number}"));
    let mut candidates = std::iter::once(plain.clone()).chain(numbered);
    // The numbers do not end before a free one is found.
    let name = candidates.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

fn capitalized(name: &str) -> String {
    let name = camel_case(name);
    let mut letters = name.chars();
    letters.next().map(char::to_uppercase).into_iter().flatten().chain(letters).collect()
}

/// The content of a literal of SQL such as `'{}'::jsonb`.
fn literal(sql: &str) -> Option<String> {
    let text = sql.strip_suffix("::jsonb").or_else(|| sql.strip_suffix("::json")).unwrap_or(sql);
    let content = text.strip_prefix('\'')?.strip_suffix('\'')?;
    // A quote that is not doubled ends the literal, so that more than a literal is there.
    let is_one = !content.replace("''", "").contains('\'');
    is_one.then(|| content.replace("''", "'"))
}

/// The name of the type that a line exports.
fn exported_type(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("export ")?;
    let rest = rest.strip_prefix("type ").or_else(|| rest.strip_prefix("interface "))?;
    rest.split(|letter: char| !(unicode_ident::is_xid_continue(letter) || letter == '$')).next()
}
