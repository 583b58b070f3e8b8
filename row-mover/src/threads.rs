//! Threads with enough stack for the most deeply nested SQL that SQLite accepts.
//!
//! SQLite and the parser recurse for each level of an expression, a query or a view of views. At SQLite's limits (1,000 levels of an
//! expression, a parser stack of 2,500) they were measured to need 0.6 MiB at most; a chain of views needs 0.7 KiB for each view, and
//! has a limit of our own (`VIEWS_MAX`). A thread of the standard library has 2 MiB.

use std::panic::resume_unwind;
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;

/// The stack of a thread that reads a source: four times the measured maximum. Unused pages occupy no memory.
const STACK_BYTES: usize = 32 << 20;

/// Starts a thread that may read a source.
///
/// # Errors
/// When the system has no thread left.
pub(crate) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    Builder::new()
        .stack_size(STACK_BYTES)
        .spawn_scoped(scope, work)
        .context(|| "a thread cannot be started".to_owned())
        .map_err(|error: Error| error.with_remedy_value(Remedy::AllowProcesses))
}

/// Runs `work` on a thread with enough stack and waits for it. A program's main thread, whose stack size the shell sets, uses it for its
/// commands.
///
/// # Errors
/// When the system has no thread left.
pub fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    std::thread::scope(|scope| spawn(scope, work)?.join().or_else(|panic| resume_unwind(panic)))
}
