//! One result of libpq, read through a safe type.

use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use pq_sys::{ExecStatusType, PGresult};

use super::{Row, TextRows};
use crate::server_error::ServerError;

/// A result of libpq, cleared when dropped.
pub(super) struct QueryResult(NonNull<PGresult>);

impl QueryResult {
    /// Takes ownership of a result; none for null.
    pub(super) fn new(raw: *mut PGresult) -> Option<QueryResult> {
        NonNull::new(raw).map(QueryResult)
    }

    /// The kind of result.
    pub(super) fn status(&self) -> ExecStatusType {
        // SAFETY: the result is ours.
        unsafe { pq_sys::PQresultStatus(self.0.as_ptr()) }
    }

    /// The server's error, scrubbed.
    pub(super) fn server_error(&self) -> ServerError {
        let field = |code: u8| {
            // SAFETY: the result is ours; the text belongs to it and is copied at once.
            let text = unsafe { pq_sys::PQresultErrorField(self.0.as_ptr(), c_int::from(code)) };
            // SAFETY: libpq gives a string or null.
            (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
        };
        let names =
            [pq_sys::PG_DIAG_TABLE_NAME, pq_sys::PG_DIAG_COLUMN_NAME, pq_sys::PG_DIAG_CONSTRAINT_NAME]
                .map(field);
        ServerError::scrubbed_in_context(
            field(pq_sys::PG_DIAG_SQLSTATE),
            field(pq_sys::PG_DIAG_MESSAGE_PRIMARY),
            names,
            field(pq_sys::PG_DIAG_CONTEXT).as_deref(),
            field(pq_sys::PG_DIAG_MESSAGE_HINT),
        )
    }

    /// The numbers of rows and columns.
    pub(super) fn size(&self) -> (usize, usize) {
        // SAFETY: the result is ours.
        let (rows, columns) =
            unsafe { (pq_sys::PQntuples(self.0.as_ptr()), pq_sys::PQnfields(self.0.as_ptr())) };
        // Neither is ever negative.
        (usize::try_from(rows).unwrap_or(0), usize::try_from(columns).unwrap_or(0))
    }

    /// The number of rows that the statement concerned; 0 for one that concerns none.
    pub(super) fn affected(&self) -> u64 {
        // SAFETY: the result is ours; libpq gives a string that belongs to it.
        let text = unsafe { CStr::from_ptr(pq_sys::PQcmdTuples(self.0.as_ptr())) };
        text.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// The name of a column.
    pub(super) fn column_name(&self, column: c_int) -> Option<&str> {
        // SAFETY: the result is ours; libpq gives null for a column that does not exist.
        let name = unsafe { pq_sys::PQfname(self.0.as_ptr(), column) };
        // SAFETY: the string belongs to the result, which is borrowed for as long.
        (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_str().ok()).flatten()
    }

    /// The OID of a column's type; 0 for a column that does not exist.
    pub(super) fn column_type(&self, column: c_int) -> u32 {
        // SAFETY: the result is ours.
        unsafe { pq_sys::PQftype(self.0.as_ptr(), column) }
    }

    /// The bytes of a field; none for NULL. Row and column are within [`QueryResult::size`].
    pub(super) fn field(&self, row: c_int, column: c_int) -> Option<&[u8]> {
        let result = self.0.as_ptr();
        // SAFETY: the result is ours; libpq gives the length of the bytes, which belong to the result, borrowed for as long.
        unsafe {
            if pq_sys::PQgetisnull(result, row, column) != 0 {
                return None;
            }
            let length = usize::try_from(pq_sys::PQgetlength(result, row, column)).ok()?;
            Some(std::slice::from_raw_parts(pq_sys::PQgetvalue(result, row, column).cast(), length))
        }
    }

    /// The rows, as text.
    pub(super) fn text_rows(&self) -> TextRows {
        let result = self.0.as_ptr();
        // SAFETY: the result is ours, rows and columns are within the counts that it gives, and text is copied at once.
        unsafe {
            let (rows, columns) = (pq_sys::PQntuples(result), pq_sys::PQnfields(result));
            let value = |row, column| {
                (pq_sys::PQgetisnull(result, row, column) == 0).then(|| {
                    CStr::from_ptr(pq_sys::PQgetvalue(result, row, column)).to_string_lossy().into_owned()
                })
            };
            (0..rows).map(|row| Row::new((0..columns).map(|column| value(row, column)).collect())).collect()
        }
    }
}

impl Drop for QueryResult {
    fn drop(&mut self) {
        // SAFETY: the result is ours, and this is the last use of it.
        unsafe { pq_sys::PQclear(self.0.as_ptr()) }
    }
}
