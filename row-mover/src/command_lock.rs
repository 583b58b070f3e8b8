//! The lock that keeps two commands from changing one target at once.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::remedy::Remedy;
use crate::run::ADVISORY_LOCK;
use postgres_client::TargetUrl;
use postgres_client::connection::Connection;
use postgres_client::lock_query::advisory_lock_holder;

/// How long the lock may be held by a session that is about to end.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long to wait between two attempts to take it.
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// Takes the lock of migrations. The session of a command that was killed just now may still hold it for a moment.
pub(crate) fn take(session: &mut Connection, target: &TargetUrl) -> Result<()> {
    let until = Instant::now() + LOCK_WAIT_MAX;
    while !session.one(&format!("SELECT pg_try_advisory_lock({ADVISORY_LOCK})"), &[])? {
        if Instant::now() > until {
            let error = Error::new(format!("another command is at work on {target}"))
                .with_remedy_value(Remedy::AwaitOther);
            return Err(match advisory_lock_holder(session, ADVISORY_LOCK)? {
                Some(holder) => error.caused_by(format!("it is {holder}")),
                None => error,
            });
        }
        std::thread::sleep(LOCK_WAIT);
    }
    Ok(())
}
