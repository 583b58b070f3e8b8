//! The databases that a measurement compares, filled alike, and copies of them. Operations go through `hyperpage_store`; this module reads
//! the results with plain SQL, so that invariants are not checked by the code that they are about.

use std::cell::{Cell, OnceCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use hyperpage_store::Store;
use hyperpage_store::postgres::Pool;
use postgres_client::Connection;
use rusqlite::types::ValueRef;

use super::dataset::{Dataset, Dialect};
use super::stores;
use crate::bench::server::{BenchDatabase, Server, execute};
use crate::workspace;

/// How long a SQLite connection waits for a lock: the default of better-sqlite3, with which the app runs.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A database system, as the app runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum BackendKind {
    /// WAL, and the log is synced at each commit: as durable as PostgreSQL.
    SqliteFull,
    /// WAL, synced at checkpoints only: a crash of the machine can lose the last commits.
    SqliteNormal,
    /// A pool that all users share.
    Postgres,
}

impl BackendKind {
    /// All, in the order of tables.
    pub(crate) const ALL: [BackendKind; 3] =
        [BackendKind::SqliteFull, BackendKind::SqliteNormal, BackendKind::Postgres];

    /// Its name for programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            BackendKind::SqliteFull => "sqlite_full",
            BackendKind::SqliteNormal => "sqlite_normal",
            BackendKind::Postgres => "postgresql",
        }
    }

    /// Its name for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            BackendKind::SqliteFull => "SQLite FULL",
            BackendKind::SqliteNormal => "SQLite NORMAL",
            BackendKind::Postgres => "PostgreSQL",
        }
    }
}

/// A filled database.
pub(crate) trait Database {
    /// Returns a copy with the same rows, which is removed with its value. Nobody may be connected to this one.
    fn copy(&self) -> anyhow::Result<Box<dyn Database + '_>>;
    /// Opens what one user works with.
    fn user(&self) -> anyhow::Result<Box<dyn Store + Send>>;
    /// Opens a session for plain SQL.
    fn session(&self) -> anyhow::Result<Box<dyn Session>>;
    /// The SQL that this database expects.
    fn dialect(&self) -> Dialect;
    /// Returns its size on disk, in bytes.
    fn bytes(&self) -> anyhow::Result<u64>;
}

/// A session for plain SQL.
pub(crate) trait Session {
    /// Runs a query with at most one parameter, and returns its rows as text.
    fn rows(&mut self, sql: &str, parameter: Option<&str>) -> anyhow::Result<Vec<Vec<String>>>;

    /// Runs a query with one number as its answer.
    fn number(&mut self, sql: &str) -> anyhow::Result<i64> {
        let rows = self.rows(sql, None)?;
        let field =
            rows.first().and_then(|row| row.first()).with_context(|| format!("no answer to: {sql}"))?;
        field.parse().with_context(|| format!("no number is the answer to: {sql}"))
    }
}

impl Session for rusqlite::Connection {
    fn rows(&mut self, sql: &str, parameter: Option<&str>) -> anyhow::Result<Vec<Vec<String>>> {
        let read = || -> rusqlite::Result<Vec<Vec<String>>> {
            let mut statement = self.prepare_cached(sql)?;
            let columns = statement.column_count();
            let row = |row: &rusqlite::Row<'_>| {
                let field = |column| {
                    Ok(match row.get_ref(column)? {
                        ValueRef::Integer(number) => number.to_string(),
                        other => other.as_str_or_null()?.unwrap_or_default().to_owned(),
                    })
                };
                (0..columns).map(field).collect()
            };
            statement.query_map(rusqlite::params_from_iter(parameter), row)?.collect()
        };
        read().with_context(|| format!("SQLite refused: {sql}"))
    }
}

impl Session for Connection {
    fn rows(&mut self, sql: &str, parameter: Option<&str>) -> anyhow::Result<Vec<Vec<String>>> {
        let parameters: Vec<Option<&str>> = parameter.into_iter().map(Some).collect();
        let rows = self.with_long_silence(|session| session.query(sql, &parameters))?;
        Ok(rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()).collect())
    }
}

/// Where databases are created.
#[derive(Debug)]
pub(crate) struct Backends<'s> {
    server: &'s Server,
    folder: PathBuf,
    pool_max: u32,
    files: Cell<u32>,
}

impl<'s> Backends<'s> {
    /// Creates files in `folder` and databases in `server`, each with a pool of `pool_max` connections.
    pub(crate) fn new(server: &'s Server, folder: &Path, pool_max: u32) -> Backends<'s> {
        Backends { server, folder: folder.to_owned(), pool_max, files: Cell::new(0) }
    }

    /// Creates and fills a database.
    ///
    /// # Errors
    /// When a statement fails.
    pub(crate) fn create(
        &self,
        kind: BackendKind,
        dataset: Dataset,
    ) -> anyhow::Result<Box<dyn Database + '_>> {
        let is_full = match kind {
            BackendKind::SqliteFull => true,
            BackendKind::SqliteNormal => false,
            BackendKind::Postgres => return Ok(Box::new(self.create_postgres(dataset)?)),
        };
        Ok(Box::new(self.create_sqlite(dataset, is_full)?))
    }

    fn create_sqlite(&self, dataset: Dataset, is_full: bool) -> anyhow::Result<SqliteDatabase<'_>> {
        let database = SqliteDatabase { backends: self, path: self.next_path(), is_full };
        let fill = || -> rusqlite::Result<()> {
            let connection = rusqlite::Connection::open(&database.path)?;
            // Nobody else is connected, and an unfinished file is thrown away.
            connection.execute_batch(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; BEGIN",
            )?;
            for migration in schema_sqlite::LEGACY_MIGRATIONS {
                connection.execute_batch(migration.up_sql)?;
            }
            for sql in dataset.statements(Dialect::Sqlite) {
                connection.execute_batch(&sql)?;
            }
            connection.execute_batch("COMMIT; ANALYZE; PRAGMA journal_mode = WAL")?;
            connection.close().map_err(|(_, error)| error)
        };
        fill().context("a SQLite database cannot be filled")?;
        fs::File::open(&database.path)
            .and_then(|file| file.sync_all())
            .context("a SQLite database cannot be written")?;
        Ok(database)
    }

    fn create_postgres(&self, dataset: Dataset) -> anyhow::Result<PostgresDatabase<'_>> {
        let database = self.server.database()?;
        let mut session = database.connect()?;
        let [tables, constraints] = migrations()?;
        execute(&mut session, "SET statement_timeout = 0")?;
        execute(&mut session, &tables).context("the tables cannot be created")?;
        for sql in dataset.statements(Dialect::Postgres) {
            execute(&mut session, &sql).context("the tables cannot be filled")?;
        }
        execute(&mut session, &constraints).context("the keys and indexes cannot be created")?;
        execute(&mut session, "ANALYZE").context("the tables cannot be analysed")?;
        drop(session);
        self.server.checkpoint()?;
        Ok(PostgresDatabase { backends: self, database, pool: OnceCell::new() })
    }

    fn next_path(&self) -> PathBuf {
        let number = self.files.replace(self.files.get() + 1);
        self.folder.join(format!("app-{number}.db"))
    }
}

/// Reads the two migrations of the reviewed plan: the tables, then keys and indexes.
fn migrations() -> anyhow::Result<[String; 2]> {
    let folder = workspace::plan_dir().join("migrations");
    let read = || -> std::io::Result<Vec<String>> {
        let entries = fs::read_dir(&folder)?.collect::<std::io::Result<Vec<_>>>()?;
        let mut folders: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        folders.sort();
        folders.iter().map(|folder| fs::read_to_string(folder.join("up.sql"))).collect()
    };
    let found = read().with_context(|| format!("{} cannot be read", folder.display()))?;
    found.try_into().map_err(|found: Vec<String>| {
        anyhow::anyhow!("{} holds {} migrations, not two", folder.display(), found.len())
    })
}

/// A file, which is removed with the value.
struct SqliteDatabase<'b> {
    backends: &'b Backends<'b>,
    path: PathBuf,
    is_full: bool,
}

impl SqliteDatabase<'_> {
    fn files(&self) -> [PathBuf; 3] {
        ["", "-wal", "-shm"].map(|end| {
            let mut path = self.path.clone().into_os_string();
            path.push(end);
            PathBuf::from(path)
        })
    }
}

impl Database for SqliteDatabase<'_> {
    fn copy(&self) -> anyhow::Result<Box<dyn Database + '_>> {
        let copy = SqliteDatabase { path: self.backends.next_path(), ..*self };
        let copied = fs::copy(&self.path, &copy.path)
            .and_then(|_| fs::File::open(&copy.path))
            .and_then(|file| file.sync_all());
        copied.context("a SQLite database cannot be copied")?;
        Ok(Box::new(copy))
    }

    fn user(&self) -> anyhow::Result<Box<dyn Store + Send>> {
        stores::open_sqlite(&self.path, self.is_full)
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session>> {
        let open = || -> rusqlite::Result<rusqlite::Connection> {
            let connection = rusqlite::Connection::open(&self.path)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            Ok(connection)
        };
        Ok(Box::new(open().context("a SQLite database cannot be opened")?))
    }

    fn bytes(&self) -> anyhow::Result<u64> {
        let sizes = self.files().map(|path| fs::metadata(path).map_or(0, |found| found.len()));
        Ok(sizes.iter().sum())
    }
}

impl Drop for SqliteDatabase<'_> {
    fn drop(&mut self) {
        for path in self.files() {
            // The folder is removed with everything in it at the end; without WAL there are fewer files.
            let _ = fs::remove_file(path);
        }
    }
}

/// A database of the server, which is dropped with the value.
struct PostgresDatabase<'b> {
    backends: &'b Backends<'b>,
    database: BenchDatabase<'b>,
    /// Opened by the first user.
    pool: OnceCell<Pool>,
}

impl Database for PostgresDatabase<'_> {
    fn copy(&self) -> anyhow::Result<Box<dyn Database + '_>> {
        let database = self.database.copy()?;
        Ok(Box::new(PostgresDatabase { backends: self.backends, database, pool: OnceCell::new() }))
    }

    fn user(&self) -> anyhow::Result<Box<dyn Store + Send>> {
        let pool = match self.pool.get() {
            Some(pool) => pool,
            None => {
                let pool = stores::open_pool(&self.database.login_url(), self.backends.pool_max)?;
                self.pool.get_or_init(|| pool)
            }
        };
        Ok(stores::open_postgres(pool))
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn session(&self) -> anyhow::Result<Box<dyn Session>> {
        Ok(Box::new(self.database.connect()?))
    }

    fn bytes(&self) -> anyhow::Result<u64> {
        let sql = "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())";
        let size = self.session()?.number(sql)?;
        Ok(size.unsigned_abs())
    }
}
