//! What a table of the source without a counterpart resembles in the target: a table under another name or in another schema, a sequence,
//! an enum type, a full-text index. It matches nothing by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::super::names::Names;
use super::assignment::affix;
use super::decision::Decision;
use super::name_forms::{snake_case, without_number};
use crate::nearest::nearest;
use crate::source_schema::{SourceSchema, SourceTable};
use crate::target_schema::{TargetColumn, TargetSchema, TargetTable};

/// What a table without a counterpart resembles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Resemblance {
    /// A table of the target with a similar name or the same columns.
    #[error("table {0}")]
    Table(String),
    /// A table of its name in a schema that is not searched.
    #[error("table {name} in schema {schema}")]
    OtherSchema {
        /// The schema.
        schema: String,
        /// The table there.
        name: String,
    },
    /// A sequence of its name.
    #[error("sequence {0}")]
    Sequence(String),
    /// Something else of its name, such as a view.
    #[error("{0}, which is no table there")]
    Relation(String),
    /// An enum type of its name, or of the columns that reference it.
    #[error("the enum type {0}")]
    Enum(String),
    /// A full-text index, which PostgreSQL replaces by its own search.
    #[error("a full-text index ({0}), which PostgreSQL does without")]
    Search(String),
}

impl Resemblance {
    /// The decision that follows from it for `table`.
    pub(super) fn decision(&self, table: &str) -> Decision {
        match self {
            Resemblance::Table(name) => Decision::table(table, "rename", name),
            Resemblance::OtherSchema { schema, .. } => Decision::table(table, "schema", schema),
            Resemblance::Sequence(name) => {
                Decision::leave_behind(table, &format!("PostgreSQL numbers with the sequence {name}"))
            }
            Resemblance::Relation(name) => {
                Decision::leave_behind(table, &format!("{name} replaces it in PostgreSQL"))
            }
            Resemblance::Enum(name) => {
                Decision::leave_behind(table, &format!("the labels of the type {name} replace it"))
            }
            Resemblance::Search(_) => Decision::leave_behind(table, "PostgreSQL searches without it"),
        }
    }
}

/// The target, and what of it tables of the source have.
pub(super) struct Surroundings<'a> {
    pub(super) schema: &'a SourceSchema,
    pub(super) target: &'a TargetSchema,
    pub(super) names: &'a Names,
    /// The tables that no table of the source has.
    pub(super) free: Vec<FreeTable<'a>>,
    /// The columns that columns of the source go to, by table and column.
    pub(super) columns: BTreeMap<(&'a str, &'a str), &'a TargetColumn>,
}

impl Surroundings<'_> {
    /// What `table` resembles, the strongest evidence first.
    pub(super) fn resemblances(&self, table: &SourceTable) -> Vec<Resemblance> {
        let mut found = Vec::new();
        if let Some(module) = table.module.as_ref().filter(|module| module.starts_with("fts")) {
            found.push(Resemblance::Search(module.clone()));
        }
        let snake = snake_case(&table.name);
        let is_named = |name: &&String| snake_case(name) == snake;
        let sequences = self.target.sequences.iter().map(|sequence| &sequence.name).filter(is_named);
        found.extend(sequences.cloned().map(Resemblance::Sequence));
        let made = self.names.table(&table.name);
        let is_table = self.target.tables.iter().any(|other| other.name == made);
        if found.is_empty() && !is_table && self.target.relations.contains(&made) {
            found.push(Resemblance::Relation(made));
        }
        found.extend(self.enum_type(table).map(Resemblance::Enum));
        let outside = self.target.outside.iter().filter(|(_, name)| is_named(&name));
        found.extend(
            outside.map(|(schema, name)| Resemblance::OtherSchema {
                schema: schema.clone(),
                name: name.clone(),
            }),
        );
        found.extend(self.similar_tables(table).into_iter().map(Resemblance::Table));
        found
    }

    /// The enum type that has the table's name, or that columns which reference the table have in the target.
    fn enum_type(&self, table: &SourceTable) -> Option<String> {
        let form = without_number(&table.name);
        let of_keys = self.schema.tables.iter().flat_map(|other| {
            let keys = other.foreign_keys.iter();
            let keys = keys.filter(|key| key.parent_table.eq_ignore_ascii_case(&table.name));
            keys.flat_map(|key| key.columns.iter())
                .filter_map(|column| self.columns.get(&(other.name.as_str(), column.as_str())).copied())
        });
        let columns = self.target.tables.iter().flat_map(|table| &table.columns);
        let bare = |name: &str| name.rsplit('.').next().unwrap_or_default().trim_matches('"').to_owned();
        let named = columns.filter(|column| without_number(&bare(&column.type_name)) == form);
        let found = of_keys.chain(named).find(|column| !column.labels.is_empty())?;
        Some(found.type_name.clone())
    }

    /// The free tables with a similar name and at least half of the columns, or with all columns.
    fn similar_tables(&self, table: &SourceTable) -> Vec<String> {
        let near = nearest(&table.name, self.free.iter().map(|found| found.name));
        let columns: BTreeSet<String> = table.columns.iter().map(|column| snake_case(&column.name)).collect();
        let mut similar: Vec<(usize, &str)> = Vec::new();
        for found in &self.free {
            let shared = columns.intersection(&found.columns).count();
            let is_near = || {
                near == Some(found.name)
                    || affix(&table.name, found.name).is_some()
                    || without_number(&table.name) == without_number(found.name)
            };
            let is_same = shared > 2 && columns == found.columns;
            if is_same || shared * 2 >= columns.len() && is_near() {
                similar.push((shared, found.name));
            }
        }
        similar.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
        similar.into_iter().map(|(_, name)| name.to_owned()).collect()
    }
}

/// A table that no table of the source has.
pub(super) struct FreeTable<'a> {
    name: &'a str,
    columns: BTreeSet<String>,
}

impl<'a> FreeTable<'a> {
    pub(super) fn new(table: &'a TargetTable) -> FreeTable<'a> {
        let columns = table.columns.iter().map(|column| snake_case(&column.name)).collect();
        FreeTable { name: &table.name, columns }
    }
}

/// The number of columns of a table whose names are those of columns of the other.
pub(super) fn shared_columns(table: &SourceTable, found: &TargetTable) -> usize {
    let is_there =
        |name: &str| found.columns.iter().any(|column| snake_case(&column.name) == snake_case(name));
    table.columns.iter().filter(|column| is_there(&column.name)).count()
}
