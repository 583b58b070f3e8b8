//! The sentences of `cleanup`: what was found, what to do about it, why nothing is changed.

use super::proof::{NotMigrated, Refusal};
use crate::display::{is_deceptive, printable};
use app_checkout::{DatabaseState, Fact, Finding, Kind, LinkTarget, Listing, Manager, Remark, Use};
use std::path::Path;

/// Describes a finding.
pub(super) fn what(finding: &Finding) -> String {
    match &finding.fact {
        Fact::Listed(package, section) => format!("`{package}` is in {section}"),
        Fact::Script(name) => format!("the script `{name}` works on SQLite"),
        Fact::Installed(packages) => format!("installs `{}`", packages.join("`, `")),
        Fact::Locked(package, _) => format!("`{package}` is locked"),
        Fact::Module(module) => format!("uses the module `{module}`"),
        Fact::Name(name) | Fact::Variable(name) => format!("uses `{name}`"),
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

/// Describes its remedy.
pub(super) fn remedy(finding: &Finding) -> String {
    let remedy = match &finding.fact {
        Fact::Database(_, true) if finding.is_mechanical => {
            return format!(
                "move it into the backup folder, then `git rm --cached -- {}`",
                shown(&finding.path)
            );
        }
        Fact::OnlyInGit => return format!("`git rm --cached -- {}`", shown(&finding.path)),
        Fact::Locked(_, manager) => {
            return format!("run `{}` once package.json no longer lists it", install(*manager));
        }
        Fact::Listed(..) => "remove it",
        Fact::Script(_) => "remove the script, or write it for PostgreSQL",
        Fact::Installed(_) => "remove it, unless another native module needs it",
        Fact::Module(_) if finding.kind != Kind::Import => "remove it from the list or the condition",
        Fact::Module(module) => match module.strip_prefix("drizzle-orm/") {
            Some(inner) if inner.contains("core") => "use `drizzle-orm/pg-core`",
            Some(inner) if inner.ends_with("migrator") => "use `drizzle-orm/node-postgres/migrator`",
            Some(_) => "use `drizzle-orm/node-postgres`",
            None => "use `pg` with a pool",
        },
        Fact::Name(name) => match name.as_str() {
            "pragma" => "remove it; PostgreSQL is configured on the server and in the pool",
            ":memory:" => "give the test a PostgreSQL database of its own",
            _ if finding.kind == Kind::Schema => {
                "generate the schema for PostgreSQL with `pgTable` from `drizzle-orm/pg-core`"
            }
            code if code.starts_with("SQLITE_") => {
                "compare with PostgreSQL's SQLSTATE, 23505 for a unique violation"
            }
            _ => "use its counterpart of `drizzle-orm/pg-core` or `drizzle-orm/node-postgres`",
        },
        Fact::Dialect(..) => "set `dialect: 'postgresql'`, without a driver",
        Fact::Sql(_) if finding.kind == Kind::Code => {
            "write it for PostgreSQL, or let the generated migrations replace it"
        }
        Fact::Sql(_) | Fact::Journal => {
            "remove it with its folder; the migrations of the PostgreSQL schema replace it"
        }
        Fact::Database(DatabaseState::Opaque, _) => "check it, and move it out of the checkout by hand",
        Fact::Database(..) => "move it into the backup folder",
        Fact::DatabaseLink => "remove the link",
        Fact::Variable(_) | Fact::Address => {
            "remove it; the app reaches PostgreSQL through `DATABASE_URL` or `POSTGRES_*`"
        }
        Fact::Folder(_) => "remove it, unless other files are there",
        Fact::Volume(_) => "remove it, once the database in it was migrated and backed up",
        Fact::FileName(_) | Fact::Mention(_) => match finding.kind {
            Kind::Ci => "remove it, or run it against a PostgreSQL service",
            _ => "write it for PostgreSQL, or remove it",
        },
        Fact::CannotRead(_) => "make it readable and search again, or leave it out with --exclude",
        Fact::InvalidJson => "repair it; until then its dependencies are unknown",
        Fact::Link(_) => {
            "search its target (`--app` takes any folder) or replace the link with it, or leave it out with --exclude"
        }
    };
    remedy.to_owned()
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
pub(super) fn kind(kind: Kind) -> &'static str {
    KINDS.iter().find(|each| each.0 == kind).map_or("", |each| each.1)
}

/// The kinds of findings, with their number: the name in JSON, and the description.
pub(super) fn counts(listing: &Listing) -> Vec<(&'static str, usize, String)> {
    let count = |kind| listing.findings.iter().filter(|finding| finding.kind == kind).count();
    let counts = KINDS.iter().map(|(kind, name, one, many)| (*name, count(*kind), (*one, *many)));
    let found = counts.filter(|(_, count, _)| *count > 0);
    found.map(|(name, count, (one, many))| (name, count, counted(count, one, many))).collect()
}

/// A number and its noun.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `path:line: finding; remedy`, a line for each finding.
pub(super) fn lines(listing: &Listing) -> String {
    let line = |finding: &Finding| {
        let (what, remedy) = (printable(&what(finding)), printable(&remedy(finding)));
        format!("{}:{}: {what}; {remedy}\n", shown(&finding.path), finding.line)
    };
    listing.findings.iter().map(line).collect()
}

/// One line with the number of findings of each kind.
pub(super) fn summary(listing: &Listing) -> String {
    let files = counted(listing.files_read, "file", "files");
    if listing.findings.is_empty() {
        return format!("nothing of SQLite is left: {files} searched");
    }
    let counts: Vec<String> = counts(listing).into_iter().map(|(_, _, words)| words).collect();
    let mechanical = listing.findings.iter().filter(|finding| finding.is_mechanical).count();
    let total = listing.findings.len();
    format!("{total} left in {files}: {}; --apply does {mechanical}", counts.join(", "))
}

/// A remark about the search.
pub(super) fn remark(remark: &Remark) -> String {
    match remark {
        Remark::GitUnknown(reason) => format!("what git tracks is unknown: {}", printable(reason)),
        Remark::BackupSkipped(path) => format!("not searched: the backup folder {}", shown(path)),
        Remark::NoPackage => "there is no package.json here: is this the app's checkout?".to_owned(),
    }
}

/// The command that updates a lock file.
pub(super) fn next((path, manager): &(std::path::PathBuf, Manager)) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| "the checkout".to_owned(), shown);
    format!("`{}` in {folder}, which rewrites {}", install(*manager), shown(path))
}

fn install(manager: Manager) -> &'static str {
    match manager {
        Manager::Npm => "npm install",
        Manager::Yarn => "yarn install",
        Manager::Pnpm => "pnpm install",
        Manager::Bun => "bun install",
    }
}

/// Why nothing is changed.
pub(super) fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotValidated { reason, next } => format!("{reason}; next: {next}"),
        Refusal::NotMigrated { databases, migrated } => {
            let why = |why: &NotMigrated| match why {
                NotMigrated::SealedCopy => {
                    "is the sealed copy, which `cargo xtask validate` reads".to_owned()
                }
                NotMigrated::Other => "is not the database that was migrated".to_owned(),
                NotMigrated::Written => "was written to since it was sealed".to_owned(),
                NotMigrated::Unknown(cause) => format!("cannot be compared with the sealed copy: {cause}"),
            };
            let databases =
                databases.iter().map(|(path, reason)| format!("{} {}; ", shown(path), why(reason)));
            format!(
                "{}what was migrated is {}; next: migrate each database that the app needs (`cargo xtask migrate --sqlite \
                 FILE`, with --restart where it was migrated before), and leave the others where they are with --exclude",
                databases.collect::<String>(),
                shown(migrated)
            )
        }
        Refusal::InUse(uses) => {
            let line = |each: &app_checkout::InUse| {
                let path = shown(&each.database);
                match each.by {
                    Use::Log(suffix) => format!(
                        "{path}{suffix} is not empty: an app has the database open, or ended without closing it. Stop the app, \
                         then run `sqlite3 {path} 'PRAGMA wal_checkpoint(TRUNCATE)'`"
                    ),
                    Use::Lock => {
                        format!("{path} is in use: another process has it locked. Stop the app first")
                    }
                }
            };
            uses.iter().map(line).collect::<Vec<_>>().join("\n  ")
        }
        Refusal::Declined => "the answer was no".to_owned(),
        Refusal::NoTerminal => "there is no terminal to ask on: give --yes".to_owned(),
    }
}

/// A path on one line: unchanged where that is plain, else in double quotes with escapes, bytes that are not UTF-8 as `\xNN`.
pub(super) fn shown(path: &Path) -> String {
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

/// A line with the password of every URL in it masked.
pub(super) fn without_passwords(line: &str) -> String {
    let mut parts = line.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        let (address, after) = part.split_at(part.find([' ', '"', '\'', '`']).unwrap_or(part.len()));
        // The last `@` ends the user part even where the password has one, or a slash.
        match address.rsplit_once('@') {
            Some((user, host)) => {
                out.push_str(&format!("{}:***@{host}", user.split(':').next().unwrap_or_default()));
            }
            None => out.push_str(address),
        }
        out.push_str(after);
    }
    out
}
