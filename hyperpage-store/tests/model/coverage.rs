//! How often each operation had each outcome, so that a generator that no longer meets them fails the test.

use std::collections::BTreeMap;
use std::fmt;

use crate::operation::Operation;
use crate::outcome::Outcome;

/// How often each outcome must have occurred in an ordinary run.
const TIMES_MIN: u64 = 2;

/// The outcomes of each operation.
const REQUIRED: &[(&str, &[&str])] = &[
    ("Enqueue", &["true", "false", "error NulCharacter", "error OutOfRange"]),
    ("Claim", &["found", "none", "error OutOfRange"]),
    ("Job", &["found", "none"]),
    ("ReportProgress", &["changed", "refused pending", "not found"]),
    ("Complete", &["changed", "refused pending", "not found"]),
    (
        "Fail",
        &[
            "changed",
            "refused pending",
            "refused failed",
            "refused cancelled",
            "not found",
            "error NulCharacter",
        ],
    ),
    ("Cancel", &["changed", "refused cancelled", "not found"]),
    (
        "Retry",
        &[
            "changed",
            "refused pending",
            "refused running",
            "refused completed",
            "refused cancelled",
            "not found",
        ],
    ),
    ("Recover", &["none", "one", "several", "error OutOfRange"]),
    ("JobsContaining", &["none", "one", "several", "error NulCharacter"]),
    ("DeleteFinished", &["none", "one", "several"]),
    ("History", &["none", "one", "several"]),
    ("InsertRunningJob", &["done"]),
    ("RateLimit", &["found", "none"]),
    ("SaveRateLimit", &["done", "error NulCharacter", "error OutOfRange"]),
    ("Consume", &["granted", "granted without limit", "exhausted", "not found"]),
    ("DropExpiredRateLimits", &["none", "one"]),
    ("ToolConfig", &["found", "none"]),
    ("SaveToolConfig", &["done", "error NulCharacter"]),
    ("EnabledTools", &["none", "one", "several"]),
    ("MergeToolConfig", &["merged", "not an object", "not found"]),
    ("State", &["found", "none"]),
    ("SetState", &["done"]),
    ("CompareAndSetState", &["true", "false"]),
    ("DeleteState", &["true", "false"]),
    ("SaveUser", &["added", "replaced", "error NulCharacter", "error OutOfRange"]),
    ("User", &["found", "none"]),
    ("UsersByEmail", &["none", "one", "several"]),
    ("SaveTokens", &["stored", "error NulCharacter", "error OutOfRange"]),
    ("Tokens", &["found", "none", "error Cipher"]),
    ("RefreshTokens", &["true", "false", "error OutOfRange"]),
    ("RevokeTokens", &["true", "false"]),
    ("CreateSession", &["true", "false", "error NulCharacter"]),
    ("TouchSession", &["true", "false"]),
    ("Session", &["found", "none"]),
    ("ExpireSessions", &["none", "one", "several"]),
    ("EndSessionsOf", &["none", "one", "several"]),
];

/// How often each operation had each outcome.
#[derive(Default)]
pub struct Coverage(BTreeMap<(String, String), u64>);

impl Coverage {
    /// Counts an operation.
    pub fn count(&mut self, operation: &Operation, outcome: &Outcome) {
        *self.0.entry((operation.name(), outcome.kind())).or_default() += 1;
    }

    /// Returns the number of operations.
    pub fn operations(&self) -> u64 {
        self.0.values().sum()
    }

    /// Returns the required outcomes that occurred too rarely, with their number.
    pub fn missing(&self) -> Vec<(&'static str, &'static str, u64)> {
        let all = REQUIRED
            .iter()
            .flat_map(|(operation, outcomes)| outcomes.iter().map(move |outcome| (*operation, *outcome)));
        all.map(|(operation, outcome)| {
            let key = (operation.to_owned(), outcome.to_owned());
            (operation, outcome, self.0.get(&key).copied().unwrap_or_default())
        })
        .filter(|(_, _, times)| *times < TIMES_MIN)
        .collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|((operation, outcome), times)| writeln!(f, "{times:>8} {operation}: {outcome}"))
    }
}
