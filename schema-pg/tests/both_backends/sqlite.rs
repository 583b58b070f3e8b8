//! Tests `schema_sqlite::schema` against SQLite after the legacy migrations. Integers have 64 bits.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use schema_sqlite::LEGACY_MIGRATIONS;
use schema_sqlite::schema::{
    app_state, job_history, jobs, oauth_tokens, rate_limits, schema_migrations, tool_configs, user_sessions,
    users,
};

/// More than 32 bits, and more than a double can represent exactly.
const LARGE: i64 = (1 << 53) + 1;
/// 2024-01-15T10:00:00.123Z, in milliseconds since 1970: more than 2^32.
const SOME_TIME: i64 = 1_705_312_800_123;

/// Inserts rows into a table through Diesel, loads them in key order, and compares.
macro_rules! round_trip {
    ($connection:expr, $table:ident, $key:ident, $rows:expr) => {{
        let rows = $rows;
        let inserted = diesel::insert_into($table::table).values(&rows).execute($connection).unwrap();
        assert_eq!(inserted, rows.len());
        let query = $table::table.order($table::$key).select(selection_of(&rows));
        assert_eq!(query.load($connection).unwrap(), rows, stringify!($table));
    }};
}

/// Defines a struct for a table, with the order and types of its columns.
macro_rules! row {
    ($name:ident, $table:ident, { $($field:ident: $type:ty),* $(,)? }) => {
        #[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
        #[diesel(table_name = $table, check_for_backend(diesel::sqlite::Sqlite))]
        struct $name { $($field: $type),* }
    };
}

row!(AppState, app_state, { key: Option<String>, value: Option<String>, updated_at: i64 });
row!(JobHistory, job_history, {
    id: i64, job_id: String, attempt: i64, status: String, started_at: i64, completed_at: Option<i64>,
    duration_ms: Option<i64>, error_message: Option<String>,
});
row!(Job, jobs, {
    id: Option<String>, type_: String, name: String, priority: i64, status: String, tool: Option<String>,
    endpoint: Option<String>, payload: String, result: Option<String>, created_at: i64, updated_at: i64,
    started_at: Option<i64>, completed_at: Option<i64>, retry_count: i64, persisted_at: i64,
    recovery_attempts: i64,
});
row!(OauthToken, oauth_tokens, {
    id: i64, user_id: String, tool_name: String, access_token: String, refresh_token: Option<String>,
    token_type: String, expires_at: Option<i64>, refresh_expires_at: Option<i64>, scopes: Option<String>,
    metadata: Option<String>, iv_access: String, iv_refresh: Option<String>, created_at: i64, updated_at: i64,
});
row!(RateLimit, rate_limits, {
    id: Option<String>, platform: String, limit_remaining: Option<i64>, limit_total: Option<i64>,
    reset_time: Option<i64>, last_updated: i64, created_at: i64,
});
row!(SchemaMigration, schema_migrations, { id: i64, migration_name: String, executed_at: i64 });
row!(ToolConfig, tool_configs, {
    tool_name: Option<String>, enabled: i64, config: Option<String>, refresh_interval: Option<i64>,
    notifications: i64, updated_at: i64,
});
row!(UserSession, user_sessions, {
    session_id: Option<String>, user_id: String, provider: String, created_at: i64, last_activity: i64,
});
row!(User, users, {
    id: Option<String>, provider: String, provider_user_id: String, email: Option<String>,
    username: Option<String>, display_name: Option<String>, avatar_url: Option<String>, created_at: i64,
    updated_at: i64,
});

/// The columns of the struct of the rows.
fn selection_of<R: Selectable<diesel::sqlite::Sqlite>>(
    _rows: &[R],
) -> diesel::dsl::AsSelect<R, diesel::sqlite::Sqlite> {
    R::as_select()
}

/// Creates a database and runs the legacy migrations.
fn migrated() -> SqliteConnection {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    for migration in LEGACY_MIGRATIONS {
        connection.batch_execute(migration.up_sql).unwrap();
    }
    connection
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn job(id: &str) -> Job {
    Job {
        id: Some(text(id)),
        type_: text("sync"),
        name: text("\u{1D11E} quoted \"name\"\r\n\t"),
        priority: i64::MAX,
        status: text("running"),
        tool: None,
        endpoint: Some(String::new()),
        payload: text("{\"n\": 9007199254740993}"),
        result: None,
        created_at: SOME_TIME,
        updated_at: -1,
        started_at: None,
        completed_at: Some(LARGE),
        retry_count: i64::MIN,
        persisted_at: SOME_TIME,
        recovery_attempts: 1 << 32,
    }
}

fn attempt(id: i64, job_id: &str) -> JobHistory {
    JobHistory {
        id,
        job_id: text(job_id),
        attempt: (1 << 32) + 1,
        status: text("failed"),
        started_at: SOME_TIME,
        completed_at: None,
        duration_ms: Some(LARGE),
        error_message: None,
    }
}

#[test]
fn rows_of_every_table_come_out_as_they_went_in() {
    let connection = &mut migrated();
    let state = |key: &str, updated_at| AppState { key: Some(text(key)), value: None, updated_at };
    round_trip!(connection, app_state, key, vec![state("a", i64::MIN), state("b", LARGE)]);
    round_trip!(connection, jobs, id, vec![job("job-1"), job("job-2")]);
    round_trip!(connection, job_history, id, vec![attempt(1, "job-1"), attempt(LARGE, "job-2")]);
    let token = OauthToken {
        id: i64::MAX,
        user_id: text("github:1"),
        tool_name: text("github"),
        access_token: text("00ff"),
        refresh_token: None,
        token_type: text("Bearer"),
        expires_at: Some(SOME_TIME),
        refresh_expires_at: None,
        scopes: None,
        metadata: Some(text("{}")),
        iv_access: text("00:ff"),
        iv_refresh: None,
        created_at: SOME_TIME,
        updated_at: LARGE,
    };
    round_trip!(connection, oauth_tokens, id, vec![token]);
    let limit = RateLimit {
        id: Some(text("limit-1")),
        platform: text("github"),
        limit_remaining: None,
        limit_total: Some(LARGE),
        reset_time: Some(SOME_TIME),
        last_updated: 0,
        created_at: i64::MAX,
    };
    round_trip!(connection, rate_limits, id, vec![limit]);
    let recorded =
        |id, name: &str| SchemaMigration { id, migration_name: text(name), executed_at: SOME_TIME };
    round_trip!(connection, schema_migrations, id, vec![recorded(1, "001"), recorded(LARGE, "002")]);
    let config = ToolConfig {
        tool_name: Some(text("github")),
        enabled: 1,
        config: None,
        refresh_interval: Some(1 << 33),
        notifications: LARGE,
        updated_at: SOME_TIME,
    };
    round_trip!(connection, tool_configs, tool_name, vec![config]);
    let session = UserSession {
        session_id: Some(text("session-1")),
        user_id: text("github:1"),
        provider: text("github"),
        created_at: SOME_TIME,
        last_activity: LARGE,
    };
    round_trip!(connection, user_sessions, session_id, vec![session]);
    let user = User {
        id: Some(text("github:1")),
        provider: text("github"),
        provider_user_id: text("1"),
        email: None,
        username: Some(text("one")),
        display_name: None,
        avatar_url: None,
        created_at: SOME_TIME,
        updated_at: i64::MIN,
    };
    round_trip!(connection, users, id, vec![user]);
}

#[test]
fn a_text_key_may_be_null() {
    let connection = &mut migrated();
    let state = |value: &str| AppState { key: None, value: Some(text(value)), updated_at: 0 };
    round_trip!(connection, app_state, value, vec![state("first"), state("second")]);
}

#[test]
fn attempts_join_their_jobs() {
    let connection = &mut migrated();
    diesel::insert_into(jobs::table).values(vec![job("job-1"), job("job-2")]).execute(connection).unwrap();
    diesel::insert_into(job_history::table).values(attempt(LARGE, "job-2")).execute(connection).unwrap();
    let joined: Vec<(JobHistory, Job)> = job_history::table
        .inner_join(jobs::table)
        .filter(jobs::recovery_attempts.gt(i64::from(u32::MAX)))
        .select((JobHistory::as_select(), Job::as_select()))
        .load(connection)
        .unwrap();
    assert_eq!(joined, [(attempt(LARGE, "job-2"), job("job-2"))]);
    let attempts: Vec<(Option<String>, Option<i64>)> = jobs::table
        .left_join(job_history::table)
        .order(jobs::id)
        .select((jobs::id, job_history::id.nullable()))
        .load(connection)
        .unwrap();
    assert_eq!(attempts, [(Some(text("job-1")), None), (Some(text("job-2")), Some(LARGE))]);
}

#[test]
fn every_table_of_the_database_has_a_schema() {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
    }
    let connection = &mut migrated();
    let query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1";
    let found: Vec<Name> = diesel::sql_query(query).load(connection).unwrap();
    let found: Vec<String> = found.into_iter().map(|row| row.name).collect();
    assert_eq!(
        found,
        [
            "app_state",
            "job_history",
            "jobs",
            "oauth_tokens",
            "rate_limits",
            "schema_migrations",
            "tool_configs",
            "user_sessions",
            "users"
        ]
    );
}
