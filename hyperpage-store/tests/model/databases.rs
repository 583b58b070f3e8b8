//! The two databases as sides of a comparison: a SQLite file and a database on a PostgreSQL server, and how to read all their rows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::{Connection as _, PgConnection};
use diesel_migrations::MigrationHarness as _;
use hyperpage_store::domain::Job;
use hyperpage_store::sqlite::{SqliteOptions, Synchronous};
use hyperpage_store::{PostgresStore, SqliteStore, Store, postgres};
use rusqlite::params_from_iter;
use schema_sqlite::LEGACY_MIGRATIONS;
use tempfile::TempDir;
use test_database::TestDatabase;

use crate::comparison::Side;
use crate::json::canonical;
use crate::keys::{KEYS, key, key_name};
use crate::rows::{ATTEMPTS, Cells, KEYED_TABLES, Kind, PlainToken, Rows, TOKENS, TableColumns, cells};

/// The number of columns with encrypted tokens and their vectors, the last ones of `TOKENS`.
const ENCRYPTED: usize = 4;

/// A SQLite file with the app's tables.
pub struct SqliteSide {
    folder: TempDir,
    store: SqliteStore,
    /// Another connection, for what the store has no operation for.
    connection: rusqlite::Connection,
}

impl SqliteSide {
    /// Creates the file with the legacy migrations.
    pub fn create() -> SqliteSide {
        let folder = tempfile::tempdir().unwrap();
        let path = file_in(folder.path());
        let connection = rusqlite::Connection::open(&path).unwrap();
        for migration in LEGACY_MIGRATIONS {
            connection.execute_batch(migration.up_sql).unwrap();
            let sql = "INSERT INTO schema_migrations (migration_name, executed_at) VALUES (?1, 0)";
            connection.execute(sql, [migration.name]).unwrap();
        }
        // No power cut happens here, and waiting for the disk takes most of the time.
        let options = SqliteOptions { synchronous: Synchronous::Normal, ..SqliteOptions::default() };
        let store = SqliteStore::open(&path, options).unwrap();
        SqliteSide { folder, store, connection }
    }

    /// Closes the file, and returns the folder that contains it.
    pub fn close(self) -> TempDir {
        self.folder
    }

    /// Deletes all rows.
    pub fn clear(&mut self) {
        self.connection.execute_batch(&deletes("")).unwrap();
    }

    fn read(&self, table: &TableColumns) -> Vec<Cells> {
        let expression = |(name, kind): &(&str, Kind)| match kind {
            Kind::Text | Kind::Document => format!("\"{name}\""),
            Kind::Number | Kind::Flag | Kind::Moment => format!("CAST(\"{name}\" AS TEXT)"),
        };
        let sql = query("", table, "CAST(id AS TEXT)", expression);
        let mut statement = self.connection.prepare(&sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| (0..columns).map(|index| row.get(index)).collect());
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }
}

/// The file of a side in its folder.
pub fn file_in(folder: &Path) -> PathBuf {
    folder.join("hyperpage.db")
}

impl Side for SqliteSide {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn store(&mut self) -> &mut dyn Store {
        &mut self.store
    }

    fn rows(&mut self) -> Rows {
        rows_of(&mut |table| self.read(table))
    }

    fn insert_running_job(&mut self, job: &Job) {
        let columns = KEYED_TABLES[0].columns;
        let names: Vec<_> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let marks = vec!["?"; columns.len()].join(", ");
        // Numbers become INTEGER by the affinity of their columns.
        let sql = format!("INSERT INTO jobs ({}) VALUES ({marks}) ON CONFLICT DO NOTHING", names.join(", "));
        self.connection.execute(&sql, params_from_iter(cells::job_to_insert(job))).unwrap();
    }
}

/// A database with the app's tables.
pub struct PostgresSide {
    _database: TestDatabase,
    store: PostgresStore<postgres::Connection>,
    /// Another connection, for what the store has no operation for.
    connection: postgres_client::Connection,
}

impl PostgresSide {
    /// Creates the tables by the generated migrations.
    pub fn create() -> PostgresSide {
        let database = TestDatabase::create();
        let mut connection = PgConnection::establish(database.url()).unwrap();
        connection.run_pending_migrations(schema_pg::MIGRATIONS).unwrap();
        PostgresSide::open(database)
    }

    /// Uses a database that has the tables.
    pub fn open(database: TestDatabase) -> PostgresSide {
        let timeout = Duration::from_secs(10);
        PostgresSide {
            store: PostgresStore::new(postgres::Connection::establish(database.url()).unwrap()),
            connection: postgres_client::Connection::connect(database.url(), "model", timeout).unwrap(),
            _database: database,
        }
    }

    /// Deletes all rows. (TRUNCATE takes longer for small tables.)
    pub fn clear(&mut self) {
        for statement in deletes("public.").split_terminator(';') {
            self.connection.execute(statement, &[]).unwrap();
        }
    }

    fn read(&mut self, table: &TableColumns) -> Vec<Cells> {
        let expression = |(name, kind): &(&str, Kind)| match kind {
            Kind::Text => format!("\"{name}\""),
            Kind::Document | Kind::Number => format!("\"{name}\"::text"),
            Kind::Flag => format!("\"{name}\"::int::text"),
            Kind::Moment => format!("trim_scale(extract(epoch FROM \"{name}\") * 1000)::text"),
        };
        let sql = query("public.", table, "id::text", expression);
        let rows = self.connection.query(&sql, &[]).unwrap();
        rows.into_iter().map(|row| row.into_iter().collect()).collect()
    }
}

impl Side for PostgresSide {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn store(&mut self) -> &mut dyn Store {
        &mut self.store
    }

    fn rows(&mut self) -> Rows {
        rows_of(&mut |table| self.read(table))
    }

    fn insert_running_job(&mut self, job: &Job) {
        let columns = KEYED_TABLES[0].columns;
        let names: Vec<_> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let value = |(index, (_, kind)): (usize, &(&str, Kind))| match kind {
            Kind::Text => format!("${}", index + 1),
            Kind::Document => format!("${}::jsonb", index + 1),
            Kind::Number | Kind::Flag => format!("${}::text::int", index + 1),
            Kind::Moment => format!(
                "timestamptz '1970-01-01 00:00:00+00' + ${}::text::bigint * interval '1 millisecond'",
                index + 1
            ),
        };
        let values: Vec<_> = columns.iter().enumerate().map(value).collect();
        let (names, values) = (names.join(", "), values.join(", "));
        let sql = format!("INSERT INTO public.jobs ({names}) VALUES ({values}) ON CONFLICT DO NOTHING");
        let cells = cells::job_to_insert(job);
        let parameters: Vec<_> = cells.iter().map(Option::as_deref).collect();
        self.connection.execute(&sql, &parameters).unwrap();
    }
}

/// The statements that delete all rows, children first.
fn deletes(schema: &str) -> String {
    let tables = [ATTEMPTS.name, TOKENS.name].into_iter().chain(KEYED_TABLES.map(|table| table.name));
    tables.map(|table| format!("DELETE FROM {schema}{table};")).collect()
}

/// The query for all rows of a table; the tables with numbered rows begin with the number.
fn query(
    schema: &str,
    table: &TableColumns,
    number: &str,
    expression: impl Fn(&(&'static str, Kind)) -> String,
) -> String {
    let is_numbered = [ATTEMPTS.name, TOKENS.name].contains(&table.name);
    let number = is_numbered.then(|| number.to_owned());
    let columns: Vec<String> = number.into_iter().chain(table.columns.iter().map(expression)).collect();
    format!(
        "SELECT {} FROM {schema}{} ORDER BY {schema}{}.\"{}\"",
        columns.join(", "),
        table.name,
        table.name,
        table.key
    )
}

fn rows_of(read: &mut dyn FnMut(&TableColumns) -> Vec<Cells>) -> Rows {
    let mut numbered = |table: &TableColumns| -> Vec<(i64, Cells)> {
        let number = |mut row: Cells| (row.remove(0).unwrap().parse().unwrap(), row);
        read(table)
            .into_iter()
            .map(number)
            .map(|(number, row)| (number, canonical_cells(table, row)))
            .collect()
    };
    let attempts = numbered(&ATTEMPTS);
    let tokens = numbered(&TOKENS).into_iter().map(|(number, row)| (number, decrypted(row))).collect();
    let mut keyed =
        |table: &TableColumns| read(table).into_iter().map(|row| canonical_cells(table, row)).collect();
    Rows { keyed: KEYED_TABLES.iter().map(|table| (table.name, keyed(table))).collect(), attempts, tokens }
}

fn canonical_cells(table: &TableColumns, row: Cells) -> Cells {
    let cell = |(cell, (_, kind)): (Option<String>, &(&str, Kind))| match kind {
        Kind::Document => cell.map(|text| canonical(&serde_json::from_str(&text).unwrap()).to_string()),
        Kind::Text | Kind::Number | Kind::Flag | Kind::Moment => cell,
    };
    row.into_iter().zip(table.columns).map(cell).collect()
}

/// Replaces the encrypted columns by the tokens in plain text, with the key that decrypts each.
fn decrypted(mut row: Cells) -> Cells {
    let encrypted = row.split_off(row.len() - ENCRYPTED);
    for pair in encrypted.chunks(2) {
        row.push(match pair {
            [Some(ciphertext), Some(vector)] => Some(plain(ciphertext, vector).cell()),
            [None, None] => None,
            _ => panic!("a token without a vector, or a vector without a token"),
        });
    }
    row
}

fn plain(ciphertext: &str, vector: &str) -> PlainToken {
    let decrypt = |key| {
        let text = token_cipher::decrypt(&key, ciphertext, vector).ok()?;
        Some(PlainToken { key_name: key_name(&key), text: text.to_string() })
    };
    (0..KEYS).map(key).find_map(decrypt).expect("one of the keys decrypts it")
}
