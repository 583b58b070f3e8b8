//! Names of migrations, in the layout and with the versions of Diesel. Runs none.

use std::path::Path;

use crate::error::{Context, Error, Result};

/// A migration: a folder with `up.sql` and `down.sql`, applied under a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    name: String,
}

impl Migration {
    /// The migration of this name.
    pub fn new(name: impl Into<String>) -> Migration {
        Migration { name: name.into() }
    }

    /// The migrations of a folder, in the order of their versions. Hidden folders and files are none.
    ///
    /// # Errors
    /// When the folder cannot be read, or a folder in it has no `up.sql`.
    pub fn in_folder(folder: &Path) -> Result<Vec<Migration>> {
        let failed = || format!("the migrations in {} cannot be read", folder.display());
        let mut migrations = Vec::new();
        for entry in std::fs::read_dir(folder).context(failed)? {
            let path = entry.context(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || !path.is_dir() {
                continue;
            }
            if !path.join("up.sql").is_file() {
                return Err(Error::new(failed()).caused_by(format!("{} has no up.sql", path.display())));
            }
            migrations.push(Migration { name });
        }
        migrations.sort_by_key(Migration::version);
        Ok(migrations)
    }

    /// Its full name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version under which Diesel records it: the name up to the first underscore, without dashes.
    pub fn version(&self) -> String {
        self.name.split('_').next().unwrap_or_default().replace('-', "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_as_diesel_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["2024-01-02-030405_b_c", "00000000000000_a", ".hidden"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("up.sql"), "SELECT 1").unwrap();
        }
        std::fs::write(folder.path().join("README"), "").unwrap();
        let found = Migration::in_folder(folder.path()).unwrap();
        let found: Vec<(&str, String)> = found.iter().map(|found| (found.name(), found.version())).collect();
        assert_eq!(
            found,
            [
                ("00000000000000_a", "00000000000000".to_owned()),
                ("2024-01-02-030405_b_c", "20240102030405".to_owned())
            ]
        );
        std::fs::create_dir(folder.path().join("3_empty")).unwrap();
        assert!(Migration::in_folder(folder.path()).is_err());
    }
}
