//! A wait for a lock as a value: the table, and who holds the lock.
//!
//! It sends no query: see [`lock_query`](crate::lock_query).

use std::fmt;
use std::time::Duration;

use crate::quote;

/// A wait for somebody else's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockWait {
    /// The table, with its schema; none if PostgreSQL does not report it.
    pub table: Option<String>,
    /// How long the wait lasts already.
    pub waited: Duration,
    /// Who holds the lock, or comes before us in its queue.
    pub holder: Holder,
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A session, or a process of the server's own.
    Session(HolderSession),
    /// A prepared transaction of this identifier, which no session owns.
    Prepared(Option<String>),
}

/// What a role may know of a session that holds a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HolderSession {
    /// Its process.
    pub pid: i32,
    /// Its application name.
    pub application: Option<String>,
    /// Its role.
    pub user: Option<String>,
    /// When its last statement began, in RFC 3339; none where this role may not know.
    pub query_start: Option<String>,
    /// Its state, such as `idle in transaction`; none where this role may not know.
    pub state: Option<String>,
    /// The kind of process; none if this role may not know it.
    pub backend_type: Option<String>,
    /// Whether it is an autovacuum that prevents the wraparound of transaction IDs, which does not give way.
    pub prevents_wraparound: bool,
    /// The process that it waits for itself.
    pub waits_for: Option<i32>,
}

impl LockWait {
    /// The action that ends the wait.
    pub fn remedy(&self) -> String {
        match &self.holder {
            Holder::Prepared(Some(gid)) => {
                let gid = quote::literal(gid);
                format!("end the transaction with COMMIT PREPARED {gid} or ROLLBACK PREPARED {gid}")
            }
            Holder::Prepared(None) => {
                "end the transaction that pg_prepared_xacts shows with COMMIT PREPARED or \
                                       ROLLBACK PREPARED"
                    .to_owned()
            }
            Holder::Session(session) if session.prevents_wraparound => "let that VACUUM finish".to_owned(),
            Holder::Session(session) => {
                // A blocked session releases its locks once the session that blocks it does.
                let pid = session.waits_for.filter(|pid| *pid > 0).unwrap_or(session.pid);
                format!("wait until it has finished, or end it with SELECT pg_terminate_backend({pid})")
            }
        }
    }
}

impl fmt::Display for LockWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.table {
            Some(table) => write!(f, "{table} is locked by ")?,
            None => f.write_str("a lock is held by ")?,
        }
        self.holder.fmt(f)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Session(session) => session.fmt(f),
            Holder::Prepared(Some(gid)) => write!(f, "the prepared transaction {gid}"),
            Holder::Prepared(None) => f.write_str("a prepared transaction"),
        }
    }
}

impl fmt::Display for HolderSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        let mut facts = Vec::new();
        match self.backend_type.as_deref() {
            _ if self.prevents_wraparound => {
                facts.push("autovacuum worker, to prevent transaction ID wraparound".to_owned());
            }
            Some("client backend") | None => {}
            Some(kind) => facts.push(kind.to_owned()),
        }
        let application = self.application.as_deref().filter(|name| !name.is_empty());
        facts.extend(application.map(|name| format!("application {name}")));
        facts.extend(self.user.as_deref().map(|user| format!("user {user}")));
        facts.extend(self.state.clone().filter(|state| state != "active"));
        facts.push(match &self.query_start {
            Some(start) => format!("query started {start}"),
            None => "this role may not see more: it takes pg_read_all_stats".to_owned(),
        });
        facts.extend(self.waits_for.map(|pid| match pid {
            0 => "it waits for a prepared transaction itself".to_owned(),
            pid => format!("it waits for process {pid} itself"),
        }));
        write!(f, " ({})", facts.join(", "))
    }
}

/// An error of a statement that waited for a lock, with who held it.
#[derive(Debug)]
pub struct Blocked {
    /// The lock that it waited for.
    pub wait: LockWait,
    /// The error itself.
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; waited {:.1} s", self.wait, self.wait.waited.as_secs_f32())
    }
}

impl std::error::Error for Blocked {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_named_by_what_is_known_of_it() {
        let known = HolderSession {
            pid: 42,
            application: Some("psql".to_owned()),
            user: Some("app".to_owned()),
            query_start: Some("2026-01-01T00:00:00Z".to_owned()),
            state: Some("idle in transaction".to_owned()),
            backend_type: Some("client backend".to_owned()),
            ..HolderSession::default()
        };
        let hidden = HolderSession { pid: 43, user: Some("app".to_owned()), ..HolderSession::default() };
        let vacuum = HolderSession {
            prevents_wraparound: true,
            backend_type: Some("autovacuum worker".to_owned()),
            state: Some("active".to_owned()),
            application: Some(String::new()),
            user: None,
            ..known.clone()
        };
        let queued = HolderSession { waits_for: Some(7), ..known.clone() };
        for (holder, words, remedy) in [
            (
                Holder::Session(known),
                "public.t is locked by process 42 (application psql, user app, idle in transaction, query started \
                 2026-01-01T00:00:00Z)",
                "wait until it has finished, or end it with SELECT pg_terminate_backend(42)",
            ),
            (
                Holder::Session(hidden),
                "public.t is locked by process 43 (user app, this role may not see more: it takes pg_read_all_stats)",
                "wait until it has finished, or end it with SELECT pg_terminate_backend(43)",
            ),
            (
                Holder::Session(vacuum),
                "public.t is locked by process 42 (autovacuum worker, to prevent transaction ID wraparound, query started \
                 2026-01-01T00:00:00Z)",
                "let that VACUUM finish",
            ),
            (
                Holder::Session(queued),
                "public.t is locked by process 42 (application psql, user app, idle in transaction, query started \
                 2026-01-01T00:00:00Z, it waits for process 7 itself)",
                "wait until it has finished, or end it with SELECT pg_terminate_backend(7)",
            ),
            (
                Holder::Prepared(Some("it's".to_owned())),
                "public.t is locked by the prepared transaction it's",
                "end the transaction with COMMIT PREPARED 'it''s' or ROLLBACK PREPARED 'it''s'",
            ),
        ] {
            let wait = LockWait { table: Some("public.t".to_owned()), waited: Duration::ZERO, holder };
            assert_eq!(wait.to_string(), words);
            assert_eq!(wait.remedy(), remedy);
        }
    }
}
