//! Pool sizes and timeouts, from the environment variables that Hyperpage uses.
//!
//! The module does not read the environment itself: the caller passes a lookup function.

use std::time::Duration;

use crate::error::{Error, Result};

/// Sizes and timeouts of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DbSettings {
    /// `DB_POOL_MAX`: the most connections.
    pub pool_max: u32,
    /// `DB_POOL_MIN`: the connections that are kept open.
    pub pool_min: u32,
    /// `DB_CONNECTION_TIMEOUT`, in milliseconds: how long to wait for a connection.
    pub connection_timeout: Duration,
    /// `DB_IDLE_TIMEOUT`, in milliseconds: how long an unused connection stays open.
    pub idle_timeout: Duration,
    /// `DB_STATEMENT_TIMEOUT`, in milliseconds: how long an ordinary statement may run; 0 means no limit. Bulk loads and
    /// index builds, which take as long as the data is large, have no such limit.
    pub statement_timeout: Duration,
    /// `DB_STALL_TIMEOUT`, in milliseconds: how long a bulk connection may make no progress at all before it counts as lost.
    pub stall_timeout: Duration,
    /// `DB_RETRY_TIMEOUT`, in milliseconds: how long a run retries after a transient error, such as a server restart; 0 disables retries.
    pub retry_timeout: Duration,
    /// `DB_VIEWS_TIMEOUT`, in milliseconds: how long all views together may take in validation.
    pub views_timeout: Duration,
}

impl Default for DbSettings {
    fn default() -> DbSettings {
        DbSettings {
            pool_max: 10,
            pool_min: 0,
            connection_timeout: Duration::from_millis(10_000),
            idle_timeout: Duration::from_millis(30_000),
            statement_timeout: Duration::from_millis(30_000),
            stall_timeout: Duration::from_millis(120_000),
            retry_timeout: Duration::from_millis(120_000),
            views_timeout: Duration::from_millis(120_000),
        }
    }
}

impl DbSettings {
    /// Reads the settings; a variable that is not set or empty keeps its default.
    ///
    /// # Errors
    /// When a variable is set to something else than a number in its range.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<DbSettings> {
        let defaults = DbSettings::default();
        let number = |name: &str, default: u64, least: u64| match lookup(name)
            .filter(|value| !value.trim().is_empty())
        {
            None => Ok(default),
            Some(value) => match value.trim().parse::<u64>() {
                Ok(number) if number >= least && number <= u64::from(u32::MAX) => Ok(number),
                _ => Err(Error::new(format!("{name} is not a whole number from {least} to {}", u32::MAX))
                    .with_remedy_text(format!("set {name} to a number such as {default}, or unset it"))),
            },
        };
        let milliseconds = |name: &str, default: Duration, least: u64| {
            // The defaults above are far below the limit of 64 bits.
            number(name, u64::try_from(default.as_millis()).unwrap_or(u64::MAX), least)
                .map(Duration::from_millis)
        };
        let count = |name: &str, default: u32, least: u64| {
            number(name, u64::from(default), least).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
        };
        let settings = DbSettings {
            pool_max: count("DB_POOL_MAX", defaults.pool_max, 1)?,
            pool_min: count("DB_POOL_MIN", defaults.pool_min, 0)?,
            connection_timeout: milliseconds("DB_CONNECTION_TIMEOUT", defaults.connection_timeout, 1)?,
            idle_timeout: milliseconds("DB_IDLE_TIMEOUT", defaults.idle_timeout, 1)?,
            statement_timeout: milliseconds("DB_STATEMENT_TIMEOUT", defaults.statement_timeout, 0)?,
            stall_timeout: milliseconds("DB_STALL_TIMEOUT", defaults.stall_timeout, 1)?,
            retry_timeout: milliseconds("DB_RETRY_TIMEOUT", defaults.retry_timeout, 0)?,
            views_timeout: milliseconds("DB_VIEWS_TIMEOUT", defaults.views_timeout, 1)?,
        };
        if settings.pool_min > settings.pool_max {
            return Err(Error::new(format!(
                "DB_POOL_MIN is {}, more than DB_POOL_MAX, which is {}",
                settings.pool_min, settings.pool_max
            )));
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_in_milliseconds() {
        let settings = DbSettings::from_lookup(|name| match name {
            "DB_POOL_MAX" => Some("4".to_owned()),
            "DB_STATEMENT_TIMEOUT" => Some(" 1500 ".to_owned()),
            "DB_IDLE_TIMEOUT" => Some(String::new()),
            _ => None,
        })
        .unwrap();
        assert_eq!(settings.pool_max, 4);
        assert_eq!(settings.statement_timeout, Duration::from_millis(1500));
        assert_eq!(settings.idle_timeout, DbSettings::default().idle_timeout);
    }

    #[test]
    fn nonsense_is_an_error_that_names_the_variable() {
        for (name, value) in
            [("DB_POOL_MAX", "0"), ("DB_POOL_MAX", "ten"), ("DB_IDLE_TIMEOUT", "-1"), ("DB_POOL_MIN", "11")]
        {
            let error =
                DbSettings::from_lookup(|asked| (asked == name).then(|| value.to_owned())).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
