//! The environment that `schema` works on: local, test or production, each with an env file, or a target that is named.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use postgres_client::{DbSettings, TargetUrl};

use crate::target::{self, TargetArgs};
use crate::{env_file, output, private, workspace};

/// The options that name it.
#[derive(Args, Debug)]
pub(super) struct EnvironmentArgs {
    /// Read the target from .env.local, .env.test or .env.production
    ///
    /// The file has DATABASE_URL, or POSTGRES_HOST and the variables like it, and DB_ settings. A variable that the environment sets
    /// wins over the file, as in Next.js, and a remark says so.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["postgres", "pg_version"])]
    env: Option<Name>,

    /// The folder of the env files [default: this workspace]
    #[arg(long, value_name = "DIR", requires = "env")]
    env_dir: Option<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    Local,
    Test,
    Production,
}

impl Name {
    fn file(self) -> &'static str {
        match self {
            Name::Local => ".env.local",
            Name::Test => ".env.test",
            Name::Production => ".env.production",
        }
    }
}

/// The target, with the settings of its sessions.
pub(super) struct Environment {
    name: Option<Name>,
    pub(super) url: TargetUrl,
    pub(super) settings: DbSettings,
}

impl Environment {
    /// Finds out what is named: an environment, a URL, the process's environment, or the private PostgreSQL.
    ///
    /// # Errors
    /// When the env file cannot be read or names no target.
    pub(super) fn resolve(args: &EnvironmentArgs) -> anyhow::Result<Environment> {
        let Some(name) = args.env else {
            let url = match target::named(&args.target)? {
                Some(url) => url,
                None => {
                    private::recall(private::remembered()?.last, args.target.pg_version, false, output::note)?
                        .0
                }
            };
            return Ok(Environment { name: None, url, settings: target::settings()? });
        };
        let path = args.env_dir.clone().unwrap_or_else(workspace::root).join(name.file());
        let variables = env_file::read(&path)?;
        let lookup = |name: &str| from_either(name, &variables);
        let Some(url) = target::named_in(&TargetArgs::default(), lookup)? else {
            bail!("{} names no target: it needs DATABASE_URL or POSTGRES_HOST", path.display());
        };
        for variable in target::variables() {
            let is_set = std::env::var_os(variable).is_some_and(|value| !value.is_empty());
            if is_set
                && variables
                    .get(variable)
                    .is_some_and(|value| Some(value) != std::env::var(variable).ok().as_ref())
            {
                output::note(&format!(
                    "note: {variable} is set in the environment, which wins over {}: the target is {url}",
                    name.file()
                ));
            }
        }
        if variables.contains_key("DATABASE_URL") && env_file::is_readable_by_others(&path) {
            output::note(&format!(
                "note: other accounts can read {}; chmod 600 prevents that",
                path.display()
            ));
        }
        Ok(Environment { name: Some(name), url, settings: DbSettings::from_lookup(lookup)? })
    }

    /// Whether it is the one that asks before it changes.
    pub(super) fn is_production(&self) -> bool {
        self.name == Some(Name::Production)
    }
}

fn from_either(name: &str, file: &BTreeMap<String, String>) -> Option<String> {
    let own = std::env::var(name).ok().filter(|value| !value.is_empty());
    own.or_else(|| file.get(name).cloned()).filter(|value| !value.is_empty())
}
