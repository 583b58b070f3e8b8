//! Waits for a connection's socket, with a deadline or until the wait is cancelled.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::{Connection, late, stalled};
use crate::error::{Error, Result};
use crate::watch::StopFlag;

/// Interval between checks whether a wait is cancelled.
const GIVE_UP_EACH: Duration = Duration::from_millis(20);

impl Connection {
    /// Cancels whatever the connection waits for once the flag is set. The connection is useless then; the server ends its session by
    /// itself.
    pub fn give_up_with(&mut self, flag: StopFlag) {
        self.give_up = Some(flag);
    }

    pub(super) fn wait_or_stall(&self, wanted: PollFlags) -> Result<()> {
        self.wait_or_stall_for(wanted, 1)
    }

    /// Waits for the socket, for this multiple of the time for which the connection may usually be silent.
    pub(super) fn wait_or_stall_for(&self, wanted: PollFlags, times: u32) -> Result<()> {
        let stall_max = self.stall_max.saturating_mul(times);
        let until = Instant::now() + stall_max;
        let until = self.deadline.map_or(until, |deadline| until.min(deadline));
        if self.wait(wanted, Some(until))? {
            return Ok(());
        }
        Err(if self.is_past_deadline() { late() } else { stalled(stall_max) })
    }

    /// Waits for the socket; false when `deadline` passes first.
    pub(super) fn wait(&self, wanted: PollFlags, deadline: Option<Instant>) -> Result<bool> {
        // SAFETY: the connection is open or being opened.
        let socket = unsafe { pq_sys::PQsocket(self.raw.as_ptr()) };
        if socket < 0 {
            return Err(self.lost("the connection to PostgreSQL is closed"));
        }
        // SAFETY: libpq keeps the socket open for as long as this borrow lasts.
        let socket = unsafe { BorrowedFd::borrow_raw(socket) };
        loop {
            let mut polled = [PollFd::new(&socket, wanted)];
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let slice = match &self.give_up {
                Some(flag) if flag.is_set() => {
                    return Err(Error::new("the connection was given up").transient());
                }
                Some(_) => Some(left.map_or(GIVE_UP_EACH, |left| left.min(GIVE_UP_EACH))),
                None => left,
            };
            let timeout = slice.and_then(|slice| Timespec::try_from(slice).ok());
            match rustix::event::poll(&mut polled, timeout.as_ref()) {
                Ok(0) if slice != left => {}
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Error::new("waiting for PostgreSQL failed").caused_by(error)),
            }
        }
    }
}
