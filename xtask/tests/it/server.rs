//! A target database, and helpers that read and change it independently of the program.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use test_database::TestDatabase;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Opens a session in the database.
pub(crate) fn connect(database: &TestDatabase) -> PgConnection {
    PgConnection::establish(database.url()).unwrap()
}

/// Executes statements.
#[track_caller]
pub(crate) fn execute(database: &TestDatabase, sql: &str) {
    connect(database).batch_execute(sql).unwrap();
}

/// Returns the rows of a query with one text column.
#[track_caller]
pub(crate) fn lines(database: &TestDatabase, query: &str) -> Vec<String> {
    let sql = format!("SELECT line::text FROM ({query}) AS rows (line)");
    let rows: Vec<Line> = diesel::sql_query(sql).load(&mut connect(database)).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

/// Returns the single value of a query.
#[track_caller]
pub(crate) fn value(database: &TestDatabase, query: &str) -> String {
    let [line] = <[String; 1]>::try_from(lines(database, query)).unwrap();
    line
}

/// Returns every schema, relation, constraint and type that is not PostgreSQL's own, with the row count of tables.
pub(crate) fn everything(database: &TestDatabase) -> Vec<String> {
    let mut found = lines(
        database,
        "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' \
         UNION ALL SELECT 'relation ' || oid::regclass FROM pg_class WHERE relnamespace NOT IN \
         ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace) \
         UNION ALL SELECT 'constraint ' || conname FROM pg_constraint WHERE connamespace NOT IN \
         ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) ORDER BY 1",
    );
    let tables = lines(
        database,
        "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace NOT IN \
         ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) ORDER BY 1",
    );
    found.extend(tables.iter().map(|table| {
        let rows = value(database, &format!("SELECT count(*) FROM {table}"));
        format!("{table}: {rows} rows")
    }));
    found
}
