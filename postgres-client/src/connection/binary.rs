//! Statements with binary parameters and binary results.
//!
//! What the bytes mean is the caller's: the module knows types by their OID only.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use pq_sys::ExecStatusType;

use super::query_result::QueryResult;
use super::{Connection, no_nul};
use crate::error::{Context, Error, Result};

/// The format code of binary values.
const BINARY: c_int = 1;

/// The rows of an answer in PostgreSQL's binary format.
pub struct BinaryRows {
    result: QueryResult,
    rows: usize,
    columns: usize,
}

impl BinaryRows {
    fn new(result: QueryResult) -> BinaryRows {
        let (rows, columns) = result.size();
        BinaryRows { result, rows, columns }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of rows that the statement inserted, changed, deleted or returned.
    pub fn affected(&self) -> u64 {
        self.result.affected()
    }

    /// The name of a column, counted from 0; none where there is no such column.
    pub fn column_name(&self, column: usize) -> Option<&str> {
        self.result.column_name(self.column(column)?)
    }

    /// The OID of a column's type; none where there is no such column.
    pub fn column_type(&self, column: usize) -> Option<u32> {
        Some(self.result.column_type(self.column(column)?))
    }

    /// The bytes of a field; none where it is NULL or does not exist.
    pub fn field(&self, row: usize, column: usize) -> Option<&[u8]> {
        let row = c_int::try_from(row).ok().filter(|_| row < self.rows)?;
        self.result.field(row, self.column(column)?)
    }

    fn column(&self, column: usize) -> Option<c_int> {
        c_int::try_from(column).ok().filter(|_| column < self.columns)
    }
}

/// Parameters as libpq reads them. The pointers are valid for as long as the values are borrowed.
struct Values {
    pointers: Vec<*const c_char>,
    lengths: Vec<c_int>,
    formats: Vec<c_int>,
    count: c_int,
}

impl Values {
    fn new<P: AsRef<[u8]>>(parameters: &[Option<P>]) -> Result<Values> {
        let bytes = || parameters.iter().map(|parameter| parameter.as_ref().map(AsRef::as_ref));
        let length = |value: Option<&[u8]>| c_int::try_from(value.map_or(0, <[u8]>::len));
        Ok(Values {
            pointers: bytes().map(|value| value.map_or(ptr::null(), |value| value.as_ptr().cast())).collect(),
            lengths: bytes()
                .map(length)
                .collect::<std::result::Result<_, _>>()
                .context(|| "a parameter is longer than PostgreSQL accepts")?,
            formats: vec![BINARY; parameters.len()],
            count: c_int::try_from(parameters.len()).context(|| "too many parameters")?,
        })
    }
}

impl Connection {
    /// Runs one statement with binary parameters, whose types are given by their OIDs, and waits for its end, as long as a connection may
    /// be silent. An OID of 0 lets the server choose the type.
    ///
    /// # Errors
    /// An error of the server, scrubbed, or a lost or stalled connection: see [`Error::loss`].
    pub fn binary_query<P: AsRef<[u8]>>(
        &mut self,
        sql: &str,
        types: &[u32],
        parameters: &[Option<P>],
    ) -> Result<BinaryRows> {
        self.check_open_if_idle()?;
        let sql = no_nul(sql)?;
        let values = Values::new(parameters)?;
        if types.len() != parameters.len() {
            return Err(Error::new("a statement has another number of types than of parameters"));
        }
        // SAFETY: all arrays have `count` elements and, as the strings, outlive the call, which copies them.
        let sent = unsafe {
            pq_sys::PQsendQueryParams(
                self.raw.as_ptr(),
                sql.as_ptr(),
                values.count,
                types.as_ptr(),
                values.pointers.as_ptr(),
                values.lengths.as_ptr(),
                values.formats.as_ptr(),
                BINARY,
            )
        };
        self.binary_answer(sent)
    }

    /// Sends a statement to be prepared under a name, and waits until it is.
    pub(super) fn prepare_as(&mut self, name: &CStr, sql: &CStr, types: &[u32]) -> Result<()> {
        let count = c_int::try_from(types.len()).context(|| "too many parameters")?;
        // SAFETY: `types` has `count` elements and, as the strings, outlives the call, which copies them.
        let sent = unsafe {
            pq_sys::PQsendPrepare(self.raw.as_ptr(), name.as_ptr(), sql.as_ptr(), count, types.as_ptr())
        };
        self.binary_answer(sent).map(drop)
    }

    /// Runs a prepared statement.
    pub(super) fn execute_prepared<P: AsRef<[u8]>>(
        &mut self,
        name: &CStr,
        parameters: &[Option<P>],
    ) -> Result<BinaryRows> {
        let values = Values::new(parameters)?;
        // SAFETY: all arrays have `count` elements and, as the name, outlive the call, which copies them.
        let sent = unsafe {
            pq_sys::PQsendQueryPrepared(
                self.raw.as_ptr(),
                name.as_ptr(),
                values.count,
                values.pointers.as_ptr(),
                values.lengths.as_ptr(),
                values.formats.as_ptr(),
                BINARY,
            )
        };
        self.binary_answer(sent)
    }

    /// Drops a prepared statement in the session. One that does not exist is no error.
    pub(super) fn close_prepared(&mut self, name: &CStr) -> Result<()> {
        // SAFETY: the name outlives the call, which copies it.
        let sent = unsafe { pq_sys::PQsendClosePrepared(self.raw.as_ptr(), name.as_ptr()) };
        self.binary_answer(sent).map(drop)
    }

    /// Waits for the answer to what was sent; `sent` is what libpq's function returned.
    fn binary_answer(&mut self, sent: c_int) -> Result<BinaryRows> {
        let answer =
            if sent == 1 { self.read_binary() } else { Err(self.lost("a statement could not be sent")) };
        answer.map_err(|error| self.with_loss(error))
    }

    fn read_binary(&mut self) -> Result<BinaryRows> {
        let mut answer = None;
        while let Some(result) = self.next_result()? {
            match result.status() {
                ExecStatusType::PGRES_TUPLES_OK
                | ExecStatusType::PGRES_COMMAND_OK
                | ExecStatusType::PGRES_EMPTY_QUERY => answer = Some(result),
                ExecStatusType::PGRES_COPY_IN | ExecStatusType::PGRES_COPY_OUT => {
                    return Err(Error::new("a statement began a COPY where none was expected"));
                }
                _ => return Err(self.failure(&result)),
            }
        }
        answer.map(BinaryRows::new).ok_or_else(|| Error::new("PostgreSQL gave no answer to a statement"))
    }

    /// Runs statements without parameters, separated by `;`, after checking that the server has not closed the connection meanwhile.
    ///
    /// # Errors
    /// As [`Connection::binary_query`].
    pub fn checked_script(&mut self, sql: &str) -> Result<()> {
        self.check_open()?;
        self.script(sql).map(drop)
    }
}
