//! Which SQLite file is meant.

use std::path::{Path, PathBuf};

use anyhow::Context;
use fixtures::hyperpage::{SampleOptions, create_sample};
use migrate_core::source_schema::SourceSchema;
use row_mover::source::{SourceConnection, introspect};
use schema_sqlite::LEGACY_MIGRATIONS;

use crate::workspace;

/// Where Hyperpage keeps its database unless told otherwise.
const DEFAULT_PATH: &str = "data/hyperpage.db";

/// The seed of the sample; each seed gives another database.
const SAMPLE_SEED: u64 = 2_026;

/// The file that is named, or that `DATABASE_PATH` names, or Hyperpage's own.
pub(crate) fn path(named: Option<&Path>) -> PathBuf {
    let from_environment =
        || std::env::var_os("DATABASE_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.map(Path::to_path_buf).or_else(from_environment).unwrap_or_else(|| PathBuf::from(DEFAULT_PATH))
}

/// The sample of so many jobs, made where it is not there yet; `say` hears where it lies.
pub(crate) fn sample(rows: u64, say: impl Fn(&str)) -> anyhow::Result<PathBuf> {
    let folder = sample_dir();
    let path = folder.join(format!("hyperpage-{rows}.db"));
    if path.exists() {
        say(&format!("sample    {} is there already", workspace::shown(&path)));
        return Ok(path);
    }
    workspace::create_folder(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let summary = create_sample(&path, &SampleOptions { rows, seed: SAMPLE_SEED })
        .with_context(|| format!("the sample {} cannot be made", path.display()))?;
    let total: u64 = summary.tables.iter().map(|table| table.rows).sum();
    say(&format!(
        "sample    {} made: {total} rows in {} tables",
        workspace::shown(&path),
        summary.tables.len()
    ));
    Ok(path)
}

/// Whether a file is one of this checkout's samples.
pub(crate) fn is_sample(path: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    real(path).starts_with(real(&sample_dir()))
}

fn sample_dir() -> PathBuf {
    workspace::root().join(".sample")
}

/// The schema that the legacy migrations make, read from a scratch file.
pub(crate) fn legacy_schema() -> anyhow::Result<SourceSchema> {
    let scratch = tempfile::tempdir().context("no scratch folder can be made")?;
    let path = scratch.path().join("legacy.db");
    let connection = rusqlite::Connection::open(&path).context("a scratch database cannot be made")?;
    for migration in LEGACY_MIGRATIONS {
        connection
            .execute_batch(migration.up_sql)
            .with_context(|| format!("the legacy migration {} fails", migration.name))?;
    }
    connection.close().map_err(|(_, error)| error).context("a scratch database cannot be made")?;
    Ok(introspect::introspect(&SourceConnection::open_live(&path)?)?)
}
