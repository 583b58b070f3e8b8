//! The constraints of a planned table, as the trials need them: the columns that each uses, and whether SQLite has it, too.

use migrate_core::finding::{ConstraintKind, ConstraintName};
use migrate_core::identifier::quote_pg;
use migrate_core::plan::{
    PlannedCheck, PlannedColumn, PlannedForeignKey, PlannedIndex, PlannedKey, PlannedTable,
};

/// A constraint and its name.
pub(super) struct Constraint<'p> {
    pub(super) name: ConstraintName,
    pub(super) kind: Kind<'p>,
}

/// The kind.
pub(super) enum Kind<'p> {
    NotNull(&'p PlannedColumn),
    Key(Key<'p>),
    Check(&'p PlannedCheck),
    ForeignKey(&'p PlannedForeignKey),
}

/// A uniqueness constraint: a PRIMARY KEY, a UNIQUE constraint or a unique index.
#[derive(Clone)]
pub(super) struct Key<'p> {
    pub(super) name: &'p str,
    /// The index in SQLite's SQL, for its conditions and expressions.
    pub(super) source_sql: Option<&'p str>,
    /// The unique expressions, as PostgreSQL's SQL.
    pub(super) parts: Vec<String>,
    /// The condition of a partial index, in PostgreSQL's SQL.
    pub(super) predicate: Option<&'p str>,
    /// The columns that it uses or mentions.
    pub(super) columns: Vec<&'p PlannedColumn>,
    /// Whether SQLite has it.
    pub(super) is_in_source: bool,
}

/// All constraints of a table.
pub(super) fn all(table: &PlannedTable) -> Vec<Constraint<'_>> {
    let of = |constraint_kind, name: &str, kind| Constraint {
        name: ConstraintName { table: table.target.clone(), constraint_kind, name: name.to_owned() },
        kind,
    };
    let not_null = (table.columns.iter().filter(|column| column.not_null))
        .map(|column| of(ConstraintKind::NotNull, &column.target, Kind::NotNull(column)));
    let keys = keys(table).into_iter().map(|key| of(ConstraintKind::UniqueKey, key.name, Kind::Key(key)));
    let checks = table.checks.iter().map(|check| of(ConstraintKind::Check, &check.name, Kind::Check(check)));
    let foreign = (table.foreign_keys.iter())
        .map(|key| of(ConstraintKind::ForeignKey, &key.name, Kind::ForeignKey(key)));
    not_null.chain(keys).chain(checks).chain(foreign).collect()
}

/// The uniqueness constraints of a table.
pub(super) fn keys(table: &PlannedTable) -> Vec<Key<'_>> {
    let constraints = table.primary_key.iter().chain(&table.unique).map(|key| of_constraint(table, key));
    let indexes = table.indexes.iter().filter(|index| index.unique).map(|index| of_index(table, index));
    constraints.chain(indexes).collect()
}

fn of_constraint<'p>(table: &'p PlannedTable, key: &'p PlannedKey) -> Key<'p> {
    Key {
        name: &key.name,
        source_sql: None,
        parts: key.columns.iter().map(|column| quote_pg(column)).collect(),
        predicate: None,
        columns: key.columns.iter().filter_map(|name| table.target_column(name)).collect(),
        is_in_source: key.instead_of.is_none(),
    }
}

fn of_index<'p>(table: &'p PlannedTable, index: &'p PlannedIndex) -> Key<'p> {
    let parts: Vec<String> = index.columns.iter().map(|column| column.sql()).collect();
    let predicate = index.predicate.as_deref();
    let text = format!("{} {}", parts.join(" "), predicate.unwrap_or_default());
    Key {
        name: &index.name,
        source_sql: index.source_sql.as_deref(),
        parts,
        predicate,
        columns: mentioned(table, &text),
        is_in_source: index.added_because.is_none(),
    }
}

/// The columns that an expression of PostgreSQL mentions, and those that the generated ones among them are made of.
pub(super) fn mentioned<'p>(table: &'p PlannedTable, expression: &str) -> Vec<&'p PlannedColumn> {
    let direct = |column: &&PlannedColumn| mentions(expression, &quote_pg(&column.target));
    let made_of: Vec<&str> = (table.columns.iter().filter(direct))
        .filter_map(|column| Some(column.generated.as_ref()?.expression.as_str()))
        .collect();
    let is_mentioned = |column: &&PlannedColumn| {
        direct(column) || made_of.iter().any(|made_of| mentions(made_of, &quote_pg(&column.target)))
    };
    table.columns.iter().filter(is_mentioned).collect()
}

/// Whether `name` occurs in `text` as a separate word.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    !name.is_empty()
        && text.match_indices(name).any(|(start, _)| {
            let before = text[..start].chars().next_back();
            let after = text[start + name.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
}
