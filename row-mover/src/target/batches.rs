//! Work on thousands of relations, in transactions that the server's table of locks has room for.

use std::ops::Range;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use migrate_core::batches::LockShare;

use super::PooledConnection;
use super::pool::diesel_failed;
use crate::error::Result;

/// Reads how many locks a transaction of ours may hold.
pub(crate) fn lock_share(target: &mut PooledConnection) -> Result<LockShare> {
    #[derive(QueryableByName)]
    struct Table {
        #[diesel(sql_type = BigInt)]
        slots: i64,
    }
    let table: Table = diesel::sql_query(
        "SELECT pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int8 \
         * (pg_catalog.current_setting('max_connections')::pg_catalog.int8 \
            + pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int8) AS slots",
    )
    .get_result(target)
    .map_err(diesel_failed("the target cannot be examined"))?;
    Ok(LockShare::of_table(usize::try_from(table.slots).unwrap_or(0)))
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
