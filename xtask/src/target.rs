//! Chooses the PostgreSQL target: a URL on the command line, the environment, or the private PostgreSQL.

use anyhow::bail;
use clap::Args;
use postgres_client::{DbSettings, TargetUrl};

/// The options that name a target.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct TargetArgs {
    /// The target, as a URL or libpq keywords [default: DATABASE_URL, else the private PostgreSQL]
    ///
    /// Without it the target is DATABASE_URL, else what POSTGRES_HOST and the variables like it name, else the private PostgreSQL of
    /// this checkout. Give a password in PGPASSFILE rather than here.
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,

    /// The major version of the private PostgreSQL
    #[arg(long, value_name = "N", conflicts_with = "postgres", hide_short_help = true, value_parser = clap::value_parser!(u32).range(15..=18))]
    pub(crate) pg_version: Option<u32>,
}

/// The environment's `DB_…` settings.
pub(crate) fn settings() -> anyhow::Result<DbSettings> {
    Ok(DbSettings::from_lookup(|name| std::env::var(name).ok())?)
}

/// The target that is named or that the environment names; none means the private PostgreSQL.
pub(crate) fn named(args: &TargetArgs) -> anyhow::Result<Option<TargetUrl>> {
    named_in(args, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// The same with variables from elsewhere.
pub(crate) fn named_in(
    args: &TargetArgs,
    lookup: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<TargetUrl>> {
    if args.pg_version.is_some() {
        return Ok(None);
    }
    let conninfo = match &args.postgres {
        Some(conninfo) => Some(conninfo.clone()),
        None => from_environment(lookup)?,
    };
    Ok(conninfo.map(|conninfo| TargetUrl::parse(&conninfo)).transpose()?)
}

/// The variable by which the environment names a target; none where it names none.
pub(crate) fn variable() -> Option<&'static str> {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    variables().find(is_set)
}

/// The variables that name a target.
pub(crate) fn variables() -> impl Iterator<Item = &'static str> {
    std::iter::once("DATABASE_URL").chain(PARTS.map(|(variable, _)| variable))
}

/// Hyperpage's own variables and libpq's names for them.
const PARTS: [(&str, &str); 5] = [
    ("POSTGRES_HOST", "host"),
    ("POSTGRES_PORT", "port"),
    ("POSTGRES_DB", "dbname"),
    ("POSTGRES_USER", "user"),
    ("POSTGRES_PASSWORD", "password"),
];

/// `DATABASE_URL`, else a keyword string from Hyperpage's own variables.
fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<String>> {
    if let Some(url) = lookup("DATABASE_URL") {
        return Ok(Some(url));
    }
    if let Some(port) = lookup("POSTGRES_PORT")
        && !port.trim().parse::<u16>().is_ok_and(|port| port > 0)
    {
        bail!("POSTGRES_PORT is not a port number from 1 to 65535; set it to one such as 5432, or unset it");
    }
    let parts: Vec<String> = PARTS
        .into_iter()
        .filter_map(|(variable, keyword)| {
            let value = lookup(variable)?.replace('\\', "\\\\").replace('\'', "\\'");
            Some(format!("{keyword}='{value}'"))
        })
        .collect();
    Ok((!parts.is_empty()).then(|| parts.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_a_target_in_either_form() {
        let lookup = |set: &'static [(&str, &str)]| {
            move |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(from_environment(lookup(&[])).unwrap(), None);
        assert_eq!(
            from_environment(lookup(&[("DATABASE_URL", "postgres://h/d"), ("POSTGRES_HOST", "other")]))
                .unwrap()
                .as_deref(),
            Some("postgres://h/d")
        );
        assert_eq!(
            from_environment(lookup(&[("POSTGRES_HOST", "db"), ("POSTGRES_PASSWORD", "it's \\ me")]))
                .unwrap()
                .as_deref(),
            Some("host='db' password='it\\'s \\\\ me'")
        );
        for port in ["abc", "0", "70000", "1,2"] {
            let refused = from_environment(|name| (name == "POSTGRES_PORT").then(|| port.to_owned()));
            assert!(refused.unwrap_err().to_string().starts_with("POSTGRES_PORT is not"), "{port}");
        }
    }
}
