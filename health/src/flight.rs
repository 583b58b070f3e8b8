//! One question at a time: concurrent callers share the answer of the one that asks, and a fresh answer is reused.
//!
//! The question runs on a thread of its own. A caller waits until the deadline and no longer, even if the thread is held up where no
//! deadline reaches, such as in a lookup of a host's name. No second thread begins before the first one has ended.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::deadline::Deadline;

/// How long after the deadline an answer is still waited for: the thread needs a moment to notice that it has passed.
const NOTICE: Duration = Duration::from_millis(100);

/// A question with the answer that was given last.
pub(crate) struct Flight<T> {
    state: Mutex<State<T>>,
    landed: Condvar,
    timeout: Duration,
    freshness: Duration,
}

struct State<T> {
    answer: Option<(Instant, Arc<T>)>,
    /// The deadline of the thread that asks.
    asking: Option<Deadline>,
    /// How many questions have been answered.
    answered: u64,
}

impl<T: Send + Sync + 'static> Flight<T> {
    pub(crate) fn new(timeout: Duration, freshness: Duration) -> Arc<Flight<T>> {
        let state = State { answer: None, asking: None, answered: 0 };
        Arc::new(Flight { state: Mutex::new(state), landed: Condvar::new(), timeout, freshness })
    }

    /// Returns a fresh answer: the last one, that of the thread that asks now, or that of `ask` on a new thread. Where none comes in
    /// time, returns what `unanswered` makes of the deadline.
    pub(crate) fn get(
        self: &Arc<Self>,
        ask: impl FnOnce(&Deadline) -> T + Send + 'static,
        unanswered: impl FnOnce(&Deadline) -> T,
    ) -> Arc<T> {
        let mut state = self.lock();
        if let Some((at, answer)) = &state.answer
            && at.elapsed() < self.freshness
        {
            return Arc::clone(answer);
        }
        let deadline = match &state.asking {
            Some(deadline) => deadline.clone(),
            None => {
                let deadline = Deadline::after(self.timeout);
                if !self.start(deadline.clone(), ask) {
                    return Arc::new(unanswered(&deadline));
                }
                state.asking = Some(deadline.clone());
                deadline
            }
        };
        let before = state.answered;
        loop {
            if state.answered > before {
                // There is none if the question panicked.
                let answer = state.answer.as_ref().map(|(_, answer)| Arc::clone(answer));
                return answer.unwrap_or_else(|| Arc::new(unanswered(&deadline)));
            }
            if deadline.left().is_zero() {
                deadline.is_given_up.set();
            }
            let left = (self.timeout + NOTICE).saturating_sub(deadline.elapsed());
            if left.is_zero() {
                return Arc::new(unanswered(&deadline));
            }
            let slice = if deadline.left().is_zero() { left } else { deadline.left() };
            state = self.landed.wait_timeout(state, slice).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn start(
        self: &Arc<Self>,
        deadline: Deadline,
        ask: impl FnOnce(&Deadline) -> T + Send + 'static,
    ) -> bool {
        let flight = Arc::clone(self);
        let work = move || {
            // Whoever waits is woken, even if the question panics.
            let landing = Landing(&flight);
            let answer = Arc::new(ask(&deadline));
            landing.0.lock().answer = Some((Instant::now(), answer));
            drop(landing);
        };
        std::thread::Builder::new().name("health".to_owned()).spawn(work).is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Landing<'a, T: Send + Sync + 'static>(&'a Arc<Flight<T>>);

impl<T: Send + Sync + 'static> Drop for Landing<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.asking = None;
        state.answered += 1;
        if std::thread::panicking() {
            state.answer = None;
        }
        drop(state);
        self.0.landed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const NOT_SOON: Duration = Duration::from_secs(60);

    #[test]
    fn concurrent_callers_share_one_answer() {
        let flight = Flight::new(NOT_SOON, NOT_SOON);
        let asked = Arc::new(AtomicUsize::new(0));
        let answers: Vec<usize> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| {
                        let asked = Arc::clone(&asked);
                        let ask = move |_: &Deadline| {
                            std::thread::sleep(Duration::from_millis(50));
                            asked.fetch_add(1, Ordering::SeqCst)
                        };
                        *flight.get(ask, |_| usize::MAX)
                    })
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(answers, [0; 50]);
    }

    #[test]
    fn an_answer_that_is_not_fresh_is_asked_for_again() {
        let flight = Flight::new(NOT_SOON, Duration::ZERO);
        assert_eq!(*flight.get(|_| 1, |_| 0), 1);
        assert_eq!(*flight.get(|_| 2, |_| 0), 2);
    }

    #[test]
    fn nobody_waits_longer_than_the_deadline_and_no_second_thread_begins() {
        let flight = Flight::new(Duration::from_millis(50), Duration::ZERO);
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let stuck = move |_: &Deadline| {
            let _ = ended.recv();
            1
        };
        assert_eq!(*flight.get(stuck, |_| 0), 0);
        let unexpected = |_: &Deadline| unreachable!("one thread asks already");
        assert_eq!(*flight.get(unexpected, |_| 0), 0);
        end.send(()).unwrap();
        while flight.lock().asking.is_some() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(*flight.get(|_| 3, |_| 0), 3);
    }

    #[test]
    fn a_question_that_panics_wakes_those_who_wait() {
        let flight: Arc<Flight<u8>> = Flight::new(NOT_SOON, NOT_SOON);
        assert_eq!(*flight.get(|_| panic!("as the test wants"), |_| 7), 7);
        assert_eq!(*flight.get(|_| 8, |_| 7), 8);
    }
}
