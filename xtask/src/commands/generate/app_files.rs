//! The files of an app that uses Drizzle ORM, in the app's own folder: which are written, and which files there are the app's.
//!
//! `drizzle` renders them. Here are the folder, the database whose documents get types, and the refusal to overwrite what somebody wrote.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use drizzle::{DocumentTypes, Journal, TextFile};
use migrate_core::plan::Plan;
use migrate_core::terms::DrizzleDates;
use row_mover::source::documents::fold_documents;

use super::app_conflicts::{Conflicts, refuse};
use crate::generated::GeneratedFile;
use crate::{output, workspace};

/// Where Hyperpage keeps its database, below its folder.
const APP_DATABASE: &str = "data/hyperpage.db";

/// The journal of migrations, below the app's folder.
const JOURNAL: &str = "drizzle/meta/_journal.json";

/// The options for an app that uses Drizzle ORM.
#[derive(Args, Debug)]
#[command(next_help_heading = "App with Drizzle ORM")]
pub(crate) struct AppArgs {
    /// Also write the TypeScript and the migrations of an app that uses Drizzle ORM into its folder [default: the folder of --out]
    ///
    /// These are drizzle/ (schema, migrations, types of JSON documents), drizzle.config.ts and db/ (connection, health checks,
    /// migrator). docs/app.md describes the changes in the app. A file that this command did not write is never overwritten.
    #[arg(long, value_name = "DIR", num_args = 0..=1, conflicts_with = "into_existing")]
    drizzle: Option<Option<PathBuf>>,

    /// How the app sees moments: as Date or as the milliseconds that it had in SQLite [default: mapping.toml's, else date]
    ///
    /// It is written into mapping.toml with [drizzle], which --drizzle adds where it is missing. What mapping.toml says is not changed.
    #[arg(
        long,
        value_name = "date|milliseconds",
        hide_possible_values = true,
        requires = "drizzle",
        hide_short_help = true
    )]
    dates: Option<DatesArg>,

    /// The database whose JSON documents get TypeScript types [default: --sqlite, else DIR/data/hyperpage.db if it exists]
    #[arg(long, value_name = "FILE", requires = "drizzle", hide_short_help = true)]
    documents: Option<PathBuf>,

    /// Leave the app's own files as they are where a generated file would replace one
    #[arg(long, requires = "drizzle", hide_short_help = true)]
    keep_own: bool,
}

/// How the app sees moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DatesArg {
    Date,
    Milliseconds,
}

impl AppArgs {
    /// Whether files for an app are asked for.
    pub(super) fn is_for_app(&self) -> bool {
        self.drizzle.is_some()
    }

    /// How the app sees moments, where an option says it.
    pub(super) fn dates(&self) -> Option<DrizzleDates> {
        self.dates.map(|dates| match dates {
            DatesArg::Date => DrizzleDates::Date,
            DatesArg::Milliseconds => DrizzleDates::Milliseconds,
        })
    }

    /// The folder of the app; none where no files for one are asked for.
    ///
    /// # Errors
    /// When the options name none.
    pub(super) fn folder(&self, out: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
        match (&self.drizzle, out) {
            (None, _) => Ok(None),
            (Some(Some(folder)), _) => Ok(Some(folder.clone())),
            (Some(None), Some(out)) => Ok(Some(out.to_owned())),
            (Some(None), None) => bail!("--drizzle needs the folder of the app: `--drizzle DIR`"),
        }
    }
}

/// What is in the place of a file.
enum Found {
    /// Nothing.
    Nothing,
    /// A file of text.
    Text(String),
    /// Something that no generated file is: a folder, or a file that is not UTF-8.
    NoText,
}

/// What the files are made of.
pub(super) struct App<'a> {
    pub(super) args: &'a AppArgs,
    /// The app's folder.
    pub(super) folder: &'a Path,
    pub(super) plan: &'a Plan,
    /// The database of the plan, where it was made for one.
    pub(super) source: Option<&'a Path>,
    /// Whether the plan is this workspace's own.
    pub(super) is_workspace_plan: bool,
}

impl App<'_> {
    /// Returns the files to write; remarks go to standard error.
    ///
    /// # Errors
    /// When one of them is not to be overwritten, or the documents cannot be read.
    pub(super) fn files(&self) -> anyhow::Result<Vec<GeneratedFile>> {
        if self.plan.is_into_existing() {
            return Err(row_mover::Error::new("no files for Drizzle can be made")
                .caused_by("the plan loads into tables of the app, so that the app has their schema")
                .with_remedy_text("leave out --drizzle")
                .into());
        }
        self.check_folder()?;
        let database = self.database();
        let types = self.types(database.as_deref())?;
        let mut files = drizzle::files(self.plan, Some(&types));
        let mut conflicts = Conflicts { not_folders: self.not_folders(&files), ..Conflicts::default() };
        if !conflicts.not_folders.is_empty() {
            refuse(self.folder, &conflicts)?;
        }
        let journal = match self.read(JOURNAL)? {
            Found::Nothing => None,
            Found::Text(text) => Some(drizzle::journal_owner(&text)),
            Found::NoText => Some(Journal::Other),
        };
        if let Some(owner @ (Journal::OtherDialect(_) | Journal::Other)) = &journal {
            conflicts.journal = Some(owner.clone());
        }
        if let Some(Journal::Extended(added)) = journal {
            return Err(self.extended(&added));
        }
        let is_moved_away = |path: &str| conflicts.journal.is_some() && path.starts_with("drizzle/");
        let mut own = Vec::new();
        for file in files.iter().filter(|file| !is_moved_away(&file.path)) {
            let is_recorded = journal == Some(Journal::Generated) && file.path.starts_with("drizzle/meta/");
            if !is_recorded && self.is_own(file)? {
                own.push(file.path.clone());
            }
        }
        // A file with the app's own types is as good as the generated one if it exports all of them.
        let documents = DocumentTypes::path();
        if let Found::Text(text) = self.read(&documents)? {
            let missing: Vec<&str> = types.missing_in(&text).collect();
            let is_own = own.contains(&documents);
            if missing.is_empty() && (is_own || database.is_none()) {
                own.retain(|path| *path != documents);
                files.retain(|file| file.path != documents);
            }
        }
        let kept = if self.args.keep_own { std::mem::take(&mut own) } else { Vec::new() };
        files.retain(|file| !kept.contains(&file.path));
        conflicts.own = own;
        refuse(self.folder, &conflicts)?;
        kept.iter().for_each(|path| output::note(&format!("kept {}", self.shown(path))));
        self.note_unknown(&files, &types, database.as_deref());
        let place =
            |file: TextFile| GeneratedFile { path: self.folder.join(file.path), content: file.content };
        Ok(files.into_iter().map(place).collect())
    }

    /// The database whose documents are read.
    fn database(&self) -> Option<PathBuf> {
        let named = self.args.documents.clone().or_else(|| self.source.map(Path::to_owned));
        let default =
            || Some(self.folder.join(APP_DATABASE)).filter(|path| self.is_workspace_plan && path.exists());
        named.or_else(default)
    }

    fn types(&self, database: Option<&Path>) -> anyhow::Result<DocumentTypes> {
        let new = || DocumentTypes::new(self.plan);
        let types = new();
        let Some(path) = database.filter(|_| !types.is_empty()) else { return Ok(types) };
        Ok(fold_documents(
            path,
            self.plan,
            |table, column| types.reads(table, column),
            new,
            |types, table, column, document| types.add(table, column, document),
        )?)
    }

    /// Refuses something that is no folder.
    fn check_folder(&self) -> anyhow::Result<()> {
        if self.folder.is_dir() || !self.folder.exists() {
            return Ok(());
        }
        Err(row_mover::Error::new(format!("{} is no folder", workspace::shown(self.folder)))
            .with_remedy_text("name the folder of the app: `--drizzle DIR`")
            .into())
    }

    /// What is in the places of folders and is none, below the app's folder.
    fn not_folders(&self, files: &[TextFile]) -> Vec<String> {
        let above = files.iter().flat_map(|file| Path::new(&file.path).ancestors().skip(1));
        let paths: BTreeSet<&Path> = above.filter(|path| !path.as_os_str().is_empty()).collect();
        let is_other = |path: &&Path| {
            let path = self.folder.join(path);
            path.exists() && !path.is_dir()
        };
        paths.into_iter().filter(is_other).map(|path| path.display().to_string()).collect()
    }

    fn read(&self, path: &str) -> anyhow::Result<Found> {
        use std::io::ErrorKind;
        match std::fs::read_to_string(self.folder.join(path)) {
            Ok(text) => Ok(Found::Text(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) if matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::InvalidData) => {
                Ok(Found::NoText)
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", self.shown(path))),
        }
    }

    /// Whether a file is in its place that this command did not write.
    fn is_own(&self, file: &TextFile) -> anyhow::Result<bool> {
        Ok(match self.read(&file.path)? {
            Found::Nothing => false,
            Found::Text(text) => text != file.content && !drizzle::is_generated(&file.path, &text),
            Found::NoText => true,
        })
    }

    fn extended(&self, added: &[String]) -> anyhow::Error {
        let elsewhere = format!("{}-generated", self.folder.display().to_string().trim_end_matches('/'));
        let elsewhere = crate::display::shell_word(&elsewhere);
        row_mover::Error::new(format!("{} has migrations of the app: {}", self.shown("drizzle"), added.join(", ")))
            .caused_by("from the app's first migration on, its schema is its own, and drizzle/schema.ts is not generated again")
            .with_remedy_text(format!(
                "to compare, write the files into another folder: the same command with `--drizzle {elsewhere}`"
            ))
            .into()
    }

    /// Says which types are unknown although a database would show them.
    fn note_unknown(&self, files: &[TextFile], types: &DocumentTypes, database: Option<&Path>) {
        let is_written = files.iter().any(|file| file.path == DocumentTypes::path());
        if database.is_some() || !is_written {
            return;
        }
        let unknown: Vec<&str> = types.unknown().collect();
        if !unknown.is_empty() {
            let shown = self.shown(&DocumentTypes::path());
            output::note(&format!(
                "{shown}: {} can be inferred from a database: name one with --documents",
                unknown.join(", ")
            ));
        }
    }

    fn shown(&self, path: &str) -> String {
        workspace::shown(&self.folder.join(path))
    }
}
