//! Gathers from the complete checkout where its SQLite file lies and what it is called. A volume at `/data` means nothing by
//! itself; it does when the app's configuration puts a database there.

use crate::names;
use crate::text::{Pattern, numbered};
use std::collections::BTreeSet;
use std::path::Path;

/// Folders in an image that apps are usually copied to; relative paths are resolved against them.
const WORKDIRS: [&str; 2] = ["/app", "/usr/src/app"];
/// Folders that never exist for one file.
const SHARED_FOLDERS: [&str; 5] = ["", "/", "/tmp", "/var/tmp", "/dev/shm"];
/// A text without any of these names no database.
static RELEVANT: Pattern = Pattern::new(r"WORKDIR |\.(?i:db|sqlite)");
/// A word that may be a path, without the punctuation of prose and configuration around it; the URL of a server is one word, and
/// not in the group.
static PATH: Pattern = Pattern::new(
    r#"[\w+.-]+://[^\s"'`()\[\]{}<>]*|([^\s"'`()\[\]{}<>,;:=|&?*#]*[^\s"'`()\[\]{}<>,;:=|&?*#.])"#,
);

/// What is known of the SQLite file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// File names that mean the database, in lower case.
    pub(crate) file_names: BTreeSet<String>,
    /// Absolute folders, in the image, that hold it.
    pub(crate) folders: BTreeSet<String>,
    /// Whether a package with native SQLite code is still required, which is what a compiler in an image is there for.
    pub(crate) has_native_module: bool,
    relative_folders: BTreeSet<String>,
    workdirs: BTreeSet<String>,
}

impl Evidence {
    /// What holds before anything was read: the default path of the first app that used this program.
    pub(crate) fn new() -> Self {
        let mut evidence = Self { workdirs: WORKDIRS.map(str::to_owned).into(), ..Self::default() };
        evidence.add_path("./data/hyperpage.db");
        evidence
    }

    /// Learns from a text: the paths of databases, where the line or the one before mentions SQLite.
    pub(crate) fn read(&mut self, text: &str) {
        if !RELEVANT.is_match(text) {
            return;
        }
        let mut was_sqlite = false;
        for (_, line) in numbered(text) {
            let is_sqlite =
                line.to_ascii_lowercase().contains("sqlite") || names::variables(line).next().is_some();
            for path in paths(line) {
                let name = names::last_segment(path);
                if names::is_certain_file_name(name)
                    || (names::is_file_name(name) && (is_sqlite || was_sqlite))
                {
                    self.add_path(path);
                }
            }
            if let Some(folder) = line.trim_start().strip_prefix("WORKDIR ") {
                self.workdirs.insert(folder.trim().trim_end_matches('/').to_owned());
            }
            was_sqlite = is_sqlite;
        }
    }

    fn add_path(&mut self, path: &str) {
        let name = names::last_segment(path);
        self.file_names.insert(name.to_ascii_lowercase());
        let folder = path.get(..path.len() - name.len()).unwrap_or_default().trim_end_matches('/');
        if folder.starts_with('/') {
            self.folders.insert(folder.to_owned());
        } else if !folder.contains("..") {
            let folder = folder.trim_start_matches("./");
            self.relative_folders.insert(if folder == "." { "" } else { folder }.to_owned());
        }
    }

    /// Learns of a database file in the checkout.
    pub(crate) fn add_file(&mut self, path: &Path) {
        if let Some(path) = path.to_str().filter(|path| names::is_file_name(path)) {
            self.add_path(path);
        }
    }

    /// Resolves relative folders against every folder that the app may run in, after everything was read.
    pub(crate) fn resolve(&mut self) {
        for folder in self.relative_folders.iter().filter(|folder| !folder.is_empty()) {
            self.folders.extend(self.workdirs.iter().map(|workdir| format!("{workdir}/{folder}")));
        }
        self.folders.retain(|folder| !SHARED_FOLDERS.contains(&folder.as_str()));
    }

    /// Whether an absolute path is a folder of the database or lies in one.
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        path.starts_with('/') && self.folders.iter().any(|folder| Path::new(path).starts_with(folder))
    }

    /// Whether a name is that of the database or a companion of it.
    pub(crate) fn is_file(&self, name: &str) -> bool {
        let lower = name.to_ascii_lowercase();
        let companion = ["-wal", "-shm", "-journal"].iter().find_map(|ending| lower.strip_suffix(ending));
        let main = companion.unwrap_or(&lower);
        names::is_certain_file_name(main) || self.file_names.contains(main)
    }
}

/// The words of a line that may be paths.
pub(crate) fn paths(line: &str) -> impl Iterator<Item = &str> {
    PATH.all(line).flat_map(|word| {
        let path = word.get(1).map(|path| path.as_str());
        // `file:///srv/x.db` is a path, and `https://host/x.db` is not.
        path.or_else(|| word.get(0)?.as_str().strip_prefix("file://")?.split('?').next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_from_the_configuration() {
        for (text, folder) in [
            ("DATABASE_PATH=/srv/state/app.db", "/srv/state"),
            ("- name: DATABASE_PATH\n  value: \"/srv/state/app.db\"", "/srv/state"),
            ("WORKDIR /srv/web\n", "/srv/web/data"),
            ("DATABASE_PATH=store/app.db", "/app/store /usr/src/app/store"),
            ("file:/srv/other/a.sqlite3?mode=ro file:///srv/b.sqlite", "/srv /srv/other"),
            ("cp /etc/certs/trust.db /x", ""),
            ("DATABASE_PATH=/tmp/x.db DATABASE_PATH=app.db DATABASE_PATH=../up/app.db", ""),
            ("DATABASE_URL=postgres://u:p@h/x.sqlite", ""),
        ] {
            let mut evidence = Evidence::new();
            evidence.read(text);
            evidence.resolve();
            let usual = ["/app/data", "/usr/src/app/data"];
            let found: Vec<_> =
                evidence.folders.iter().filter(|each| !usual.contains(&each.as_str())).collect();
            assert_eq!(found, folder.split_whitespace().collect::<Vec<_>>(), "{text}");
            assert!(["/app/data", "/app/data/", "/app/data/x"].iter().all(|path| evidence.is_folder(path)));
            assert!(!["/app/database", "/app", "app/data"].iter().any(|path| evidence.is_folder(path)));
            assert!(
                ["hyperpage.db", "Hyperpage.db-wal", "x.sqlite"].iter().all(|name| evidence.is_file(name))
            );
            assert!(!["thumbs.db", ""].iter().any(|name| evidence.is_file(name)));
        }
    }
}
