//! One cutover: a migration, a catch-up, changes, a rehearsal, and the freeze, while a program writes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use migrate_core::cutover::Event;
use postgres_client::{DbSettings, TargetUrl};
use row_mover::catch_up::{CatchUpRequest, catch_up};
use row_mover::cutover::{Cutover, CutoverRequest, Frozen, PauseParts, RehearsalScope};
use row_mover::fence::MarkUse;
use row_mover::observer::Silent;
use row_mover::rollback::Author;
use serde::Serialize;

use super::scene::{Scene, change};
use super::writing::Writer;
use crate::author;
use crate::bench::child::{self, Interrupt};
use crate::bench::server::{BenchDatabase, Server};

/// The longest time for which writers may wait before a freeze is undone: the app's busy timeout is 5 s.
const PAUSE_MAX: Duration = Duration::from_secs(4);

/// What one cutover took, in seconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    /// The share of rows that was changed before the catch-up and once more before the freeze, in percent.
    pub(crate) percent: f64,
    /// The rows of it.
    pub(crate) changed_rows: u64,
    /// The catch-up after as many changes.
    pub(crate) catch_up_seconds: f64,
    /// The pause to expect, from the rehearsal.
    pub(crate) rehearsed_seconds: f64,
    /// The pause itself: from the lock to the commit of the fence.
    pub(crate) pause_seconds: f64,
    /// Its parts.
    pub(crate) pause: PauseParts,
    /// The most memory that this process used from the catch-up to the fence, in bytes; none where the system does not tell.
    pub(crate) peak_bytes: Option<u64>,
    /// The freezes that were undone before, because they took too long.
    pub(crate) undone: u32,
    /// How long the write that the fence refused had waited.
    pub(crate) refused_seconds: f64,
    /// The longest wait of a write that SQLite acknowledged.
    pub(crate) longest_write_seconds: f64,
    /// The writes that gave up at the busy timeout.
    pub(crate) busy_writes: u64,
    /// The writes that SQLite acknowledged.
    pub(crate) writes: u64,
    /// Those of them that PostgreSQL does not have.
    pub(crate) lost_writes: u64,
}

/// The freezes that may be undone.
const ATTEMPTS_MAX: u32 = 5;

/// Measures one cutover of a copy of the scene's database.
///
/// # Errors
/// When a step fails.
pub(crate) fn measure(
    scene: &Scene,
    percent: f64,
    server: &Server,
    folder: &Path,
    interrupt: &Interrupt,
    begins: &dyn Fn(&str) -> anyhow::Result<()>,
) -> anyhow::Result<Measured> {
    let scratch = tempfile::tempdir_in(folder).context("a scratch folder cannot be created")?;
    let source = scene.copied_to(scratch.path())?;
    let database = server.database()?;
    begins("migrate")?;
    migrate(scene, &source, &database, scratch.path(), interrupt)?;
    let writer = Writer::start(&source, scratch.path())?;
    let requests = Requests::new(&database, scratch.path())?;
    begins("catch-up")?;
    change(&source, percent, 0)?;
    forget_peak();
    let started = Instant::now();
    catch_up(&requests.catch_up, &Silent)?;
    let catch_up_seconds = started.elapsed().as_secs_f64();
    begins("cutover")?;
    let changed_rows = change(&source, percent, 1)?;
    let mut cutover = Cutover::open(&requests.cutover, &Silent)?;
    let rehearsed = cutover.rehearse(RehearsalScope::Pause)?;
    cutover.record(Event::CutoverBegun)?;
    let mut undone = 0;
    let closed = loop {
        match cutover.freeze()? {
            Frozen::Closed(closed) => break closed,
            Frozen::Open(why) if undone == ATTEMPTS_MAX => bail!("the freeze does not succeed: {why:?}"),
            Frozen::Open(_) => undone += 1,
        }
    };
    drop(cutover);
    let peak_bytes = peak_bytes();
    let written = writer.refused()?;
    let stored = tokens(&database)?;
    if let Some(extra) = stored.difference(&written.tokens).next() {
        bail!("PostgreSQL has the write {extra}, which SQLite has not acknowledged");
    }
    Ok(Measured {
        percent,
        changed_rows,
        catch_up_seconds,
        rehearsed_seconds: rehearsed.pause().as_secs_f64(),
        pause_seconds: closed.pause.unwrap_or_default().as_secs_f64(),
        pause: closed.parts,
        peak_bytes,
        undone,
        refused_seconds: written.refused_seconds,
        longest_write_seconds: written.longest_seconds,
        busy_writes: written.busy,
        writes: written.tokens.len() as u64,
        lost_writes: written.tokens.difference(&stored).count() as u64,
    })
}

/// Begins to measure the most memory of this process anew, where the system can.
fn forget_peak() {
    // Linux resets the figure; elsewhere there is none.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process has used since.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// What the engine is asked for.
struct Requests {
    catch_up: CatchUpRequest,
    cutover: CutoverRequest,
}

impl Requests {
    fn new(database: &BenchDatabase<'_>, folder: &Path) -> anyhow::Result<Requests> {
        let target = TargetUrl::parse(&database.login_url())?;
        let settings = DbSettings::default();
        let (backup_dir, rejects_dir) = (folder.join("backups"), folder.join("rejects"));
        Ok(Requests {
            catch_up: CatchUpRequest {
                target: target.clone(),
                settings,
                backup_dir: backup_dir.clone(),
                rejects_dir: rejects_dir.clone(),
                dry_run: false,
                replace_equal_copy: false,
            },
            cutover: CutoverRequest {
                target,
                settings,
                backup_dir,
                rejects_dir,
                mark_use: MarkUse::WhereNeeded,
                pause_max: PAUSE_MAX,
                lock_wait_max: Duration::from_secs(10),
                author: Author { name: author::name(), note: None },
            },
        })
    }
}

/// Migrates as a user does, with the proof.
fn migrate(
    scene: &Scene,
    source: &Path,
    database: &BenchDatabase<'_>,
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program's own file cannot be found")?;
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .args(["migrate", "--json", "--quiet", "--sqlite"])
        .arg(source)
        .arg("--plan")
        .arg(&scene.plan_dir)
        .arg("--postgres")
        .arg(database.url());
    database.pass_password(&mut command);
    let ran = child::run(&mut command, folder, interrupt)?;
    if !ran.status.success() {
        bail!("migrate ended with {}: {}", ran.status, ran.last_line());
    }
    Ok(())
}

/// The writes that PostgreSQL has.
fn tokens(database: &BenchDatabase<'_>) -> anyhow::Result<BTreeSet<String>> {
    let rows = database.connect()?.query("SELECT token FROM public.writes", &[])?;
    rows.into_iter().map(|row| Ok(row.get(0)?)).collect()
}
