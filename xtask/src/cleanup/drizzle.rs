//! Finds migrations that drizzle-kit wrote for SQLite, by the dialect in its journal and snapshots, and any `.sql` file that
//! only SQLite understands.

use super::finding::{Hit, Kind};
use super::text::Lines;
use super::{json, sql};
use std::path::Path;

/// Where a migration that has served goes.
const REMEDY: &str = "remove it with its folder; the migrations of the PostgreSQL schema take its place";

/// Whether a path is drizzle-kit's journal or one of its snapshots.
pub(crate) fn is_bookkeeping(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let in_meta = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "meta");
    (in_meta && name == "_journal.json") || name.ends_with("snapshot.json")
}

/// The finding in a journal or snapshot, if its dialect is SQLite's.
pub(crate) fn bookkeeping(text: &str) -> Option<Hit> {
    let root = json::parse(text)?;
    let dialect = root.get("dialect")?;
    let sqlite = ["sqlite", "turso"].contains(&dialect.text()?);
    let line = Lines::of(text).line(dialect.span.start);
    let what = format!("drizzle-kit keeps this for the dialect `{}`", dialect.text()?);
    sqlite.then(|| Hit::new(line, Kind::Migration, what, REMEDY))
}

/// The finding in a `.sql` file; `journal_is_sqlite` where drizzle-kit's journal beside it says so.
pub(crate) fn sql_file(text: &str, journal_is_sqlite: bool) -> Option<Hit> {
    let found = sql::only_in_sqlite(text, sql::Place::File);
    if let Some((at, _)) = found.first() {
        let constructs: Vec<&str> = found.iter().map(|(_, what)| what.as_str()).collect();
        let what = format!("SQL that only SQLite knows: {}", constructs.join(", "));
        return Some(Hit::new(Lines::of(text).line(*at), Kind::Migration, what, REMEDY));
    }
    journal_is_sqlite
        .then(|| Hit::new(1, Kind::Migration, "a migration of a journal in SQLite's dialect", REMEDY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects() {
        assert!(
            bookkeeping("{\"version\":\"7\",\n\"dialect\": \"sqlite\"}").is_some_and(|hit| hit.line == 2)
        );
        for text in ["{\"dialect\":\"postgresql\"}", "{}", "[]", "", "{\"dialect\":5}"] {
            assert_eq!(bookkeeping(text), None, "{text}");
        }
        assert!(is_bookkeeping(Path::new("drizzle/meta/_journal.json")));
        assert!(is_bookkeeping(Path::new("drizzle/meta/0000_snapshot.json")));
        assert!(!is_bookkeeping(Path::new("src/_journal.json")));
    }

    #[test]
    fn migrations() {
        let line = |text, journal| sql_file(text, journal).map(|hit| hit.line);
        assert_eq!(line("-- first\nCREATE TABLE `a` (id integer)", false), Some(2));
        assert_eq!(line("create table a (id integer)", true), Some(1));
        assert_eq!(line("create table a (id bigserial)", false), None);
    }
}
