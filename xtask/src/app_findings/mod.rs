//! The sentences about what an app's checkout has of SQLite, for `audit` and `cleanup`: one table of words for both.

mod replacement;

use std::path::Path;

use app_checkout::{DatabaseState, Fact, Finding, Kind, LinkTarget, Listing, Remark};
pub(crate) use replacement::{Effort, effort, install, replacement};

use crate::display::{is_deceptive, printable};

/// Describes a finding.
pub(crate) fn what(finding: &Finding) -> String {
    match &finding.fact {
        Fact::Listed(package, section) => format!("`{package}` is in {section}"),
        Fact::Script(name) => format!("the script `{name}` works on SQLite"),
        Fact::Installed(packages) => format!("installs `{}`", packages.join("`, `")),
        Fact::Locked(package, _) => format!("`{package}` is locked"),
        Fact::Module(module) => format!("uses the module `{module}`"),
        Fact::Name(name) | Fact::Variable(name) => format!("uses `{name}`"),
        Fact::Call(name) => call(name),
        Fact::Placeholders => "has `?` for parameters in SQL".to_owned(),
        Fact::Dialect(setting, value) => format!("sets {setting} to `{value}`"),
        Fact::Sql(constructs) => format!("SQL that only SQLite has: {}", constructs.join(", ")),
        Fact::Journal => "belongs to drizzle-kit's migrations in SQLite's dialect".to_owned(),
        Fact::Database(state, is_tracked) => {
            let state = match state {
                DatabaseState::Database => "SQLite database",
                DatabaseState::Empty => "empty SQLite database",
                DatabaseState::Opaque => {
                    "has the name of a SQLite database and other content: encrypted or damaged"
                }
                DatabaseState::Companion => "companion of a SQLite database",
            };
            format!("{state}{}", if *is_tracked { ", tracked by git" } else { "" })
        }
        Fact::OnlyInGit => "database file, gone from the work tree and still tracked by git".to_owned(),
        Fact::DatabaseLink => {
            "symbolic link to a SQLite database, or with the name of one; not followed".to_owned()
        }
        Fact::Address => "has the path or address of a SQLite file".to_owned(),
        Fact::FileName(name) => format!("names the SQLite file `{name}`"),
        Fact::Folder(path) => format!("has `{path}`, the folder of the SQLite file"),
        Fact::Volume(name) => format!("volume `{name}` holds the SQLite file"),
        Fact::Mention(1) => "mentions SQLite".to_owned(),
        Fact::Mention(lines) => format!("mentions SQLite on {lines} lines"),
        Fact::CannotRead(reason) => format!("cannot be read: {reason}"),
        Fact::InvalidJson => "is not valid JSON".to_owned(),
        Fact::Link(LinkTarget::Missing) => "symbolic link to nothing".to_owned(),
        Fact::Link(LinkTarget::Folder) => "symbolic link to a folder that is not searched".to_owned(),
        Fact::Link(LinkTarget::File) => "symbolic link to a file that is not searched".to_owned(),
    }
}

fn call(name: &str) -> String {
    match name {
        "transaction" => "a transaction whose function is not `async`".to_owned(),
        "behavior" => "sets `behavior` of a transaction".to_owned(),
        "prepare" | "exec" => format!("calls `.{name}()` with SQL"),
        "lastInsertRowid" => "reads `lastInsertRowid`".to_owned(),
        _ => format!("calls `.{name}()`, which answers at once"),
    }
}

/// The kinds in the order of their counts: the name in JSON, and the noun for one and for many.
const KINDS: [(Kind, &str, &str, &str); 12] = [
    (Kind::Dependency, "dependency", "dependency", "dependencies"),
    (Kind::Lockfile, "lockfile", "lock file entry", "lock file entries"),
    (Kind::Import, "import", "import", "imports"),
    (Kind::Code, "code", "line of code", "lines of code"),
    (Kind::Schema, "schema", "schema definition", "schema definitions"),
    (Kind::Migration, "migration", "migration file", "migration files"),
    (Kind::Database, "database", "database file", "database files"),
    (Kind::Environment, "environment", "environment variable", "environment variables"),
    (Kind::Manifest, "manifest", "manifest line", "manifest lines"),
    (Kind::Ci, "ci", "CI line", "CI lines"),
    (Kind::Docs, "docs", "mention in docs", "mentions in docs"),
    (Kind::Unreadable, "unreadable", "unreadable", "unreadable"),
];

/// The name of a kind in JSON.
pub(crate) fn kind(kind: Kind) -> &'static str {
    KINDS.iter().find(|each| each.0 == kind).map_or("", |each| each.1)
}

/// The kinds of findings, with their number: the name in JSON, and the description.
pub(crate) fn counts(listing: &Listing) -> Vec<(&'static str, usize, String)> {
    let count = |kind| listing.findings.iter().filter(|finding| finding.kind == kind).count();
    let counts = KINDS.iter().map(|(kind, name, one, many)| (*name, count(*kind), (*one, *many)));
    let found = counts.filter(|(_, count, _)| *count > 0);
    found.map(|(name, count, (one, many))| (name, count, counted(count, one, many))).collect()
}

/// A number and its noun.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The description of a kind for one and for many.
pub(crate) fn nouns(kind: Kind) -> (&'static str, &'static str) {
    KINDS.iter().find(|each| each.0 == kind).map_or(("", ""), |each| (each.2, each.3))
}

/// Every kind, in the order of their counts.
pub(crate) fn all_kinds() -> impl Iterator<Item = Kind> {
    KINDS.iter().map(|each| each.0)
}

/// `path:line: finding; remedy`, a line for each finding.
pub(crate) fn lines(listing: &Listing) -> String {
    let line = |finding: &Finding| {
        let (what, remedy) = (printable(&what(finding)), printable(&replacement(finding)));
        format!("{}:{}: {what}; {remedy}\n", shown(&finding.path), finding.line)
    };
    listing.findings.iter().map(line).collect()
}

/// A remark about the search.
pub(crate) fn remark(remark: &Remark) -> String {
    match remark {
        Remark::GitUnknown(reason) => format!("what git tracks is unknown: {}", printable(reason)),
        Remark::BackupSkipped(path) => format!("not searched: the backup folder {}", shown(path)),
        Remark::NoPackage => "there is no package.json here: is this the app's checkout?".to_owned(),
    }
}

/// A path on one line: unchanged where that is plain, else in double quotes with escapes, bytes that are not UTF-8 as `\xNN`.
pub(crate) fn shown(path: &Path) -> String {
    if let Some(plain) = path.to_str()
        && !plain.chars().any(|letter| is_deceptive(letter) || "\"\\".contains(letter))
    {
        return plain.to_owned();
    }
    let escaped = path.as_os_str().as_encoded_bytes().utf8_chunks().map(|chunk| {
        let valid = printable(&chunk.valid().replace('\\', "\\\\").replace('"', "\\\""));
        valid + &chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>()
    });
    format!("\"{}\"", escaped.collect::<String>())
}
