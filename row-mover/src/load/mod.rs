//! Loads the rows and runs the builds (keys, indexes, constraints), several at once. Each chunk or build is one transaction that
//! includes its row in the ledger. `migrate_core::schedule` decides the order.

mod build;
mod chunk;
mod chunks;
mod copy;
mod lane;
mod rows_there;
mod staging;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::PlannedTable;
use migrate_core::render::Build;
use migrate_core::schedule::{ChunkToMove, DoneTasks, Schedule, Task};

use crate::error::{Context, Error, Result};
use crate::ledger::Chunk;
use crate::observer::{Observer, TableToMove};
use crate::remedy::Remedy;
use crate::source::SourceConnection;
use crate::target::bookkeeping::Applied;
use crate::threads;
use postgres_client::connection::{Backend, Connection};
use postgres_client::work_clock::WorkClock;

pub(crate) use chunks::plan_chunks;
pub(crate) use copy::stopped;
use lane::Lane;
pub(crate) use staging::{IS_TRIED, STAGING, Staged, first_refused, is_about_a_row, stage, type_name};

/// What is loaded, with its source and its target.
pub(crate) struct Load<'a> {
    /// The plan.
    pub(crate) plan: &'a LoadPlan<'a>,
    /// The run.
    pub(crate) run_id: i64,
    /// The path of its sealed copy, by which the ledger knows it.
    pub(crate) sealed_path: &'a str,
    /// All chunks of the run.
    pub(crate) chunks: &'a [Chunk],
    /// All builds of the plan.
    pub(crate) builds: &'a [Build],
    /// The chunks and builds that are done.
    pub(crate) done: &'a DoneTasks,
    /// Runs in the transaction of the last build: it records that the migration is applied.
    pub(crate) applied: &'a Applied,
    /// How many lanes there are.
    pub(crate) workers: usize,
    /// Whether there is no connection but that of the one lane, so that it closes it before the ledger is asked by another one.
    pub(crate) is_tight: bool,
    /// How long a fault may last.
    pub(crate) retry_max: Duration,
    /// Opens the sealed copy.
    pub(crate) open_source: &'a (dyn Fn() -> Result<SourceConnection> + Sync),
    /// Opens a bulk connection.
    pub(crate) open_target: &'a (dyn Fn() -> Result<Connection> + Sync),
    /// Makes sure that other migrations are still kept away.
    pub(crate) hold_lock: &'a (dyn Fn() -> Result<()> + Sync),
    /// Whether this process of the server is still at work.
    pub(crate) is_at_work: &'a (dyn Fn(&Backend) -> Result<bool> + Sync),
    /// Reads which chunks and builds the ledger holds as done.
    pub(crate) read_done: &'a (dyn Fn() -> Result<DoneTasks> + Sync),
    /// Called once when all rows are in.
    pub(crate) rows_are_in: &'a (dyn Fn() -> Result<()> + Sync),
    /// Adds to the error of a session who held the lock that it waited for.
    pub(crate) explain: &'a (dyn Fn(Error, Option<&Backend>) -> Error + Sync),
    /// Who watches.
    pub(crate) observer: &'a dyn Observer,
    /// When work was last done.
    pub(crate) clock: &'a WorkClock,
}

/// Claims a chunk or a build in the ledger; false where it is done already: its commit succeeded, and the reply was lost.
///
/// # Errors
/// When the ledger is that of another run by now, or cannot be asked.
fn claim(target: &mut Connection, sql: &str, parameters: &[Option<&str>]) -> Result<bool> {
    match target.first::<bool>(sql, parameters)? {
        Some(is_done) => Ok(!is_done),
        None => Err(Error::new("the ledger is no longer that of this run: another migration has begun")
            .with_remedy_value(Remedy::SeeStatus)),
    }
}

/// The state that the lanes share.
struct Shared<'a> {
    /// The tables of the chunks as they are sent, by source name.
    sent: HashMap<&'a str, Cow<'a, PlannedTable>>,
    schedule: Mutex<Schedule>,
    /// Notified when a task is done or released.
    changed: Condvar,
    has_failed: AtomicBool,
    are_rows_in: AtomicBool,
    /// How many lanes have a connection: one that gets none leaves the work to these.
    connected: AtomicUsize,
    /// The tasks that wait for somebody else's lock, and since when, whichever lane tried them.
    blocked: Mutex<Vec<(Task, Instant)>>,
}

impl Shared<'_> {
    /// Records that a task has just waited for so long for a lock, and returns when that wait began.
    fn blocked(&self, task: Task, waited: Duration) -> Instant {
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, since)) = blocked.iter().find(|(other, _)| *other == task) {
            return *since;
        }
        let now = Instant::now();
        let since = now.checked_sub(waited).unwrap_or(now);
        blocked.push((task, since));
        since
    }

    /// A task is done, or failed for another reason.
    fn unblocked(&self, task: Task) {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner).retain(|(other, _)| *other != task);
    }
}

impl Load<'_> {
    /// Moves the chunks and runs the builds that are not done.
    ///
    /// # Errors
    /// The first permanent error of any lane; the others end after their task.
    pub(crate) fn run(&self) -> Result<()> {
        let sent = self.sent_tables()?;
        let to_move: Vec<ChunkToMove> = self.chunks.iter().map(chunk_to_move).collect();
        let schedule = Schedule::new(self.plan, &to_move, self.builds, self.done, self.workers)
            .context(|| "the ledger is not that of this plan".to_owned())?;
        let are_rows_in = schedule.are_rows_in();
        let shared = Shared {
            sent,
            schedule: Mutex::new(schedule),
            changed: Condvar::new(),
            has_failed: AtomicBool::new(false),
            are_rows_in: AtomicBool::new(are_rows_in),
            connected: AtomicUsize::new(0),
            blocked: Mutex::default(),
        };
        let open = self.chunks.len() + self.builds.len() - self.done.len();
        std::thread::scope(|scope| {
            let lanes = (0..self.workers.clamp(1, open.max(1)))
                .map(|_| threads::spawn(scope, || Lane::new(self, &shared).run()))
                .collect::<Result<Vec<_>>>()?;
            let results = lanes.into_iter().map(|lane| {
                lane.join()
                    .unwrap_or_else(|_| Err(Error::new("a thread that moves rows stopped unexpectedly")))
            });
            // All lanes are waited for, and the first error counts.
            results.fold(Ok(()), Result::and)
        })
    }
}

impl<'a> Load<'a> {
    /// The tables of the chunks as they are sent.
    fn sent_tables(&self) -> Result<HashMap<&'a str, Cow<'a, PlannedTable>>> {
        let mut sent = HashMap::new();
        for Chunk { table, .. } in self.chunks {
            if !sent.contains_key(table.as_str()) {
                let planned = self.plan.table(table).ok_or_else(|| {
                    Error::new(format!("the ledger names table {table}, which the plan does not have"))
                })?;
                // Thousands of tables are not copied without need.
                let is_sent_whole = planned.columns.iter().all(|column| column.generated.is_none());
                let planned = if is_sent_whole { Cow::Borrowed(planned) } else { Cow::Owned(planned.sent()) };
                sent.insert(table.as_str(), planned);
            }
        }
        Ok(sent)
    }
}

fn chunk_to_move(chunk: &Chunk) -> ChunkToMove {
    // Where nobody has counted, all chunks count the same.
    let size = chunk.planned_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(1);
    ChunkToMove { table: chunk.table.clone(), size: size.max(1) }
}

/// The rows to move, by table, in the order of the chunks.
pub(crate) fn tables_to_move(chunks: &[Chunk]) -> Vec<TableToMove> {
    let mut tables: Vec<TableToMove> = Vec::new();
    for chunk in chunks {
        if tables.last().is_none_or(|last| last.table != chunk.table) {
            tables.push(TableToMove { table: chunk.table.clone(), bytes: Some(0), ..TableToMove::default() });
        }
        let Some(table) = tables.last_mut() else { continue };
        let natural = |number: i64| u64::try_from(number).unwrap_or(0);
        table.chunks += 1;
        if let Some(done) = &chunk.done {
            table.chunks_done += 1;
            table.rows_done += natural(done.rows);
            table.bytes_done += natural(done.bytes);
        }
        // Completed chunks count with the numbers sent, the others with the planned ones.
        let bytes = chunk.done.as_ref().map(|done| done.bytes).or(chunk.planned_bytes);
        table.bytes = table.bytes.zip(bytes.map(natural)).map(|(sum, bytes)| sum + bytes);
    }
    tables
}
