//! The switch by an env file: the file is replaced atomically, and the app restarts.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use postgres_client::TargetUrl;
use row_mover::Error;
use row_mover::error::Result;
use tempfile::NamedTempFile;

use super::env_text::{self, Obstacle, POSTGRES};

/// Hyperpage's variables for the parts of a URL, and libpq's names for them.
const PARTS: [(&str, &str); 4] = [
    ("POSTGRES_HOST", "host"),
    ("POSTGRES_PORT", "port"),
    ("POSTGRES_DB", "dbname"),
    ("POSTGRES_USER", "user"),
];

/// An env file that can be switched.
#[derive(Debug)]
pub(super) struct EnvFile {
    /// As the person named it.
    named: PathBuf,
    /// The file itself, where a symbolic link was named.
    path: PathBuf,
}

impl EnvFile {
    /// Finds the file, and checks that it can be replaced.
    pub(super) fn open(named: &Path) -> Result<EnvFile> {
        let what = || format!("the env file {} cannot be used", named.display());
        let remedy = "name the file from which the app reads its settings with --env-file";
        let path = fs::canonicalize(named)
            .map_err(|error| Error::new(what()).caused_by(error).with_remedy_text(remedy))?;
        if !path.is_file() {
            return Err(Error::new(what()).caused_by("it is no file").with_remedy_text(remedy));
        }
        let file = EnvFile { named: named.to_owned(), path };
        file.temporary()?;
        file.read()?;
        Ok(file)
    }

    /// The path, as the person named it.
    pub(super) fn named(&self) -> &Path {
        &self.named
    }

    /// Checks that the file can be switched to a target.
    pub(super) fn check(&self, url: &TargetUrl) -> Result<()> {
        self.with_postgres(&self.read()?, url).map(drop)
    }

    /// Replaces SQLite by PostgreSQL, and returns whether the file has changed.
    pub(super) fn to_postgres(&self, url: &TargetUrl) -> Result<bool> {
        let text = self.read()?;
        self.replace(&text, &self.with_postgres(&text, url)?)
    }

    /// Restores the file as it was, and returns whether it has changed.
    pub(super) fn to_sqlite(&self) -> Result<bool> {
        let text = self.read()?;
        let restored = env_text::to_sqlite(&text).map_err(|obstacle| self.refused(obstacle))?;
        self.replace(&text, &restored)
    }

    /// A URL with a password is in the file already, or it is not written.
    fn with_postgres(&self, text: &[u8], url: &TargetUrl) -> Result<Vec<u8>> {
        let is_named = Cell::new(false);
        let names_target = |variables: &[(&str, String)]| {
            is_named.set(named_target(variables).is_some_and(|named| named.to_string() == url.to_string()));
            is_named.get()
        };
        let edited = env_text::to_postgres(text, &url.to_string(), &names_target);
        let edited = edited.map_err(|obstacle| self.refused(obstacle))?;
        if url.has_password() && !is_named.get() {
            let what = format!(
                "the URL of PostgreSQL has a password, which is not written to {}",
                self.named.display()
            );
            return Err(Error::new(what).with_remedy_text(format!(
                "write {POSTGRES} with the password into the env file yourself, beside DATABASE_PATH; or keep the password in a \
                 password file, name that in PGPASSFILE for the app and for this command, and leave it out of the URL"
            )));
        }
        Ok(edited)
    }

    fn read(&self) -> Result<Vec<u8>> {
        fs::read(&self.path).map_err(|error| {
            Error::new(format!("the env file {} cannot be read", self.named.display())).caused_by(error)
        })
    }

    fn refused(&self, obstacle: Obstacle) -> Error {
        let remedy = match obstacle {
            Obstacle::NotText => "name the file from which the app reads its settings with --env-file",
            Obstacle::NoSqlite => {
                "add the line that names the app's SQLite file, such as DATABASE_PATH=data/hyperpage.db"
            }
            Obstacle::UrlNotQuotable => "write DATABASE_URL into the env file yourself, beside DATABASE_PATH",
            Obstacle::ManyLines { .. } => "write the value on one line",
            Obstacle::MarkChanged { .. } => {
                "remove the mark, and set DATABASE_PATH and DATABASE_URL as they were before the cutover"
            }
        };
        Error::new(format!("the env file {} cannot be switched", self.named.display()))
            .caused_by(obstacle)
            .with_remedy_text(remedy)
    }

    /// A file next to the env file, so that it can take its place at once.
    fn temporary(&self) -> Result<NamedTempFile> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        tempfile::Builder::new().prefix(".env.").tempfile_in(folder).map_err(|error| {
            Error::new(format!("no file can be written next to {}", self.path.display())).caused_by(error).with_remedy_text(
                "run the command as an account that may write to that folder: the file is replaced by a new one, so that it is never half written",
            )
        })
    }

    fn replace(&self, before: &[u8], after: &[u8]) -> Result<bool> {
        if before == after {
            return Ok(false);
        }
        let what = || format!("the env file {} cannot be replaced; it is as it was", self.named.display());
        let failed = |error: std::io::Error| Error::new(what()).caused_by(error);
        let mut temporary = self.temporary()?;
        let metadata = fs::metadata(&self.path).map_err(failed)?;
        temporary.write_all(after).map_err(failed)?;
        temporary.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
        let own = temporary.as_file().metadata().map_err(failed)?;
        if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
            std::os::unix::fs::fchown(temporary.as_file(), Some(metadata.uid()), Some(metadata.gid()))
                .map_err(failed)?;
        }
        temporary.as_file().sync_all().map_err(failed)?;
        temporary.persist(&self.path).map_err(|error| failed(error.error))?;
        if let Some(folder) = self.path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| {
                Error::new(format!("the folder of {} cannot be written to the disk", self.named.display()))
                    .caused_by(error)
            })?;
        }
        Ok(true)
    }
}

/// The target that the variables of an env file name, which the password is no part of: `DATABASE_URL`, else Hyperpage's variables. The last line of a variable counts.
fn named_target(variables: &[(&str, String)]) -> Option<TargetUrl> {
    let value = |name: &str| {
        let line = variables.iter().rfind(|(variable, _)| *variable == name);
        line.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let conninfo = value(POSTGRES).map(str::to_owned).or_else(|| {
        let parts: Vec<String> = PARTS
            .iter()
            .filter_map(|(variable, keyword)| {
                let value = value(variable)?.replace('\\', "\\\\").replace('\'', "\\'");
                Some(format!("{keyword}='{value}'"))
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    })?;
    TargetUrl::parse(&conninfo).ok()
}
