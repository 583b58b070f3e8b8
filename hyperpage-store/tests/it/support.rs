//! Both databases with the tables of the app, and what tests need of either.

use std::path::PathBuf;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use diesel_migrations::MigrationHarness;
use hyperpage_store::sqlite::{SqliteOptions, Synchronous};
use hyperpage_store::{PostgresStore, SqliteStore, Store, Timestamp, postgres};
use tempfile::TempDir;
use test_database::TestDatabase;

/// A database with the tables of the app and no rows.
pub(crate) trait Database: Sync {
    /// Opens the database once more.
    fn open(&self) -> Box<dyn Store + Send>;
    /// Runs statements.
    fn execute(&self, sql: &str);
    /// Returns the values of a query with one column of text.
    fn texts(&self, sql: &str) -> Vec<Option<String>>;
    /// A moment as a literal.
    fn moment(&self, epoch_ms: i64) -> String;
}

/// Runs a test on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            #[test]
            fn sqlite() {
                super::$name(&crate::support::Sqlite::create());
            }
            #[test]
            fn postgres() {
                super::$name(&crate::support::Postgres::create());
            }
        }
    )* };
}
pub(crate) use on_both;

#[derive(QueryableByName)]
struct OneText {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

pub(crate) struct Sqlite {
    path: PathBuf,
    _folder: TempDir,
}

impl Sqlite {
    pub(crate) fn create() -> Sqlite {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("app #1 100%?.db");
        std::fs::write(&path, "").unwrap();
        let database = Sqlite { path, _folder: folder };
        for migration in schema_sqlite::LEGACY_MIGRATIONS {
            database.execute(migration.up_sql);
        }
        database
    }

    pub(crate) fn store(&self, busy_timeout: Duration) -> SqliteStore {
        let options = SqliteOptions { busy_timeout, synchronous: Synchronous::Normal };
        SqliteStore::open(&self.path, options).unwrap()
    }

    pub(crate) fn connect(&self) -> SqliteConnection {
        let path = self.path.to_str().unwrap();
        let uri = format!("file:{}", path.replace('%', "%25").replace('?', "%3f").replace('#', "%23"));
        let mut connection = SqliteConnection::establish(&uri).unwrap();
        connection.batch_execute("PRAGMA busy_timeout = 30000").unwrap();
        connection
    }
}

impl Database for Sqlite {
    fn open(&self) -> Box<dyn Store + Send> {
        Box::new(self.store(Duration::from_secs(60)))
    }

    fn execute(&self, sql: &str) {
        self.connect().batch_execute(sql).unwrap();
    }

    fn texts(&self, sql: &str) -> Vec<Option<String>> {
        let rows: Vec<OneText> = diesel::sql_query(sql).load(&mut self.connect()).unwrap();
        rows.into_iter().map(|row| row.value).collect()
    }

    fn moment(&self, epoch_ms: i64) -> String {
        epoch_ms.to_string()
    }
}

pub(crate) struct Postgres {
    database: TestDatabase,
}

impl Postgres {
    pub(crate) fn create() -> Postgres {
        let database = Postgres { database: TestDatabase::create() };
        database.connect().run_pending_migrations(schema_pg::MIGRATIONS).unwrap();
        database
    }

    pub(crate) fn url(&self) -> &str {
        self.database.url()
    }

    pub(crate) fn connect(&self) -> PgConnection {
        PgConnection::establish(self.database.url()).unwrap()
    }
}

impl Database for Postgres {
    fn open(&self) -> Box<dyn Store + Send> {
        Box::new(PostgresStore::new(postgres::Connection::establish(self.database.url()).unwrap()))
    }

    fn execute(&self, sql: &str) {
        self.connect().batch_execute(sql).unwrap();
    }

    fn texts(&self, sql: &str) -> Vec<Option<String>> {
        let rows: Vec<OneText> = diesel::sql_query(sql).load(&mut self.connect()).unwrap();
        rows.into_iter().map(|row| row.value).collect()
    }

    fn moment(&self, epoch_ms: i64) -> String {
        format!("(timestamptz 'epoch' + {epoch_ms} * interval '1 ms')")
    }
}

/// A moment of 2024, so many milliseconds later.
pub(crate) const fn at(ms: i64) -> Timestamp {
    Timestamp::from_epoch_ms(1_705_312_800_123 + ms)
}

/// Texts that are stored as they are.
pub(crate) const TEXTS: [&str; 4] = ["", "quoted 'text' \"too\"\r\n\t\\", "\u{1D11E} ключ \u{202E}", "%_"];
