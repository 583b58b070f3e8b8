//! A libpq connection: statements, scripts, transactions, and COPY of a table that is known only at run time.
//!
//! Every wait has a deadline of ours: otherwise a stalled proxy could block a statement forever. The API of this module is safe, and
//! independent of plans.

#![allow(unsafe_code)]

mod binary;
mod copy;
mod loss;
mod open;
mod prepared;
mod query_result;
mod row;
mod transaction;
mod wait;

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use pq_sys::{ExecStatusType, PGconn};
use rustix::event::PollFlags;

pub use binary::BinaryRows;
pub use copy::{CopyIn, CopyOut};
use prepared::PreparedStatements;
use query_result::QueryResult;
pub use row::{FromRow, FromText, Row, TextRows, text_array};

use crate::error::{Context, Error, Result};
use crate::server_error::ServerError;
use crate::watch::StopFlag;

/// How many times as long a statement may be silent that reads or sorts a full table first.
pub(super) const SLOW: u32 = 30;

/// How often a silent statement of any length is checked for being at work.
const AT_WORK_CHECK_EACH: Duration = Duration::from_secs(15);

/// A connection of libpq, in non-blocking mode.
pub struct Connection {
    raw: NonNull<PGconn>,
    stall_max: Duration,
    backend: Backend,
    /// Ends every wait, once it is set.
    give_up: Option<StopFlag>,
    /// When every wait ends.
    deadline: Option<Instant>,
    /// When the server answered last.
    answered_at: Instant,
    /// The statements that the session keeps; none where it keeps none.
    prepared: Option<PreparedStatements>,
    /// What begins a transaction.
    begin_sql: Cow<'static, str>,
}

/// The process of the server that serves a connection, or has served it: its number, and when it began, since numbers come again.
///
/// The server itself is asked for both: behind a connection pooler libpq knows another number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backend {
    pid: String,
    began: String,
}

impl Backend {
    /// Its number.
    pub fn pid(&self) -> &str {
        &self.pid
    }

    /// As parameters of a statement: the number, and when it began.
    pub fn parameters(&self) -> [Option<&str>; 2] {
        [Some(&self.pid), Some(&self.began)]
    }
}

// SAFETY: libpq lets any one thread at a time use a connection (manual, section 34.20), and `Connection` is not `Sync`.
unsafe impl Send for Connection {}

impl Connection {
    /// Sets how long the connection may make no progress before it counts as lost.
    pub(crate) fn set_stall_max(&mut self, stall_max: Duration) {
        self.stall_max = stall_max;
    }

    /// Allows the silence of statements that take as long as the data is large.
    pub(crate) fn allow_long_silence(&mut self) {
        self.stall_max = self.stall_max.saturating_mul(SLOW);
    }

    /// Runs `work`, in which statements may take as long as the data is large and may be silent for as long.
    pub fn with_long_silence<T>(&mut self, work: impl FnOnce(&mut Connection) -> T) -> T {
        let usual = self.stall_max;
        self.allow_long_silence();
        let done = work(self);
        self.stall_max = usual;
        done
    }

    /// Asks which process serves this connection, and remembers it for when the connection is lost.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(super) fn ask_backend(&mut self) -> Result<()> {
        let sql = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        let answer = self.query(sql, &[])?.into_iter().next().unwrap_or_default();
        if let [Some(pid), Some(began)] = &*answer {
            self.backend = Backend { pid: pid.clone(), began: began.clone() };
        }
        Ok(())
    }

    /// The process of the server that serves this connection, or has served it.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The process that the other side announced when the connection began: the server's own, or a number that a pooler made up.
    pub(crate) fn announced_pid(&self) -> i32 {
        // SAFETY: the connection is open.
        unsafe { pq_sys::PQbackendPID(self.raw.as_ptr()) }
    }

    /// The server's version, such as 150018 for 15.18.
    pub fn server_version(&self) -> i32 {
        // SAFETY: the connection is open.
        unsafe { pq_sys::PQserverVersion(self.raw.as_ptr()) }
    }

    /// Runs one short statement with text parameters and waits for its end, as long as a connection may be silent.
    ///
    /// # Errors
    /// An error of the server, scrubbed, or a lost or stalled connection.
    pub fn query(&mut self, sql: &str, parameters: &[Option<&str>]) -> Result<TextRows> {
        let answer = self.send(sql, parameters).and_then(|()| self.results(&mut || Ok(false)));
        answer.map_err(|error| self.with_loss(error))
    }

    /// The same for statements without parameters, separated by `;`, that read an entire table before they answer and may be silent for
    /// much longer than others.
    ///
    /// # Errors
    /// An error of the server, scrubbed, or a lost or stalled connection.
    pub fn slow_query(&mut self, sql: &str) -> Result<TextRows> {
        self.with_long_silence(|connection| connection.script(sql))
    }

    /// Runs statements without parameters, separated by `;`, and waits for their end.
    ///
    /// # Errors
    /// An error of the server, scrubbed, or a lost or stalled connection.
    pub fn script(&mut self, sql: &str) -> Result<TextRows> {
        let answer = self.send_script(sql).and_then(|()| self.results(&mut || Ok(false)));
        answer.map_err(|error| self.with_loss(error))
    }

    /// Runs statements that may take as long as the data is large. While the server is silent, `is_at_work` is asked again and again
    /// whether it still works on them: a stalled middle-man would otherwise keep us waiting for ever.
    ///
    /// # Errors
    /// An error of the server, scrubbed, or a lost connection.
    pub fn long_script(
        &mut self,
        sql: &str,
        is_at_work: &mut dyn FnMut() -> Result<bool>,
    ) -> Result<TextRows> {
        self.send_script(sql)?;
        self.results(is_at_work)
    }

    fn results(&mut self, is_at_work: &mut dyn FnMut() -> Result<bool>) -> Result<TextRows> {
        let mut rows = Vec::new();
        while let Some(result) = self.next_result_of_work(is_at_work)? {
            match result.status() {
                ExecStatusType::PGRES_TUPLES_OK => rows = result.text_rows(),
                ExecStatusType::PGRES_COMMAND_OK | ExecStatusType::PGRES_EMPTY_QUERY => {}
                ExecStatusType::PGRES_COPY_IN | ExecStatusType::PGRES_COPY_OUT => {
                    return Err(Error::new("a statement began a COPY where none was expected"));
                }
                _ => return Err(self.failure(&result)),
            }
        }
        Ok(rows)
    }

    /// The error of a statement that the server refused.
    fn failure(&mut self, result: &QueryResult) -> Error {
        let error = result.server_error();
        match self.drain() {
            // The error may have closed the connection, but is more specific than that.
            Err(lost) if error.sqlstate.is_none() => lost,
            _ => statement_failed(error),
        }
    }

    /// The next result of long work: the server may be silent for as long as `is_at_work` returns true, and at least for the usual time.
    fn next_result_of_work(
        &mut self,
        is_at_work: &mut dyn FnMut() -> Result<bool>,
    ) -> Result<Option<QueryResult>> {
        self.flush()?;
        let mut silent_since = Instant::now();
        // SAFETY: the connection is open.
        while unsafe { pq_sys::PQisBusy(self.raw.as_ptr()) } == 1 {
            let check_at = Instant::now() + AT_WORK_CHECK_EACH.min(self.stall_max);
            let check_at = self.deadline.map_or(check_at, |deadline| check_at.min(deadline));
            if self.wait(PollFlags::IN, Some(check_at))? {
                self.consume()?;
                silent_since = Instant::now();
            } else if self.is_past_deadline() {
                return Err(late());
            } else if is_at_work()? {
                silent_since = Instant::now();
            } else if silent_since.elapsed() >= self.stall_max {
                return Err(stalled(self.stall_max));
            }
        }
        self.answered_at = Instant::now();
        // SAFETY: the connection is not busy, so that this does not block; what it returns is ours to clear.
        Ok(QueryResult::new(unsafe { pq_sys::PQgetResult(self.raw.as_ptr()) }))
    }

    /// Begins `COPY … FROM STDIN`.
    ///
    /// # Errors
    /// The server's error, scrubbed.
    pub fn copy_in(&mut self, sql: &str) -> Result<CopyIn<'_>> {
        self.begin_copy(sql, ExecStatusType::PGRES_COPY_IN)?;
        Ok(CopyIn { connection: self, is_open: true })
    }

    /// Begins `COPY … TO STDOUT`.
    ///
    /// # Errors
    /// The server's error, scrubbed.
    pub fn copy_out(&mut self, sql: &str) -> Result<CopyOut<'_>> {
        self.begin_copy(sql, ExecStatusType::PGRES_COPY_OUT)?;
        Ok(CopyOut { connection: self, is_over: false, has_begun: false })
    }

    fn begin_copy(&mut self, sql: &str, expected: ExecStatusType) -> Result<()> {
        self.send(sql, &[])?;
        let Some(result) = self.next_result()? else {
            return Err(Error::new("PostgreSQL gave no answer to COPY"));
        };
        if result.status() == expected {
            return Ok(());
        }
        let error = result.server_error();
        self.drain()?;
        Err(statement_failed(error))
    }

    fn send(&mut self, sql: &str, parameters: &[Option<&str>]) -> Result<()> {
        let sql = no_nul(sql)?;
        let owned: Vec<Option<CString>> = parameters
            .iter()
            .map(|parameter| parameter.map(CString::new).transpose())
            .collect::<std::result::Result<_, _>>()
            .context(|| "a parameter holds a NUL character".to_owned())?;
        let values: Vec<*const c_char> =
            owned.iter().map(|value| value.as_ref().map_or(ptr::null(), |value| value.as_ptr())).collect();
        let count = c_int::try_from(values.len()).context(|| "too many parameters".to_owned())?;
        // SAFETY: `values` has `count` pointers to strings that outlive the call; null lengths, formats and types mean text.
        let sent = unsafe {
            pq_sys::PQsendQueryParams(
                self.raw.as_ptr(),
                sql.as_ptr(),
                count,
                ptr::null(),
                values.as_ptr(),
                ptr::null(),
                ptr::null(),
                0,
            )
        };
        if sent == 1 { self.flush() } else { Err(self.lost("a statement could not be sent")) }
    }

    fn send_script(&mut self, sql: &str) -> Result<()> {
        let sql = no_nul(sql)?;
        // SAFETY: the connection is open, and the string outlives the call.
        let sent = unsafe { pq_sys::PQsendQuery(self.raw.as_ptr(), sql.as_ptr()) };
        if sent == 1 { self.flush() } else { Err(self.lost("a statement could not be sent")) }
    }

    /// Waits until everything that libpq holds back is on its way.
    fn flush(&mut self) -> Result<()> {
        loop {
            // SAFETY: the connection is open.
            match unsafe { pq_sys::PQflush(self.raw.as_ptr()) } {
                0 => return Ok(()),
                1 => {
                    self.wait_or_stall(PollFlags::IN | PollFlags::OUT)?;
                    // Reading while writing prevents a deadlock in which both sides wait for each other.
                    self.consume_if_readable()?;
                }
                _ => return Err(self.lost("the connection to PostgreSQL broke")),
            }
        }
    }

    fn consume_if_readable(&mut self) -> Result<()> {
        if self.wait(PollFlags::IN, Some(Instant::now()))? { self.consume() } else { Ok(()) }
    }

    fn consume(&mut self) -> Result<()> {
        // SAFETY: the connection is open.
        if unsafe { pq_sys::PQconsumeInput(self.raw.as_ptr()) } == 1 {
            Ok(())
        } else {
            Err(self.lost("the connection to PostgreSQL broke"))
        }
    }

    fn next_result(&mut self) -> Result<Option<QueryResult>> {
        self.flush()?;
        // SAFETY: the connection is open.
        while unsafe { pq_sys::PQisBusy(self.raw.as_ptr()) } == 1 {
            self.wait_or_stall(PollFlags::IN)?;
            self.consume()?;
        }
        self.answered_at = Instant::now();
        // SAFETY: the connection is not busy, so that this does not block; what it returns is ours to clear.
        Ok(QueryResult::new(unsafe { pq_sys::PQgetResult(self.raw.as_ptr()) }))
    }

    /// Reads results to their end, so that the connection accepts the next statement.
    fn drain(&mut self) -> Result<()> {
        while let Some(result) = self.next_result()? {
            if matches!(result.status(), ExecStatusType::PGRES_COPY_IN | ExecStatusType::PGRES_COPY_OUT) {
                return Err(Error::new("a COPY began where none was expected"));
            }
        }
        Ok(())
    }

    fn error(&self, what: &str) -> Error {
        Error::new(what).caused_by(self.last_message().replace('\n', "; "))
    }

    /// An error after which the connection is of no more use; another one may be.
    fn lost(&self, what: &str) -> Error {
        self.error(what).transient()
    }

    /// libpq's message about the last error, on lines of their own. A message about a statement is the server's and may hold values, so
    /// that only connection errors are read from here.
    fn last_message(&self) -> String {
        // SAFETY: the message belongs to the connection and is copied at once.
        let message = unsafe { CStr::from_ptr(pq_sys::PQerrorMessage(self.raw.as_ptr())) };
        let message = message.to_string_lossy();
        // The place in the server's own source.
        let is_kept = |line: &&str| !line.is_empty() && !line.starts_with("LOCATION:");
        let lines: Vec<&str> = message.lines().map(str::trim).filter(is_kept).collect();
        if lines.is_empty() { "no reason given".to_owned() } else { lines.join("\n") }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the connection is ours, and this is the last use of it.
        unsafe { pq_sys::PQfinish(self.raw.as_ptr()) }
    }
}

/// A text for libpq.
fn no_nul(sql: &str) -> Result<CString> {
    CString::new(sql).context(|| "a statement holds a NUL character")
}

fn stalled(silent_for: Duration) -> Error {
    Error::new(format!("PostgreSQL took nothing and sent nothing for {} seconds", silent_for.as_secs_f32()))
        .stalled()
        .with_remedy_text(
            "check the server and the network, then run the same command again: it resumes here",
        )
}

fn late() -> Error {
    Error::new("PostgreSQL did not answer by the deadline of the call").stalled()
}

pub(super) fn statement_failed(error: ServerError) -> Error {
    Error::new("a statement was refused").caused_by(error)
}
