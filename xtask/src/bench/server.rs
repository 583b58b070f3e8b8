//! The server of a measurement, and the databases that a run creates in it; each is removed when its value is dropped.

use std::cell::Cell;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use migrate_core::identifier::quote_pg;
use postgres_client::Connection;

use crate::{output, private};

/// How long the server may take to accept a connection.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The prefix of all database names of a run.
const PREFIX: &str = "hyperpage_bench";

/// A server, reached by a URL.
#[derive(Debug)]
pub(crate) struct Server {
    address: Address,
    made: Cell<u32>,
}

/// The parts of a server's URL around the database.
#[derive(Clone, PartialEq, Eq)]
struct Address {
    /// Scheme and user, up to the position of a password.
    before: String,
    /// The password, percent-encoded as it was.
    password: Option<String>,
    /// Host and port.
    host: String,
    /// The database that was named.
    database: String,
    /// The options, with their question mark.
    options: String,
}

/// A database of a run.
#[derive(Debug)]
pub(crate) struct BenchDatabase<'s> {
    server: &'s Server,
    name: String,
}

impl Server {
    /// The server that is named, else the private PostgreSQL, which runs then. Whatever the environment names is not asked: that
    /// may be production.
    ///
    /// # Errors
    /// Where the URL is none, or no private PostgreSQL can be started.
    pub(crate) fn choose(
        url: Option<&str>,
        version: Option<u32>,
        remark: impl Fn(&str),
    ) -> anyhow::Result<Server> {
        let url = match url {
            Some(url) => url.to_owned(),
            None => private::cluster(version, remark)?.url("postgres")?,
        };
        let Some(address) = Address::parse(&url) else {
            bail!(
                "bench needs a URL such as postgres://user@localhost:5432/postgres; keyword strings are not taken"
            );
        };
        Ok(Server { address, made: Cell::new(0) })
    }

    /// The server's version and the settings that affect the measurements.
    ///
    /// # Errors
    /// Where it does not answer.
    pub(crate) fn settings(&self) -> anyhow::Result<Vec<(String, String)>> {
        self.settings_named(&[
            "server_version",
            "shared_buffers",
            "wal_level",
            "max_wal_size",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
            "max_parallel_maintenance_workers",
            "maintenance_work_mem",
        ])
    }

    /// Returns settings by name.
    ///
    /// # Errors
    /// Where it does not answer, or has no such setting.
    pub(crate) fn settings_named(&self, names: &[&str]) -> anyhow::Result<Vec<(String, String)>> {
        let mut session = self.connect(&self.address.database)?;
        names
            .iter()
            .map(|name| {
                let value = line(&mut session, &format!("SELECT pg_catalog.current_setting('{name}')"))?;
                Ok(((*name).to_owned(), value))
            })
            .collect()
    }

    /// The folder of the server's data; none where the role may not see it.
    pub(crate) fn data_folder(&self) -> Option<String> {
        let settings = self.settings_named(&["data_directory"]).ok()?;
        settings.into_iter().next().map(|(_, folder)| folder)
    }

    /// A new and empty database.
    ///
    /// # Errors
    /// Where the role may not make one.
    pub(crate) fn database(&self) -> anyhow::Result<BenchDatabase<'_>> {
        self.database_from("template0 ENCODING 'UTF8'")
    }

    fn database_from(&self, template: &str) -> anyhow::Result<BenchDatabase<'_>> {
        let number = self.made.replace(self.made.get() + 1);
        let name = format!("{PREFIX}_{}_{number}", std::process::id());
        let sql = format!("CREATE DATABASE {} TEMPLATE {template}", quote_pg(&name));
        execute(&mut self.connect(&self.address.database)?, &sql)
            .context("a database cannot be created: the role needs CREATEDB")?;
        Ok(BenchDatabase { server: self, name })
    }

    /// Flushes pending writes of earlier steps to disk, so that no step pays for another.
    ///
    /// # Errors
    /// Where the role may not.
    pub(crate) fn checkpoint(&self) -> anyhow::Result<()> {
        execute(&mut self.connect(&self.address.database)?, "CHECKPOINT").context(
            "the server cannot be brought to rest: the role must be superuser or a member of pg_checkpoint",
        )
    }

    fn connect(&self, database: &str) -> anyhow::Result<Connection> {
        Connection::connect(&self.address.url(database, true), "bench", ANSWER_MAX)
            .context("PostgreSQL cannot be reached")
    }
}

impl<'s> BenchDatabase<'s> {
    /// Another database with the same content. Nobody may be connected to this one; a session that is about to end is waited for.
    ///
    /// # Errors
    /// Where somebody is connected, or the role may not make one.
    pub(crate) fn copy(&self) -> anyhow::Result<BenchDatabase<'s>> {
        self.server.database_from(&quote_pg(&self.name))
    }

    /// Its URL with the password: never print it.
    pub(crate) fn login_url(&self) -> String {
        self.server.address.url(&self.name, true)
    }

    /// A session in it.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub(crate) fn connect(&self) -> anyhow::Result<Connection> {
        self.server.connect(&self.name)
    }

    /// Its URL without a password, which goes by [`BenchDatabase::pass_password`]: others can see a command line.
    pub(crate) fn url(&self) -> String {
        self.server.address.url(&self.name, false)
    }

    /// Passes the password to a program in its environment.
    pub(crate) fn pass_password(&self, command: &mut Command) {
        if let Some(password) = &self.server.address.password {
            command.env("PGPASSWORD", decoded(password));
        }
    }
}

impl Drop for BenchDatabase<'_> {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_pg(&self.name));
        let dropped =
            self.server.connect(&self.server.address.database).and_then(|mut one| execute(&mut one, &sql));
        if let Err(error) = dropped {
            output::note(&format!("database {} cannot be dropped: {error:#}", self.name));
        }
    }
}

/// Runs statements in one session. All values are generated, so the server's messages may be shown as they are.
///
/// # Errors
/// Returns the server's answer.
pub(crate) fn execute(session: &mut Connection, sql: &str) -> anyhow::Result<()> {
    // A statement of the floor may be silent for any length of time.
    session.long_script(sql, &mut || Ok(true))?;
    Ok(())
}

/// The first field of a query's first row.
///
/// # Errors
/// Returns the server's answer.
pub(crate) fn line(session: &mut Connection, sql: &str) -> anyhow::Result<String> {
    let rows = session.query(sql, &[])?;
    let row = rows.into_iter().next().with_context(|| format!("no answer to: {sql}"))?;
    Ok(row.get(0)?)
}

impl Address {
    fn parse(url: &str) -> Option<Address> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
        let scheme = url.get(..url.len() - rest.len())?;
        // A password may hold a question mark, so that the host begins after the last `@` before the first slash.
        let before_slash = rest.get(..rest.find('/').unwrap_or(rest.len()))?;
        let (user, place) = match before_slash.rfind('@') {
            Some(at) => (rest.get(..at), rest.get(at + 1..)?),
            None => (None, rest),
        };
        let (place, options) = place.split_at(place.find('?').unwrap_or(place.len()));
        let (host, database) = place.split_once('/').unwrap_or((place, ""));
        let (name, password) = match user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
            Some((name, password)) => (Some(name), (!password.is_empty()).then(|| password.to_owned())),
            None => (None, None),
        };
        Some(Address {
            before: format!("{scheme}{}", name.unwrap_or_default()),
            password,
            host: format!("{}{host}", if name.is_some() { "@" } else { "" }),
            database: if database.is_empty() { "postgres".to_owned() } else { database.to_owned() },
            options: options.to_owned(),
        })
    }

    fn url(&self, database: &str, with_password: bool) -> String {
        let Address { before, host, options, .. } = self;
        let password = self.password.as_deref().filter(|_| with_password);
        let colon = if password.is_some() { ":" } else { "" };
        format!("{before}{colon}{}{host}/{database}{options}", password.unwrap_or_default())
    }
}

impl std::fmt::Debug for Address {
    /// Leaves the password out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url(&self.database, false))
    }
}

/// Decodes percent-encoding as libpq does.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%').and_then(|code| str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gets_another_database_and_loses_its_password() {
        for (url, with, without) in [
            ("postgres://u:p%40@h:5432/postgres", "postgres://u:p%40@h:5432/new", "postgres://u@h:5432/new"),
            ("postgresql://localhost", "postgresql://localhost/new", "postgresql://localhost/new"),
            (
                "postgres://u@h/?sslmode=require",
                "postgres://u@h/new?sslmode=require",
                "postgres://u@h/new?sslmode=require",
            ),
            (
                "postgres://h?sslmode=disable",
                "postgres://h/new?sslmode=disable",
                "postgres://h/new?sslmode=disable",
            ),
            ("postgres://u:a?b@h/x", "postgres://u:a?b@h/new", "postgres://u@h/new"),
            ("postgres:///x?host=/run/pg", "postgres:///new?host=/run/pg", "postgres:///new?host=/run/pg"),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(
                (address.url("new", true).as_str(), address.url("new", false).as_str()),
                (with, without)
            );
            assert!(!format!("{address:?}").contains("p%40"));
        }
        assert_eq!(Address::parse("host=localhost dbname=postgres"), None);
    }

    #[test]
    fn percent_encoding_is_taken_back() {
        for (text, expected) in
            [("plain", "plain"), ("a%40b%2f", "a@b/"), ("100%", "100%"), ("%zz%C3%BC", "%zzü")]
        {
            assert_eq!(decoded(text), expected);
        }
    }
}
