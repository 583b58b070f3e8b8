//! How many more sessions may begin: on the server, for the role and for the database.
//!
//! Connections that are reserved for superusers, or for members of `pg_use_reserved_connections`, are no app's, whoever asks.

use postgres_client::{Connection, Result};

use crate::check::{Fact, Failure, Limit, State};
use crate::options::Options;

/// Counts sessions by what everybody sees of them. Processes of the server have no user or no database, and need no connection;
/// parallel workers are counted, although they need none either, because a role without further rights cannot recognise them.
const LIMITS_SQL: &str = "
    SELECT current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
            - coalesce(current_setting('reserved_connections', true), '0')::bigint,
        count(*) FILTER (WHERE a.datid IS NOT NULL AND a.usesysid IS NOT NULL),
        CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END, count(*) FILTER (WHERE a.usesysid = r.oid AND a.datid IS NOT NULL),
        CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END, count(*) FILTER (WHERE a.datid = d.oid AND a.usesysid IS NOT NULL)
    FROM pg_roles AS r, pg_database AS d, pg_stat_activity AS a
    WHERE r.rolname = session_user AND d.datname = current_database()
    GROUP BY r.rolsuper, r.rolconnlimit, d.datconnlimit";

/// Compares what is left with what must be left.
///
/// # Errors
/// When a question is refused or the connection is lost.
pub(super) fn check(connection: &mut Connection, options: &Options) -> Result<State> {
    type Found = (i64, i64, i64, i64, i64, i64);
    let (server, of_all, role, of_role, database, of_database): Found = connection.one(LIMITS_SQL, &[])?;
    let limits = [
        (Limit::Server, server, of_all),
        (Limit::Role, role, of_role),
        (Limit::Database, database, of_database),
    ];
    // A negative limit of a role or database is none.
    let limits = limits.into_iter().filter(|(limit, max, _)| *limit == Limit::Server || *max >= 0);
    let tightest =
        limits.map(|(limit, max, used)| (limit, max, (max - used).max(0))).min_by_key(|found| found.2);
    let (limit, max, left) = tightest.unwrap_or((Limit::Server, server, 0));
    let min = options.connections_min;
    Ok(if left < i64::from(min) {
        State::Failed(Failure::FewConnections { left, limit, max, min })
    } else {
        State::Ok(Fact::Connections { left, limit, max })
    })
}
