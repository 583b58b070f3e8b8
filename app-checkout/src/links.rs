//! Symbolic links: none is followed, so that each whose target is searched nowhere else is reported.

use crate::area::{Area, is_never_entered};
use crate::database::{DATABASE_START, file_name};
use crate::file_class::{FileClass, classify};
use crate::finding::{Fact, Finding, Kind, LinkTarget};
use crate::names;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// The finding for a link, relative to the checkout; none where its target is searched in any case, or is not of a kind that is
/// searched.
pub(crate) fn finding(area: &Area, link: &Path) -> Option<Finding> {
    let target = area.root.join(link).canonicalize();
    let is_database =
        has_database_name(area, link) || target.as_ref().is_ok_and(|target| is_database(target));
    let (kind, fact) = if is_database {
        (Kind::Database, Fact::DatabaseLink)
    } else {
        let fact = match target {
            Ok(target) => Fact::Link(unsearched(area, link, &target)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Fact::Link(LinkTarget::Missing),
            Err(error) => Fact::CannotRead(format!("symbolic link, {}", error.kind())),
        };
        (Kind::Unreadable, fact)
    };
    Some(Finding { path: link.to_owned(), line: 1, kind, fact, is_mechanical: false })
}

fn has_database_name(area: &Area, link: &Path) -> bool {
    let (name, target) = (file_name(link), std::fs::read_link(area.root.join(link)).unwrap_or_default());
    names::is_certain_file_name(&name)
        || (names::is_file_name(&name) && names::is_file_name(&file_name(&target)))
}

fn is_database(target: &Path) -> bool {
    let mut start = [0; DATABASE_START.len()];
    // Opening anything but a file might wait, or have an effect.
    target.is_file()
        && File::open(target).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == *DATABASE_START
}

fn unsearched(area: &Area, link: &Path, target: &Path) -> Option<LinkTarget> {
    let inside = target.strip_prefix(&area.root).ok();
    if target.is_dir() {
        let is_searched = is_never_entered(link) || inside.is_some_and(|inside| !is_never_entered(inside));
        return (!is_searched).then_some(LinkTarget::Folder);
    }
    // A target that is searched under its own name, in the same way, or by no name.
    let is_same = |inside: &Path| classify(inside) == classify(link) && !is_never_entered(inside);
    let is_searched = classify(link) == FileClass::Other || inside.is_some_and(is_same);
    (!is_searched).then_some(LinkTarget::File)
}
