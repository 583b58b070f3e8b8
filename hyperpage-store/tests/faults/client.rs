//! The app's store, whose calls must end in time.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use hyperpage_store::postgres::Pool;
use hyperpage_store::{PostgresStore, Result};
use postgres_client::{AppSettings, TargetUrl};

/// The app's store on a pool of connections.
pub type AppStore = PostgresStore<Pool>;

/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(20);

/// A store on one pool, for several threads.
#[derive(Clone)]
pub struct Client {
    pool: Pool,
    deadline: Duration,
}

impl Client {
    /// Opens the pool.
    #[track_caller]
    pub fn new(url: &str, settings: &AppSettings) -> Client {
        let pool = Pool::open(&TargetUrl::parse(url).unwrap(), settings).unwrap();
        let deadline = pool.call_timeout() + SLACK;
        Client { pool, deadline }
    }

    /// Runs operations, which must end by their deadline.
    #[track_caller]
    pub fn call<T: Send + 'static>(
        &self,
        what: &str,
        work: impl FnOnce(&mut AppStore) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut store = PostgresStore::new(self.pool.clone());
        let (done, is_done) = channel();
        let working = thread::spawn(move || {
            // Nobody listens after the deadline.
            let _ = done.send(work(&mut store));
        });
        match is_done.recv_timeout(self.deadline) {
            Ok(result) => {
                working.join().unwrap();
                result
            }
            Err(RecvTimeoutError::Timeout) => panic!("{what}: no end within {:?}", self.deadline),
            Err(RecvTimeoutError::Disconnected) => match working.join() {
                Err(panicked) => resume_unwind(panicked),
                Ok(()) => panic!("{what}: no result"),
            },
        }
    }

    /// Runs operations, which must succeed.
    #[track_caller]
    pub fn run<T: Send + 'static>(
        &self,
        what: &str,
        work: impl FnOnce(&mut AppStore) -> Result<T> + Send + 'static,
    ) -> T {
        self.call(what, work).unwrap_or_else(|error| panic!("{what}: {error:?}"))
    }
}
