//! The databases of a measurement: created for each run, each with its plan and its rows as COPY files. It measures nothing.

use std::fs::{self, File};
use std::io::BufWriter;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use fixtures::hyperpage::{SampleOptions, create_sample};
use fixtures::shapes::{self, create_shape};
use migrate_core::load_plan::LoadPlan;
use migrate_core::mapping::Mapping;
use migrate_core::plan::{Plan, PlannedTable};
use row_mover::copy_file::{self, Encoded};
use row_mover::source::SourceConnection;

use crate::{plan_folder, source_plan, workspace};

/// Chooses the content of all files: the same each time.
const SEED: u64 = 2_026;

/// A table with more rows than this is loaded by two sessions at once, half by each.
const SPLIT_FROM_ROWS: u64 = 20_000;

/// A database to measure with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SubjectKind {
    /// Hyperpage's own eight tables.
    Hyperpage,
    /// One table of 61 columns.
    Wide,
    /// One table of three columns of integers.
    Narrow,
    /// One table of blobs of up to 128 kB.
    Blob,
    /// One table of JSON documents.
    Json,
}

impl SubjectKind {
    /// All, in the order in which they are measured.
    pub(crate) const ALL: [SubjectKind; 5] = [
        SubjectKind::Hyperpage,
        SubjectKind::Wide,
        SubjectKind::Narrow,
        SubjectKind::Blob,
        SubjectKind::Json,
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        self.shape().map_or("hyperpage", shapes::Shape::name)
    }

    fn shape(self) -> Option<shapes::Shape> {
        match self {
            SubjectKind::Hyperpage => None,
            SubjectKind::Wide => Some(shapes::Shape::Wide),
            SubjectKind::Narrow => Some(shapes::Shape::Narrow),
            SubjectKind::Blob => Some(shapes::Shape::Blob),
            SubjectKind::Json => Some(shapes::Shape::Json),
        }
    }
}

/// A database with all that is needed to measure with it.
#[derive(Debug)]
pub(crate) struct Subject {
    /// Its name.
    pub(crate) name: &'static str,
    /// The SQLite file.
    pub(crate) path: PathBuf,
    /// Its size in bytes.
    pub(crate) sqlite_bytes: u64,
    /// The plan that floor and migration follow.
    pub(crate) plan: Plan,
    /// The folder of that plan.
    pub(crate) plan_dir: PathBuf,
    /// The rows of each of the plan's tables as COPY files, in the plan's order.
    pub(crate) tables: Vec<EncodedTable>,
}

/// A table's rows as files.
#[derive(Debug)]
pub(crate) struct EncodedTable {
    /// The files, each a complete stream.
    pub(crate) files: Vec<PathBuf>,
    /// How many rows and bytes they have together.
    pub(crate) encoded: Encoded,
}

impl Subject {
    /// Creates the file, its plan and the COPY files in `folder`, of `rows` as `--rows` means them.
    ///
    /// # Errors
    /// When a file cannot be created, or no plan fits it.
    pub(crate) fn make(kind: SubjectKind, rows: u64, folder: &Path) -> anyhow::Result<Subject> {
        let name = kind.name();
        let path = folder.join(format!("{name}.db"));
        let (plan, plan_dir) = match kind.shape() {
            None => {
                create_sample(&path, &SampleOptions { rows, seed: SEED })?;
                (plan_folder::read(&workspace::plan_dir())?, workspace::plan_dir())
            }
            Some(shape) => {
                create_shape(&path, shape, rows, SEED)?;
                let plan_dir = folder.join(format!("{name}-plan"));
                (made_plan(&path, &plan_dir)?, plan_dir)
            }
        };
        let copy_dir = folder.join(format!("{name}-copy"));
        fs::create_dir(&copy_dir).with_context(|| format!("{} cannot be created", copy_dir.display()))?;
        lend_to_server(&copy_dir, 0o755)?;
        let source = SourceConnection::open_live(&path)?;
        let load_plan = LoadPlan::new(&plan);
        let tables = load_plan.tables.iter().enumerate();
        let tables =
            tables.map(|(place, table)| encode_table(&source, table, &copy_dir.join(place.to_string())));
        let tables = tables.collect::<anyhow::Result<Vec<_>>>()?;
        let sqlite_bytes =
            fs::metadata(&path).with_context(|| format!("{} cannot be measured", path.display()))?.len();
        Ok(Subject { name, path, sqlite_bytes, plan, plan_dir, tables })
    }

    /// How many rows all tables have.
    pub(crate) fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.encoded.rows).sum()
    }

    /// How many bytes they have as COPY files.
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
