//! The databases of a measurement: created for each run, each with its plan, and for the floor its rows as COPY files. It measures nothing.

use std::fs::{self, File};
use std::io::BufWriter;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fixtures::hyperpage::{SampleOptions, create_sample};
use fixtures::shapes::{self, Key, SMALL_TABLE_ROWS, create_keyed, create_shape, create_tables};
use migrate_core::load_plan::LoadPlan;
use migrate_core::mapping::Mapping;
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::planner;
use row_mover::copy_file::{self, Encoded};
use row_mover::source::SourceConnection;

use crate::{plan_folder, source, source_plan, workspace};

/// Chooses the content of all files: the same each time.
const SEED: u64 = 2_026;

/// A table with more rows than this is loaded by two sessions at once, half by each.
const SPLIT_FROM_ROWS: u64 = 20_000;

/// The value of `--rows` that the sizes in the goals belong to.
pub(crate) const DEFAULT_ROWS: u64 = 200_000;

/// A database to measure with, and the plan that it is migrated by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubjectKind {
    /// Hyperpage's own eight tables, by the reviewed plan.
    Hyperpage,
    /// The same file, by the reviewed plan without the indexes that only PostgreSQL gets.
    SourceIndexes,
    /// One table of 61 columns.
    Wide,
    /// One table of three columns of integers.
    Narrow,
    /// One table of blobs of up to 128 kB.
    Blob,
    /// One table of JSON documents.
    Json,
    /// Small tables, 200 of them.
    FewTables,
    /// Small tables, 2,000 of them.
    ManyTables,
    /// One table with rowids and a key of text, of 5 million rows.
    Rowids,
    /// The same rows in a table WITHOUT ROWID.
    WithoutRowid,
    /// Hyperpage's eight tables with 20 million rows, by the reviewed plan.
    LargeHyperpage,
    /// Small tables, 10,000 of them.
    MostTables,
}

impl SubjectKind {
    /// All.
    pub(crate) const ALL: [SubjectKind; 12] = [
        SubjectKind::Hyperpage,
        SubjectKind::SourceIndexes,
        SubjectKind::Wide,
        SubjectKind::Narrow,
        SubjectKind::Blob,
        SubjectKind::Json,
        SubjectKind::FewTables,
        SubjectKind::ManyTables,
        SubjectKind::Rowids,
        SubjectKind::WithoutRowid,
        SubjectKind::LargeHyperpage,
        SubjectKind::MostTables,
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            SubjectKind::Hyperpage => "hyperpage",
            SubjectKind::SourceIndexes => "hyperpage-source-indexes",
            SubjectKind::Wide => shapes::Shape::Wide.name(),
            SubjectKind::Narrow => shapes::Shape::Narrow.name(),
            SubjectKind::Blob => shapes::Shape::Blob.name(),
            SubjectKind::Json => shapes::Shape::Json.name(),
            SubjectKind::FewTables => "few-tables",
            SubjectKind::ManyTables => "many-tables",
            SubjectKind::Rowids => "rowids",
            SubjectKind::WithoutRowid => "without-rowid",
            SubjectKind::LargeHyperpage => "large-hyperpage",
            SubjectKind::MostTables => "most-tables",
        }
    }

    /// Its size for a value of `--rows`: jobs of Hyperpage, tables where there are many, rows where there is one table.
    pub(crate) fn size(self, rows: u64) -> u64 {
        match self {
            SubjectKind::FewTables => (rows / 1_000).clamp(2, 200),
            SubjectKind::ManyTables => (rows / 100).clamp(20, 2_000),
            SubjectKind::MostTables => (rows / 20).clamp(100, 10_000),
            SubjectKind::Rowids | SubjectKind::WithoutRowid => rows.saturating_mul(25),
            // A job comes with six other rows.
            SubjectKind::LargeHyperpage => rows.saturating_mul(100) / 7,
            _ => rows,
        }
    }

    /// Creates the file and returns its rows.
    fn create(self, rows: u64, path: &Path) -> anyhow::Result<u64> {
        let size = self.size(rows);
        let shape = match self {
            SubjectKind::Hyperpage | SubjectKind::SourceIndexes | SubjectKind::LargeHyperpage => {
                let sample = create_sample(path, &SampleOptions { rows: size, seed: SEED })?;
                return Ok(sample.tables.iter().map(|table| table.rows).sum());
            }
            SubjectKind::FewTables | SubjectKind::ManyTables | SubjectKind::MostTables => {
                create_tables(path, size, SEED)?;
                return Ok(size * SMALL_TABLE_ROWS);
            }
            // A key that is no number is what WITHOUT ROWID is for.
            SubjectKind::Rowids => return Ok(create_keyed(path, Key::Token, false, size, SEED)?.rows),
            SubjectKind::WithoutRowid => return Ok(create_keyed(path, Key::Token, true, size, SEED)?.rows),
            SubjectKind::Wide => shapes::Shape::Wide,
            SubjectKind::Narrow => shapes::Shape::Narrow,
            SubjectKind::Blob => shapes::Shape::Blob,
            SubjectKind::Json => shapes::Shape::Json,
        };
        Ok(create_shape(path, shape, size, SEED)?.rows)
    }

    /// Whether the file is that of the app, which the reviewed plan fits.
    fn has_reviewed_plan(self) -> bool {
        matches!(self, SubjectKind::Hyperpage | SubjectKind::LargeHyperpage)
    }
}

/// A SQLite file, and the plan that it is migrated by.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// What it is.
    pub(crate) kind: SubjectKind,
    /// The SQLite file.
    pub(crate) path: PathBuf,
    /// Its size in bytes.
    pub(crate) sqlite_bytes: u64,
    /// The rows of all tables.
    pub(crate) rows: u64,
    /// The plan.
    pub(crate) plan: Plan,
    /// The folder of the plan.
    pub(crate) plan_dir: PathBuf,
}

/// A source with its rows as COPY files, for the floor.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The source.
    pub(crate) source: Source,
    /// The rows of each of the plan's tables as COPY files, in the plan's order.
    pub(crate) tables: Vec<EncodedTable>,
}

/// A table's rows as files.
#[derive(Clone, Debug)]
pub(crate) struct EncodedTable {
    /// The files, each a complete stream.
    pub(crate) files: Vec<PathBuf>,
    /// How many rows and bytes they have together.
    pub(crate) encoded: Encoded,
}

impl Source {
    /// Creates the file and its plan in `folder`, of `rows` as `--rows` means them.
    ///
    /// # Errors
    /// When a file cannot be created, or no plan fits it.
    pub(crate) fn make(kind: SubjectKind, rows: u64, folder: &Path) -> anyhow::Result<Source> {
        let name = kind.name();
        let path = folder.join(format!("{name}.db"));
        let rows = kind.create(rows, &path)?;
        let (plan, plan_dir) = if kind.has_reviewed_plan() {
            (plan_folder::read(&workspace::plan_dir())?, workspace::plan_dir())
        } else {
            let plan_dir = folder.join(format!("{name}-plan"));
            (made_plan(&path, &plan_dir)?, plan_dir)
        };
        let sqlite_bytes =
            fs::metadata(&path).with_context(|| format!("{} cannot be measured", path.display()))?.len();
        Ok(Source { kind, path, sqlite_bytes, rows, plan, plan_dir })
    }
}

impl Subject {
    /// Creates the file, its plan and the COPY files in `folder`, of `rows` as `--rows` means them.
    ///
    /// # Errors
    /// When a file cannot be created, or no plan fits it.
    pub(crate) fn make(kind: SubjectKind, rows: u64, folder: &Path) -> anyhow::Result<Subject> {
        let source = Source::make(kind, rows, folder)?;
        let copy_dir = folder.join(format!("{}-copy", kind.name()));
        fs::create_dir(&copy_dir).with_context(|| format!("{} cannot be created", copy_dir.display()))?;
        lend_to_server(&copy_dir, 0o755)?;
        let connection = SourceConnection::open_live(&source.path)?;
        let load_plan = LoadPlan::new(&source.plan);
        let tables = load_plan.tables.iter().enumerate();
        let tables =
            tables.map(|(place, table)| encode_table(&connection, table, &copy_dir.join(place.to_string())));
        let tables = tables.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Subject { source, tables })
    }

    /// The same file and rows with the indexes that SQLite has and no others. Only for the app's database.
    ///
    /// # Errors
    /// When the plan cannot be made or written.
    pub(crate) fn with_source_indexes(&self, folder: &Path) -> anyhow::Result<Subject> {
        let plan_dir = folder.join(format!("{}-plan", SubjectKind::SourceIndexes.name()));
        let plan = source_indexes_plan(&plan_dir)?;
        let source = Source { kind: SubjectKind::SourceIndexes, plan, plan_dir, ..self.source.clone() };
        Ok(Subject { source, tables: self.tables.clone() })
    }

    /// How many bytes the rows have as COPY files.
    pub(crate) fn copy_bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.encoded.bytes).sum()
    }
}

/// The plan that `migrate` would make for the file itself, written to `folder`.
pub(crate) fn made_plan(path: &Path, folder: &Path) -> anyhow::Result<Plan> {
    let mapping_text = source_plan::mapping_text(folder, true)?;
    let mapping: Mapping = source_plan::mapping(folder, &mapping_text)?;
    let (schema, plan) = source_plan::make(path, &mapping, None, true)?;
    source_plan::keep(folder, &plan, &schema, mapping_text)?;
    plan_folder::read(folder)
}

/// The plan that the reviewed decisions give without their own indexes, written to `folder`.
fn source_indexes_plan(folder: &Path) -> anyhow::Result<Plan> {
    let reviewed = source_plan::mapping_text(&workspace::plan_dir(), false)?;
    let mut decisions: toml::Table = reviewed.parse().context("the reviewed mapping.toml is no TOML")?;
    let tables = decisions.get_mut("tables").and_then(toml::Value::as_table_mut);
    for (_, table) in tables.into_iter().flatten() {
        if let Some(table) = table.as_table_mut() {
            table.remove("indexes");
        }
    }
    let mapping_text = decisions.to_string();
    let mapping = source_plan::mapping(folder, &mapping_text)?;
    let schema = source::legacy_schema()?;
    let plan = planner::plan(&schema, None, &mapping).context("no plan can be made")?;
    source_plan::keep(folder, &plan, &schema, mapping_text)?;
    plan_folder::read(folder)
}

/// Writes the files of one table: one, or two halves of a large one. Their names begin with `stem`.
fn encode_table(
    source: &SourceConnection,
    table: &PlannedTable,
    stem: &Path,
) -> anyhow::Result<EncodedTable> {
    let sql = format!("SELECT count(*) FROM {}", migrate_core::identifier::quote_sqlite(&table.source));
    let rows: i64 = source
        .connection()
        .query_row(&sql, [], |row| row.get(0))
        .with_context(|| format!("the rows of table {} cannot be counted", table.source))?;
    let rows = rows.unsigned_abs();
    let parts = if rows > SPLIT_FROM_ROWS { 2 } else { 1 };
    let files: Vec<PathBuf> = (0..parts).map(|part| stem.with_extension(format!("{part}.copy"))).collect();
    let create = |path: &PathBuf| {
        let file = File::create(path).with_context(|| format!("{} cannot be created", path.display()))?;
        lend_to_server(path, 0o644)?;
        Ok(BufWriter::with_capacity(1 << 20, file))
    };
    let mut writers = files.iter().map(create).collect::<anyhow::Result<Vec<_>>>()?;
    let encoded = copy_file::encode_table(source, table, &mut writers, rows.div_ceil(parts))?;
    Ok(EncodedTable { files, encoded })
}

/// Lets the server's account read a folder of ours, whose content is generated and not secret.
pub(crate) fn lend_to_server(path: &Path, mode: u32) -> anyhow::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("the mode of {} cannot be set", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_plan_is_the_reviewed_one_without_its_own_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let plan = source_indexes_plan(&folder.path().join("plan")).unwrap();
        let mut reviewed = plan_folder::read(&workspace::plan_dir()).unwrap();
        let count = |plan: &Plan| plan.tables.iter().map(|table| table.indexes.len()).sum::<usize>();
        let before = count(&reviewed);
        for table in &mut reviewed.tables {
            table.indexes.retain(|index| index.added_because.is_none());
        }
        assert_eq!(before - count(&plan), 3);
        assert_eq!(plan, reviewed);
    }

    #[test]
    fn sizes_are_those_of_the_goals_by_default() {
        for (kind, default, small) in [
            (SubjectKind::Hyperpage, 200_000, 200),
            (SubjectKind::FewTables, 200, 2),
            (SubjectKind::ManyTables, 2_000, 20),
            (SubjectKind::MostTables, 10_000, 100),
            (SubjectKind::WithoutRowid, 5_000_000, 5_000),
            (SubjectKind::LargeHyperpage, 2_857_142, 2_857),
        ] {
            assert_eq!((kind.size(DEFAULT_ROWS), kind.size(200)), (default, small), "{kind:?}");
        }
    }
}
