//! Limits of the APIs that the app calls.

use crate::Timestamp;

/// What is left of a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimit {
    /// Its id.
    pub id: String,
    /// The platform that sets it.
    pub platform: String,
    /// How many calls are left; none where the platform states no number.
    pub limit_remaining: Option<i32>,
    /// How many calls a period has.
    pub limit_total: Option<i32>,
    /// When the period ends.
    pub reset_time: Option<Timestamp>,
    /// When it was written last.
    pub last_updated: Timestamp,
    /// When it was written first.
    pub created_at: Timestamp,
}

/// A limit to save.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "as in RateLimit")]
pub struct NewRateLimit {
    pub id: String,
    pub platform: String,
    pub limit_remaining: Option<i32>,
    pub limit_total: Option<i32>,
    pub reset_time: Option<Timestamp>,
}

/// What became of a request to consume calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumption {
    /// The calls were subtracted; so many are left, none where the limit states no number.
    Granted {
        /// The calls that are left.
        remaining: Option<i32>,
    },
    /// Fewer calls are left than were asked for. Nothing was subtracted.
    Exhausted {
        /// The calls that are left.
        remaining: i32,
        /// When there will be more.
        reset_time: Option<Timestamp>,
    },
    /// There is no such limit.
    NotFound,
}
