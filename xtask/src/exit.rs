//! How a command ends.

/// The exit codes of all commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code)]
pub(crate) enum Exit {
    /// Done, and nothing to report.
    Done = 0,
    /// Done, and differences were found.
    Differences = 1,
    /// Could not run, or refused.
    Refused = 2,
}
