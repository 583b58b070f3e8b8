//! A whole migration: the phases in their order, what each needs, and what the ledger is told.
//!
//! Knows no command line: who watches implements [`Observer`], and the outcome is a value.

mod observer;
mod preflight;
mod target_check;
mod validation;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_migrations::MigrationHarness;
use migrate_core::phase::{Decision, Phase, RunSubject, decide};
use migrate_core::plan::{Plan, PlannedTable};
use serde::Serialize;

pub use observer::{Observer, Silent};
pub use preflight::Preflight;
pub use validation::{Validation, ValidationRequest, validate};

use crate::error::{Context, Error, Result};
use crate::ledger::{self, ChunkDone, Run};
use crate::source::SourceConnection;
use crate::source::preflight::Findings;
use crate::source::seal::{self, Seal};
use crate::target::bulk::BulkConnection;
use crate::target::pool::{self, Pool, diesel_failed};
use crate::target::server_error;
use crate::target::{DbSettings, PooledConnection, TargetUrl};
use crate::validate::CompareOptions;
use crate::{finish, load};

/// The name under which our sessions show in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "hyperpage-migration";

/// Two migrations of one target are kept apart by an advisory lock of this number.
const ADVISORY_LOCK: &str = "7237971062";

/// What a migration needs.
pub struct Request<'a, M> {
    /// The user's SQLite file.
    pub source: PathBuf,
    /// The target.
    pub target: TargetUrl,
    /// Pool sizes and timeouts.
    pub settings: DbSettings,
    /// What becomes of the source.
    pub plan: &'a Plan,
    /// The plan's migrations: the first creates the tables, the others what follows the rows.
    pub migrations: &'a M,
    /// The tables that move, by source name; all where it is empty.
    pub tables: Vec<String>,
    /// Where sealed copies go.
    pub backup_dir: PathBuf,
    /// How many connections work at once.
    pub workers: usize,
    /// Whether to drop what an earlier run of ours made, and start over.
    pub restart: bool,
    /// Whether the values of differing fields are shown.
    pub show_values: bool,
}

/// What came of a migration.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The rows moved and were compared.
    Moved(Moved),
    /// An earlier run has done it; nothing moved.
    AlreadyDone(AlreadyDone),
    /// Values stand in the way; nothing was changed.
    Rejected {
        /// What the scan found.
        findings: Findings,
    },
    /// What would be done; nothing was changed.
    DryRun {
        /// What the scan found.
        findings: Findings,
        /// What would come next, in words.
        next: String,
    },
}

/// A migration that has moved rows, in this run or with earlier ones.
#[derive(Debug, Serialize)]
pub struct Moved {
    /// The run's number in the ledger.
    pub run: i64,
    /// The sealed copy.
    pub seal: Seal,
    /// What each phase of this run took.
    pub phases: Vec<PhaseDone>,
    /// What moving each table took, in the plan's order.
    pub tables: Vec<TableMoved>,
    /// What was compared.
    pub validation: Validation,
}

/// A phase that is done.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseDone {
    /// The phase.
    pub phase: Phase,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// What moving one table took.
#[derive(Debug, Clone, Serialize)]
pub struct TableMoved {
    /// The table, by source name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The bytes that were sent.
    pub bytes: u64,
    /// The seconds of all its chunks together.
    pub seconds: f64,
}

/// A migration that was done before.
#[derive(Debug, Serialize)]
pub struct AlreadyDone {
    /// The run's number in the ledger.
    pub run: i64,
    /// When it was validated, in RFC 3339.
    pub validated_at: String,
    /// The sealed copy.
    pub seal: Seal,
    /// Whether the source was written to since it was sealed, as far as its size and time tell.
    pub source_changed_since: bool,
}

/// Runs a migration, or goes on with one.
///
/// # Errors
/// When a phase cannot be done. What is done stays done and is gone on from.
pub fn migrate<M: MigrationSource<Pg>>(request: &Request<'_, M>, observer: &dyn Observer) -> Result<Outcome> {
    let tables = selected_tables(request.plan, &request.tables)?;
    let session = Session::open(request, observer)?;
    session.take_lock()?;
    let subject = subject(request, &tables);
    let last = ledger::last_run(&mut session.connection()?)?;
    if request.restart {
        return session.begin(request, &tables, &subject, last);
    }
    match (decide(last.as_ref().map(|run| &run.state), &subject), last) {
        (Decision::Refuse(words), _) => {
            Err(Error::new(format!("{} holds a migration of something else", request.target))
                .because(words.join("; "))
                .next("use an empty database, or --restart to drop what that migration made and start over"))
        }
        (Decision::AlreadyDone, Some(run)) => session.already_done(request, run),
        (Decision::GoOn(phase), Some(run)) => {
            observer.note(&format!("run {} was interrupted; going on from {phase}", run.id));
            seal::verify(&run.seal)?;
            session.execute(request, &tables, run, phase, Vec::new())
        }
        _ => session.begin(request, &tables, &subject, None),
    }
}

/// Looks at source and target and changes nothing.
///
/// # Errors
/// When either cannot be read, or stands in the way.
pub fn dry_run<M: MigrationSource<Pg>>(request: &Request<'_, M>, observer: &dyn Observer) -> Result<Outcome> {
    let tables = selected_tables(request.plan, &request.tables)?;
    let session = Session::open(request, observer)?;
    let last = ledger::last_run(&mut session.connection()?)?;
    let next = match decide(last.as_ref().map(|run| &run.state), &subject(request, &tables)) {
        Decision::AlreadyDone => "nothing: an earlier run has done it".to_owned(),
        Decision::GoOn(phase) => format!("go on from {phase}"),
        Decision::Refuse(words) if !request.restart => {
            return Err(Error::new(format!("{} holds a migration of something else", request.target))
                .because(words.join("; "))
                .next(
                    "use an empty database, or --restart to drop what that migration made and start over",
                ));
        }
        Decision::Refuse(_) => "drop what the earlier run made, and start over".to_owned(),
        Decision::Begin => format!("{} tables move, each phase as it is named above", tables.len()),
    };
    let is_fresh = last.is_none();
    let findings =
        Preflight { request, tables: &tables, observer }.run(&mut session.connection()?, is_fresh)?;
    Ok(if findings.offender_count() > 0 {
        Outcome::Rejected { findings }
    } else {
        Outcome::DryRun { findings, next }
    })
}

/// The planned tables of these names, in the plan's order; all of them where no name is given.
fn selected_tables<'a>(plan: &'a Plan, names: &[String]) -> Result<Vec<&'a PlannedTable>> {
    if let Some(unknown) = names.iter().find(|name| plan.table(name).is_none()) {
        let known: Vec<&str> = plan.tables.iter().map(|table| table.source.as_str()).collect();
        return Err(Error::new(format!("the plan has no table {unknown}"))
            .next(format!("its tables are {}", known.join(", "))));
    }
    let tables: Vec<&PlannedTable> =
        plan.tables.iter().filter(|table| names.is_empty() || names.contains(&table.source)).collect();
    for table in &tables {
        let is_selected = |parent: &str| tables.iter().any(|table| table.target == parent);
        if let Some(key) = table.foreign_keys.iter().find(|key| !is_selected(&key.parent_table)) {
            return Err(Error::new(format!(
                "{} points to {}, which is not among --tables",
                table.source, key.parent_table
            ))
            .next(format!("add {} to --tables", key.parent_table)));
        }
    }
    Ok(tables)
}

fn subject<M>(request: &Request<'_, M>, tables: &[&PlannedTable]) -> RunSubject {
    let path = std::fs::canonicalize(&request.source).unwrap_or_else(|_| request.source.clone());
    RunSubject {
        source_path: path.to_string_lossy().into_owned(),
        plan_sha256: request.plan.fingerprint(),
        tables: tables.iter().map(|table| table.source.clone()).collect(),
    }
}

/// The connections of one run.
struct Session<'a> {
    pool: Pool,
    target: &'a TargetUrl,
    settings: DbSettings,
    observer: &'a dyn Observer,
    /// Holds the advisory lock for as long as the run lasts.
    keeper: std::sync::Mutex<BulkConnection>,
}

impl<'a> Session<'a> {
    fn open<M>(request: &'a Request<'_, M>, observer: &'a dyn Observer) -> Result<Session<'a>> {
        // A first connection of our own says at once what is wrong; the pool would try until its time is over.
        let keeper = open_bulk(&request.target, &request.settings)?;
        target_check::check_version(&keeper)?;
        let pool = pool::open(&request.target, &request.settings, APPLICATION_NAME)?;
        let keeper = std::sync::Mutex::new(keeper);
        Ok(Session { pool, target: &request.target, settings: request.settings, observer, keeper })
    }

    fn connection(&self) -> Result<PooledConnection> {
        pool::get(&self.pool)
    }

    fn take_lock(&self) -> Result<()> {
        let mut keeper = self.keeper.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let rows = keeper.query(&format!("SELECT pg_try_advisory_lock({ADVISORY_LOCK})"), &[])?;
        if rows.first().and_then(|row| row.first()) == Some(&Some("t".to_owned())) {
            return Ok(());
        }
        Err(Error::new(format!("another migration is at work on {}", self.target)).next(
            "wait for it, or end it; sessions of ours are named hyperpage-migration in pg_stat_activity",
        ))
    }

    /// Makes sure that the session with the lock is still there: once it is gone, another migration may begin.
    fn check_lock(&self) -> Result<()> {
        let mut keeper = self.keeper.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        keeper.query("SELECT 1", &[]).map(|_| ()).map_err(|error| {
            Error::new("the connection that keeps other migrations away is lost")
                .because(error)
                .next("run the same command again: it goes on from here")
        })
    }

    fn already_done<M: MigrationSource<Pg>>(&self, request: &Request<'_, M>, run: Run) -> Result<Outcome> {
        let undone = missing_migrations(&mut self.connection()?, request.migrations)?;
        if !undone.is_empty() {
            return Err(Error::new(format!(
                "run {} is done, but its migrations were undone since: {}",
                run.id,
                undone.join(", ")
            ))
            .next("see what is there with `cargo xtask validate`, or start over with --restart"));
        }
        let source_changed_since = seal::source_state(&request.source) != run.seal.source_state;
        Ok(Outcome::AlreadyDone(AlreadyDone {
            run: run.id,
            validated_at: run.validated_at.unwrap_or_default(),
            seal: run.seal,
            source_changed_since,
        }))
    }

    /// Drops what an earlier run of ours made, and the ledger with it, all or none. Only what the ledger's own plan names is
    /// dropped; whatever else stands there is in the way, as in any target.
    fn remove_earlier_run(&self, connection: &mut PooledConnection, run: &Run) -> Result<()> {
        self.observer.note(&format!("dropping what run {} made in {}", run.id, self.target));
        pool::all_or_none(connection, "what the earlier run made cannot be dropped", |connection| {
            target_check::drop_planned(connection, &run.plan)?;
            ledger::remove(connection)?;
            target_check::check_empty(connection, self.target)
        })
    }

    /// A run from its beginning. What an earlier one made stays until nothing can stand in the way of this one any more.
    fn begin<M: MigrationSource<Pg>>(
        &self,
        request: &Request<'_, M>,
        tables: &[&PlannedTable],
        subject: &RunSubject,
        earlier: Option<Run>,
    ) -> Result<Outcome> {
        let mut phases = Vec::new();
        let mut connection = self.connection()?;
        let started = self.start(Phase::Preflight);
        let findings =
            Preflight { request, tables, observer: self.observer }.run(&mut connection, earlier.is_none())?;
        if findings.offender_count() > 0 {
            return Ok(Outcome::Rejected { findings });
        }
        self.end(Phase::Preflight, started, &mut phases);
        let started = self.start(Phase::Seal);
        let source = SourceConnection::open_live(&request.source)?;
        let seal = seal::seal(&source, &request.backup_dir, &|share| self.observer.sealed(share))?;
        drop(source);
        self.end(Phase::Seal, started, &mut phases);
        if let Some(run) = &earlier {
            self.remove_earlier_run(&mut connection, run)?;
        }
        ledger::create(&mut connection)?;
        let id = ledger::begin_run(&mut connection, subject, request.plan, &seal)?;
        for done in &phases {
            ledger::finish_phase(&mut connection, id, done.phase, done.seconds)?;
        }
        let run = ledger::last_run(&mut connection)?
            .filter(|run| run.id == id)
            .ok_or_else(|| Error::new("the run that was just begun is not in the ledger"))?;
        drop(connection);
        self.execute(request, tables, run, Phase::Schema, phases)
    }

    /// The phases from `first` on.
    fn execute<M: MigrationSource<Pg>>(
        &self,
        request: &Request<'_, M>,
        tables: &[&PlannedTable],
        run: Run,
        first: Phase,
        mut phases: Vec<PhaseDone>,
    ) -> Result<Outcome> {
        for phase in
            [Phase::Schema, Phase::Rows, Phase::Constraints].into_iter().filter(|&phase| phase >= first)
        {
            let started = self.start(phase);
            self.check_lock()?;
            match phase {
                Phase::Schema => self.create_tables(request)?,
                Phase::Rows => self.move_rows(request, tables, &run)?,
                _ => self.add_constraints(request, tables, &run)?,
            }
            let seconds = self.end(phase, started, &mut phases);
            ledger::finish_phase(&mut self.connection()?, run.id, phase, seconds)?;
        }
        let started = self.start(Phase::Validate);
        self.check_lock()?;
        let compared = validation::ValidationParts {
            target: self.target,
            settings: &self.settings,
            migrations: request.migrations,
            options: CompareOptions { show_values: request.show_values, workers: request.workers },
            observer: self.observer,
        };
        let validation = compared.run(&mut self.connection()?, &run)?;
        self.end(Phase::Validate, started, &mut phases);
        let moved = table_sums(&ledger::chunks(&mut self.connection()?, run.id)?, tables);
        Ok(Outcome::Moved(Moved { run: run.id, seal: run.seal, phases, tables: moved, validation }))
    }

    fn create_tables<M: MigrationSource<Pg>>(&self, request: &Request<'_, M>) -> Result<()> {
        let migrations = ordered_migrations(request.migrations)?;
        self.run_migrations(migrations.iter().take(1))
    }

    fn add_constraints<M: MigrationSource<Pg>>(
        &self,
        request: &Request<'_, M>,
        tables: &[&PlannedTable],
        run: &Run,
    ) -> Result<()> {
        let migrations = ordered_migrations(request.migrations)?;
        self.run_migrations(migrations.iter().skip(1))?;
        let sealed = SourceConnection::open_sealed(&run.seal.path)?;
        let mut connection = self.connection()?;
        lift_statement_timeout(&mut connection)?;
        finish::set_sequences(&sealed, &mut connection, tables)?;
        let done = finish::analyze(&mut connection, tables);
        restore_statement_timeout(&mut connection, &self.settings)?;
        done
    }

    fn run_migrations<'m>(&self, migrations: impl Iterator<Item = &'m Box<dyn Migration<Pg>>>) -> Result<()> {
        let mut connection = self.connection()?;
        lift_statement_timeout(&mut connection)?;
        let result = (|| {
            let applied = connection
                .applied_migrations()
                .map_err(migration_failed("the migrations cannot be listed"))?;
            for migration in migrations {
                let name = migration.name();
                if !applied.contains(&name.version().as_owned()) {
                    let failed = format!("migration {name} failed, and nothing of it was kept");
                    connection.run_migration(migration).map_err(migration_failed(failed))?;
                }
            }
            Ok(())
        })();
        restore_statement_timeout(&mut connection, &self.settings)?;
        result
    }

    fn move_rows<M>(&self, request: &Request<'_, M>, tables: &[&PlannedTable], run: &Run) -> Result<()> {
        let mut connection = self.connection()?;
        let open_source = || SourceConnection::open_sealed(&run.seal.path);
        let mut chunks = ledger::chunks(&mut connection, run.id)?;
        if chunks.is_empty() {
            chunks = load::plan_chunks(&open_source()?, tables)?;
            ledger::plan_chunks(&mut connection, run.id, &chunks)?;
        }
        drop(connection);
        let done: Vec<&ChunkDone> = chunks.iter().filter_map(|chunk| chunk.done.as_ref()).collect();
        self.observer.rows_begin(chunks.len(), &done);
        let waiting: Vec<_> = chunks.iter().filter(|chunk| chunk.done.is_none()).cloned().collect();
        let open_target = || open_bulk(self.target, &self.settings);
        load::move_chunks(
            &run.plan,
            run.id,
            waiting,
            request.workers,
            &open_source,
            &open_target,
            self.observer,
        )
    }

    fn start(&self, phase: Phase) -> Instant {
        self.observer.phase_started(phase);
        Instant::now()
    }

    fn end(&self, phase: Phase, started: Instant, phases: &mut Vec<PhaseDone>) -> f64 {
        let took: Duration = started.elapsed();
        self.observer.phase_finished(phase, took);
        phases.push(PhaseDone { phase, seconds: took.as_secs_f64() });
        took.as_secs_f64()
    }
}

/// A bulk connection with our session's settings, and no limit on how long a statement may take.
pub(crate) fn open_bulk(target: &TargetUrl, settings: &DbSettings) -> Result<BulkConnection> {
    let mut connection =
        BulkConnection::connect(target.conninfo(), APPLICATION_NAME, settings.connection_timeout).map_err(
            |error| match error.next_step() {
                Some(_) => error,
                None => error.next(format!(
                    "tried {target}; check host, port, user and password, and that the server runs"
                )),
            },
        )?;
    for statement in pool::session_sql(settings, APPLICATION_NAME).split("; ") {
        connection.query(statement, &[])?;
    }
    // A chunk is safe without waiting for the disk: if it is lost, its ledger row is lost with it.
    connection.query("SET statement_timeout = 0", &[])?;
    connection.query("SET synchronous_commit = off", &[])?;
    Ok(connection)
}

fn ordered_migrations<M: MigrationSource<Pg>>(source: &M) -> Result<Vec<Box<dyn Migration<Pg>>>> {
    let mut migrations =
        source.migrations().map_err(migration_failed("the plan's migrations cannot be read"))?;
    migrations.sort_by_key(|migration| migration.name().version().as_owned());
    Ok(migrations)
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// Says what failed. Diesel keeps the type of these errors to itself, so that their words are scrubbed as words.
fn migration_failed(what: impl Into<String>) -> impl FnOnce(BoxedError) -> Error {
    move |error| Error::new(what).because(server_error::without_values(&error.to_string()))
}

/// Index builds take as long as the data is large; the memory makes them sort in one go where it can.
fn lift_statement_timeout(connection: &mut PooledConnection) -> Result<()> {
    use diesel::connection::SimpleConnection;
    connection
        .batch_execute("SET statement_timeout = 0; SET maintenance_work_mem = '256MB'")
        .map_err(diesel_failed("the session cannot be set up"))
}

fn restore_statement_timeout(connection: &mut PooledConnection, settings: &DbSettings) -> Result<()> {
    use diesel::connection::SimpleConnection;
    connection
        .batch_execute(&format!("SET statement_timeout = {}", settings.statement_timeout.as_millis()))
        .map_err(diesel_failed("the session cannot be set up"))
}

fn table_sums(chunks: &[ledger::Chunk], tables: &[&PlannedTable]) -> Vec<TableMoved> {
    let sum = |table: &&PlannedTable| {
        let done: Vec<&ChunkDone> = chunks
            .iter()
            .filter(|chunk| chunk.table == table.source)
            .filter_map(|chunk| chunk.done.as_ref())
            .collect();
        TableMoved {
            table: table.source.clone(),
            rows: done.iter().map(|done| u64::try_from(done.rows).unwrap_or(0)).sum(),
            bytes: done.iter().map(|done| u64::try_from(done.bytes).unwrap_or(0)).sum(),
            seconds: done.iter().map(|done| done.seconds).sum(),
        }
    };
    tables.iter().map(sum).collect()
}

/// Asks Diesel for the migrations that the database says are applied.
pub(crate) fn missing_migrations<M: MigrationSource<Pg>>(
    connection: &mut PooledConnection,
    source: &M,
) -> Result<Vec<String>> {
    let pending = connection
        .pending_migrations_names(source)
        .context(|| "the migrations cannot be listed".to_owned())?;
    Ok(pending)
}

trait PendingNames {
    fn pending_migrations_names<M: MigrationSource<Pg>>(
        &mut self,
        source: &M,
    ) -> std::result::Result<Vec<String>, BoxedError>;
}

impl PendingNames for PooledConnection {
    fn pending_migrations_names<M: MigrationSource<Pg>>(
        &mut self,
        source: &M,
    ) -> std::result::Result<Vec<String>, BoxedError> {
        let applied = self.applied_migrations()?;
        let names = source.migrations()?.into_iter().map(|migration: Box<dyn Migration<Pg>>| {
            (migration.name().to_string(), migration.name().version().as_owned())
        });
        Ok(names.filter(|(_, version)| !applied.contains(version)).map(|(name, _)| name).collect())
    }
}
