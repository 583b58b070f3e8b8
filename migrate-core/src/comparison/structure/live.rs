//! What the target has, as far as the columns of a [`TargetSchema`](crate::target_schema::TargetSchema) do not tell: facts of
//! PostgreSQL's catalog.

use std::collections::BTreeMap;

/// The keys, indexes, constraints, views and triggers of the target.
#[derive(Clone, Debug, Default)]
pub struct LiveStructure {
    /// Those of tables.
    pub tables: Vec<LiveTable>,
    /// The names of all relations in the schemas of these tables: what is created needs another name.
    pub relations: Vec<String>,
    /// Views and materialized views.
    pub views: Vec<LiveView>,
    /// Expressions as PostgreSQL prints them, by table as SQL names it and by what was given: two that are printed alike are one.
    pub printed: BTreeMap<(String, String), String>,
}

/// What a table has besides its columns.
#[derive(Clone, Debug, Default)]
pub struct LiveTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its indexes, those of constraints among them.
    pub indexes: Vec<LiveIndex>,
    /// Its foreign keys.
    pub foreign_keys: Vec<LiveForeignKey>,
    /// Its CHECKs.
    pub checks: Vec<LiveCheck>,
    /// Its columns that are GENERATED ALWAYS AS IDENTITY.
    pub always_identity: Vec<String>,
    /// Its columns whose values are equal for upper and lower case: of type `citext`, or of a collation that is not deterministic.
    pub folding: Vec<String>,
    /// The expressions of its generated columns, as PostgreSQL prints them.
    pub generated: Vec<String>,
    /// The CHECKs of the domains that its columns have as their types.
    pub domain_checks: Vec<LiveDomainCheck>,
    /// Its triggers, but for those of PostgreSQL's own.
    pub triggers: Vec<LiveTrigger>,
    /// Its rules.
    pub rules: Vec<LiveRule>,
    /// Whether policies decide which rows a role sees.
    pub has_row_security: bool,
    /// Whether it is UNLOGGED: empty after a crash.
    pub is_unlogged: bool,
    /// Whether tables that inherit from it have rows, which its keys do not know.
    pub has_rows_in_children: bool,
    /// The bounds of its partitions, where none takes the rows that all others do not.
    pub bounds: Vec<String>,
}

/// A view.
#[derive(Clone, Debug, Default)]
pub struct LiveView {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether it is materialized.
    pub is_materialized: bool,
    /// Whether something else reads it, so that it cannot be dropped alone.
    pub is_read_by_others: bool,
    /// Whether reading it runs only what is PostgreSQL's own.
    pub is_postgresqls_own: bool,
    /// Whether the role may read it.
    pub is_readable: bool,
    /// Its columns and their types, in their order.
    pub columns: Vec<(String, String)>,
    /// Its triggers.
    pub triggers: Vec<LiveTrigger>,
}

/// A trigger.
#[derive(Clone, Debug, Default)]
pub struct LiveTrigger {
    /// Its name.
    pub name: String,
    /// Whether it fires for an ordinary session.
    pub is_enabled: bool,
    /// Whether it runs before a row is stored, and may change or drop it.
    pub is_before_row: bool,
    /// What it fires for, such as `INSERT`.
    pub events: Vec<String>,
    /// The columns whose UPDATE it fires for; empty where it is for all.
    pub columns: Vec<String>,
    /// The text of its function; none where that is PostgreSQL's own.
    pub function: Option<String>,
}

/// A rule of a table.
#[derive(Clone, Debug, Default)]
pub struct LiveRule {
    /// Its name.
    pub name: String,
    /// The statement that it is for, such as `INSERT`.
    pub event: String,
    /// Whether it replaces the statement.
    pub is_instead: bool,
}

/// A CHECK of the domain that is a column's type.
#[derive(Clone, Debug, Default)]
pub struct LiveDomainCheck {
    /// The column.
    pub column: String,
    /// The domain.
    pub domain: String,
    /// Its condition on the column.
    pub expression: String,
}

/// An index.
#[derive(Clone, Debug, Default)]
pub struct LiveIndex {
    /// Its name.
    pub name: String,
    /// Whether it is unique.
    pub is_unique: bool,
    /// Whether it is the primary key's.
    pub is_primary: bool,
    /// Whether a constraint made it.
    pub is_constraint: bool,
    /// Whether PostgreSQL uses it.
    pub is_valid: bool,
    /// Whether it is checked at once: a deferrable one is not, and serves for no ON CONFLICT.
    pub is_immediate: bool,
    /// Whether it is an exclusion constraint's.
    pub is_exclusion: bool,
    /// Whether it is unique with NULLS NOT DISTINCT: two rows with NULL are refused.
    pub has_one_null: bool,
    /// Whether it is a B-tree.
    pub is_btree: bool,
    /// Its keys, in their order.
    pub keys: Vec<LiveKey>,
    /// The condition of a partial index, as PostgreSQL prints it.
    pub condition: Option<String>,
}

/// A key of an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveKey {
    /// The column; none where it is an expression.
    pub column: Option<String>,
    /// The key as PostgreSQL prints it.
    pub sql: String,
    /// Whether it is sorted descending.
    pub is_descending: bool,
    /// Whether it is equal for upper and lower case: of type `citext`, or of a collation that is not deterministic.
    pub folds_case: bool,
    /// Its operator class, where that compares otherwise than the default one.
    pub class: Option<String>,
}

/// A foreign key.
#[derive(Clone, Debug, Default)]
pub struct LiveForeignKey {
    /// The constraint's name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The schema of the table that it references.
    pub parent_schema: String,
    /// The table that it references.
    pub parent: String,
    /// The columns that it references.
    pub parent_columns: Vec<String>,
    /// `ON UPDATE`, in SQL's words.
    pub on_update: String,
    /// `ON DELETE`, in SQL's words.
    pub on_delete: String,
    /// Whether it is DEFERRABLE INITIALLY DEFERRED.
    pub is_deferred: bool,
    /// Whether it was tried on all rows.
    pub is_valid: bool,
    /// Whether PostgreSQL's own triggers for it fire for an ordinary session.
    pub is_enforced: bool,
    /// Whether it is MATCH FULL: it refuses a key of which some columns are NULL.
    pub is_match_full: bool,
    /// The columns that ON DELETE sets; empty where it sets all.
    pub set_columns: Vec<String>,
}

/// A CHECK.
#[derive(Clone, Debug, Default)]
pub struct LiveCheck {
    /// The constraint's name.
    pub name: String,
    /// Its condition, as PostgreSQL prints it.
    pub expression: String,
    /// Whether it was tried on all rows.
    pub is_valid: bool,
}

impl LiveStructure {
    /// The table of this name.
    pub fn table(&self, schema: &str, name: &str) -> Option<&LiveTable> {
        self.tables.iter().find(|table| table.schema == schema && table.name == name)
    }

    /// Whether two expressions on a table, as SQL names it, are the same. Where PostgreSQL has not printed one, their words decide.
    pub(super) fn is_same_sql(&self, table: &str, one: &str, other: &str) -> bool {
        let printed = |sql: &str| self.printed.get(&(table.to_owned(), sql.to_owned()));
        match (printed(one), printed(other)) {
            (Some(one), Some(other)) => one == other,
            _ => words(one) == words(other),
        }
    }
}

/// An expression without white space and outer brackets.
fn words(sql: &str) -> String {
    let mut rest = sql.trim();
    while let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        if !is_balanced(inner) {
            break;
        }
        rest = inner.trim();
    }
    rest.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// Whether each bracket that is closed was opened before.
fn is_balanced(sql: &str) -> bool {
    let mut depth = 0_i32;
    for letter in sql.chars() {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}
