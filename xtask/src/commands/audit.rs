//! `cargo xtask audit`: lists what in an app depends on SQLite, with the replacement for each. It searches as `cleanup` does, before the
//! move instead of after it: it needs no ledger, and changes nothing.

mod output;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use app_checkout::{Area, Listing};
use clap::Args;

use crate::app_findings::{self, Effort};
use crate::exit::Exit;
use crate::output::{note, stdout};

/// The backup folder of `cleanup`, which is not searched.
const BACKUP_DIR: &str = "backups/app-cleanup";

const AFTER_HELP: &str = "\
Examples:
  cargo xtask audit --app ../hyperpage                        list what depends on SQLite
  cargo xtask audit --app ../hyperpage --markdown audit.md    the same as a page
  cargo xtask audit --app ../hyperpage --json                 the same for a script
  cargo xtask audit --app ../hyperpage --exclude 'docs/adr/**'

Uses are grouped by kind and by file: the lines, what is there, and after the arrow its replacement.
What is searched is described by `cleanup --help`; nothing is changed, and no database is needed.

--json prints one object: format (1), command, app, clean, files_read, counts by kind, efforts
(cleanup, generate, edit, decision), findings (path, line, kind, what, replacement, effort),
generated (path, state: generated, own, missing), and next. Readers ignore fields that they do not know.

Exit codes: 0 nothing depends on SQLite, 1 something does, 2 could not run.";

/// The options of `audit`.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct AuditArgs {
    /// The app's checkout: the folder with its package.json
    #[arg(long, value_name = "DIR")]
    app: PathBuf,

    /// Leave out what matches, as in .gitignore; may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Also write the list as a page in Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A file that `generate --drizzle` writes.
struct Generated {
    path: &'static str,
    state: GeneratedState,
}

/// What is in the place of a generated file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GeneratedState {
    /// The generated file.
    Generated,
    /// A file of the app.
    Own,
    Missing,
}

/// The files for an app that decide what is next. Its migrations have names of their own.
const GENERATED: [&str; 8] = [
    "drizzle/schema.ts",
    "drizzle/documents.ts",
    "drizzle.config.ts",
    "db/client.ts",
    "db/settings.ts",
    "db/health.ts",
    "db/migrate.ts",
    "db/migrations.ts",
];

/// The outcome of an audit.
struct Audit<'a> {
    app: &'a Path,
    listing: &'a Listing,
    generated: Vec<Generated>,
}

impl Audit<'_> {
    /// The number of findings of an effort.
    fn count(&self, wanted: Effort) -> usize {
        self.listing.findings.iter().filter(|finding| app_findings::effort(finding) == wanted).count()
    }

    /// The next command.
    fn next(&self) -> String {
        let app = crate::display::shell_word(&app_findings::shown(self.app));
        let is_written = self.generated.iter().any(|file| file.state == GeneratedState::Generated);
        match (self.listing.findings.is_empty(), is_written) {
            (true, _) => format!("cargo xtask cleanup --check --app {app}"),
            (false, true) => format!("cargo xtask generate --drizzle {app} --check"),
            (false, false) => format!("cargo xtask generate --drizzle {app} --dry-run"),
        }
    }
}

/// Runs `audit`.
///
/// # Errors
/// When the checkout cannot be searched, or the page cannot be written.
pub(crate) fn run(args: &AuditArgs) -> anyhow::Result<Exit> {
    let area = Area::new(&args.app, Path::new(BACKUP_DIR), &args.exclude)?;
    let listing = app_checkout::scan(&area);
    let audit = Audit { app: &args.app, listing: &listing, generated: generated(area.root()) };
    if let Some(path) = &args.markdown {
        let write = || crate::report::write_atomically(path, &output::markdown(&audit));
        write().with_context(|| format!("--markdown {} cannot be written", path.display()))?;
    }
    stdout(&if args.json { output::json(&audit)? } else { output::text(&audit) })?;
    for remark in &listing.remarks {
        note(&format!("note: {}", app_findings::remark(remark)));
    }
    if !args.json {
        note(&output::summary(&audit));
        note(&format!("next: {}", audit.next()));
    }
    Ok(if listing.findings.is_empty() { Exit::Done } else { Exit::Differences })
}

fn generated(root: &Path) -> Vec<Generated> {
    let state = |path: &str| match std::fs::read_to_string(root.join(path)) {
        Ok(text) if drizzle::is_generated(path, &text) => GeneratedState::Generated,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => GeneratedState::Missing,
        _ => GeneratedState::Own,
    };
    GENERATED.into_iter().map(|path| Generated { path, state: state(path) }).collect()
}
