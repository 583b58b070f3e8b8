//! Compares a table whose rowids SQL cannot name: WITHOUT ROWID, an R*Tree, or one whose columns have all names of the rowid.
//!
//! Both copies are scanned side by side. A row that the other copy does not have at the same place waits until the other copy has it. What
//! waits at the end is the difference. No order is assumed, since it may be that of a collation that only the app has; where the orders are
//! the same, only rows that differ, and as many as the scans are apart, are kept: by the first half of their SHA-256.

use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, sync_channel};

use migrate_core::plan::PlannedTable;
use postgres_client::watch::{Watch, check_stop};
use sha2::{Digest, Sha256};

use super::by_rowid::Changed;
use super::encoded_row;
use super::row_set::RowSet;
use crate::error::{Context, Error, Result};
use crate::source::SourceConnection;
use crate::source::rows::{Scan, SourceRow};
use crate::threads;

/// The rows that are passed between threads at once.
const BATCH_ROWS: usize = 1 << 12;

/// The batches that wait between threads.
const BATCHES_MAX: usize = 4;

/// Compares all rows.
///
/// # Errors
/// When a copy cannot be read, or the work is to stop.
pub(super) fn compare(
    table: &PlannedTable,
    base: &SourceConnection,
    newer: &SourceConnection,
    watch: &dyn Watch,
) -> Result<Changed> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(BATCHES_MAX);
        let (file, stops) = (base.file().clone(), base.control().clone());
        let reader =
            threads::spawn(scope, move || send_rows(table, file.open_under(&stops)?, sender, watch))?;
        let mut waiting = Waiting::default();
        let mut older = receiver.iter().flatten();
        let failed = || super::unreadable(table, newer);
        let (mut hash, mut number) = (RowDigest::default(), 0);
        Scan::of(table).each(newer, &failed, &mut |row| {
            number += 1;
            if number % BATCH_ROWS == 0 {
                check_stop(watch)?;
            }
            waiting.pair(older.next(), Some(hash.of(table, row).context(failed)?));
            Ok(())
        })?;
        for row in older.by_ref() {
            waiting.pair(Some(row), None);
        }
        drop(older);
        drop(receiver);
        // Without all rows of the older copy, what was found means nothing.
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(waiting.changed())
    })
}

/// Sends the digests of the rows of a copy.
fn send_rows(
    table: &PlannedTable,
    copy: SourceConnection,
    sender: SyncSender<Vec<u128>>,
    watch: &dyn Watch,
) -> Result<()> {
    let failed = || super::unreadable(table, &copy);
    let (mut hash, mut batch) = (RowDigest::default(), Vec::with_capacity(BATCH_ROWS));
    // The other thread only ends early with an error of its own.
    let send = |batch| sender.send(batch).map_err(|_| Error::stopped());
    Scan::of(table).each(&copy, &failed, &mut |row| {
        batch.push(hash.of(table, row).context(failed)?);
        if batch.len() < BATCH_ROWS {
            return Ok(());
        }
        check_stop(watch)?;
        send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS)))
    })?;
    send(batch)
}

/// Hashes rows.
#[derive(Default)]
struct RowDigest {
    encoded: Vec<u8>,
}

impl RowDigest {
    fn of(&mut self, table: &PlannedTable, row: &SourceRow<'_>) -> rusqlite::Result<u128> {
        self.encoded.clear();
        encoded_row::append(row, table.columns.len(), &mut self.encoded)?;
        let mut half = [0; 16];
        half.iter_mut().zip(Sha256::digest(&self.encoded)).for_each(|(to, from)| *to = from);
        Ok(u128::from_le_bytes(half))
    }
}

/// Rows of one copy that the other one has not had yet: the numbers of equal rows, by digest.
type Numbers = HashMap<u128, Vec<i64>>;

#[derive(Default)]
struct Waiting {
    removed: Numbers,
    added: Numbers,
    older_rows: i64,
    newer_rows: i64,
}

impl Waiting {
    /// Takes the next row of each copy that has one.
    fn pair(&mut self, older: Option<u128>, newer: Option<u128>) {
        self.older_rows += i64::from(older.is_some());
        self.newer_rows += i64::from(newer.is_some());
        if older == newer {
            return;
        }
        if let Some(digest) = older {
            settle(digest, self.older_rows, &mut self.added, &mut self.removed);
        }
        if let Some(digest) = newer {
            settle(digest, self.newer_rows, &mut self.removed, &mut self.added);
        }
    }

    fn changed(self) -> Changed {
        Changed { removed: set_of(self.removed), added: set_of(self.added) }
    }
}

/// Pairs a row with an equal one of the other copy, or lets it wait.
fn settle(digest: u128, number: i64, others: &mut Numbers, own: &mut Numbers) {
    match others.get_mut(&digest) {
        Some(numbers) => {
            numbers.pop();
            if numbers.is_empty() {
                others.remove(&digest);
            }
        }
        None => own.entry(digest).or_default().push(number),
    }
}

fn set_of(numbers: Numbers) -> RowSet {
    let mut numbers: Vec<i64> = numbers.into_values().flatten().collect();
    numbers.sort_unstable();
    let (mut set, mut next) = (RowSet::default(), None);
    for number in numbers {
        if next != Some(number) {
            set.pass();
        }
        set.add(number);
        next = number.checked_add(1);
    }
    set
}
