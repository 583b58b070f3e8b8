//! `cargo xtask deploy render`: writes the files of a deployment. What is in them is in the crate `deployment`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use deployment::File;
use deployment::settings::{Environment, POSTGRES_IMAGE, SecretSource, Settings, Topology};
use deployment::value::{AddressRange, AppName, ContainerPath, Image, Label, SecretKey};
use serde::Serialize;

use crate::exit::Exit;
use crate::generated::{self, GeneratedFile, Mode};
use crate::{output, workspace};

/// The options of `deploy render`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 done, 1 with --check: files are stale, 2 could not run or refused.\n\n\
    Examples:\n  \
    cargo xtask deploy render --topology managed --image shop:1.4.2 --out k8s\n  \
    cargo xtask deploy render --topology statefulset --image shop:1.4.2 --out k8s --check\n  \
    cargo xtask deploy render --topology sidecar --env local --image shop:1.4.2 --out k8s --dry-run\n\n\
    -h lists the common options, --help all of them."
)]
pub(crate) struct RenderArgs {
    /// Where PostgreSQL runs
    #[arg(long, value_enum, value_name = "WHERE")]
    topology: TopologyName,

    /// The folder for the files. Files that this command did not write are never overwritten
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The app's image, with a version or a digest
    #[arg(long, value_name = "IMAGE")]
    image: Image,

    /// The image of this program, built with the Dockerfile in DIR [default: APP-migration with this version]
    #[arg(long, value_name = "IMAGE")]
    tool_image: Option<Image>,

    /// The overlays [default: all that the topology permits]
    #[arg(long = "env", value_enum, value_name = "ENV")]
    environments: Vec<EnvironmentName>,

    /// The app's name, from which those of its objects follow
    #[arg(long, value_name = "NAME", default_value = "hyperpage")]
    app: AppName,

    /// The namespace in production; the others have -local and -test appended [default: the app's name]
    #[arg(long, value_name = "NAME")]
    namespace: Option<AppName>,

    /// Print what would be written, and change nothing
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,

    /// Print how the files in DIR differ from what would be written, and fail if they do
    #[arg(long)]
    check: bool,

    /// Write the other files where files in DIR are your own
    #[arg(long)]
    keep_own: bool,

    /// Print the files and their states as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    postgres: PostgresArgs,

    #[command(flatten)]
    app_args: AppArgs,
}

/// How PostgreSQL is run and reached.
#[derive(Args, Debug)]
#[command(next_help_heading = "PostgreSQL")]
struct PostgresArgs {
    /// PostgreSQL's image, 15 or later, with a version or a digest
    #[arg(long, value_name = "IMAGE", default_value = POSTGRES_IMAGE, hide_short_help = true)]
    postgres_image: Image,

    /// The Secret with DATABASE_URL (managed), or POSTGRES_PASSWORD and POSTGRES_ADMIN_PASSWORD [default: APP-database]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    secret: Option<Label>,

    /// Let the External Secrets Operator create the Secret from this ClusterSecretStore
    #[arg(long, value_name = "NAME", requires = "secret_entry", hide_short_help = true)]
    secret_store: Option<Label>,

    /// The key of the entry in that store
    #[arg(long, value_name = "KEY", requires = "secret_store", hide_short_help = true)]
    secret_entry: Option<SecretKey>,

    /// With managed: the addresses of PostgreSQL, such as 10.0.0.5/32; may be repeated [default: any address]
    #[arg(long = "database-range", value_name = "CIDR", hide_short_help = true)]
    database_ranges: Vec<AddressRange>,

    /// With managed: the port of PostgreSQL
    #[arg(long, value_name = "PORT", default_value_t = 5432, hide_short_help = true)]
    database_port: u16,
}

/// The app, before and after.
#[derive(Args, Debug)]
#[command(next_help_heading = "The app")]
struct AppArgs {
    /// The port on which the app listens
    #[arg(long, value_name = "PORT", default_value_t = 3000, hide_short_help = true)]
    port: u16,

    /// The account of the app and of this program, which must be able to read the SQLite file
    #[arg(long, value_name = "ID", default_value_t = 1000, hide_short_help = true)]
    user_id: u32,

    /// The Gateway that the HTTPRoute belongs to [default: the app's name]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    gateway: Option<Label>,

    /// The Deployment of the app on SQLite, which is your own [default: APP-sqlite]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    sqlite_deployment: Option<Label>,

    /// Its Service [default: APP-sqlite]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    sqlite_service: Option<Label>,

    /// The claim of the volume with the SQLite file [default: APP-data]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    sqlite_claim: Option<Label>,

    /// The path of the SQLite file within that volume
    #[arg(long, value_name = "PATH", default_value = "/hyperpage.db", hide_short_help = true)]
    sqlite_file: ContainerPath,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TopologyName {
    /// Outside of the cluster, run by somebody else
    Managed,
    /// In the cluster, with a volume and nightly dumps
    #[value(name = "statefulset")]
    StatefulSet,
    /// In the app's pod: never in production
    Sidecar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum EnvironmentName {
    /// A cluster on a developer's machine
    Local,
    /// A cluster for tests
    Test,
    /// Production
    Production,
}

/// Runs `deploy render`.
pub(super) fn run(args: &RenderArgs) -> anyhow::Result<Exit> {
    let settings = settings(args)?;
    let mut files = deployment::render(&settings);
    let own = own_files(&args.out, &files)?;
    if !own.is_empty() && !args.keep_own {
        bail!(
            "{} {} not written by this command: {}; move it away, or keep it with --keep-own",
            args.out.display(),
            if own.len() == 1 { "has a file that was" } else { "has files that were" },
            own.join(", ")
        );
    }
    files.retain(|file| !own.contains(&file.path));
    let surplus = surplus_files(&args.out, &files)?;
    let files: Vec<GeneratedFile> = files
        .into_iter()
        .map(|file| GeneratedFile { path: args.out.join(file.path), content: file.text })
        .collect();
    let mode = match (args.check, args.dry_run) {
        (true, _) => Mode::Check,
        (_, true) => Mode::DryRun,
        _ => Mode::Write,
    };
    let exit =
        if args.json { apply_as_json(&files, &surplus, &own, mode)? } else { apply(&files, &surplus, mode)? };
    if !args.json && mode == Mode::Write {
        remark(args, &settings, &own);
    }
    Ok(exit)
}

fn settings(args: &RenderArgs) -> anyhow::Result<Settings> {
    let topology = match args.topology {
        TopologyName::Managed => Topology::Managed,
        TopologyName::StatefulSet => Topology::StatefulSet,
        TopologyName::Sidecar => Topology::Sidecar,
    };
    let tool_image = match &args.tool_image {
        Some(image) => image.clone(),
        None => format!("{}-migration:{}", args.app, env!("CARGO_PKG_VERSION")).parse()?,
    };
    let mut settings = Settings::new(topology, &args.app, args.image.clone(), tool_image)?;
    let mut environments = args.environments.clone();
    environments.sort_unstable();
    environments.dedup();
    if !environments.is_empty() {
        settings.environments = environments
            .into_iter()
            .map(|name| match name {
                EnvironmentName::Local => Environment::Local,
                EnvironmentName::Test => Environment::Test,
                EnvironmentName::Production => Environment::Production,
            })
            .collect();
    }
    let replace = |value: &mut Label, given: &Option<Label>| {
        if let Some(given) = given {
            *value = given.clone();
        }
    };
    if let Some(namespace) = &args.namespace {
        settings.namespace = namespace.clone();
    }
    let (postgres, app) = (&args.postgres, &args.app_args);
    replace(&mut settings.secret, &postgres.secret);
    replace(&mut settings.gateway, &app.gateway);
    replace(&mut settings.sqlite.deployment, &app.sqlite_deployment);
    replace(&mut settings.sqlite.service, &app.sqlite_service);
    replace(&mut settings.sqlite.claim, &app.sqlite_claim);
    settings.sqlite.file = app.sqlite_file.clone();
    settings.postgres_image = postgres.postgres_image.clone();
    settings.database_ranges = postgres.database_ranges.clone();
    settings.database_port = postgres.database_port;
    settings.port = app.port;
    settings.user_id = app.user_id;
    if let (Some(store), Some(entry)) = (&postgres.secret_store, &postgres.secret_entry) {
        settings.secret_source = SecretSource::External { store: store.clone(), entry: entry.clone() };
    }
    settings.check()?;
    Ok(settings)
}

/// Returns the files that exist and were not written by this command.
fn own_files(folder: &Path, files: &[File]) -> anyhow::Result<Vec<String>> {
    let mut own = Vec::new();
    for file in files {
        let path = folder.join(&file.path);
        match std::fs::read(&path) {
            Ok(found) if deployment::is_generated(&String::from_utf8_lossy(&found)) => {}
            Ok(_) => own.push(file.path.clone()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }
    Ok(own)
}

/// Returns the files in the folder that this command has written for other settings.
fn surplus_files(folder: &Path, files: &[File]) -> anyhow::Result<Vec<PathBuf>> {
    let mut surplus = Vec::new();
    for part in ["base", "overlays"] {
        collect(&folder.join(part), &mut surplus)?;
    }
    surplus.retain(|path| !files.iter().any(|file| folder.join(&file.path) == *path));
    surplus.sort();
    Ok(surplus)
}

/// Adds the generated files in a folder and in those below it; links are not followed.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let cannot_read = |path: &Path| format!("{} cannot be read", path.display());
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| cannot_read(folder))?,
    };
    for entry in entries {
        let entry = entry.with_context(|| cannot_read(folder))?;
        let kind = entry.file_type().with_context(|| cannot_read(&entry.path()))?;
        if kind.is_dir() {
            collect(&entry.path(), found)?;
        } else if kind.is_file() {
            let text = std::fs::read(entry.path()).with_context(|| cannot_read(&entry.path()))?;
            if deployment::is_generated(&String::from_utf8_lossy(&text)) {
                found.push(entry.path());
            }
        }
    }
    Ok(())
}

fn remove(path: &Path) -> anyhow::Result<()> {
    std::fs::remove_file(path).with_context(|| format!("{} cannot be removed", path.display()))?;
    // Only an empty folder goes with its last file.
    _ = path.parent().map(std::fs::remove_dir);
    Ok(())
}

fn apply(files: &[GeneratedFile], surplus: &[PathBuf], mode: Mode) -> anyhow::Result<Exit> {
    let mut exit = generated::apply(files, mode)?;
    for path in surplus {
        let shown = workspace::shown(path);
        match mode {
            Mode::Write => {
                remove(path)?;
                output::note(&format!("removed {shown}: these settings have no such file"));
            }
            Mode::DryRun => output::note(&format!("would remove {shown}")),
            Mode::Check => {
                output::note(&format!(
                    "{shown} belongs to other settings; run the same command without --check"
                ));
                exit = Exit::Differences;
            }
        }
    }
    Ok(exit)
}

/// The state of a file, for programs.
#[derive(Serialize)]
struct FileState {
    path: String,
    state: &'static str,
}

fn apply_as_json(
    files: &[GeneratedFile],
    surplus: &[PathBuf],
    own: &[String],
    mode: Mode,
) -> anyhow::Result<Exit> {
    let is_current =
        |file: &GeneratedFile| std::fs::read_to_string(&file.path).is_ok_and(|found| found == file.content);
    let mut states: Vec<FileState> = files
        .iter()
        .map(|file| FileState {
            path: file.path.display().to_string(),
            state: match (is_current(file), mode) {
                (true, _) => "current",
                (false, Mode::Write) => "written",
                (false, _) => "stale",
            },
        })
        .collect();
    let state = if mode == Mode::Write { "removed" } else { "surplus" };
    states.extend(surplus.iter().map(|path| FileState { path: path.display().to_string(), state }));
    let is_stale = states.iter().any(|file| file.state != "current");
    states.extend(own.iter().map(|path| FileState { path: path.clone(), state: "own" }));
    if mode == Mode::Write {
        generated::write_stale(files)?;
        surplus.iter().try_for_each(|path| remove(path))?;
    }
    output::stdout(&serde_json::to_string_pretty(&serde_json::json!({ "format": 1, "files": states }))?)?;
    Ok(if is_stale && mode == Mode::Check { Exit::Differences } else { Exit::Done })
}

/// Prints what a person has to know beside the files.
fn remark(args: &RenderArgs, settings: &Settings, own: &[String]) {
    for path in own {
        output::note(&format!("kept your own {path}"));
    }
    if settings.topology == Topology::Sidecar {
        output::note("remark: PostgreSQL in a sidecar is not for production");
    }
    if settings.topology == Topology::Managed && settings.database_ranges.is_empty() {
        let port = settings.database_port;
        output::note(&format!(
            "remark: pods may reach port {port} of any address; --database-range limits it"
        ));
    }
    if settings.secret_source == SecretSource::Existing {
        let keys = deployment::secret_keys(settings.topology).join(" and ");
        output::note(&format!("needed: the Secret {} with {keys} in each namespace", settings.secret));
    }
    if let Some(environment) = settings.environments.last() {
        let overlay = args.out.join("overlays").join(environment.name());
        // A PostgreSQL in the app's pod is there only with the app.
        let is_sidecar = settings.topology == Topology::Sidecar;
        let folder = if is_sidecar { overlay } else { overlay.join("database") };
        output::note(&format!("next: kubectl apply --kustomize {}", folder.display()));
    }
}
