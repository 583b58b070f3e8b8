//! Measures one workload with a number of users on one database: each user is a thread with its own random choices and histogram.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use hdrhistogram::Histogram;
use hyperpage_store::Error;

use super::backend::Database;
use super::dataset::Dataset;
use super::invariants::{self, Baseline};
use super::pacing::{Pacing, Window, exponential_gap};
use super::workload::{Effects, User, Workload};

/// The longest latency that a histogram distinguishes, in microseconds.
const LATENCY_MAX_US: u64 = 120_000_000;

/// Significant digits of a latency: figures are exact to 1 %, and 200 histograms need a few megabytes.
const DIGITS: u8 = 2;

/// Time for all threads to start, before the window begins.
const START: Duration = Duration::from_millis(30);

/// How a cell is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The length of the window that counts, in seconds.
    pub(crate) seconds: f64,
    /// The mean of the time between two operations of a user, where there is think time.
    pub(crate) think: Duration,
    /// Chooses all random values.
    pub(crate) seed: u64,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    /// The kind of work.
    pub(crate) workload: Workload,
    /// Users at the same time.
    pub(crate) users: u32,
    /// Whether they pause.
    pub(crate) pacing: Pacing,
}

/// Failed operations, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorCounts {
    /// Locked by others beyond the deadline: `SQLITE_BUSY`, or a lock timeout.
    pub(crate) busy: u64,
    /// No connection in time.
    pub(crate) unavailable: u64,
    /// A connection lost during the commit.
    pub(crate) unknown: u64,
    /// Everything else.
    pub(crate) other: u64,
}

impl ErrorCounts {
    /// All together.
    pub(crate) fn total(self) -> u64 {
        self.busy + self.unavailable + self.unknown + self.other
    }

    /// Adds others.
    pub(crate) fn merge(&mut self, other: ErrorCounts) {
        self.busy += other.busy;
        self.unavailable += other.unavailable;
        self.unknown += other.unknown;
        self.other += other.other;
    }

    fn add(&mut self, error: &Error) {
        let count = match error {
            Error::Busy { .. } => &mut self.busy,
            Error::Unavailable { .. } => &mut self.unavailable,
            Error::OutcomeUnknown { .. } => &mut self.unknown,
            _ => &mut self.other,
        };
        *count += 1;
    }
}

/// The figures of one window.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    /// Counted seconds.
    pub(crate) seconds: f64,
    /// Operations that succeeded: without think time those that ended in the window, with think time those that were due in it.
    pub(crate) completed: u64,
    /// Operations that were due in the window; none without think time.
    pub(crate) due: Option<u64>,
    /// Users of whom no operation succeeded in the window, although each had one under way all the time; none with think time.
    pub(crate) starved_users: Option<u32>,
    /// Failed operations.
    pub(crate) errors: ErrorCounts,
    /// Latencies in microseconds, also of failed operations. With think time they begin when the operation was due, and an operation that
    /// could not begin before the end of the window counts with its wait until then.
    pub(crate) latency_us: Histogram<u64>,
    /// Durations of claims in microseconds.
    pub(crate) claim_us: Histogram<u64>,
}

/// Creates an empty histogram.
///
/// # Errors
/// None that is known.
pub(crate) fn histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, DIGITS).context("a histogram cannot be created")
}

/// The figures of one user.
struct UserFigures {
    completed: u64,
    due: u64,
    starved_users: u32,
    errors: ErrorCounts,
    latency_us: Histogram<u64>,
    claim_us: Histogram<u64>,
    /// The first error of an unexpected kind.
    unexpected: Option<Error>,
}

impl UserFigures {
    fn new() -> anyhow::Result<UserFigures> {
        Ok(UserFigures {
            completed: 0,
            due: 0,
            starved_users: 0,
            errors: ErrorCounts::default(),
            latency_us: histogram()?,
            claim_us: histogram()?,
            unexpected: None,
        })
    }
}

/// Measures a load, and checks afterwards that the database holds exactly what it has confirmed.
///
/// # Errors
/// When a connection cannot be opened, or the database contradicts its own answers.
pub(crate) fn measure(
    database: &dyn Database,
    dataset: Dataset,
    load: Load,
    settings: &Settings,
) -> anyhow::Result<Round> {
    let baseline = Baseline::read(database)?;
    let users = (0..load.users).map(|number| {
        let store = database.user().context("a user cannot connect")?;
        Ok((User::new(number, dataset, store, settings.seed), UserFigures::new()?))
    });
    let users: Vec<(User, UserFigures)> = users.collect::<anyhow::Result<_>>()?;
    let begins = Instant::now() + START;
    let counts_from = begins + Duration::from_secs_f64(settings.seconds / 4.0);
    let window =
        Window { begins, counts_from, ends: counts_from + Duration::from_secs_f64(settings.seconds) };
    let (round, effects) = run_all(users, load, settings, window)?;
    invariants::check(database, &baseline, &effects).with_context(|| {
        let users = ::report::figures::counted(load.users.into(), "user");
        format!("{} with {users}: the database does not hold what it confirmed", load.workload.label())
    })?;
    Ok(round)
}

/// Runs all users to their end and adds their figures.
fn run_all(
    users: Vec<(User, UserFigures)>,
    load: Load,
    settings: &Settings,
    window: Window,
) -> anyhow::Result<(Round, Effects)> {
    let mut total = UserFigures::new()?;
    let mut effects = Effects::default();
    thread::scope(|scope| -> anyhow::Result<()> {
        let spawn = |(user, figures)| {
            thread::Builder::new()
                .spawn_scoped(scope, move || run_user(user, figures, load, settings.think, window))
                .context("a thread cannot be started")
        };
        let threads = users.into_iter().map(spawn).collect::<anyhow::Result<Vec<_>>>()?;
        for thread in threads {
            let (figures, of_user) = thread.join().map_err(|_| anyhow!("a user's thread has panicked"))?;
            total.completed += figures.completed;
            total.due += figures.due;
            total.starved_users += u32::from(figures.completed == 0);
            total.errors.merge(figures.errors);
            total.latency_us.add(&figures.latency_us).context("histograms cannot be added")?;
            total.claim_us.add(&figures.claim_us).context("histograms cannot be added")?;
            total.unexpected = total.unexpected.take().or(figures.unexpected);
            effects.merge(of_user);
        }
        Ok(())
    })?;
    if let Some(error) = total.unexpected {
        return Err(
            anyhow::Error::new(error).context("an operation failed in a way that is no part of a load")
        );
    }
    let round = Round {
        seconds: window.seconds(),
        completed: total.completed,
        due: (load.pacing == Pacing::ThinkTime).then_some(total.due),
        starved_users: (load.pacing == Pacing::NoThinkTime).then_some(total.starved_users),
        errors: total.errors,
        latency_us: total.latency_us,
        claim_us: total.claim_us,
    };
    Ok((round, effects))
}

/// Carries out a user's operations until the window ends.
fn run_user(
    mut user: User,
    mut figures: UserFigures,
    load: Load,
    think: Duration,
    window: Window,
) -> (UserFigures, Effects) {
    sleep_until(window.begins);
    let mut due = window.begins;
    loop {
        due = match load.pacing {
            Pacing::NoThinkTime => Instant::now(),
            Pacing::ThinkTime => due + exponential_gap(&mut user.prng, think),
        };
        if due >= window.ends {
            break;
        }
        let counts = due >= window.counts_from;
        figures.due += u64::from(counts);
        sleep_until(due);
        if Instant::now() >= window.ends {
            // It was due while an earlier operation still ran, and has waited at least until now.
            record(&mut figures.latency_us, window.ends.duration_since(due), counts);
            continue;
        }
        let outcome = user.operate(load.workload);
        let ended = Instant::now();
        // Without think time all operations that reach into the window count: one that waits through all of it is the slowest of all.
        let counts = match load.pacing {
            Pacing::NoThinkTime => ended >= window.counts_from,
            Pacing::ThinkTime => counts,
        };
        record(&mut figures.latency_us, ended.duration_since(due), counts);
        if let Some(claim) = user.claim {
            record(&mut figures.claim_us, claim, counts);
        }
        let is_in_time = load.pacing == Pacing::ThinkTime || ended <= window.ends;
        match outcome {
            Ok(()) => figures.completed += u64::from(counts && is_in_time),
            Err(error) => {
                // Errors of the warm-up count, too: none is expected at any time.
                figures.errors.add(&error);
                if is_unexpected(&error) {
                    figures.unexpected = figures.unexpected.take().or(Some(error));
                    break;
                }
            }
        }
    }
    (figures, user.effects)
}

/// Whether no load explains the error: it ends the measurement.
fn is_unexpected(error: &Error) -> bool {
    matches!(error, Error::NulCharacter { .. } | Error::UnknownValue { .. } | Error::Cipher { .. })
}

fn record(histogram: &mut Histogram<u64>, duration: Duration, counts: bool) {
    if counts {
        histogram.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }
}

fn sleep_until(moment: Instant) {
    let rest = moment.saturating_duration_since(Instant::now());
    if !rest.is_zero() {
        thread::sleep(rest);
    }
}
