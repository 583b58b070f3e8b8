//! Symbolic links: none is followed, so that each that leads to something that is searched nowhere else is named.

use super::classify::{Class, classify};
use super::database::{DATABASE_START, file_name};
use super::finding::{Finding, Hit, Kind};
use super::names;
use super::walk::{Area, NEVER_ENTERED, reason, unreadable};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Where a link leads.
enum Lead {
    /// To nothing, or in a circle, or where this account may not look.
    Nowhere(std::io::ErrorKind),
    /// To a file or folder with this canonical path.
    To(PathBuf),
}

/// What is to be said about a link, relative to the checkout; none where what it leads to is searched anyway, or is nothing that is
/// searched.
pub(crate) fn finding(area: &Area, link: &Path) -> Option<Finding> {
    let lead = match area.root.join(link).canonicalize() {
        Ok(path) => Lead::To(path),
        Err(error) => Lead::Nowhere(error.kind()),
    };
    let hit = if has_database_name(area, link) || leads_to_database(&lead) {
        let what = "symbolic link to a SQLite database, or with the name of one; not followed";
        Hit::new(1, Kind::Database, what, "remove the link")
    } else {
        unsearched(area, link, &lead)?
    };
    Some(Finding { path: link.to_path_buf(), hit })
}

fn has_database_name(area: &Area, link: &Path) -> bool {
    let target = std::fs::read_link(area.root.join(link)).unwrap_or_default();
    let name = file_name(link);
    names::certain_file_name(&name) || (names::file_name(&name) && names::file_name(&file_name(&target)))
}

fn leads_to_database(lead: &Lead) -> bool {
    let Lead::To(path) = lead else { return false };
    // Opening anything else might wait, or do something.
    if !path.metadata().is_ok_and(|data| data.is_file()) {
        return false;
    }
    let mut start = [0; DATABASE_START.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *DATABASE_START
}

/// The hit for a link to what is searched nowhere else.
fn unsearched(area: &Area, link: &Path, lead: &Lead) -> Option<Hit> {
    let named = |what: &str| Hit::new(1, Kind::Unreadable, what, REMEDY);
    let target = match lead {
        Lead::Nowhere(std::io::ErrorKind::NotFound) => {
            return Some(named("symbolic link that leads nowhere"));
        }
        Lead::Nowhere(kind) => return Some(unreadable(&format!("symbolic link, {}", reason(*kind)))),
        Lead::To(target) => target,
    };
    let is_installed = |path: &Path| {
        path.components().any(|part| NEVER_ENTERED.iter().any(|name| part.as_os_str() == *name))
    };
    let inside = target.strip_prefix(&area.root).ok();
    let is_dir = target.is_dir();
    match inside {
        _ if is_dir && is_installed(link) => None,
        Some(inside) if is_dir => {
            is_installed(inside).then(|| named("symbolic link to a folder that is not searched"))
        }
        None if is_dir => Some(named("symbolic link to a folder outside of the checkout; not searched")),
        // It is searched under its own name, for what that name says.
        Some(inside) if classify(inside) == classify(link) && !is_installed(inside) => None,
        _ if classify(link) == Class::Other => None,
        Some(_) => Some(named("symbolic link to a file that is searched under another kind of name")),
        None => Some(named("symbolic link to a file outside of the checkout; not searched")),
    }
}

/// What to do about a link that is not followed.
const REMEDY: &str = "search what it leads to (`--app` takes any folder) or put that in its place, or leave the link out with --exclude";
