//! Gathers, from the whole checkout, where its SQLite file lies and what it is called. A volume at `/data` means nothing by
//! itself; it does when the app's configuration puts a database there.

use super::names;
use super::text::{contains_ignoring_case, numbered, runs, words};
use std::collections::BTreeSet;
use std::path::Path;

/// Folders in an image that apps are usually copied to, against which a relative path is read.
const WORKDIRS: [&str; 2] = ["/app", "/usr/src/app"];
/// Folders that are never there for one file.
const SHARED_FOLDERS: [&str; 5] = ["", "/", "/tmp", "/var/tmp", "/dev/shm"];

/// What is known of the SQLite file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// File names that mean the database, in lower case.
    pub(crate) file_names: BTreeSet<String>,
    /// Absolute folders, in the image, that hold it.
    pub(crate) folders: BTreeSet<String>,
    /// Whether a package with native SQLite code is still asked for, which is what a compiler in an image is there for.
    pub(crate) native_module: bool,
    relative_folders: BTreeSet<String>,
    workdirs: BTreeSet<String>,
}

impl Evidence {
    /// What holds before anything was read: where Hyperpage keeps its file by default.
    pub(crate) fn new() -> Self {
        let mut evidence = Self { workdirs: WORKDIRS.map(str::to_owned).into(), ..Self::default() };
        evidence.path("./data/hyperpage.db");
        evidence
    }

    /// Learns from a text: the paths of databases, where the line or the one before says that they are SQLite's.
    pub(crate) fn read(&mut self, text: &str) {
        // Most source code names no file of the kind, and is long.
        if !["WORKDIR ", ".db", ".DB", ".sqlite", ".SQLITE"].iter().any(|each| text.contains(each)) {
            return;
        }
        let mut said_before = false;
        for (_, line) in numbered(text) {
            let said = contains_ignoring_case(line, "sqlite") || words(line).any(names::variable);
            for path in paths(line) {
                let name = names::last_segment(path);
                if names::certain_file_name(name) || (names::file_name(name) && (said || said_before)) {
                    self.path(path);
                }
            }
            if let Some(folder) = line.trim_start().strip_prefix("WORKDIR ") {
                self.workdirs.insert(folder.trim().trim_end_matches('/').to_owned());
            }
            said_before = said;
        }
    }

    /// Learns that a database has this path in the checkout or in the image.
    pub(crate) fn path(&mut self, path: &str) {
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

    /// Learns of a database that lies in the checkout.
    pub(crate) fn file(&mut self, path: &Path) {
        if let Some(path) = path.to_str().filter(|path| names::file_name(names::last_segment(path))) {
            self.path(path);
        }
    }

    /// Reads relative folders against every folder that the app may run in. Call it after everything was read.
    pub(crate) fn resolve(&mut self) {
        for folder in self.relative_folders.iter().filter(|folder| !folder.is_empty()) {
            self.folders.extend(self.workdirs.iter().map(|workdir| format!("{workdir}/{folder}")));
        }
        self.folders.retain(|folder| !SHARED_FOLDERS.contains(&folder.as_str()));
    }

    /// Whether an absolute path is a folder of the database or lies in one.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.folders.iter().any(|folder| {
            path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Whether a name is that of the database or a companion of it.
    pub(crate) fn is_file(&self, name: &str) -> bool {
        let lower = name.to_ascii_lowercase();
        let main =
            ["-wal", "-shm", "-journal"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
        names::certain_file_name(main) || self.file_names.contains(main)
    }
}

/// The words of a line that can be paths, without the punctuation of prose and configuration around them. URLs of servers have
/// none.
pub(crate) fn paths(line: &str) -> impl Iterator<Item = &str> {
    let quoted =
        runs(line, |each| !each.is_whitespace() && !"\"'`()[]{}<>".contains(each)).map(|(_, word)| word);
    let server = |word: &&str| word.contains("://") && !word.contains("file:") && !word.contains("sqlite:");
    quoted
        .filter(move |word| !server(word))
        .flat_map(|word| runs(word, |each| !",;:=|&?*#".contains(each)))
        .map(|(_, path)| path.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(texts: &[&str]) -> Vec<String> {
        let mut evidence = Evidence::new();
        texts.iter().for_each(|text| evidence.read(text));
        evidence.resolve();
        let usual = ["/app/data", "/usr/src/app/data"];
        evidence.folders.into_iter().filter(|folder| !usual.contains(&folder.as_str())).collect()
    }

    #[test]
    fn folders_come_from_what_the_configuration_says() {
        for (text, wanted) in [
            ("DATABASE_PATH=/srv/state/app.db", vec!["/srv/state"]),
            ("- name: DATABASE_PATH\n  value: \"/srv/state/app.db\"", vec!["/srv/state"]),
            ("WORKDIR /srv/web\n", vec!["/srv/web/data"]),
            ("DATABASE_PATH=store/app.db", vec!["/app/store", "/usr/src/app/store"]),
            ("cp /etc/certs/trust.db /x", vec![]),
            ("DATABASE_PATH=/tmp/x.db", vec![]),
            ("DATABASE_PATH=app.db", vec![]),
            ("DATABASE_PATH=../up/app.db", vec![]),
            ("DATABASE_URL=postgres://u:p@h/x.sqlite", vec![]),
            ("file:/srv/other/a.sqlite3?mode=ro", vec!["/srv/other"]),
        ] {
            assert_eq!(folders(&[text]), wanted, "{text}");
        }
    }

    #[test]
    fn files_and_mounts() {
        let mut evidence = Evidence::new();
        evidence.resolve();
        for (path, wanted) in [
            ("/app/data", true),
            ("/app/data/", true),
            ("/app/data/x", true),
            ("/app/database", false),
            ("/app", false),
            ("/var/lib/postgresql/data", false),
        ] {
            assert_eq!(evidence.holds(path), wanted, "{path}");
        }
        for (name, wanted) in [
            ("hyperpage.db", true),
            ("Hyperpage.db-wal", true),
            ("x.sqlite", true),
            ("thumbs.db", false),
            ("", false),
        ] {
            assert_eq!(evidence.is_file(name), wanted, "{name}");
        }
    }
}
