//! The private PostgreSQL as a target: starts it on demand, and manages a database for each source and the most recent one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use migrate_core::identifier::{fit_pg, quote_pg};
use postgres_client::session::APPLICATION_NAME;
use postgres_client::{Connection, TargetUrl};
use private_postgres::{Cluster, Options, Purpose};

use crate::workspace;

/// How long the private PostgreSQL may take to accept a connection.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Returns the running cluster of this checkout; calls `remark` before it is started.
pub(crate) fn cluster(version: Option<u32>, remark: impl Fn(&str)) -> anyhow::Result<Cluster> {
    let cluster = Cluster::open(Options { version, ..Options::new(workspace::root(), Purpose::Main) })?;
    if !cluster.status()?.running {
        remark("postgres  starting the private PostgreSQL of this checkout");
    }
    cluster.start()?;
    Ok(cluster)
}

/// What happens when a database does not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfAbsent {
    /// It is created.
    Create,
    /// It is not created, and the empty database `postgres` is used instead: a dry run changes nothing.
    StandIn,
}

/// The URL of `database`.
pub(crate) fn database_url(cluster: &Cluster, database: &str, if_absent: IfAbsent) -> anyhow::Result<String> {
    const IS_THERE: &str = "SELECT FROM pg_catalog.pg_database WHERE datname::text OPERATOR(pg_catalog.=) $1";
    let mut connection = Connection::connect(&cluster.url("postgres")?, APPLICATION_NAME, ANSWER_MAX)
        .context("the private PostgreSQL does not answer")?;
    let found = connection
        .query(IS_THERE, &[Some(database)])
        .context("the databases of the private PostgreSQL cannot be listed")?;
    let is_absent = found.into_iter().next().is_none();
    if is_absent && if_absent == IfAbsent::StandIn {
        return Ok(cluster.url("postgres")?);
    }
    if is_absent {
        let sql = format!("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", quote_pg(database));
        connection
            .query(&sql, &[])
            .with_context(|| format!("database {database} cannot be created in the private PostgreSQL"))?;
    }
    Ok(cluster.url(database)?)
}

/// A database name for a source file: its stem in the letters that need no quotes.
pub(crate) fn database_name(source: &std::path::Path) -> String {
    let stem = source.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let plain: String =
        stem.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    let is_taken = plain.is_empty() || matches!(plain.as_str(), "postgres" | "template0" | "template1");
    fit_pg(&if is_taken { format!("source_{plain}") } else { plain })
}

/// A recorded migration into the private PostgreSQL, for a `validate` without arguments.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct LastMigration {
    /// The database that it went to.
    pub(crate) database: String,
    /// The major version that was asked for.
    pub(crate) pg_version: Option<u32>,
    /// The folder of its plan, absolute; none where that was not remembered yet.
    #[serde(default)]
    pub(crate) plan: Option<PathBuf>,
}

/// The records: the last migration of all, and the last one of a sample.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Memory {
    /// The last one.
    #[serde(flatten)]
    pub(crate) last: Option<LastMigration>,
    /// The last one with `--sample`.
    #[serde(default)]
    pub(crate) sample: Option<LastMigration>,
    /// Those that were begun last, whatever became of them.
    #[serde(default)]
    pub(crate) begun: Begun,
}

/// The last migrations that were begun, for a `status` that names nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Begun {
    /// The last one.
    pub(crate) last: Option<LastMigration>,
    /// The last one with `--sample`.
    pub(crate) sample: Option<LastMigration>,
}

/// Remembers a migration that is done.
pub(crate) fn remember(migration: LastMigration, is_sample: bool) -> anyhow::Result<()> {
    let earlier = remembered()?;
    let sample = if is_sample { Some(migration.clone()) } else { earlier.sample };
    write_memory(&Memory { last: Some(migration), sample, begun: earlier.begun })
}

/// Remembers a migration that begins.
pub(crate) fn remember_begun(migration: LastMigration, is_sample: bool) -> anyhow::Result<()> {
    let earlier = remembered()?;
    let sample = if is_sample { Some(migration.clone()) } else { earlier.begun.sample.clone() };
    write_memory(&Memory { begun: Begun { last: Some(migration), sample }, ..earlier })
}

fn write_memory(memory: &Memory) -> anyhow::Result<()> {
    let path = memory_path();
    let folder = path.parent().unwrap_or(std::path::Path::new("."));
    workspace::create_folder(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    let memory = serde_json::to_string(memory)?;
    // Created with mode 0600, and never partially written.
    let write = || -> anyhow::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        std::io::Write::write_all(&mut file, format!("{memory}\n").as_bytes())?;
        file.persist(&path)?;
        Ok(())
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}

/// Reads the records of earlier migrations.
pub(crate) fn remembered() -> anyhow::Result<Memory> {
    let path = memory_path();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Memory::default()),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    serde_json::from_str(&text).with_context(|| format!("{} is damaged; delete it", path.display()))
}

/// The target of a remembered migration, and the folder of its plan.
///
/// # Errors
/// Where nothing is remembered, or the private PostgreSQL cannot be started.
pub(crate) fn recall(
    migration: Option<LastMigration>,
    version: Option<u32>,
    is_sample: bool,
    remark: impl Fn(&str),
) -> anyhow::Result<(TargetUrl, Option<PathBuf>)> {
    let migration = known(migration, is_sample)?;
    let cluster = cluster(version.or(migration.pg_version), remark)?;
    let url = database_url(&cluster, &migration.database, IfAbsent::StandIn)?;
    Ok((TargetUrl::parse(&url)?, migration.plan))
}

/// The same for a command that judges the database: the URL is that of the migration, whether the database still exists or not.
///
/// # Errors
/// As above.
pub(crate) fn recall_exact(
    migration: Option<LastMigration>,
    version: Option<u32>,
    is_sample: bool,
    remark: impl Fn(&str),
) -> anyhow::Result<TargetUrl> {
    let migration = known(migration, is_sample)?;
    let cluster = cluster(version.or(migration.pg_version), remark)?;
    Ok(TargetUrl::parse(&cluster.url(&migration.database)?)?)
}

/// The same for a command that judges the server too, which is therefore not started.
///
/// # Errors
/// Where nothing is remembered, or there is no private PostgreSQL.
pub(crate) fn recall_as_it_is(
    migration: Option<LastMigration>,
    version: Option<u32>,
    is_sample: bool,
    remark: impl Fn(&str),
) -> anyhow::Result<(TargetUrl, Option<PathBuf>)> {
    let migration = known(migration, is_sample)?;
    let version = version.or(migration.pg_version);
    let cluster = Cluster::open(Options { version, ..Options::new(workspace::root(), Purpose::Main) })?;
    if !cluster.status()?.running {
        remark(
            "postgres  the private PostgreSQL of this checkout does not run; `cargo xtask postgres start` starts it",
        );
    }
    Ok((TargetUrl::parse(&cluster.url(&migration.database)?)?, migration.plan))
}

fn known(migration: Option<LastMigration>, is_sample: bool) -> anyhow::Result<LastMigration> {
    migration.with_context(|| match is_sample {
        true => "no sample was moved into the private PostgreSQL yet; run `cargo xtask migrate --sample`",
        false => {
            "nothing was migrated from this checkout yet; run `cargo xtask migrate`, or name a target with --postgres"
        }
    })
}

fn memory_path() -> PathBuf {
    workspace::root().join(".postgres").join("last-migration.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_of_an_older_version_is_still_read() {
        let last = |plan: Option<&str>| {
            Some(LastMigration { database: "d".to_owned(), pg_version: None, plan: plan.map(PathBuf::from) })
        };
        for (text, memory) in [
            (r#"{"database":"d","pg_version":null}"#, Memory { last: last(None), ..Memory::default() }),
            (
                r#"{"database":"d","pg_version":null,"plan":"/p","sample":{"database":"d","pg_version":null,"plan":null}}"#,
                Memory { last: last(Some("/p")), sample: last(None), begun: Begun::default() },
            ),
        ] {
            assert_eq!(serde_json::from_str::<Memory>(text).unwrap(), memory);
            let written = serde_json::to_string(&memory).unwrap();
            assert_eq!(serde_json::from_str::<Memory>(&written).unwrap(), memory);
        }
    }

    #[test]
    fn a_database_is_named_after_its_source() {
        for (path, name) in [
            ("data/hyperpage.db", "hyperpage"),
            ("My App (2).sqlite", "my_app__2_"),
            ("postgres.db", "source_postgres"),
            ("..", "source_"),
        ] {
            assert_eq!(database_name(std::path::Path::new(path)), name);
        }
    }
}
