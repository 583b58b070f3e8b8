//! The programs of a PostgreSQL server in one folder. `search` finds the folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::Error;

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
    pub(crate) fn release(&self) -> (u32, u32) {
        let minor = self.version.split('.').nth(1).and_then(|part| part.parse().ok()).unwrap_or(0);
        (self.major, minor)
    }

    /// Returns the path of a program in the folder, if it exists.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        Some(self.bindir.join(name)).filter(|path| path.is_file())
    }
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
}
