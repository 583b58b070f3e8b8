//! The form in which a query gives a column: SQL, and what PostgreSQL's values are to SQLite's.

use crate::affinity::Affinity;
use crate::conversion::{Conversion, NaiveZone};
use crate::translate::model::{Collation, Family, Kind, Node, Result, ScopeColumn, untranslatable};
use crate::translate::operators::{arithmetic, column};

/// A result column.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// Its SQL.
    pub(crate) sql: String,
    /// The conversion that would have made its values of SQLite's.
    pub(crate) conversion: Conversion,
    pub(crate) affinity: Affinity,
    pub(crate) collation: Collation,
    pub(crate) not_null: bool,
}

impl Form {
    /// A column as it is: what the table's conversion made of it.
    pub(crate) fn of_column(column: &ScopeColumn) -> Form {
        Form {
            sql: column.sql.clone(),
            conversion: column.conversion.clone(),
            affinity: column.affinity,
            collation: column.collation.clone(),
            not_null: column.not_null,
        }
    }

    /// A computed value: with SQLite's own class, or where that is gone in PostgreSQL's own form.
    pub(crate) fn of_node(node: &Node) -> Result<Form> {
        let (conversion, sql) = match &node.native {
            Some(native) if !(node.kind == Kind::Text && native.family != Family::Uuid) => {
                (of_family(native.family), native.sql.clone())
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

    /// The column that SQL of another query sees, under a name of SQLite's and one of PostgreSQL's.
    pub(crate) fn column(&self, source: &str, sql: String) -> ScopeColumn {
        ScopeColumn {
            source: source.to_owned(),
            sql,
            conversion: self.conversion.clone(),
            affinity: self.affinity,
            collation: self.collation.clone(),
            not_null: self.not_null,
        }
    }

    /// The value as SQLite has it.
    pub(crate) fn node(&self, sql: String) -> Node {
        column::node(&self.column("", sql))
    }

    /// Refuses what may be equal in one of the databases alone: where rows are told apart by it.
    pub(crate) fn must_compare(&self) -> Result<()> {
        must_compare(&self.conversion, &self.collation)
    }
}

/// Refuses values that may be equal in one of the databases alone.
pub(crate) fn must_compare(conversion: &Conversion, collation: &Collation) -> Result<()> {
    match conversion {
        Conversion::Json
        | Conversion::Jsonb
        | Conversion::JsonbLastKeyWins
        | Conversion::BooleanFromWords
        | Conversion::TextFromAny
        | Conversion::ByteaFromAny => untranslatable(format!(
            "rows that are told apart by {}, which may be equal where SQLite's values differ",
            conversion.name()
        )),
        Conversion::Text if *collation != Collation::Binary => {
            untranslatable("rows that are told apart by text under a collation")
        }
        _ => Ok(()),
    }
}

/// The conversion whose values are in a form of PostgreSQL's own.
fn of_family(family: Family) -> Conversion {
    match family {
        Family::Boolean => Conversion::Boolean,
        Family::EpochMilliseconds => Conversion::TimestamptzFromEpochMs,
        Family::EpochSeconds => Conversion::TimestamptzFromEpochS,
        Family::EpochMicroseconds => Conversion::TimestamptzFromEpochUs,
        Family::JulianDay => Conversion::TimestamptzFromJulianDay,
        Family::Instant => Conversion::TimestamptzFromIso8601(NaiveZone::default()),
        Family::Wall => Conversion::TimestampFromIso8601,
        Family::Date => Conversion::Date,
        Family::Time => Conversion::Time,
        Family::Uuid => Conversion::Uuid,
    }
}

/// A value of one of SQLite's classes, with a cast that pins PostgreSQL's type: that of a literal alone would depend on what
/// stands around it.
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
        Kind::Unknown => return untranslatable("a value whose exact form PostgreSQL's type does not keep"),
    })
}
