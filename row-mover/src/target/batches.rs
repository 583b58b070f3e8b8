//! Work on thousands of relations, in transactions that the server's table of locks has room for.

use std::ops::Range;

use migrate_core::batches::LockShare;

use crate::error::{Context, Result};
use postgres_client::connection::Connection;

/// Reads how many locks a transaction of ours may hold.
pub(crate) fn lock_share(target: &mut Connection) -> Result<LockShare> {
    let sql = "SELECT pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int8 \
               * (pg_catalog.current_setting('max_connections')::pg_catalog.int8 \
                  + pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int8)";
    let slots = target.one(sql, &[]).context(|| "the target cannot be examined")?;
    Ok(LockShare::of_table(slots))
}

/// Does `count` items of work in batches: `end` says where one ends that begins at an item and may hold a share of locks, and `work`
/// does it in a transaction. Where the server has no room for its locks, batches half as large are tried, down to single items.
pub(crate) fn in_batches(
    count: usize,
    mut share: LockShare,
    end: &dyn Fn(usize, LockShare) -> usize,
    work: &mut dyn FnMut(Range<usize>) -> Result<()>,
) -> Result<()> {
    let mut from = 0;
    while from < count {
        let until = end(from, share).clamp(from + 1, count);
        match work(from..until) {
            Ok(()) => from = until,
            Err(error) if error.is_out_of_memory() && until - from > 1 => share = share.halved(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use migrate_core::batches::end_of_batch;

    use super::*;
    use crate::error::Error;
    use postgres_client::server_error::ServerError;

    /// Works in batches where the server has room for `room` items at once; gives what was done, in order.
    fn done_with_room_for(room: usize) -> Result<Vec<Range<usize>>> {
        let locks = [4; 40];
        let mut done = Vec::new();
        let end = |from: usize, share: LockShare| end_of_batch(&locks, from, share);
        in_batches(locks.len(), LockShare::of_table(640), &end, &mut |range| {
            if range.len() > room {
                let full = ServerError { sqlstate: Some("53200".to_owned()), ..ServerError::default() };
                return Err(Error::new("a statement was refused").caused_by(full));
            }
            done.push(range);
            Ok(())
        })
        .map(|()| done)
    }

    #[test]
    fn a_batch_that_finds_no_room_is_done_in_halves() {
        for room in [1, 3, 7, 100] {
            let done = done_with_room_for(room).unwrap();
            let items: Vec<usize> = done.iter().cloned().flatten().collect();
            assert_eq!(items, (0..40).collect::<Vec<_>>(), "room for {room}");
        }
        assert_eq!(done_with_room_for(100).unwrap(), [0..20, 20..40]);
        assert!(done_with_room_for(0).is_err(), "one item that finds no room is an error");
    }
}
