//! Watches for sessions of ours that wait for a lock: after such a wait has ended in an error, the holder can no longer be found.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::connection::{Backend, Connection};
use crate::error::{Error, Result};
use crate::lock_query::lock_waits;
use crate::lock_wait::LockWait;
use crate::session::{lock_timeout, open_bulk};
use crate::{DbSettings, TargetUrl};

/// How long a sample may keep the watch waiting.
const SAMPLE_MAX: Duration = Duration::from_secs(5);

/// The longest time between two samples.
const SAMPLE_EVERY_MAX: Duration = Duration::from_secs(1);

/// How long the work runs before it is watched through a connection of the watch's own: most of it is over by then.
const OWN_CONNECTION_AFTER: Duration = Duration::from_secs(1);

/// Takes a sample; none if that is not possible now.
type Sample = Box<dyn FnMut() -> Option<Vec<(String, LockWait)>> + Send>;

/// A thread that samples the lock waits of our sessions for as long as this value lives.
pub struct LockWatch {
    shared: Arc<Shared>,
    every: Duration,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Default)]
struct State {
    is_over: bool,
    /// When each waiting process was last seen to wait, and for which lock.
    seen: BTreeMap<String, (Instant, LockWait)>,
}

impl LockWatch {
    /// Watches through a connection that others use, too.
    pub fn through(connection: &Arc<Mutex<Connection>>, settings: &DbSettings) -> LockWatch {
        let connection = Arc::clone(connection);
        let stall_max = settings.stall_timeout;
        LockWatch::start(
            settings,
            Duration::ZERO,
            Box::new(move || {
                // If the connection is in use now, no sample is taken.
                let mut connection = connection.try_lock().ok()?;
                sample(&mut connection, stall_max).ok()
            }),
        )
    }

    /// Watches through a connection of its own, which is opened after the work has run for a while. Without one nothing is observed.
    pub fn apart(target: &TargetUrl, settings: &DbSettings) -> LockWatch {
        let (target, settings) = (target.clone(), *settings);
        let mut connection = None;
        LockWatch::start(
            &settings,
            OWN_CONNECTION_AFTER.min(lock_timeout(&settings) / 4),
            Box::new(move || {
                if connection.is_none() {
                    connection = open_bulk(&target, &settings).ok();
                }
                let seen = sample(connection.as_mut()?, settings.stall_timeout).ok();
                if seen.is_none() {
                    connection = None;
                }
                seen
            }),
        )
    }

    fn start(settings: &DbSettings, after: Duration, mut sample: Sample) -> LockWatch {
        let shared = Arc::new(Shared::default());
        let every = SAMPLE_EVERY_MAX.min(lock_timeout(settings) / 4).max(Duration::from_millis(10));
        let watched = Arc::clone(&shared);
        // Without a thread the names of holders are missing: nothing else depends on it.
        let thread = std::thread::Builder::new().name("lock watch".to_owned()).spawn(move || {
            let mut pause = after;
            while watched.pause(pause) {
                pause = every;
                if let Some(waits) = sample() {
                    let now = Instant::now();
                    let mut state = watched.state();
                    state.seen.extend(waits.into_iter().map(|(pid, wait)| (pid, (now, wait))));
                }
            }
        });
        LockWatch { shared, every, thread: thread.ok() }
    }

    /// Adds to an error of `waiter`, or of any session of ours, who held the lock that it waited for.
    pub fn explain(&self, error: Error, waiter: Option<&Backend>) -> Error {
        if !error.is_transient() || error.lock_wait().is_some() {
            return error;
        }
        let state = self.shared.state();
        // A wait that ended longer ago has nothing to do with this error.
        let fresh = self.every * 2 + Duration::from_millis(500);
        let is_fresh = |seen: &&(Instant, LockWait)| seen.0.elapsed() < fresh;
        let own = waiter.and_then(|waiter| state.seen.get(waiter.pid()));
        // Of a session whose process nobody knows, the longest wait explains its end.
        let any = || {
            let is_asked = waiter.is_none() || error.is_lock_timeout();
            state.seen.values().filter(|_| is_asked).filter(is_fresh).max_by_key(|(_, wait)| wait.waited)
        };
        match own.filter(is_fresh).or_else(any) {
            Some((seen_at, wait)) => {
                let waited = wait.waited + seen_at.elapsed();
                error.blocked_by(LockWait { waited, ..wait.clone() })
            }
            None => error,
        }
    }
}

impl Drop for LockWatch {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.over.notify_all();
        if let Some(thread) = self.thread.take() {
            // Its samples are no longer needed, even if it ended before.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits; false where the watch is over.
    fn pause(&self, time: Duration) -> bool {
        let state = self.state();
        let is_on = |state: &mut State| !state.is_over;
        let (state, _) =
            self.over.wait_timeout_while(state, time, is_on).unwrap_or_else(PoisonError::into_inner);
        !state.is_over
    }
}

fn sample(connection: &mut Connection, stall_max: Duration) -> Result<Vec<(String, LockWait)>> {
    connection.set_stall_max(SAMPLE_MAX.min(stall_max));
    let seen = lock_waits(connection);
    connection.set_stall_max(stall_max);
    seen
}

/// Does `work` in a target, and adds to its error who held the lock that it waited for.
///
/// # Errors
/// That of `work`.
pub fn watching_locks<T>(
    target: &TargetUrl,
    settings: &DbSettings,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let watch = LockWatch::apart(target, settings);
    work().map_err(|error| watch.explain(error, None).with_lock_remedy())
}
