//! The cost of a connection for each request, against a pool: over TCP to the loopback address, with the password that the URL has.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use postgres_client::{AppPool, Connection, TargetUrl};

use super::measure::histogram;
use super::results::Latency;
use super::stores;

/// How long the server may take to accept a connection.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The request: the smallest statement there is.
const REQUEST_SQL: &str = "SELECT 1";

/// Requests of each thread before those that count.
const WARM_UP: u32 = 20;

/// What a request costs with a number of threads, each of which sends one request after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ConnectionFigures {
    /// Threads at the same time.
    pub(crate) threads: u32,
    /// The statement alone, in a session that stays open.
    pub(crate) statement: Latency,
    /// Connect, statement, close.
    pub(crate) per_request: Latency,
    /// Take a connection from the pool, statement, return it.
    pub(crate) pooled: Latency,
}

impl ConnectionFigures {
    /// The median overhead of a connection for each request, in milliseconds: its time beyond the statement's.
    pub(crate) fn per_request_overhead(&self) -> f64 {
        (self.per_request.p50 - self.statement.p50).max(0.0)
    }

    /// The median overhead of the pool, in milliseconds.
    pub(crate) fn pooled_overhead(&self) -> f64 {
        (self.pooled.p50 - self.statement.p50).max(0.0)
    }

    /// The share of the overhead that the pool saves; none where there is no overhead.
    pub(crate) fn saved_share(&self) -> Option<f64> {
        let before = self.per_request_overhead();
        (before > 0.0).then(|| 1.0 - self.pooled_overhead() / before)
    }
}

/// Measures requests with a number of threads for `seconds` in each of the three ways.
///
/// # Errors
/// When the server does not answer.
pub(crate) fn measure(
    url: &str,
    threads: u32,
    pool_max: u32,
    seconds: f64,
) -> anyhow::Result<ConnectionFigures> {
    let pool: AppPool<Connection> = AppPool::open(&TargetUrl::parse(url)?, &stores::settings(pool_max));
    let connect = || Connection::connect(url, "bench", ANSWER_MAX).context("PostgreSQL cannot be reached");
    let ask = |session: &mut Connection| session.query(REQUEST_SQL, &[]).context("the server did not answer");
    let statement = requests(threads, seconds, &|| {
        let mut session = connect()?;
        Ok(move || ask(&mut session).map(drop))
    })?;
    let per_request = requests(threads, seconds, &|| Ok(|| ask(&mut connect()?).map(drop)))?;
    let pooled = requests(threads, seconds, &|| {
        let pool = &pool;
        Ok(move || {
            let mut session = pool.get(Instant::now() + ANSWER_MAX)?;
            ask(&mut session).map(drop)
        })
    })?;
    Ok(ConnectionFigures { threads, statement, per_request, pooled })
}

/// Sends requests in each thread, one after the other, for `seconds`.
fn requests<R>(
    threads: u32,
    seconds: f64,
    begin: &(dyn Fn() -> anyhow::Result<R> + Sync),
) -> anyhow::Result<Latency>
where
    R: FnMut() -> anyhow::Result<()>,
{
    let one_thread = || -> anyhow::Result<_> {
        let mut latency_us = histogram()?;
        let mut request = begin()?;
        for _ in 0..WARM_UP {
            request()?;
        }
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        loop {
            let began = Instant::now();
            request()?;
            latency_us.saturating_record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
            if Instant::now() >= until {
                return Ok(latency_us);
            }
        }
    };
    let mut total = histogram()?;
    thread::scope(|scope| -> anyhow::Result<()> {
        let spawned: Vec<_> = (0..threads).map(|_| scope.spawn(one_thread)).collect();
        for thread in spawned {
            total.add(thread.join().map_err(|_| anyhow!("a thread has panicked"))??)?;
        }
        Ok(())
    })?;
    Latency::of(&total).context("no request was measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overhead_is_the_time_beyond_the_statement() {
        let at = |p50| Latency { p50, ..Latency::default() };
        let figures =
            ConnectionFigures { threads: 1, statement: at(0.1), per_request: at(5.1), pooled: at(0.6) };
        assert!((figures.per_request_overhead() - 5.0).abs() < 1e-9);
        assert!((figures.pooled_overhead() - 0.5).abs() < 1e-9);
        assert!((figures.saved_share().unwrap() - 0.9).abs() < 1e-9);
        assert_eq!(ConnectionFigures { per_request: at(0.1), ..figures }.saved_share(), None);
    }
}
