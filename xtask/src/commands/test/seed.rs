//! The seed of tests that vary: one variable for all of them, fixed in CI and drawn elsewhere.

use std::hash::{BuildHasher as _, RandomState};

use anyhow::bail;

/// Sets the seed; our own tests read it.
pub(crate) const SEED_VARIABLE: &str = "TEST_SEED";

/// The variable that proptest reads.
pub(crate) const PROPTEST_VARIABLE: &str = "PROPTEST_RNG_SEED";

/// The seed in CI, where a change is judged by the same cases as the one before it.
const FIXED: u64 = 1;

/// Chooses the seed of a run.
///
/// # Errors
/// When `TEST_SEED` is not a number.
pub(crate) fn choose(is_ci: bool) -> anyhow::Result<u64> {
    choose_from(std::env::var(SEED_VARIABLE).ok().as_deref(), is_ci)
}

fn choose_from(given: Option<&str>, is_ci: bool) -> anyhow::Result<u64> {
    match given.filter(|text| !text.is_empty()) {
        Some(text) => match text.parse() {
            Ok(seed) => Ok(seed),
            Err(_) => bail!("{SEED_VARIABLE} is '{text}'; expected an integer, such as 17"),
        },
        None if is_ci => Ok(FIXED),
        None => Ok(RandomState::new().hash_one(()) >> 16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_seed_counts_and_ci_has_its_own() {
        assert_eq!(choose_from(Some("17"), true).unwrap(), 17);
        assert_eq!(choose_from(None, true).unwrap(), FIXED);
        assert_eq!(choose_from(Some(""), true).unwrap(), FIXED);
        assert_ne!(choose_from(None, false).unwrap(), choose_from(None, false).unwrap());
        let error = choose_from(Some("x"), false).unwrap_err();
        assert_eq!(error.to_string(), "TEST_SEED is 'x'; expected an integer, such as 17");
    }
}
