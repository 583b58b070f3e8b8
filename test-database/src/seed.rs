//! The seed of tests that vary: fixed in CI, so that a change is judged by the same cases as the one before it, and drawn elsewhere.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// Sets the seed of all tests that vary. `cargo xtask test` prints it and sets it, and proptest's own variable with it.
pub const SEED_VARIABLE: &str = "TEST_SEED";

/// The seed in CI.
const FIXED: u64 = 1;

/// Returns the seed of this process: that of `TEST_SEED`, else a fixed one in CI, else a drawn one. Tests print it when they fail.
///
/// # Panics
/// Where `TEST_SEED` is not a number.
#[must_use]
pub fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| match std::env::var(SEED_VARIABLE) {
        Ok(text) if !text.is_empty() => {
            text.parse().unwrap_or_else(|_| panic!("{SEED_VARIABLE} must be a number, not {text:?}"))
        }
        _ if is_ci() => FIXED,
        _ => RandomState::new().hash_one(()) >> 16,
    })
}

/// Whether the tests run in CI, where a missing tool is a failure.
#[must_use]
pub fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}
