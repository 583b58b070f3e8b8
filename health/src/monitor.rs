//! Asks about one database, again and again: readiness and details, each one at a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use postgres_client::{Connection, Pool, Result, TargetUrl};

use crate::check::{Failure, Readiness};
use crate::deadline::Deadline;
use crate::details::{self, Details};
use crate::expected::{Expected, FindExpected};
use crate::flight::Flight;
use crate::options::Options;
use crate::readiness;
use crate::session::Session;

/// How long what is expected stays known. A migration may begin or end while a monitor runs.
const EXPECTED_AGE_MAX: Duration = Duration::from_secs(60);

/// Watches one database. It opens at most one connection for readiness and one for details, besides those of the app's pool.
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
    readiness: Arc<Flight<Readiness>>,
    details: Arc<Flight<Details>>,
}

struct Shared {
    target: TargetUrl,
    options: Options,
    pool: Option<Pool>,
    find_expected: FindExpected,
    expected: Mutex<Option<(Instant, Arc<Expected>)>>,
    /// The connection that answers about readiness.
    session: Mutex<Session>,
}

impl Monitor {
    /// Watches a database. `find_expected` returns the migrations that it should have; it may read the database, whose search path is
    /// `pg_catalog` then, and is asked once a minute. An error that it returns is one of the server. The pool, if there is one, is the app's:
    /// it has to return a connection that answers.
    pub fn new(
        target: TargetUrl,
        options: Options,
        pool: Option<Pool>,
        find_expected: impl Fn(&mut Connection) -> Result<Expected> + Send + Sync + 'static,
    ) -> Monitor {
        let readiness = Flight::new(options.timeout, options.freshness);
        let details = Flight::new(options.timeout, options.freshness);
        let shared = Shared {
            target,
            options,
            pool,
            find_expected: Box::new(find_expected),
            expected: Mutex::default(),
            session: Mutex::default(),
        };
        Monitor { shared: Arc::new(shared), readiness, details }
    }

    /// Returns whether the database is fit to serve, within the deadline.
    pub fn readiness(&self) -> Arc<Readiness> {
        let shared = Arc::clone(&self.shared);
        self.readiness.get(
            move |deadline| shared.ask_readiness(deadline),
            |deadline| Readiness::unanswered(deadline.elapsed(), no_answer(deadline)),
        )
    }

    /// Returns details about the database, within the deadline.
    pub fn details(&self) -> Arc<Details> {
        let shared = Arc::clone(&self.shared);
        self.details.get(
            move |deadline| shared.ask_details(deadline),
            |deadline| Details::failed(no_answer(deadline)),
        )
    }

    /// How long an answer may take.
    pub fn timeout(&self) -> Duration {
        self.shared.options.timeout
    }
}

fn no_answer(deadline: &Deadline) -> Failure {
    Failure::NoAnswer { timeout_ms: deadline.timeout_ms() }
}

impl Shared {
    fn ask_readiness(&self, deadline: &Deadline) -> Readiness {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let found = session.run(&self.target, deadline, |connection| {
            let expected = self.expected(connection, deadline)?;
            readiness::ask(connection, deadline, &self.options, &expected)
        });
        readiness::readiness(found, self.pool.as_ref(), deadline)
    }

    /// The connection is closed afterwards: details are asked for seldom.
    fn ask_details(&self, deadline: &Deadline) -> Details {
        let found = Session::default()
            .run(&self.target, deadline, |connection| details::ask(connection, deadline, self.pool.as_ref()));
        match found {
            Ok(found) => Details { failure: None, found: Some(found) },
            Err(error) => Details::failed(Failure::of(&error, deadline.timeout_ms(), deadline.is_over())),
        }
    }

    fn expected(&self, connection: &mut Connection, deadline: &Deadline) -> Result<Arc<Expected>> {
        let mut kept = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, expected)) = &*kept
            && at.elapsed() < EXPECTED_AGE_MAX
        {
            return Ok(Arc::clone(expected));
        }
        let expected =
            crate::session::reading(connection, deadline, |connection| (self.find_expected)(connection))?;
        let expected = Arc::new(expected);
        *kept = Some((Instant::now(), Arc::clone(&expected)));
        Ok(expected)
    }
}
