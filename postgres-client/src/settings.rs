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
        let reader = Reader(&lookup);
        let settings = DbSettings {
            pool_max: reader.count("DB_POOL_MAX", defaults.pool_max, 1)?,
            pool_min: reader.count("DB_POOL_MIN", defaults.pool_min, 0)?,
            connection_timeout: reader.duration("DB_CONNECTION_TIMEOUT", defaults.connection_timeout, 1)?,
            idle_timeout: reader.duration("DB_IDLE_TIMEOUT", defaults.idle_timeout, 1)?,
            statement_timeout: reader.duration("DB_STATEMENT_TIMEOUT", defaults.statement_timeout, 0)?,
            stall_timeout: reader.duration("DB_STALL_TIMEOUT", defaults.stall_timeout, 1)?,
            retry_timeout: reader.duration("DB_RETRY_TIMEOUT", defaults.retry_timeout, 0)?,
            views_timeout: reader.duration("DB_VIEWS_TIMEOUT", defaults.views_timeout, 1)?,
        };
        if settings.pool_min > settings.pool_max {
            return Err(Error::new(format!(
                "DB_POOL_MIN is {}, more than DB_POOL_MAX, which is {}",
                settings.pool_min, settings.pool_max
            ))
            .with_remedy_text("set DB_POOL_MIN to at most DB_POOL_MAX, or unset it"));
        }
        Ok(settings)
    }
}

/// How a pooler between the app and the server lends out the server's sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PoolMode {
    /// A session belongs to a connection for as long as it is open, as without a pooler.
    #[default]
    Session,
    /// A session belongs to a connection for one transaction: nothing is kept in it.
    Transaction,
}

/// Settings of the app's connections, besides those that they share with the migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSettings {
    /// Sizes and timeouts of the pool.
    pub db: DbSettings,
    /// `DB_LOCK_TIMEOUT`, in milliseconds: how long a statement waits for a lock; 0 means no limit.
    pub lock_timeout: Duration,
    /// `DB_IDLE_IN_TRANSACTION_TIMEOUT`, in milliseconds: after how long the server ends a session that is idle within a transaction; 0
    /// means never.
    pub idle_in_transaction_timeout: Duration,
    /// `DB_KEEPALIVE_IDLE`, in milliseconds: how long a TCP connection may be silent before both sides check that the other is still
    /// there; 0 turns the checks off. At most 32,767 seconds.
    pub keepalive_idle: Duration,
    /// `DB_APPLICATION_NAME`: the name in `pg_stat_activity`.
    pub application_name: String,
    /// `DB_POOL_MODE`: `session` or `transaction`.
    pub pool_mode: PoolMode,
}

impl Default for AppSettings {
    fn default() -> AppSettings {
        AppSettings {
            db: DbSettings::default(),
            lock_timeout: Duration::from_millis(10_000),
            idle_in_transaction_timeout: Duration::from_millis(60_000),
            keepalive_idle: Duration::from_millis(30_000),
            application_name: "hyperpage".to_owned(),
            pool_mode: PoolMode::Session,
        }
    }
}

/// The longest silence before a check that Linux accepts, in milliseconds: with a longer one every connection would fail.
const KEEPALIVE_IDLE_MAX_MS: u64 = 32_767_000;

/// The longest name that PostgreSQL does not cut, in bytes.
const APPLICATION_NAME_MAX: usize = 63;

impl AppSettings {
    /// Reads the settings; a variable that is not set or empty keeps its default.
    ///
    /// # Errors
    /// When a variable is set to something that cannot be used.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<AppSettings> {
        let defaults = AppSettings::default();
        let reader = Reader(&lookup);
        let idle_in_transaction = defaults.idle_in_transaction_timeout;
        Ok(AppSettings {
            db: DbSettings::from_lookup(&lookup)?,
            lock_timeout: reader.duration("DB_LOCK_TIMEOUT", defaults.lock_timeout, 0)?,
            idle_in_transaction_timeout: reader.duration(
                "DB_IDLE_IN_TRANSACTION_TIMEOUT",
                idle_in_transaction,
                0,
            )?,
            keepalive_idle: reader.duration_up_to(
                "DB_KEEPALIVE_IDLE",
                defaults.keepalive_idle,
                0,
                KEEPALIVE_IDLE_MAX_MS,
            )?,
            application_name: reader.application_name(defaults.application_name)?,
            pool_mode: reader.pool_mode()?,
        })
    }
}

/// Reads variables.
struct Reader<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Reader<'_> {
    /// A variable's value; none where it is not set or empty.
    fn value(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn number(&self, name: &str, default: u64, least: u64, most: u64) -> Result<u64> {
        let Some(value) = self.value(name) else { return Ok(default) };
        value.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            Error::new(format!("{name} is not a whole number from {least} to {most}"))
                .with_remedy_text(format!("set {name} to a number such as {default}, or unset it"))
        })
    }

    fn count(&self, name: &str, default: u32, least: u64) -> Result<u32> {
        let number = self.number(name, u64::from(default), least, u64::from(u32::MAX))?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// A number of milliseconds, up to what a setting of PostgreSQL holds.
    fn duration(&self, name: &str, default: Duration, least: u64) -> Result<Duration> {
        self.duration_up_to(name, default, least, u64::from(i32::MAX.unsigned_abs()))
    }

    fn duration_up_to(&self, name: &str, default: Duration, least: u64, most: u64) -> Result<Duration> {
        // The defaults are far below the limit of 64 bits.
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        self.number(name, default, least, most).map(Duration::from_millis)
    }

    fn application_name(&self, default: String) -> Result<String> {
        let Some(name) = self.value("DB_APPLICATION_NAME") else { return Ok(default) };
        // PostgreSQL replaces all other characters (manual, section 20.8.2).
        let is_printable = name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if is_printable && name.len() <= APPLICATION_NAME_MAX {
            return Ok(name);
        }
        Err(Error::new(format!(
            "DB_APPLICATION_NAME is not a name of 1 to {APPLICATION_NAME_MAX} printable ASCII characters"
        ))
        .with_remedy_text(format!("set DB_APPLICATION_NAME to a name such as {default}, or unset it")))
    }

    fn pool_mode(&self) -> Result<PoolMode> {
        match self.value("DB_POOL_MODE").as_deref() {
            None | Some("session") => Ok(PoolMode::Session),
            Some("transaction") => Ok(PoolMode::Transaction),
            Some(_) => Err(Error::new("DB_POOL_MODE is neither session nor transaction").with_remedy_text(
                "set DB_POOL_MODE to transaction behind a pooler in transaction mode, such as PgBouncer with \
                 pool_mode = transaction; otherwise unset it",
            )),
        }
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

    #[test]
    fn the_apps_settings_are_read_or_refused_by_their_names() {
        let of = |name: &'static str, value: &'static str| {
            AppSettings::from_lookup(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(AppSettings::from_lookup(|_| None).unwrap(), AppSettings::default());
        assert_eq!(of("DB_POOL_MODE", "transaction").unwrap().pool_mode, PoolMode::Transaction);
        assert_eq!(of("DB_LOCK_TIMEOUT", "0").unwrap().lock_timeout, Duration::ZERO);
        assert_eq!(of("DB_POOL_MAX", "3").unwrap().db.pool_max, 3);
        assert_eq!(of("DB_APPLICATION_NAME", " my app ").unwrap().application_name, "my app");
        assert_eq!(of("DB_APPLICATION_NAME", "").unwrap().application_name, "hyperpage");
        for (name, value) in [
            ("DB_LOCK_TIMEOUT", "2147483648"),
            ("DB_IDLE_IN_TRANSACTION_TIMEOUT", "-1"),
            ("DB_KEEPALIVE_IDLE", "1 s"),
            ("DB_KEEPALIVE_IDLE", "32767001"),
            ("DB_STATEMENT_TIMEOUT", "4294967295"),
            ("DB_POOL_MODE", "statement"),
            ("DB_POOL_MODE", "TRANSACTION"),
            ("DB_APPLICATION_NAME", "a\tb"),
            ("DB_APPLICATION_NAME", "größe"),
            ("DB_APPLICATION_NAME", "0123456789012345678901234567890123456789012345678901234567890123"),
        ] {
            let error = of(name, value).expect_err(value);
            assert!(error.to_string().contains(name), "{error}");
            assert!(error.remedy_text().is_some_and(|remedy| remedy.contains(name)), "{error:?}");
        }
    }
}
