//! Times of a run's phases, tables, builds and checks, all on the server's clock.

use super::{READ_FAILED, is_there, utc_text};
use crate::error::{Context, Result};
use postgres_client::connection::Connection;

/// The activities of a run with their times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// When the run was written down, in RFC 3339: by then its source was sealed.
    pub started_at: String,
    /// The version of ours that began it.
    pub tool_version: String,
    /// The activities, in the order in which they began.
    pub spans: Vec<Span>,
}

/// An activity with a duration.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// `phase`, `rows`, `build` or `check`.
    pub kind: String,
    /// The table, by source name for rows and by target name for a build; none where it belongs to none.
    pub table: Option<String>,
    /// The name of the phase or of the check, or a description of the build.
    pub name: String,
    /// When it began, in seconds since the first of them.
    pub begin_seconds: f64,
    /// Duration in seconds. For an interrupted phase other than the rows: its last part.
    pub seconds: f64,
}

/// All activities, relative to the moment when the run was recorded. Preflight and seal ended at that moment, one after the other. A
/// chunk and a build are done at the time of their transaction, which is its beginning. The duration of the rows is the time in which any
/// chunk was running: the phase itself has only its last part if the run was interrupted.
const SPANS_SQL: &str = "
WITH run AS (SELECT id, started_at FROM migration.runs WHERE id = $1::bigint),
busy AS (SELECT table_name, min(done_at) AS began, range_agg(tstzrange(done_at, done_at + make_interval(secs => coalesce(seconds, 0)))) AS times
         FROM migration.chunks WHERE run_id = $1::bigint AND done_at IS NOT NULL GROUP BY GROUPING SETS ((table_name), ())),
moved AS (SELECT b.table_name, extract(epoch FROM b.began - r.started_at)::float8 AS begin_seconds,
                 (SELECT coalesce(sum(extract(epoch FROM upper(t) - lower(t))), 0)::float8 FROM unnest(b.times) AS t) AS seconds
          FROM busy b CROSS JOIN run r)
SELECT 'phase' AS kind, NULL::text AS table, p.phase AS name,
       CASE WHEN p.phase = 'rows' AND a.seconds > p.seconds THEN a.begin_seconds
            ELSE extract(epoch FROM p.finished_at - r.started_at)::float8 - p.seconds END
       - CASE p.phase WHEN 'preflight' THEN coalesce((SELECT seconds FROM migration.phases WHERE run_id = r.id AND phase = 'seal'), 0)
              ELSE 0 END AS begin_seconds,
       CASE p.phase WHEN 'rows' THEN greatest(p.seconds, a.seconds) ELSE p.seconds END AS seconds
FROM run r JOIN migration.phases p ON p.run_id = r.id LEFT JOIN moved a ON a.table_name IS NULL
UNION ALL
SELECT 'rows', m.table_name, m.table_name, m.begin_seconds, m.seconds FROM moved m WHERE m.table_name IS NOT NULL";

/// The builds, where the ledger has them.
const BUILDS_SQL: &str = "
UNION ALL
SELECT 'build', nullif(b.table_name, ''), b.what, extract(epoch FROM b.done_at - r.started_at)::float8, coalesce(b.seconds, 0)
FROM run r JOIN migration.builds b ON b.run_id = r.id WHERE b.done_at IS NOT NULL";

/// The checks, where the ledger has them.
const CHECKS_SQL: &str = "
UNION ALL
SELECT 'check', NULL, k.check_name, extract(epoch FROM k.begun_at - r.started_at)::float8, k.seconds
FROM run r JOIN migration.checks k ON k.run_id = r.id";

/// Returns the activities of a run.
///
/// # Errors
/// When the ledger cannot be read.
pub fn history(connection: &mut Connection, run_id: i64) -> Result<History> {
    let id = &[Some(&*run_id.to_string())];
    let of_run =
        format!("SELECT {}, tool_version FROM migration.runs WHERE id = $1::bigint", utc_text("started_at"));
    let (started_at, tool_version) = connection.one(&of_run, id).context(|| READ_FAILED)?;
    let mut sql = SPANS_SQL.to_owned();
    for (table, part) in [("builds", BUILDS_SQL), ("checks", CHECKS_SQL)] {
        if is_there(connection, table)? {
            sql.push_str(part);
        }
    }
    sql.push_str("\nORDER BY begin_seconds, kind, name");
    let read =
        |(kind, table, name, begin_seconds, seconds)| Span { kind, table, name, begin_seconds, seconds };
    let spans = connection.load(&sql, id).context(|| READ_FAILED)?;
    let mut spans: Vec<Span> = spans.into_iter().map(read).collect();
    let first = spans.iter().map(|span| span.begin_seconds).fold(f64::INFINITY, f64::min);
    for span in &mut spans {
        span.begin_seconds -= first;
    }
    Ok(History { started_at, tool_version, spans })
}
