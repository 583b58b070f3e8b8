//! COPY in both directions, as a stream of pieces, independent of what the bytes mean.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use pq_sys::ExecStatusType;
use rustix::event::PollFlags;

use super::{Connection, SLOW};
use crate::error::{Error, Result};

/// A `COPY … FROM STDIN` that is under way. Dropping it unfinished makes the server undo it.
pub struct CopyIn<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) is_open: bool,
}

impl CopyIn<'_> {
    /// Sends a piece of the stream and waits until the server has room for more, so that nothing piles up here.
    ///
    /// # Errors
    /// A lost or stalled connection.
    pub fn send(&mut self, piece: &[u8]) -> Result<()> {
        // A connection that is lost or stalled is not waited for once more when this is dropped.
        self.put(piece).inspect_err(|_| self.is_open = false)
    }

    fn put(&mut self, piece: &[u8]) -> Result<()> {
        for part in piece.chunks(1 << 20) {
            // A part has at most a mebibyte.
            let length = c_int::try_from(part.len()).unwrap_or(c_int::MAX);
            loop {
                // SAFETY: `part` has `length` bytes, which libpq copies.
                let put = unsafe {
                    pq_sys::PQputCopyData(
                        self.connection.raw.as_ptr(),
                        part.as_ptr().cast::<c_char>(),
                        length,
                    )
                };
                match put {
                    1 => break,
                    0 => self.connection.flush()?,
                    _ => return Err(self.connection.lost("COPY to PostgreSQL broke")),
                }
            }
            self.connection.flush()?;
        }
        Ok(())
    }

    /// Ends the stream and waits for the server's verdict.
    ///
    /// # Errors
    /// The server's error, scrubbed, or a lost connection.
    pub fn finish(mut self) -> Result<()> {
        self.end(None)?;
        while let Some(result) = self.connection.next_result()? {
            if result.status() != ExecStatusType::PGRES_COMMAND_OK {
                let error = result.server_error();
                self.connection.drain()?;
                return Err(Error::new("COPY was refused").caused_by(error));
            }
        }
        Ok(())
    }

    fn end(&mut self, reason: Option<&CStr>) -> Result<()> {
        self.is_open = false;
        let reason = reason.map_or(ptr::null(), CStr::as_ptr);
        loop {
            // SAFETY: the reason is null or a string that outlives the call.
            match unsafe { pq_sys::PQputCopyEnd(self.connection.raw.as_ptr(), reason) } {
                1 => return self.connection.flush(),
                0 => self.connection.flush()?,
                _ => return Err(self.connection.lost("COPY to PostgreSQL broke")),
            }
        }
    }
}

impl Drop for CopyIn<'_> {
    fn drop(&mut self) {
        // The original error is already being returned. This only frees the connection for the next statement, which fails if even that
        // does not succeed.
        if self.is_open && self.end(Some(c"given up by the sender")).is_ok() {
            while let Ok(Some(_)) = self.connection.next_result() {}
        }
    }
}

/// A running `COPY … TO STDOUT`. If it is dropped before its end, the connection accepts no further statement.
pub struct CopyOut<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) is_over: bool,
    pub(super) has_begun: bool,
}

impl CopyOut<'_> {
    /// Hands the next piece of the stream to `take`; false at the end.
    ///
    /// # Errors
    /// The server's error, scrubbed, or a lost or stalled connection.
    pub fn next_piece(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<bool> {
        if self.is_over {
            return Ok(false);
        }
        loop {
            let mut buffer: *mut c_char = ptr::null_mut();
            // SAFETY: libpq stores a buffer of its own where the pointer points, which is freed below.
            let length = unsafe { pq_sys::PQgetCopyData(self.connection.raw.as_ptr(), &raw mut buffer, 1) };
            match length {
                0 => {
                    // The server may have to sort an entire table before it returns the first row.
                    let stalls = if self.has_begun { 1 } else { SLOW };
                    self.connection.wait_or_stall_for(PollFlags::IN, stalls)?;
                    self.connection.consume()?;
                }
                -1 => return self.finish().map(|()| false),
                length => {
                    let Ok(length) = usize::try_from(length) else {
                        return Err(self.connection.lost("COPY from PostgreSQL broke"));
                    };
                    // SAFETY: libpq says that the buffer has `length` bytes; it is freed after its only use.
                    unsafe {
                        self.has_begun = true;
                        take(std::slice::from_raw_parts(buffer.cast::<u8>(), length));
                        pq_sys::PQfreemem(buffer.cast());
                    }
                    return Ok(true);
                }
            }
        }
    }

    fn finish(&mut self) -> Result<()> {
        self.is_over = true;
        while let Some(result) = self.connection.next_result()? {
            if result.status() != ExecStatusType::PGRES_COMMAND_OK {
                let error = result.server_error();
                // The connection accepts the next statement only after this one is read to its end.
                self.connection.drain()?;
                return Err(Error::new("COPY from PostgreSQL failed").caused_by(error));
            }
        }
        Ok(())
    }
}
