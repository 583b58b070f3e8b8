//! Searches a checkout: reads each file once in the way of its class, then reads manifests again in the light of what the rest
//! has said about the database. It changes nothing.

use super::classify::{Class, classify};
use super::evidence::Evidence;
use super::finding::{Finding, Hit, Kind, Listing};
use super::git::Tracked;
use super::mentions::{self, Prose};
use super::walk::{self, Area, unreadable};
use super::{code, database, drizzle, env_file, git, links, lockfile, package_json, text, volumes, yaml};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A longer text is nobody's source code. 64 MiB leaves room for lock files.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// Searches a checkout.
pub(crate) fn scan(area: &Area) -> Listing {
    let tracked = git::tracked(&area.root);
    let files = walk::files(area);
    let mut search = Search {
        area,
        evidence: Evidence::new(),
        findings: files.problems,
        later: Vec::new(),
        sqlite_journals: BTreeSet::new(),
    };
    let in_git =
        tracked.files().filter(|path| area.covers(path) && regular(&area.root, path)).map(Path::to_path_buf);
    let shown: BTreeSet<PathBuf> = files.shown.into_iter().chain(in_git).collect();
    let all: BTreeSet<&PathBuf> = files.all.iter().chain(&shown).collect();
    let mut starts = BTreeMap::new();
    for path in all {
        let class = classify(path);
        let read_text = class == Class::Env || (class != Class::Other && shown.contains(path));
        if let Some(start) = search.file(path, class, read_text) {
            starts.insert(path.clone(), start);
        }
    }
    let files_read = starts.len();
    let has_package = starts.keys().any(|path| classify(path) == Class::Package);
    search.databases(&starts, &files.links, &tracked);
    search.evidence.resolve();
    search.later();
    let mut findings = search.findings;
    findings.sort();
    findings.dedup();
    Listing { findings, files_read, remarks: remarks(area, &tracked, has_package) }
}

fn regular(root: &Path, path: &Path) -> bool {
    // A folder on the way may have become a link that leads out of the checkout.
    let real = root.join(path).parent().and_then(|folder| folder.canonicalize().ok());
    real.is_some_and(|folder| folder.starts_with(root))
        && root.join(path).symlink_metadata().is_ok_and(|data| data.is_file())
}

fn remarks(area: &Area, tracked: &Tracked, has_package: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Tracked::Unknown(reason) = tracked {
        remarks.push(format!("what git tracks is unknown: {}", text::printable(reason)));
    }
    if let Some(backup) = area.backup.as_ref().filter(|backup| backup.exists()) {
        let shown = text::shown(backup.strip_prefix(&area.root).unwrap_or(backup));
        remarks.push(format!("not searched: the backup folder {shown}"));
    }
    if !has_package {
        remarks.push("there is no package.json here: is this the app's checkout?".to_owned());
    }
    remarks
}

struct Search<'a> {
    area: &'a Area,
    evidence: Evidence,
    findings: Vec<Finding>,
    /// Texts that can only be judged when everything else is known.
    later: Vec<(PathBuf, Class, String)>,
    /// Folders whose drizzle journal is in SQLite's dialect.
    sqlite_journals: BTreeSet<PathBuf>,
}

impl Search<'_> {
    fn add(&mut self, path: &Path, hits: impl IntoIterator<Item = Hit>) {
        self.findings.extend(hits.into_iter().map(|hit| Finding { path: path.to_path_buf(), hit }));
    }

    /// Reads one file; `None` where it could not be read, or is gone.
    fn file(&mut self, path: &Path, class: Class, read_text: bool) -> Option<database::Start> {
        match self.read(path, read_text) {
            Ok((start, bytes)) => {
                if let Some(text) = bytes.and_then(text::decode) {
                    self.text(path, class, text);
                }
                Some(start)
            }
            Err(hit) => {
                self.add(path, hit);
                None
            }
        }
    }

    /// The start of a file, and all of it where its text is wanted.
    fn read(&self, path: &Path, read_text: bool) -> Result<(database::Start, Option<Vec<u8>>), Option<Hit>> {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => None,
            kind => Some(unreadable(&walk::reason(kind))),
        };
        let file = File::open(self.area.root.join(path)).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let wanted = if read_text { TEXT_BYTES_MAX + 1 } else { database::START_BYTES as u64 };
        let mut bytes = Vec::new();
        file.take(wanted).read_to_end(&mut bytes).map_err(failed)?;
        let start =
            database::Start { bytes: bytes.iter().take(database::START_BYTES).copied().collect(), size };
        if bytes.len() as u64 > TEXT_BYTES_MAX {
            if text::is_binary(&bytes) {
                return Ok((start, None));
            }
            return Err(Some(unreadable(&format!("longer than {} MiB", TEXT_BYTES_MAX >> 20))));
        }
        Ok((start, read_text.then_some(bytes)))
    }

    fn text(&mut self, path: &Path, class: Class, text: text::Text) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let content = text.content.as_str();
        // What could not be written back byte for byte is left to a person.
        let by_hand = |hit: Hit| Hit { mechanical: hit.mechanical && text.exact, ..hit };
        match class {
            Class::Code => {
                self.evidence.read(content);
                self.add(path, code::hits(content, &name));
            }
            Class::Json => self.add(path, code::hits(content, &name)),
            Class::Package => {
                let hits = package_json::hits(content);
                self.evidence.native_module |= hits.iter().any(|hit| hit.kind == Kind::Dependency);
                self.add(path, hits.into_iter().map(by_hand));
            }
            Class::Lock(manager) => {
                let hits = lockfile::hits(content, manager);
                self.evidence.native_module |= hits.iter().any(|hit| hit.kind == Kind::Lockfile);
                self.add(path, hits);
            }
            Class::Env => {
                self.evidence.read(content);
                self.add(path, env_file::hits(content).into_iter().map(by_hand));
            }
            Class::Bookkeeping => self.bookkeeping(path, content),
            Class::Sql => self.later.push((path.to_path_buf(), class, text.content)),
            Class::Yaml | Class::Prose(_) => {
                if class != Class::Prose(Prose::Docs) {
                    self.evidence.read(content);
                }
                self.later.push((path.to_path_buf(), class, text.content));
            }
            Class::Other => {}
        }
    }

    fn bookkeeping(&mut self, path: &Path, content: &str) {
        let Some(hit) = drizzle::bookkeeping(content) else { return };
        self.sqlite_journals.extend(path.parent().and_then(Path::parent).map(Path::to_path_buf));
        self.add(path, [hit]);
    }

    fn databases(
        &mut self,
        starts: &BTreeMap<PathBuf, database::Start>,
        found_links: &BTreeSet<PathBuf>,
        tracked: &Tracked,
    ) {
        let found = database::in_work_tree(starts, tracked);
        for finding in found.iter().filter(|finding| finding.hit.mechanical) {
            self.evidence.file(&finding.path);
        }
        self.findings.extend(found);
        self.findings.extend(found_links.iter().filter_map(|link| links::finding(self.area, link)));
        self.findings.extend(database::only_in_git(&self.area.root, tracked, |path| self.area.covers(path)));
    }

    /// Judges SQL, manifests and prose.
    fn later(&mut self) {
        let later = std::mem::take(&mut self.later);
        // A template is no YAML, even where it looks like it.
        let plain =
            |(_, class, text): &&(PathBuf, Class, String)| *class == Class::Yaml && !text.contains("{{");
        let (paths, trees): (Vec<&PathBuf>, Vec<Vec<yaml::Node>>) = later
            .iter()
            .filter(plain)
            .filter_map(|(path, _, text)| Some((path, yaml::documents(text)?)))
            .unzip();
        let mut known: BTreeMap<&PathBuf, Vec<usize>> = BTreeMap::new();
        for (path, hits) in paths.into_iter().zip(volumes::hits(&trees, &self.evidence)) {
            known.insert(path, hits.iter().map(|hit| hit.line).collect());
            self.add(path, hits);
        }
        for (path, class, text) in &later {
            let prose = match class {
                Class::Prose(prose) => *prose,
                Class::Yaml => Prose::Manifest,
                _ => {
                    let journal_is_sqlite =
                        path.parent().is_some_and(|folder| self.sqlite_journals.contains(folder));
                    self.add(path, drizzle::sql_file(text, journal_is_sqlite));
                    continue;
                }
            };
            let known = known.get(path).map_or(&[][..], Vec::as_slice);
            let hits = mentions::hits(text, prose, &self.evidence, known);
            self.add(path, hits);
        }
    }
}
