//! Tests `schema_pg::schema` against PostgreSQL after the generated migrations: joins, constraints, defaults, and the migrations
//! themselves. That rows of every table are loaded unchanged is tested by `hyperpage-store`, which works with this schema.

use diesel::data_types::PgTimestamp;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Text;
use diesel_migrations::MigrationHarness;
use schema_pg::MIGRATIONS;
use schema_pg::schema::{job_history, jobs, oauth_tokens, tool_configs};
use serde_json::{Value, json};
use test_database::TestDatabase;

/// 2024-01-15T10:00:00.123Z, in microseconds since the year 2000.
const SOME_TIME: PgTimestamp = PgTimestamp(758_628_000_123_000);
/// 1969-12-31T23:59:59.999Z.
const BEFORE_1970: PgTimestamp = PgTimestamp(-946_684_800_001_000);

/// Defines a struct for a table, with the order and types of its columns.
macro_rules! row {
    ($name:ident, $table:ident, { $($field:ident: $type:ty),* $(,)? }) => {
        #[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
        #[diesel(table_name = $table, check_for_backend(diesel::pg::Pg))]
        struct $name { $($field: $type),* }
    };
}

row!(JobHistory, job_history, {
    id: i64, job_id: String, attempt: i32, status: String, started_at: PgTimestamp,
    completed_at: Option<PgTimestamp>, duration_ms: Option<i32>, error_message: Option<String>,
});
row!(Job, jobs, {
    id: String, type_: String, name: String, priority: i32, status: String, tool: Option<String>,
    endpoint: Option<String>, payload: Value, result: Option<Value>, created_at: PgTimestamp,
    updated_at: PgTimestamp, started_at: Option<PgTimestamp>, completed_at: Option<PgTimestamp>,
    retry_count: i32, persisted_at: PgTimestamp, recovery_attempts: i32,
});
row!(OauthToken, oauth_tokens, {
    id: i64, user_id: String, tool_name: String, access_token: String, refresh_token: Option<String>,
    token_type: String, expires_at: Option<PgTimestamp>, refresh_expires_at: Option<PgTimestamp>,
    scopes: Option<String>, metadata: Option<Value>, iv_access: String, iv_refresh: Option<String>,
    created_at: PgTimestamp, updated_at: PgTimestamp,
});

/// Creates a database and runs all migrations.
fn migrated() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::create();
    let mut connection = PgConnection::establish(database.url()).unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    (database, connection)
}

fn job(id: &str) -> Job {
    Job {
        id: id.to_owned(),
        type_: "sync".to_owned(),
        name: "\u{1D11E} quoted \"name\"\r\n\t".to_owned(),
        priority: i32::MAX,
        status: "running".to_owned(),
        tool: None,
        endpoint: Some(String::new()),
        payload: json!({"n": 9_007_199_254_740_993_i64, "nested": [null, true, {"a": "b"}]}),
        result: Some(Value::Null),
        created_at: SOME_TIME,
        updated_at: BEFORE_1970,
        started_at: None,
        completed_at: Some(SOME_TIME),
        retry_count: i32::MIN,
        persisted_at: SOME_TIME,
        recovery_attempts: 0,
    }
}

fn attempt(id: i64, job_id: &str) -> JobHistory {
    JobHistory {
        id,
        job_id: job_id.to_owned(),
        attempt: 1,
        status: "failed".to_owned(),
        started_at: SOME_TIME,
        completed_at: None,
        duration_ms: Some(i32::MAX),
        error_message: None,
    }
}

fn token(id: i64, tool: &str) -> OauthToken {
    OauthToken {
        id,
        user_id: "github:1".to_owned(),
        tool_name: tool.to_owned(),
        access_token: "00ff".to_owned(),
        refresh_token: None,
        token_type: "Bearer".to_owned(),
        expires_at: Some(SOME_TIME),
        refresh_expires_at: None,
        scopes: None,
        metadata: Some(json!({"team": 1})),
        iv_access: "00:ff".to_owned(),
        iv_refresh: None,
        created_at: SOME_TIME,
        updated_at: SOME_TIME,
    }
}

#[test]
fn attempts_join_their_jobs() {
    let (_database, mut connection) = migrated();
    let connection = &mut connection;
    diesel::insert_into(jobs::table).values([job("job-1"), job("job-2")]).execute(connection).unwrap();
    diesel::insert_into(job_history::table).values(attempt(7, "job-2")).execute(connection).unwrap();
    let joined: Vec<(JobHistory, Job)> = job_history::table
        .inner_join(jobs::table)
        .filter(jobs::payload.eq(job("job-2").payload))
        .select((JobHistory::as_select(), Job::as_select()))
        .load(connection)
        .unwrap();
    assert_eq!(joined, [(attempt(7, "job-2"), job("job-2"))]);
    let attempts: Vec<(String, Option<i64>)> = jobs::table
        .left_join(job_history::table)
        .order(jobs::id)
        .select((jobs::id, job_history::id.nullable()))
        .load(connection)
        .unwrap();
    assert_eq!(attempts, [("job-1".to_owned(), None), ("job-2".to_owned(), Some(7))]);
}

#[test]
fn the_database_keeps_what_the_plan_promises() {
    let (_database, mut connection) = migrated();
    let connection = &mut connection;
    let kind = |result: QueryResult<usize>| match result {
        Err(Error::DatabaseError(kind, information)) => {
            (format!("{kind:?}"), information.constraint_name().map(str::to_owned))
        }
        other => (format!("{other:?}"), None),
    };
    let expected = |kind: DatabaseErrorKind, name: &str| (format!("{kind:?}"), Some(name.to_owned()));
    let orphan = diesel::insert_into(job_history::table).values(attempt(1, "nowhere")).execute(connection);
    assert_eq!(kind(orphan), expected(DatabaseErrorKind::ForeignKeyViolation, "job_history_job_id_fkey"));
    diesel::insert_into(oauth_tokens::table).values(token(100, "github")).execute(connection).unwrap();
    let twice = diesel::insert_into(oauth_tokens::table).values(token(101, "github")).execute(connection);
    let unique = "oauth_tokens_user_id_tool_name_key";
    assert_eq!(kind(twice), expected(DatabaseErrorKind::UniqueViolation, unique));

    // The database fills omitted columns with defaults.
    let numbered: (i64, String) = diesel::insert_into(oauth_tokens::table)
        .values((
            oauth_tokens::user_id.eq("github:1"),
            oauth_tokens::tool_name.eq("gitlab"),
            oauth_tokens::access_token.eq("00"),
            oauth_tokens::iv_access.eq("00"),
        ))
        .returning((oauth_tokens::id, oauth_tokens::token_type))
        .get_result(connection)
        .unwrap();
    assert_eq!(numbered, (1, "Bearer".to_owned()));
    let flags: (bool, bool, PgTimestamp) = diesel::insert_into(tool_configs::table)
        .values(tool_configs::tool_name.eq("github"))
        .returning((tool_configs::enabled, tool_configs::notifications, tool_configs::updated_at))
        .get_result(connection)
        .unwrap();
    assert!(flags.0 && flags.1 && flags.2.0 > SOME_TIME.0, "{flags:?}");
}

#[test]
fn the_migrations_run_up_and_down_and_up_again() {
    let (_database, mut connection) = migrated();
    let connection = &mut connection;
    let first = described(connection);
    assert!(first.len() > 8 * 3, "{first:?}");
    connection.revert_all_migrations(MIGRATIONS).unwrap();
    let left = described(connection);
    assert!(left.iter().all(|line| line.contains("__diesel_schema_migrations")), "{left:?}");
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    assert_eq!(described(connection), first);

    // Reverting only the second migration drops keys and indexes, and keeps rows.
    diesel::insert_into(jobs::table).values(job("job-1")).execute(connection).unwrap();
    connection.revert_last_migration(MIGRATIONS).unwrap();
    assert_eq!(jobs::table.count().get_result::<i64>(connection).unwrap(), 1);
    let bare = described(connection);
    let kept = |line: &&String| line.starts_with("index ") && !line.contains("__diesel_schema_migrations");
    assert_eq!(bare.iter().filter(kept).count(), 0, "{bare:?}");
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    assert_eq!(described(connection), first);
}

/// Returns every column, constraint, index and sequence of the schema, as PostgreSQL describes them.
fn described(connection: &mut PgConnection) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        line: String,
    }
    let lines: Vec<Line> = diesel::sql_query(
        "SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || \
         CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '') \
         AS line FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' \
         UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) \
         FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' \
         UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' \
         UNION ALL SELECT 'sequence ' || sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1",
    )
    .load(connection)
    .unwrap();
    lines.into_iter().map(|row| row.line).collect()
}
