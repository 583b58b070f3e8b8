//! What schemas of a target hold before anything is moved into them: the tables that an app made there.
//!
//! Facts only, as PostgreSQL's catalog words them; reading them is I/O and done elsewhere, what follows from them is the planner's.

mod derived;

use serde::{Deserialize, Serialize};

use crate::identifier::qualified_pg;
use crate::terms::DEFAULT_SCHEMA;

pub use derived::{
    FilledColumn, SequenceLink, SequenceUse, TargetMaterializedView, TargetSequence, TriggerEffect,
    UpdatedColumn,
};

/// The schemas in which the tables of an app are, as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetSchema {
    /// The names of the schemas, in the order of the search path: a name means the relation in the first schema that has one.
    pub schemas: Vec<String>,
    /// The tables, ordered by schema and name.
    pub tables: Vec<TargetTable>,
    /// The names of all relations: tables, views, indexes and sequences share one name space (PostgreSQL manual, section 5.10.1).
    pub relations: Vec<String>,
    /// The sequences of the database.
    pub sequences: Vec<TargetSequence>,
    /// The materialized views that read these tables, each after those that it reads.
    pub materialized_views: Vec<TargetMaterializedView>,
    /// The tables in other schemas, each with its schema.
    pub outside: Vec<(String, String)>,
}

/// A table of the target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetTable {
    /// Its schema.
    #[serde(default = "default_schema", skip_serializing_if = "is_default_schema")]
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether a relation of its name in an earlier schema of the search path hides it: SQL reaches it only with its schema.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_hidden: bool,
    /// The rows that it holds.
    pub rows: u64,
    /// Whether the role that asks may alter it.
    pub is_ours: bool,
    /// Its columns, in their order.
    pub columns: Vec<TargetColumn>,
    /// The primary key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_key: Option<TargetKey>,
    /// What else keeps values unique: constraints, and indexes on plain columns without a condition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<TargetKey>,
    /// Its foreign keys.
    pub foreign_keys: Vec<TargetForeignKey>,
    /// The other tables whose foreign keys point here: by bare name in its own schema, else as [`qualified_pg`] writes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referenced_by: Vec<String>,
    /// The app's triggers that fire for an ordinary session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<TargetTrigger>,
    /// Triggers of its partitions that do not follow from those of the table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_triggers: Vec<PartitionTrigger>,
    /// All that validation compares, as PostgreSQL describes it.
    pub facts: Vec<TargetFact>,
}

/// A column of the target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetColumn {
    /// Its name.
    pub name: String,
    /// Its type in full, as `format_type` prints it.
    pub type_name: String,
    /// The name in `pg_catalog` of the type beneath, a domain's own among it; `enum` or `citext` for these; empty for any other.
    pub base: String,
    /// The type's modifier (`atttypmod`), -1 where it has none.
    pub modifier: i32,
    /// The labels of an enum, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Whether it takes no NULL.
    pub not_null: bool,
    /// The SQL of its default, or of the expression that generates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether it is an identity column, of either kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_identity: bool,
    /// Whether PostgreSQL generates it from other columns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_generated: bool,
    /// The sequence that numbers it, as SQL names it: an identity's, or the one that its default draws from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
}

impl TargetColumn {
    /// Whether PostgreSQL can make it an identity column: of an integer type itself, not of a domain.
    pub fn can_be_numbered(&self) -> bool {
        self.highest_number().is_some()
    }

    /// The highest number that an identity column of its type issues; none where it cannot be one.
    pub fn highest_number(&self) -> Option<i64> {
        match self.type_name.as_str() {
            "smallint" => Some(i16::MAX.into()),
            "integer" => Some(i32::MAX.into()),
            "bigint" => Some(i64::MAX),
            _ => None,
        }
    }
}

/// A PRIMARY KEY, or what else keeps rows unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetKey {
    /// The name of the constraint or index.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetForeignKey {
    /// The constraint's name.
    pub name: String,
    /// The columns of its table.
    pub columns: Vec<String>,
    /// The schema of the table that it points to; none where that is in its own schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_schema: Option<String>,
    /// The table that it points to.
    pub parent: String,
    /// The columns that it points to.
    pub parent_columns: Vec<String>,
    /// Its definition, as `pg_get_constraintdef` prints it.
    pub definition: String,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Those of PostgreSQL's own triggers for it that do not fire as usual.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub switched: Vec<SwitchedTrigger>,
}

/// A trigger of PostgreSQL's own that a superuser has switched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchedTrigger {
    /// The function that it calls, of which a foreign key has each once.
    pub function: String,
    /// How `ALTER TABLE … TRIGGER` switches it so: `DISABLE`, `ENABLE REPLICA` or `ENABLE ALWAYS`.
    pub how: String,
}

/// A trigger of the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetTrigger {
    /// Its name.
    pub name: String,
    /// Whether it fires always, whatever `session_replication_role` says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_always: bool,
    /// What it does with inserted rows; none where it is not called for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TriggerEffect>,
}

/// A trigger of a partition: its own, or one of the table that is switched otherwise there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionTrigger {
    /// The partition, as SQL names it.
    pub partition: String,
    /// Its name.
    pub name: String,
    /// How `ALTER TABLE … TRIGGER` switches it so: `ENABLE`, `DISABLE`, `ENABLE REPLICA` or `ENABLE ALWAYS`.
    pub how: String,
}

/// One fact of a table, such as a column or a constraint, in PostgreSQL's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetFact {
    /// What it is about, such as `column id`.
    pub item: String,
    /// How it is defined.
    pub definition: String,
}

fn default_schema() -> String {
    DEFAULT_SCHEMA.to_owned()
}

fn is_default_schema(schema: &str) -> bool {
    schema == DEFAULT_SCHEMA
}

impl TargetSchema {
    /// The table that this name means without a schema.
    pub fn table(&self, name: &str) -> Option<&TargetTable> {
        self.tables.iter().find(|table| table.name == name && !table.is_hidden)
    }
}

impl TargetTable {
    /// Its name as SQL writes it, with its schema.
    pub fn name_in_sql(&self) -> String {
        qualified_pg(&self.schema, &self.name)
    }

    /// Its name for people, with its schema unless that is `public`.
    pub fn name_in_words(&self) -> String {
        match is_default_schema(&self.schema) {
            true => self.name.clone(),
            false => format!("{}.{}", self.schema, self.name),
        }
    }

    /// Whether `reference`, one of `referenced_by` of a table in `schema`, is this table.
    pub fn is_referred_to(&self, reference: &str, schema: &str) -> bool {
        if self.schema == schema { reference == self.name } else { reference == self.name_in_sql() }
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&TargetColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl TargetColumn {
    /// Whether a row that leaves it out has a value for it, NULL among them.
    pub(crate) fn fills_itself(&self) -> bool {
        !self.not_null || self.default.is_some() || self.is_identity || self.is_generated
    }
}
