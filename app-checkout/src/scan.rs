//! Searches a checkout: reads each file once in the way of its class, then judges manifests by what the other files say about the
//! database. It changes nothing.

use crate::area::Area;
use crate::evidence::Evidence;
use crate::file_class::{FileClass, classify};
use crate::finding::{Fact, Finding, Hit, Kind, Listing, Remark};
use crate::text::{self, Text};
use crate::{code, database, env_file, git, lines, links, lockfile, package_json, sql, volumes};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A longer text is nobody's source code. 64 MiB leaves room for lock files.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// Searches a checkout.
pub fn scan(area: &Area) -> Listing {
    let tracked = git::tracked(&area.root);
    let mut remarks: Vec<Remark> = tracked.clone().err().map(Remark::GitUnknown).into_iter().collect();
    let tracked = tracked.unwrap_or_default();
    let files = area.files();
    let covered = || tracked.iter().filter(|path| area.covers(path));
    let in_git = covered().filter(|path| is_regular(&area.root, path)).cloned();
    let shown: BTreeSet<PathBuf> = files.shown.into_iter().chain(in_git).collect();
    let all: BTreeSet<&PathBuf> = files.all.iter().chain(&shown).collect();
    let mut search = Search {
        root: &area.root,
        evidence: Evidence::new(),
        findings: files.problems,
        later: Vec::new(),
        sqlite_journals: BTreeSet::new(),
    };
    let mut starts = BTreeMap::new();
    for path in all {
        let class = classify(path);
        let is_text = class == FileClass::Env || (class != FileClass::Other && shown.contains(path));
        starts.extend(search.file(path, class, is_text).map(|start| (path.clone(), start)));
    }
    let databases = database::in_work_tree(&starts, &tracked);
    for database in databases.iter().filter(|finding| finding.is_mechanical) {
        search.evidence.add_file(&database.path);
    }
    search.later();
    let links = files.links.iter().filter_map(|link| links::finding(area, link));
    let gone = database::only_in_git(&area.root, covered());
    let findings: BTreeSet<Finding> =
        search.findings.into_iter().chain(databases).chain(links).chain(gone).collect();
    if let Some(backup) = area.inner_backup.as_ref().filter(|backup| backup.exists()) {
        remarks.push(Remark::BackupSkipped(backup.strip_prefix(&area.root).unwrap_or(backup).to_owned()));
    }
    if !starts.keys().any(|path| classify(path) == FileClass::Package) {
        remarks.push(Remark::NoPackage);
    }
    Listing { findings: findings.into_iter().collect(), files_read: starts.len(), remarks }
}

fn is_regular(root: &Path, path: &Path) -> bool {
    // A folder on the way may have become a link that leads out of the checkout.
    let folder = root.join(path).parent().and_then(|folder| folder.canonicalize().ok());
    folder.is_some_and(|folder| folder.starts_with(root))
        && root.join(path).symlink_metadata().is_ok_and(|data| data.is_file())
}

struct Search<'a> {
    root: &'a Path,
    evidence: Evidence,
    findings: Vec<Finding>,
    /// Texts that can only be judged when everything else is known.
    later: Vec<(PathBuf, FileClass, String)>,
    /// Folders whose journal of drizzle-kit is in SQLite's dialect.
    sqlite_journals: BTreeSet<PathBuf>,
}

impl Search<'_> {
    fn add(&mut self, path: &Path, hits: impl IntoIterator<Item = Hit>) {
        self.findings.extend(hits.into_iter().map(|(line, kind, fact, is_mechanical)| {
            let path = path.to_owned();
            Finding { path, line, kind, fact, is_mechanical }
        }));
    }

    /// Reads one file; `None` where it cannot be read, or no longer exists.
    fn file(&mut self, path: &Path, class: FileClass, is_text: bool) -> Option<database::Start> {
        let reason = match self.read(path, is_text) {
            Ok((start, bytes)) if bytes.len() as u64 <= TEXT_BYTES_MAX || text::is_binary(&bytes) => {
                if let Some(text) = text::decode(bytes).filter(|_| is_text) {
                    self.text(path, class, text);
                }
                return Some(start);
            }
            Ok(_) => format!("longer than {} MiB", TEXT_BYTES_MAX >> 20),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => error.kind().to_string(),
        };
        self.add(path, [(1, Kind::Unreadable, Fact::CannotRead(reason), false)]);
        None
    }

    /// The start of a file, and all of it where its text is needed.
    fn read(&self, path: &Path, is_text: bool) -> std::io::Result<(database::Start, Vec<u8>)> {
        let file = File::open(self.root.join(path))?;
        let size = file.metadata()?.len();
        let start_bytes = database::DATABASE_START.len();
        let mut bytes = Vec::new();
        let limit = if is_text { TEXT_BYTES_MAX + 1 } else { start_bytes as u64 };
        file.take(limit).read_to_end(&mut bytes)?;
        Ok((database::Start { bytes: bytes.iter().take(start_bytes).copied().collect(), size }, bytes))
    }

    fn text(&mut self, path: &Path, class: FileClass, Text { content, is_exact }: Text) {
        if !matches!(class, FileClass::Docs | FileClass::Package | FileClass::Lock(_) | FileClass::Sql) {
            self.evidence.read(&content);
        }
        let hits = match class {
            FileClass::Code => code::hits(&content, &database::file_name(path)),
            FileClass::Package => package_json::hits(&content),
            FileClass::Lock(manager) => lockfile::hits(&content, manager),
            FileClass::Env => env_file::hits(&content),
            FileClass::Journal => {
                let hit = sql::in_journal(&content);
                let folder = path.parent().and_then(Path::parent).filter(|_| hit.is_some());
                self.sqlite_journals.extend(folder.map(Path::to_owned));
                Vec::from_iter(hit)
            }
            _ => {
                self.later.push((path.to_owned(), class, content));
                return;
            }
        };
        self.evidence.has_native_module |= hits
            .iter()
            .any(|(_, _, fact, _)| matches!(fact, Fact::Listed(..) | Fact::Script(_) | Fact::Locked(..)));
        // What could not be written back byte for byte is left to a person.
        let hits = hits
            .into_iter()
            .map(|(line, kind, fact, is_mechanical)| (line, kind, fact, is_mechanical && is_exact));
        self.add(path, hits);
    }

    /// Judges SQL, manifests and prose.
    fn later(&mut self) {
        self.evidence.resolve();
        let later = std::mem::take(&mut self.later);
        let is_yaml = |path: &Path| path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        // A template is not YAML, even where it resembles it.
        let plain = |(path, class, text): &&(PathBuf, FileClass, String)| {
            *class == FileClass::Manifest && is_yaml(path) && !text.contains("{{")
        };
        let (paths, texts): (Vec<&PathBuf>, Vec<&str>) =
            later.iter().filter(plain).map(|(path, _, text)| (path, text.as_str())).unzip();
        let volumes: BTreeMap<_, _> = paths.into_iter().zip(volumes::hits(&texts, &self.evidence)).collect();
        for (path, class, text) in &later {
            if *class == FileClass::Sql {
                let is_sqlite = path.parent().is_some_and(|folder| self.sqlite_journals.contains(folder));
                self.add(path, sql::in_file(text, is_sqlite));
                continue;
            }
            let volumes = volumes.get(path).cloned().unwrap_or_default();
            let known: Vec<usize> = volumes.iter().map(|hit| hit.0).collect();
            let hits = lines::hits(text, *class, &self.evidence, &known);
            self.add(path, volumes.into_iter().chain(hits));
        }
    }
}
