//! Exit codes.
/// What the process tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Differences.
    Differences = 1,
    /// Refused.
    Refused = 2,
}
