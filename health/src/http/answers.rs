//! Answers of the monitor for many requests at once: one thread waits for each kind, and all requests share what it returns.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::check::Readiness;
use crate::details::Details;
use crate::monitor::Monitor;

/// The answers of one monitor.
pub(super) struct Answers {
    monitor: Monitor,
    readiness: Shared<Readiness>,
    details: Shared<Details>,
}

impl Answers {
    pub(super) fn new(monitor: Monitor) -> Answers {
        Answers { monitor, readiness: Shared::default(), details: Shared::default() }
    }

    /// Whether the database is fit to serve; none when the system has no thread to ask.
    /// It is asked for at once, not only when the future is polled.
    pub(super) fn readiness(&self) -> impl Future<Output = Option<Arc<Readiness>>> + use<> {
        let monitor = self.monitor.clone();
        answer(self.readiness.join(move || monitor.readiness()))
    }

    /// Details; none when the system has no thread to ask.
    /// As for readiness.
    pub(super) fn details(&self) -> impl Future<Output = Option<Arc<Details>>> + use<> {
        let monitor = self.monitor.clone();
        answer(self.details.join(move || monitor.details()))
    }
}

type Coming<T> = watch::Receiver<Option<Arc<T>>>;

async fn answer<T>(mut coming: Coming<T>) -> Option<Arc<T>> {
    coming.wait_for(Option::is_some).await.ok()?.clone()
}

/// An answer that somebody waits for.
struct Shared<T>(Mutex<Option<Coming<T>>>);

impl<T> Default for Shared<T> {
    fn default() -> Shared<T> {
        Shared(Mutex::new(None))
    }
}

impl<T: Send + Sync + 'static> Shared<T> {
    /// Joins those who wait, or asks.
    fn join(&self, ask: impl FnOnce() -> Arc<T> + Send + 'static) -> Coming<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(coming) = &*kept
            && coming.borrow().is_none()
            && coming.has_changed().is_ok()
        {
            return coming.clone();
        }
        let (send, coming) = watch::channel(None);
        // The waiting thread ends by its deadline.
        tokio::task::spawn_blocking(move || send.send(Some(ask())).is_ok());
        *kept = Some(coming.clone());
        coming
    }
}
