//! What the catalog says about the tables that a smoke test tries: columns, rights, and foreign keys in both directions.
//!
//! It reads the catalog and nothing else.

use migrate_core::identifier::{qualified_pg, quote_pg};
use postgres_client::Connection;
use serde::Deserialize;

use super::outcome::{NotTried, Operation, Right};
use crate::error::{Context, Result};

/// Every table of the database that belongs to no extension and is no partition, each as JSON.
const TABLES_SQL: &str = include_str!("tables.sql");

/// A table.
#[derive(Clone, Debug, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of the catalog")]
pub(super) struct Table {
    pub(super) oid: String,
    pub(super) schema: String,
    pub(super) name: String,
    is_partitioned: bool,
    has_row_security: bool,
    has_foreign_partition: bool,
    may_use: bool,
    may_select: bool,
    may_insert: bool,
    may_update: bool,
    may_delete: bool,
    pub(super) columns: Vec<Column>,
    unique_keys: Vec<UniqueKey>,
    pub(super) references: Vec<Reference>,
    pub(super) referenced_by: Vec<IncomingReference>,
}

/// A column.
#[derive(Clone, Debug, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of the catalog")]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type, with its schema and length.
    pub(super) type_name: String,
    /// The type below a domain, else the same.
    pub(super) base_name: String,
    /// The name of that type alone.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// PostgreSQL's category of the type (`pg_type.typcategory`).
    pub(super) category: String,
    pub(super) not_null: bool,
    identity: String,
    pub(super) is_generated: bool,
    pub(super) has_default: bool,
    /// Whether new rows get a number from a sequence.
    pub(super) draws_number: bool,
    /// Whether it is in a key, a unique index or an exclusion constraint.
    pub(super) is_unique: bool,
}

/// A unique index of the table or of one of its partitions.
#[derive(Clone, Debug, Deserialize)]
struct UniqueKey {
    name: String,
    columns: Vec<String>,
    has_expression: bool,
}

/// A foreign key of the table.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reference {
    pub(super) constraint: String,
    /// The OID of the table that it refers to.
    pub(super) parent: String,
    pub(super) columns: Vec<String>,
    pub(super) keys: Vec<String>,
}

/// A foreign key that refers to the table.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct IncomingReference {
    pub(super) constraint: String,
    schema: String,
    table: String,
    /// `pg_constraint.confdeltype`.
    action: String,
    columns: Vec<String>,
    keys: Vec<String>,
    /// The operators that compare key and column, with their schemas.
    operators: Vec<String>,
}

impl Table {
    /// Its name as SQL writes it, with its schema.
    pub(super) fn name_in_sql(&self) -> String {
        qualified_pg(&self.schema, &self.name)
    }

    /// The same for a statement that changes its own rows alone, and not those of tables that inherit from it.
    pub(super) fn only(&self) -> String {
        let only = if self.is_partitioned { "" } else { "ONLY " };
        format!("{only}{}", self.name_in_sql())
    }

    /// Why an operation cannot be tried, as far as the catalog knows.
    pub(super) fn obstacle(&self, operation: Operation) -> Option<NotTried> {
        if !self.may_use {
            return Some(NotTried::MissingRight(Right::Usage));
        }
        if self.has_row_security {
            return Some(NotTried::RowSecurity);
        }
        if self.has_foreign_partition {
            return Some(NotTried::ForeignPartition);
        }
        let (may, right) = match operation {
            Operation::Insert => (self.may_insert, Right::Insert),
            Operation::Update => (self.may_update, Right::Update),
            Operation::Delete => (self.may_delete, Right::Delete),
        };
        if !may {
            return Some(NotTried::MissingRight(right));
        }
        (!self.may_select).then_some(NotTried::MissingRight(Right::Select))
    }

    /// Whether a row can be locked: `FOR UPDATE` needs the right to UPDATE.
    pub(super) fn can_lock(&self) -> bool {
        self.may_update
    }

    /// A foreign key that changes other rows when a row of this table is deleted.
    pub(super) fn cascade(&self) -> Option<&IncomingReference> {
        self.referenced_by.iter().find(|reference| !matches!(reference.action.as_str(), "a" | "r"))
    }

    /// Whether a column is part of a foreign key of the table.
    pub(super) fn is_reference(&self, column: &Column) -> bool {
        self.references.iter().any(|reference| reference.columns.contains(&column.name))
    }

    /// Whether new rows get their key from a sequence.
    pub(super) fn draws_key(&self) -> bool {
        self.unique_keys.iter().any(|key| self.is_drawn(key))
    }

    /// Whether a name is that of a key which new rows get from a sequence.
    pub(super) fn is_drawn_key(&self, constraint: &str) -> bool {
        self.unique_keys.iter().any(|key| key.name == constraint && self.is_drawn(key))
    }

    fn is_drawn(&self, key: &UniqueKey) -> bool {
        let draws =
            |name: &String| self.columns.iter().any(|column| column.name == *name && column.draws_number);
        !key.has_expression && key.columns.iter().all(draws)
    }

    /// Whether a name is that of a foreign key which refers to the table.
    pub(super) fn is_referenced_by(&self, constraint: &str) -> bool {
        self.referenced_by.iter().any(|reference| reference.constraint == constraint)
    }
}

impl Column {
    /// Whether an UPDATE may set it to a value.
    pub(super) fn can_be_set(&self) -> bool {
        !self.is_generated && self.identity != "a"
    }

    /// Whether an INSERT that names it needs OVERRIDING SYSTEM VALUE.
    pub(super) fn is_always_identity(&self) -> bool {
        self.identity == "a"
    }
}

impl IncomingReference {
    /// The condition that no row refers to the row `r`.
    pub(super) fn is_unused(&self) -> String {
        let pairs = self.columns.iter().zip(&self.keys).zip(&self.operators);
        let equal = pairs.map(|((column, key), operator)| {
            format!("r.{} OPERATOR({operator}) d.{}", quote_pg(key), quote_pg(column))
        });
        let equal = equal.collect::<Vec<_>>().join(" AND ");
        format!("NOT EXISTS (SELECT FROM {} AS d WHERE {equal})", qualified_pg(&self.schema, &self.table))
    }
}

/// Reads every table of the database.
///
/// # Errors
/// When the catalog cannot be read.
pub(super) fn tables(connection: &mut Connection) -> Result<Vec<Table>> {
    let failed = || "the tables of the database cannot be listed";
    let rows: Vec<String> = connection.load(TABLES_SQL, &[]).context(failed)?;
    rows.iter().map(|row| serde_json::from_str(row).context(failed)).collect()
}
