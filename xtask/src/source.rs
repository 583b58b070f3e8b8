//! Finds the SQLite file that a command is about, or generates the sample.

use std::path::{Path, PathBuf};

use ::report::figures::counted;
use anyhow::Context;
use fixtures::hyperpage::{SampleOptions, create_sample};
use migrate_core::source_schema::SourceSchema;
use row_mover::source::{SourceConnection, introspect};
use schema_sqlite::LEGACY_MIGRATIONS;

use crate::workspace;

/// The default path of Hyperpage's database.
const DEFAULT_PATH: &str = "data/hyperpage.db";

/// The seed of the sample; each seed generates another database.
const SAMPLE_SEED: u64 = 2_026;

/// Returns the file that is named, else the one in `DATABASE_PATH`, else Hyperpage's own.
pub(crate) fn path(named: Option<&Path>) -> PathBuf {
    let from_environment =
        || std::env::var_os("DATABASE_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.map(Path::to_path_buf).or_else(from_environment).unwrap_or_else(|| PathBuf::from(DEFAULT_PATH))
}

/// Returns the path of the sample with this number of jobs, and generates it if it does not exist; calls `remark` with its path.
pub(crate) fn sample(rows: u64, remark: impl Fn(&str)) -> anyhow::Result<PathBuf> {
    let folder = sample_dir();
    let path = folder.join(format!("hyperpage-{rows}.db"));
    if path.exists() {
        remark(&format!("sample    {} already exists", workspace::shown(&path)));
        return Ok(path);
    }
    workspace::create_folder(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    let summary = create_sample(&path, &SampleOptions { rows, seed: SAMPLE_SEED })
        .with_context(|| format!("the sample {} cannot be created", path.display()))?;
    let total: u64 = summary.tables.iter().map(|table| table.rows).sum();
    remark(&format!(
        "sample    {} created: {} in {}",
        workspace::shown(&path),
        counted(total, "row"),
        counted(summary.tables.len() as u64, "table")
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

/// Returns the schema that the legacy migrations create, read from a scratch file.
pub(crate) fn legacy_schema() -> anyhow::Result<SourceSchema> {
    let scratch = tempfile::tempdir().context("a scratch folder cannot be created")?;
    let path = scratch.path().join("legacy.db");
    let connection = rusqlite::Connection::open(&path).context("a scratch database cannot be created")?;
    for migration in LEGACY_MIGRATIONS {
        connection
            .execute_batch(migration.up_sql)
            .with_context(|| format!("the legacy migration {} fails", migration.name))?;
    }
    connection.close().map_err(|(_, error)| error).context("a scratch database cannot be created")?;
    Ok(introspect::introspect(&SourceConnection::open_live(&path)?)?)
}
