//! The form of a result column: its SQL, and the conversion that relates PostgreSQL's values to SQLite's.

use crate::affinity::Affinity;
use crate::conversion::Conversion;
use crate::translate::model::{
    BlobContents, Collation, Family, Kind, Node, Result, ScopeColumn, Untranslatable,
};
use crate::translate::operators::{arithmetic, column};

/// A result column.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// Its SQL.
    pub(crate) sql: String,
    /// The conversion that relates its values to SQLite's.
    pub(crate) conversion: Conversion,
    pub(crate) affinity: Affinity,
    pub(crate) collation: Collation,
    pub(crate) not_null: bool,
}

impl Form {
    /// Creates the form of a plain column.
    pub(crate) fn of_column(column: &ScopeColumn) -> Form {
        Form {
            sql: column.sql.clone(),
            conversion: column.conversion.clone(),
            affinity: column.affinity,
            collation: column.collation.clone(),
            not_null: column.not_null,
        }
    }

    /// Creates the form of a computed value: with SQLite's class, or else in PostgreSQL's own form.
    pub(crate) fn of_node(node: &Node) -> Result<Form> {
        let (conversion, sql) = match &node.native {
            Some(native) if !(node.kind == Kind::Text && native.family != Family::Uuid) => {
                (native.family.conversion(), native.sql.clone())
            }
            _ => computed(node)?,
        };
        Ok(Form {
            sql,
            conversion,
            affinity: node.affinity.unwrap_or(Affinity::Blob),
            collation: node.collation().clone(),
            not_null: node.is_not_null,
        })
    }

    /// Returns it as a column for other queries, with its names in SQLite and PostgreSQL.
    pub(crate) fn column(&self, source: &str, sql: String) -> ScopeColumn {
        ScopeColumn {
            source: source.to_owned(),
            sql,
            conversion: self.conversion.clone(),
            affinity: self.affinity,
            collation: self.collation.clone(),
            not_null: self.not_null,
            contents: BlobContents::default(),
        }
    }

    /// Returns the value with the conversion undone.
    pub(crate) fn node(&self, sql: String) -> Node {
        column::node(&self.column("", sql))
    }

    /// Refuses values that may be equal in only one of the databases, for distinct rows.
    pub(crate) fn check_comparable(&self) -> Result<()> {
        check_comparable(&self.conversion, &self.collation)
    }
}

/// Refuses values that may be equal in only one of the databases.
pub(crate) fn check_comparable(conversion: &Conversion, collation: &Collation) -> Result<()> {
    match conversion {
        Conversion::Json
        | Conversion::Jsonb
        | Conversion::JsonbLastKeyWins
        | Conversion::JsonbUnsignedZero
        | Conversion::JsonbLastKeyWinsUnsignedZero
        | Conversion::JsonFromBytes
        | Conversion::JsonbFromBytes
        | Conversion::JsonFromAny
        | Conversion::JsonbFromAny
        | Conversion::BooleanFromWords
        | Conversion::TimestampFromMsOrIso8601
        | Conversion::TimestampFromSOrIso8601
        | Conversion::TimestamptzFromMsOrIso8601
        | Conversion::TimestamptzFromSOrIso8601
        | Conversion::TextFromAny
        | Conversion::ByteaFromAny => Err(Untranslatable::InexactRows { conversion: conversion.name() }),
        Conversion::Text if *collation != Collation::Binary => Err(Untranslatable::Collated),
        _ => Ok(()),
    }
}

/// Returns a value of one of SQLite's classes, with a cast to a fixed type: that of a literal would depend on
/// its context.
fn computed(node: &Node) -> Result<(Conversion, String)> {
    let cast = |sql: String, to: &str| {
        if sql.ends_with(&format!("::{to}")) { sql } else { format!("{sql}::{to}") }
    };
    Ok(match node.kind {
        Kind::Null => (Conversion::Text, "NULL::text".to_owned()),
        Kind::Integer if node.is_atom && (node.sql == "count(*)" || node.sql.ends_with(")::bigint")) => {
            (Conversion::Bigint, node.sql.clone())
        }
        Kind::Integer => (Conversion::Bigint, cast(node.operand(), "bigint")),
        Kind::Truth => (Conversion::Bigint, format!("{}::bigint", node.number()?.operand())),
        Kind::Real => (Conversion::DoublePrecision, cast(arithmetic::float(node), "float8")),
        Kind::Number => (Conversion::Numeric, cast(node.operand(), "numeric")),
        Kind::Text => (Conversion::Text, format!("{} COLLATE \"C\"", node.operand())),
        Kind::Blob => (Conversion::Bytea, node.sql.clone()),
        Kind::Json | Kind::Document => (Conversion::Jsonb, node.sql.clone()),
        Kind::Unknown => return Err(Untranslatable::Inexact),
    })
}
