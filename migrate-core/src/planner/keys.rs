//! Plans a table's PRIMARY KEY and UNIQUE constraints.
//!
//! A constraint under a collation other than BINARY becomes an index on an expression, since PostgreSQL's constraints are on
//! columns alone; `indexes` plans it.

use super::collation::{Fold, fold};
use super::{Context, indexes, not_migrated};
use crate::identifier::fit_pg;
use crate::mapping::IndexMethod;
use crate::plan::{LeftBehind, PlannedIndex, PlannedIndexColumn, PlannedKey};
use crate::source_schema::{SourceIndex, SourceIndexColumn, SourceIndexOrigin, SourceTable};

/// The plan for the constraints that make rows unique.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The primary key.
    pub(super) primary: Option<PlannedKey>,
    /// UNIQUE constraints.
    pub(super) unique: Vec<PlannedKey>,
    /// Unique indexes that replace constraints.
    pub(super) indexes: Vec<PlannedIndex>,
}

/// Plans the constraints that make rows of a table unique.
pub(super) fn plan(context: &Context<'_>, left_behind: &mut Vec<LeftBehind>) -> Keys {
    let table = context.table;
    let mut keys = Keys { primary: primary_key(context, left_behind), ..Keys::default() };
    if let Some(index) = table.indexes.iter().find(|index| index.origin == SourceIndexOrigin::PrimaryKey)
        && is_folded(context, index)
    {
        let why = "the primary key of SQLite compares by another collation than BINARY";
        keys.indexes.push(folded_index(context, index, why));
    }
    for index in table.indexes.iter().filter(|index| index.origin == SourceIndexOrigin::Unique) {
        if uses_skipped_column(context, key_columns(index)) {
            let columns: Vec<&str> = key_columns(index).collect();
            let name = format!("{}: UNIQUE ({})", table.name, columns.join(", "));
            left_behind.push(not_migrated("unique", &name, ON_SKIPPED));
            continue;
        }
        if is_folded(context, index) {
            let why = "a UNIQUE constraint of PostgreSQL cannot use an expression, a unique index can";
            keys.indexes.push(folded_index(context, index, why));
            continue;
        }
        let columns = context.names.columns(&table.name, key_columns(index));
        let name = fit_pg(&format!("{}_{}_key", context.target, columns.join("_")));
        let name = numbered(name, |name| keys.unique.iter().any(|other| other.name == name));
        keys.unique.push(PlannedKey { name, columns, instead_of: unknown_collation(context, index) });
    }
    keys
}

/// The primary key, its columns in the key's order.
fn primary_key(context: &Context<'_>, left_behind: &mut Vec<LeftBehind>) -> Option<PlannedKey> {
    let table = context.table;
    let columns: Vec<&str> = table.primary_key().into_iter().map(|column| column.name.as_str()).collect();
    if uses_skipped_column(context, columns.iter().copied()) {
        let name = format!("{}: PRIMARY KEY ({})", table.name, columns.join(", "));
        left_behind.push(not_migrated("primary key", &name, ON_SKIPPED));
        return None;
    }
    let columns = context.names.columns(&table.name, columns);
    let name = fit_pg(&format!("{}_pkey", context.target));
    let index = table.indexes.iter().find(|index| index.origin == SourceIndexOrigin::PrimaryKey);
    let instead_of = index.and_then(|index| unknown_collation(context, index));
    (!columns.is_empty()).then_some(PlannedKey { name, columns, instead_of })
}

/// The reason why a key on a skipped column is not migrated.
const ON_SKIPPED: &str = "it uses a column that is not migrated";

fn uses_skipped_column<'c>(context: &Context<'_>, mut columns: impl Iterator<Item = &'c str>) -> bool {
    columns.any(|column| context.is_skipped(&context.table.name, column))
}

/// The names of an index's columns, in their order.
pub(super) fn key_columns(index: &SourceIndex) -> impl Iterator<Item = &str> {
    index.columns.iter().filter_map(|key| key.column.as_deref())
}

/// Whether a key compares text differently from PostgreSQL, in a way that an expression can reproduce.
fn is_folded(context: &Context<'_>, index: &SourceIndex) -> bool {
    index.columns.iter().any(|key| matches!(key_fold(context, key), Fold::Lower | Fold::TrimRight))
}

fn key_fold(context: &Context<'_>, key: &SourceIndexColumn) -> Fold {
    let column = key.column.as_deref().and_then(|name| context.column(name));
    column.map_or(Fold::None, |column| fold(&key.collation, column))
}

/// The note that a key compares by a collation that only the app has; none if it does not. Values that are equal in their bytes are equal
/// by any collation, so that what the source kept unique is unique byte by byte, and the key is weaker.
fn unknown_collation(context: &Context<'_>, index: &SourceIndex) -> Option<String> {
    let key = index.columns.iter().find(|key| key_fold(context, key) == Fold::Unknown)?;
    Some(format!(
        "the source compares it by {}, a collation that only the app defines; here values are unique byte by byte",
        key.collation
    ))
}

fn folded_index(context: &Context<'_>, index: &SourceIndex, why: &str) -> PlannedIndex {
    let columns: Vec<PlannedIndexColumn> =
        index.columns.iter().filter_map(|key| indexes::column_key(context, key)).collect();
    let names = context.names.columns(&context.table.name, key_columns(index));
    PlannedIndex {
        name: fit_pg(&format!("{}_{}_nocase_key", context.target, names.join("_"))),
        source: None,
        method: IndexMethod::Btree,
        unique: true,
        columns,
        predicate: None,
        source_sql: None,
        added_because: None,
        notes: vec![why.to_owned()],
    }
}

/// `name`, or where that is taken the name with the first number that makes it free, as PostgreSQL itself names constraints.
pub(crate) fn numbered(name: String, is_taken: impl Fn(&str) -> bool) -> String {
    let mut free = name.clone();
    let mut number = 0_u32;
    while is_taken(&free) {
        number += 1;
        free = fit_pg(&format!("{name}{number}"));
    }
    free
}

/// How columns of a table are made unique, as far as a foreign key that points to them needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uniqueness {
    /// By a constraint or an index on the columns themselves.
    Plain,
    /// By one that compares otherwise, which no foreign key of PostgreSQL can point to.
    Folded,
    /// By none.
    None,
}

/// How exactly these columns of `table` are made unique.
pub(super) fn uniqueness(table: &SourceTable, columns: &[String]) -> Uniqueness {
    let same = |mut names: Vec<&str>| {
        let mut wanted: Vec<&str> = columns.iter().map(String::as_str).collect();
        names.sort_unstable();
        wanted.sort_unstable();
        names == wanted
    };
    if same(table.primary_key().iter().map(|column| column.name.as_str()).collect()) {
        return Uniqueness::Plain;
    }
    let is_whole = |index: &&SourceIndex| {
        index.unique && !index.partial && index.columns.iter().all(|key| key.column.is_some())
    };
    let mut found = Uniqueness::None;
    for index in table.indexes.iter().filter(is_whole).filter(|index| same(key_columns(index).collect())) {
        if index.columns.iter().all(|key| key.collation.eq_ignore_ascii_case("BINARY")) {
            return Uniqueness::Plain;
        }
        found = Uniqueness::Folded;
    }
    found
}
