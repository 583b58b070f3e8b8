//! The migrations in a plan folder, read by Diesel's own library, and new ones in its layout.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_migrations::FileBasedMigrations;
use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use migrate_core::mapping::DEFAULT_SCHEMA;
use migrate_core::plan::Plan;
use row_mover::schema::{SchemaMigration, SchemaMigrations};

use crate::workspace;

/// What a migration begins with, so that names in it mean the same for every role.
const BEGIN: &str = "\
-- Name every table with its schema; names without a schema mean PostgreSQL's own objects. The last statement restores the search_path.
SELECT pg_catalog.set_config('migration.search_path', pg_catalog.current_setting('search_path'), false);
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);
";

/// What it ends with.
const END: &str = "\
SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('migration.search_path'), false);
";

/// Reads the migrations of the plan in `folder`.
///
/// # Errors
/// When a file cannot be read, two migrations have one version, or an app's own migrator makes the tables.
pub(crate) fn read(folder: &Path) -> anyhow::Result<SchemaMigrations> {
    let list_schema = list_schema(folder)?;
    let path = folder.join("migrations");
    let failed = || format!("the migrations in {} cannot be read", workspace::shown(&path));
    if !path.is_dir() {
        bail!("{} is not there; `cargo xtask generate` writes the migrations", workspace::shown(&path));
    }
    let source =
        FileBasedMigrations::from_path(&path).map_err(|error| anyhow!("{error}")).with_context(failed)?;
    let found: Vec<Box<dyn Migration<Pg>>> =
        source.migrations().map_err(|error| anyhow!("{error}")).with_context(failed)?;
    let mut migrations =
        found.iter().map(|found| migration(&path, &**found)).collect::<anyhow::Result<Vec<_>>>()?;
    migrations.sort_by(|a, b| a.version.cmp(&b.version));
    let mut pairs = migrations.iter().zip(migrations.iter().skip(1));
    if let Some((first, second)) = pairs.find(|(first, second)| first.version == second.version) {
        bail!(
            "{} and {} in {} have the same version; rename one of them",
            first.name,
            second.name,
            workspace::shown(&path)
        );
    }
    Ok(SchemaMigrations { list_schema, migrations })
}

fn migration(folder: &Path, found: &dyn Migration<Pg>) -> anyhow::Result<SchemaMigration> {
    let name = found.name().to_string();
    let read = |file: &str| {
        let path = folder.join(&name).join(file);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", workspace::shown(&path))),
        }
    };
    let up = read("up.sql")?.with_context(|| format!("{name} has no up.sql"))?;
    Ok(SchemaMigration {
        version: found.name().version().to_string(),
        up,
        down: read("down.sql")?,
        is_in_transaction: found.metadata().run_in_transaction(),
        name,
    })
}

/// The schema with Diesel's list: that of the plan's tables.
fn list_schema(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("plan.json");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(DEFAULT_SCHEMA.to_owned()),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", workspace::shown(&path)));
        }
    };
    let plan =
        Plan::from_json(&text).with_context(|| format!("{} cannot be used", workspace::shown(&path)))?;
    if plan.is_into_existing() {
        bail!(
            "the plan in {} loads rows into tables that the app's own migrator creates; run that migrator instead",
            workspace::shown(folder)
        );
    }
    Ok(match plan.target_schema.is_empty() {
        true => DEFAULT_SCHEMA.to_owned(),
        false => plan.target_schema,
    })
}

/// Writes the folder of a new migration, and returns its path.
///
/// # Errors
/// When the name has other letters than Diesel's names, or the folder cannot be written.
pub(super) fn create(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if name.is_empty() || name.len() > 100 || !name.chars().all(is_plain) {
        bail!("{name:?} is no name for a migration: use lower-case letters, digits and underscores");
    }
    let last = read(folder)?.migrations.last().map(|migration| migration.version.clone());
    let stamp = stamp_after(Timestamp::now().to_zoned(TimeZone::UTC).datetime(), last.as_deref());
    let path = folder.join("migrations").join(format!("{stamp}_{name}"));
    let failed = || format!("{} cannot be written", workspace::shown(&path));
    std::fs::create_dir(&path).with_context(failed)?;
    std::fs::write(path.join("up.sql"), format!("{BEGIN}\n{END}")).with_context(failed)?;
    std::fs::write(path.join("down.sql"), format!("{BEGIN}\n{END}")).with_context(failed)?;
    Ok(path)
}

/// Returns the time before a migration's name, as Diesel writes it, in UTC: `now`, or a second after the last version if that is later.
fn stamp_after(now: DateTime, last: Option<&str>) -> String {
    let last = last.and_then(|last| DateTime::strptime("%Y%m%d%H%M%S", last).ok());
    let next = last.and_then(|last| last.checked_add(1.second()).ok());
    next.map_or(now, |next| now.max(next)).strftime("%Y-%m-%d-%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_sorts_after_every_version() {
        let now = jiff::civil::date(2026, 11, 29).at(22, 5, 7, 0);
        for (last, expected) in [
            (None, "2026-11-29-220507"),
            (Some("20261101000002"), "2026-11-29-220507"),
            (Some("20261129220507"), "2026-11-29-220508"),
            (Some("20991231235959"), "2100-01-01-000000"),
            (Some("1"), "2026-11-29-220507"),
            (Some("initial"), "2026-11-29-220507"),
        ] {
            assert_eq!(stamp_after(now, last), expected, "{last:?}");
        }
    }
}
