//! The rows that a measurement begins with: the same in both databases, since both compute them with the same SQL expressions.
//!
//! The generators are statements, so that a million rows need no client. This module executes none.

/// The first moment of the rows, in milliseconds since 1970: 2024-01-15T10:00:00Z.
pub(crate) const FIRST_ROW_MS: i64 = 1_705_312_800_000;

/// The number of the first job and session: all have the same number of digits.
const FIRST_NUMBER: u64 = 10_000_000;

/// Limits, one for each API platform.
pub(crate) const RATE_LIMITS: u64 = 10;

/// The calls of each limit: more than any workload consumes, except for the last limit.
pub(crate) const CALLS: u64 = 2_000_000_000;

/// The calls of the last limit: few, so that refusals are part of the workload.
pub(crate) const FEW_CALLS: u64 = 50;

/// One of this many jobs is pending; the others have ended.
pub(crate) const PENDING_SHARE: u64 = 100;

/// The size of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dataset {
    /// Jobs. There is an attempt for each that has ended, half as many sessions, and a quarter as many users.
    pub(crate) jobs: u64,
}

/// What differs between the two databases' SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Epoch milliseconds as integers, JSON as text.
    Sqlite,
    /// `timestamptz` and `jsonb`.
    Postgres,
}

impl Dialect {
    /// Converts an expression in milliseconds since 1970 to the stored type.
    fn time(self, epoch_ms: &str) -> String {
        match self {
            Dialect::Sqlite => epoch_ms.to_owned(),
            Dialect::Postgres => format!("to_timestamp(({epoch_ms}) / 1000.0)"),
        }
    }

    /// Converts a text expression to the stored type of documents.
    fn json(self, text: &str) -> String {
        match self {
            Dialect::Sqlite => text.to_owned(),
            Dialect::Postgres => format!("({text})::jsonb"),
        }
    }

    fn boolean(self, value: bool) -> &'static str {
        match (self, value) {
            (Dialect::Sqlite, true) => "1",
            (Dialect::Sqlite, false) => "0",
            (Dialect::Postgres, true) => "true",
            (Dialect::Postgres, false) => "false",
        }
    }

    /// Returns a FROM clause with the numbers from 0 as column `i`.
    fn series(self, count: u64) -> String {
        match self {
            Dialect::Sqlite => format!(
                "(WITH RECURSIVE s (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i + 1 < {count}) SELECT i FROM s) AS s"
            ),
            Dialect::Postgres => format!("generate_series(0::bigint, {count} - 1) AS s (i)"),
        }
    }

    /// Returns an expression for milliseconds since 1970 of a stored time.
    pub(crate) fn epoch_ms(self, column: &str) -> String {
        match self {
            Dialect::Sqlite => column.to_owned(),
            Dialect::Postgres => format!("(extract(epoch FROM {column}) * 1000)::bigint"),
        }
    }

    /// Returns the name of a table of the app.
    pub(crate) fn table(self, name: &str) -> String {
        match self {
            Dialect::Sqlite => name.to_owned(),
            Dialect::Postgres => format!("public.{name}"),
        }
    }
}

impl Dataset {
    /// Sessions.
    pub(crate) fn sessions(self) -> u64 {
        (self.jobs / 2).max(1)
    }

    /// Users.
    pub(crate) fn users(self) -> u64 {
        (self.jobs / 4).max(1)
    }

    /// The id of a session.
    pub(crate) fn session_id(number: u64) -> String {
        format!("session-{}", FIRST_NUMBER + number)
    }

    /// The id of a job.
    pub(crate) fn job_id(number: u64) -> String {
        format!("job-{}", FIRST_NUMBER + number)
    }

    /// The id of a limit.
    pub(crate) fn rate_limit_id(number: u64) -> String {
        format!("limit-{number}")
    }

    /// Returns the statements that insert all rows.
    pub(crate) fn statements(self, dialect: Dialect) -> Vec<String> {
        vec![
            self.users_sql(dialect),
            self.sessions_sql(dialect),
            rate_limits_sql(dialect),
            tool_configs_sql(dialect),
            self.jobs_sql(dialect),
            self.history_sql(dialect),
        ]
    }

    fn users_sql(self, dialect: Dialect) -> String {
        let (time, series) =
            (dialect.time(&format!("{FIRST_ROW_MS} + i * 1000")), dialect.series(self.users()));
        format!(
            "INSERT INTO {} (id, provider, provider_user_id, email, username, created_at, updated_at) \
             SELECT 'github:' || ({FIRST_NUMBER} + i), 'github', '' || ({FIRST_NUMBER} + i), \
             'user' || i || '@example.com', 'user' || i, {time}, {time} FROM {series}",
            dialect.table("users")
        )
    }

    fn sessions_sql(self, dialect: Dialect) -> String {
        let (time, series) =
            (dialect.time(&format!("{FIRST_ROW_MS} + i * 1000")), dialect.series(self.sessions()));
        format!(
            "INSERT INTO {} (session_id, user_id, provider, created_at, last_activity) \
             SELECT 'session-' || ({FIRST_NUMBER} + i), 'github:' || ({FIRST_NUMBER} + i % {}), 'github', {time}, {time} \
             FROM {series}",
            dialect.table("user_sessions"),
            self.users()
        )
    }

    fn jobs_sql(self, dialect: Dialect) -> String {
        let created = dialect.time(&format!("{FIRST_ROW_MS} + i * 1000"));
        let ended =
            |then: &str| format!("CASE WHEN i % {PENDING_SHARE} = 0 THEN NULL ELSE {then} END", then = then);
        // A multiplier spreads the numbers, so that neighbours do not share values.
        let payload = dialect.json(
            "'{\"repo\":\"org-' || (i * 7919 % 50) || '/repo-' || (i * 7919 % 10000) || '\",\"event\":\"' \
             || CASE WHEN i % 4 = 1 THEN 'pull_request' ELSE 'push' END || '\",\"meta\":{\"team\":\"team-' || (i * 104729 % 500) \
             || '\",\"attempt\":' || (i % 3) || '},\"labels\":[\"l' || (i % 20) || '\",\"l' || (i % 7 + 20) \
             || '\"],\"note\":\"synchronise the issues and pull requests of this repository\"}'",
        );
        let result = dialect.json("'{\"ok\":true,\"items\":' || (i % 100) || '}'");
        format!(
            "INSERT INTO {} (id, type, name, priority, status, tool, endpoint, payload, result, created_at, updated_at, \
             started_at, completed_at, persisted_at) \
             SELECT 'job-' || ({FIRST_NUMBER} + i), 'sync', 'Synchronise ' || (i * 7919 % 10000), (i * 7919 % 10)::int4, \
             CASE WHEN i % {PENDING_SHARE} = 0 THEN 'pending' WHEN i % 50 = 1 THEN 'failed' ELSE 'completed' END, \
             'github', '/api/sync', {payload}, {}, {created}, {}, {}, {}, {created} FROM {}",
            dialect.table("jobs"),
            ended(&result),
            dialect.time(&format!("{FIRST_ROW_MS} + i * 1000 + 500")),
            ended(&dialect.time(&format!("{FIRST_ROW_MS} + i * 1000 + 100"))),
            ended(&dialect.time(&format!("{FIRST_ROW_MS} + i * 1000 + 500"))),
            dialect.series(self.jobs)
        )
        .replace("::int4", if dialect == Dialect::Postgres { "::int4" } else { "" })
    }

    fn history_sql(self, dialect: Dialect) -> String {
        format!(
            "INSERT INTO {} (job_id, attempt, status, started_at, completed_at, duration_ms) \
             SELECT 'job-' || ({FIRST_NUMBER} + i), 1, CASE WHEN i % 50 = 1 THEN 'failed' ELSE 'completed' END, {}, {}, 400 \
             FROM {} WHERE i % {PENDING_SHARE} <> 0",
            dialect.table("job_history"),
            dialect.time(&format!("{FIRST_ROW_MS} + i * 1000 + 100")),
            dialect.time(&format!("{FIRST_ROW_MS} + i * 1000 + 500")),
            dialect.series(self.jobs)
        )
    }
}

fn rate_limits_sql(dialect: Dialect) -> String {
    let calls = format!("CASE WHEN i = {} THEN {FEW_CALLS} ELSE {CALLS} END", RATE_LIMITS - 1);
    let time = dialect.time(&FIRST_ROW_MS.to_string());
    format!(
        "INSERT INTO {} (id, platform, limit_remaining, limit_total, reset_time, last_updated, created_at) \
         SELECT 'limit-' || i, 'platform-' || i, {calls}, {calls}, {}, {time}, {time} FROM {}",
        dialect.table("rate_limits"),
        // In the year 2100: no limit expires during a run.
        dialect.time("4102444800000"),
        dialect.series(RATE_LIMITS)
    )
}

fn tool_configs_sql(dialect: Dialect) -> String {
    format!(
        "INSERT INTO {} (tool_name, enabled, config, refresh_interval, notifications, updated_at) \
         SELECT 'tool-' || i, {}, {}, 300, {}, {} FROM {}",
        dialect.table("tool_configs"),
        dialect.boolean(true),
        dialect.json("'{\"columns\":' || i || ',\"theme\":\"dark\"}'"),
        dialect.boolean(true),
        dialect.time(&FIRST_ROW_MS.to_string()),
        dialect.series(8)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_holds_the_rows_that_the_workloads_expect() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for migration in schema_sqlite::LEGACY_MIGRATIONS {
            connection.execute_batch(migration.up_sql).unwrap();
        }
        let dataset = Dataset { jobs: 300 };
        for sql in dataset.statements(Dialect::Sqlite) {
            connection.execute_batch(&sql).unwrap();
        }
        let number =
            |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs();
        for (expected, sql) in [
            (300, "SELECT count(*) FROM jobs WHERE json_valid(payload)"),
            (
                3,
                "SELECT count(*) FROM jobs WHERE status = 'pending' AND result IS NULL AND completed_at IS NULL",
            ),
            (297, "SELECT count(*) FROM job_history JOIN jobs ON jobs.id = job_id"),
            (dataset.sessions(), "SELECT count(*) FROM user_sessions JOIN users ON users.id = user_id"),
            (RATE_LIMITS, "SELECT count(*) FROM rate_limits"),
            (FEW_CALLS, "SELECT min(limit_remaining) FROM rate_limits"),
        ] {
            assert_eq!(number(sql), expected, "{sql}");
        }
        for (table, column, id) in [
            ("jobs", "id", Dataset::job_id(299)),
            ("user_sessions", "session_id", Dataset::session_id(149)),
            ("rate_limits", "id", Dataset::rate_limit_id(9)),
        ] {
            assert_eq!(
                number(&format!("SELECT count(*) FROM {table} WHERE {column} = '{id}'")),
                1,
                "{table}"
            );
        }
    }
}
