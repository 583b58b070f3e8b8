//! The migrations that a database should have, and how they are read from it.

use postgres_client::Connection;

/// The lists that a database may have, each with the migrations that should be in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedList {
    /// The schema of the list.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column that identifies a migration.
    pub column: String,
    /// The migrations.
    pub migrations: Vec<ExpectedMigration>,
}

/// A migration that should be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedMigration {
    /// Its name, for people.
    pub name: String,
    /// Its value in the list: a version or a hash.
    pub key: String,
}

/// What a database is expected to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The lists. A database has one of them or several; those that are there must be complete.
    pub lists: Vec<ExpectedList>,
    /// Whether the database certainly has one of them. Where it is a guess, a database without any is not judged, nor one whose list has
    /// none of the migrations.
    pub is_certain: bool,
}

impl ExpectedList {
    /// Diesel's list in a schema; each migration with its name and version.
    pub fn diesel(schema: &str, migrations: impl IntoIterator<Item = (String, String)>) -> ExpectedList {
        ExpectedList::new([schema, "__diesel_schema_migrations", "version"], migrations)
    }

    /// Drizzle's list; each migration with its name and hash.
    pub fn drizzle(migrations: impl IntoIterator<Item = (String, String)>) -> ExpectedList {
        ExpectedList::new(["drizzle", "__drizzle_migrations", "hash"], migrations)
    }

    fn new(place: [&str; 3], migrations: impl IntoIterator<Item = (String, String)>) -> ExpectedList {
        let [schema, table, column] = place.map(str::to_owned);
        let migrations = migrations.into_iter().map(|(name, key)| ExpectedMigration { name, key }).collect();
        ExpectedList { schema, table, column, migrations }
    }

    /// The table as SQL names it.
    pub(crate) fn sql_name(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.table))
    }

    /// The table as people name it.
    pub fn name(&self) -> String {
        format!("{}.{}", self.schema, self.table)
    }
}

/// Finds out what is expected, in a session of the probe: a ledger in the database may know.
pub(crate) type FindExpected =
    Box<dyn Fn(&mut Connection) -> postgres_client::Result<Expected> + Send + Sync>;

/// A name as SQL quotes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
