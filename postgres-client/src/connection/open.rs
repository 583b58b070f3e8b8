//! Opens connections.

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use pq_sys::{ConnStatusType, PGVerbosity, PostgresPollingStatusType};
use rustix::event::PollFlags;

use super::{Backend, Connection, transaction};
use crate::error::{Error, Result};
use crate::refusal::Refusal;

/// How long a connection may make no progress before it counts as lost, by default.
const STALL_MAX: Duration = Duration::from_secs(120);

impl Connection {
    /// Connects with `conninfo`, a URL or a keyword string of libpq, within `timeout`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses; the text is libpq's, which holds no password.
    pub fn connect(conninfo: &str, application_name: &str, timeout: Duration) -> Result<Connection> {
        Connection::connect_with(&[], conninfo, &[(c"application_name", application_name)], timeout)
    }

    /// The same with keywords of libpq: `defaults`, which `conninfo` may override, and `fixed` ones, which override it.
    ///
    /// # Errors
    /// As [`Connection::connect`].
    pub(crate) fn connect_with(
        defaults: &[(&CStr, &str)],
        conninfo: &str,
        fixed: &[(&CStr, &str)],
        timeout: Duration,
    ) -> Result<Connection> {
        // libpq replaces the place of `dbname` with what it contains; of two values of a keyword the later one counts.
        let own = [(c"dbname", conninfo)].into_iter().chain(fixed.iter().copied());
        let all = defaults.iter().copied().chain(own).chain([(c"client_encoding", "UTF8")]);
        let (keywords, values): (Vec<&CStr>, Vec<&str>) = all.unzip();
        let values: Vec<CString> = values
            .into_iter()
            .map(CString::new)
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| Error::new("the PostgreSQL URL holds a NUL character"))?;
        let keywords: Vec<_> = keywords.iter().map(|keyword| keyword.as_ptr()).chain([ptr::null()]).collect();
        let values: Vec<_> = values.iter().map(|value| value.as_ptr()).chain([ptr::null()]).collect();
        // SAFETY: both arrays end with a null pointer, and all strings outlive the call, which copies them.
        let raw = unsafe { pq_sys::PQconnectStartParams(keywords.as_ptr(), values.as_ptr(), 1) };
        let raw = NonNull::new(raw).ok_or_else(|| Error::new("libpq has no memory for a connection"))?;
        let connection = Connection {
            raw,
            stall_max: STALL_MAX,
            backend: Backend::default(),
            give_up: None,
            deadline: None,
            answered_at: Instant::now(),
            prepared: None,
            begin_sql: Cow::Borrowed(transaction::BEGIN),
        };
        // SAFETY: the connection exists, and the function that it is given lives for ever.
        unsafe { pq_sys::PQsetNoticeProcessor(connection.raw.as_ptr(), Some(drop_notice), ptr::null_mut()) };
        // libpq writes the SQLSTATE of a refusal into its message then, by which it is recognised in any language. SAFETY: the connection exists.
        unsafe { pq_sys::PQsetErrorVerbosity(connection.raw.as_ptr(), PGVerbosity::PQERRORS_VERBOSE) };
        connection.finish_connecting(Instant::now() + timeout)?;
        // SAFETY: the connection is open.
        if unsafe { pq_sys::PQsetnonblocking(connection.raw.as_ptr(), 1) } != 0 {
            return Err(connection.error("the connection cannot be made non-blocking"));
        }
        Ok(connection)
    }

    fn finish_connecting(&self, deadline: Instant) -> Result<()> {
        let failed = || Error::new("PostgreSQL cannot be reached");
        let mut wanted = PollFlags::OUT;
        loop {
            // SAFETY: the connection was started and is polled by this thread alone.
            if unsafe { pq_sys::PQstatus(self.raw.as_ptr()) } == ConnStatusType::CONNECTION_BAD {
                return Err(self.refused());
            }
            if !self.wait(wanted, Some(deadline)).map_err(|error| failed().caused_by(error))? {
                return Err(failed().caused_by(Refusal::no_answer()).with_remedy_text(
                    "check host, port and firewall; DB_CONNECTION_TIMEOUT sets how long to wait, in milliseconds",
                ));
            }
            // SAFETY: as above.
            match unsafe { pq_sys::PQconnectPoll(self.raw.as_ptr()) } {
                PostgresPollingStatusType::PGRES_POLLING_OK => return Ok(()),
                PostgresPollingStatusType::PGRES_POLLING_READING => wanted = PollFlags::IN,
                PostgresPollingStatusType::PGRES_POLLING_WRITING => wanted = PollFlags::OUT,
                _ => return Err(self.refused()),
            }
        }
    }

    /// Why no connection was made.
    fn refused(&self) -> Error {
        // SAFETY: the connection exists.
        let lacks_password = unsafe { pq_sys::PQconnectionNeedsPassword(self.raw.as_ptr()) } == 1;
        let refusal = Refusal::new(self.last_message()).lacking_password(lacks_password);
        Error::new("PostgreSQL cannot be reached").caused_by(refusal)
    }
}

/// Drops a notice of the server: libpq itself would print it with its values.
extern "C" fn drop_notice(_argument: *mut std::ffi::c_void, _message: *const c_char) {}
