//! Columns: the type in Drizzle, the default, and what PostgreSQL computes.

use migrate_core::affinity::{Affinity, affinity};
use migrate_core::conversion::PgType;
use migrate_core::drizzle_kit::regclass;
use migrate_core::plan::{DrizzleDates, Numbering, PlannedColumn, PlannedDrizzle, PlannedTable, PlannedView};

use super::Default;
use crate::DocumentTypes;
use crate::names::Names;

/// A column.
pub(crate) struct Column<'p> {
    /// Its name in the database.
    pub(crate) name: &'p str,
    /// Its property in TypeScript.
    pub(crate) property: String,
    pub(crate) kind: Kind,
    /// The TypeScript type of its documents.
    pub(crate) documents: Option<String>,
    /// Whether it alone is the primary key.
    pub(crate) is_primary_key: bool,
    pub(crate) not_null: bool,
    pub(crate) default: Option<Default>,
    /// The expression that it is generated from.
    pub(crate) generated: Option<&'p str>,
    pub(crate) identity: Option<Identity>,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A plain type.
    Plain {
        pg_type: PgType,
        dates: DrizzleDates,
        /// Whether the app had numbers where PostgreSQL has `numeric`.
        is_number: bool,
    },
    /// `serial` and its like: a type with a sequence.
    Serial(PgType),
    /// `tsvector`.
    Search,
}

/// An identity column.
pub(crate) struct Identity {
    /// The sequence, as `regclass` prints it: so drizzle-kit reads it.
    pub(crate) sequence: String,
    pub(crate) schema: String,
    pub(crate) max: &'static str,
}

/// The columns of a table, those for full-text search at the end.
pub(super) fn of_table<'p>(
    table: &'p PlannedTable,
    decided: &PlannedDrizzle,
    types: Option<&DocumentTypes>,
) -> Vec<Column<'p>> {
    let mut properties = Names::properties();
    let key = table.primary_key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
    let columns = table.columns.iter().map(|column| {
        let kind = kind(table, column, decided);
        let is_document = matches!(column.target_type, PgType::Json | PgType::Jsonb);
        let documents =
            types.filter(|_| is_document).and_then(|types| types.of(&table.source, &column.source));
        let is_default = matches!(kind, Kind::Plain { .. }) && column.sequence.is_none();
        Column {
            name: &column.target,
            property: properties.add(&column.target),
            kind,
            documents: documents.map(str::to_owned),
            is_primary_key: key == std::slice::from_ref(&column.target),
            not_null: column.not_null,
            default: column
                .default
                .as_deref()
                .filter(|_| is_default)
                .map(|sql| Default::of(sql, column.target_type)),
            generated: column.generated.as_ref().map(|generated| generated.expression.as_str()),
            identity: identity(table, column),
        }
    });
    let mut columns: Vec<Column<'p>> = columns.collect();
    columns.extend(table.searches.iter().map(|search| Column {
        generated: Some(&search.expression),
        ..bare(&search.target, properties.add(&search.target), Kind::Search)
    }));
    columns
}

/// The columns of a view.
pub(super) fn of_view<'p>(view: &'p PlannedView, decided: &PlannedDrizzle) -> Vec<Column<'p>> {
    let mut properties = Names::properties();
    let columns = view.columns.iter().zip(&view.conversions);
    columns
        .map(|(name, conversion)| {
            let kind =
                Kind::Plain { pg_type: conversion.target_type(), dates: decided.dates, is_number: true };
            bare(name, properties.add(name), kind)
        })
        .collect()
}

fn bare(name: &str, property: String, kind: Kind) -> Column<'_> {
    Column {
        name,
        property,
        kind,
        documents: None,
        is_primary_key: false,
        not_null: false,
        default: None,
        generated: None,
        identity: None,
    }
}

fn kind(table: &PlannedTable, column: &PlannedColumn, decided: &PlannedDrizzle) -> Kind {
    if let Some(sequence) = column.sequence.as_ref().filter(|_| column.numbering == Numbering::Serial) {
        let is_named_so = *sequence == format!("{}_{}_seq", table.target, column.target);
        // The plan writes `bigserial` where PostgreSQL gives the sequence its name.
        return Kind::Serial(if is_named_so { PgType::Bigint } else { column.target_type });
    }
    let is_number = affinity(&column.declared) != Affinity::Text;
    Kind::Plain { pg_type: column.target_type, dates: decided.dates, is_number }
}

fn identity(table: &PlannedTable, column: &PlannedColumn) -> Option<Identity> {
    let sequence = column.sequence.as_deref().filter(|_| column.numbering == Numbering::Identity)?;
    let schema = table.schema_name();
    let sequence = regclass(schema, sequence);
    Some(Identity { sequence, schema: schema.to_owned(), max: sequence_max(column) })
}

/// The last number of the sequence of a column. `bigserial` is the only serial type that a plan has.
pub(super) fn sequence_max(column: &PlannedColumn) -> &'static str {
    match (column.numbering, column.target_type) {
        (Numbering::Identity, PgType::Smallint) => "32767",
        (Numbering::Identity, PgType::Integer) => "2147483647",
        _ => "9223372036854775807",
    }
}

impl Kind {
    /// The type as drizzle-kit names it.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Kind::Serial(PgType::Smallint) => "smallserial",
            Kind::Serial(PgType::Integer) => "serial",
            Kind::Serial(_) => "bigserial",
            Kind::Search => "tsvector",
            Kind::Plain { pg_type: PgType::Timestamptz, .. } => "timestamp with time zone",
            Kind::Plain { pg_type, .. } => pg_type.sql(),
        }
    }
}
