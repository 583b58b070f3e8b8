//! Recognizes SQL that only SQLite has, in migrations and in strings of source code. It searches for words and does not parse:
//! what PostgreSQL would also accept is never named, but for `json_each`, which the `jsonb` columns of a plan have under another name.

use crate::finding::{Fact, Hit, Kind};
use crate::text::{Lines, Pattern, blanked};

/// The constructs; in the strings of source code the keywords have to be in capitals, since in prose they are words.
macro_rules! constructs {
    ($keywords:literal) => {
        concat!(
            r"\b((?",
            $keywords,
            r":AUTOINCREMENT|WITHOUT\s+(?i:ROWID)|PRAGMA\s+[a-z_]+|(?:INSERT|UPDATE)\s+(?i:OR\s+(?:REPLACE|IGNORE|ABORT|FAIL|ROLLBACK)))\b",
            r"|(?i:sqlite_(?:master|schema|sequence|temp_master|stat1)\b|(?:datetime|strftime)\s*\(\s*['\x22\\]",
            r"|\b(?:date|time)\s*\(\s*['\x22\\]+now|COLLATE\s+NOCASE\b|VIRTUAL\s+TABLE\b",
            r"|json_(?:extract|each|tree|set|insert|replace|remove|patch|quote|group_array|group_object)\s*\(|(?:ifnull|iif|group_concat|randomblob)\s*\(",
            r"|(?:unixepoch|julianday|last_insert_rowid|total_changes|sqlite_version)\s*\())"
        )
    };
}
static IN_FILES: Pattern = Pattern::new(constructs!("i"));
static IN_STRINGS: Pattern = Pattern::new(constructs!(""));
/// A `?` where a value can be, in a text that begins as a statement; each text of code without its strings' surroundings.
static PLACEHOLDER: Pattern = Pattern::new(
    r"['\x22`]\s*(?i:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH)\s[^'\x22`?]*(?:(?:[=<>(,+]|(?i:\b(?:LIKE|LIMIT|OFFSET|AND|BETWEEN|GLOB|MATCH|VALUES|IN)))\s*)(\?)",
);
static COMMENT: Pattern = Pattern::new(r"--[^\n]*|/\*[\s\S]*?(?:\*/|\z)");
/// Words of MySQL, whose names are also in backticks.
static MYSQL: Pattern = Pattern::new(r"(?i)\b(?:ENGINE|AUTO_INCREMENT|UNSIGNED)\b");
/// The dialect of a journal or snapshot of drizzle-kit.
static DIALECT: Pattern = Pattern::new(r#"\A\s*\{(?s:.*?)"dialect"\s*:\s*"(sqlite|turso)""#);

/// The constructs in a text that consists of SQL strings, with their offsets.
pub(crate) fn in_strings(strings: &str) -> impl Iterator<Item = (usize, String)> {
    IN_STRINGS.found(strings).map(|(at, found)| (at, name(found)))
}

/// Where an SQL text in strings has its first `?`.
pub(crate) fn placeholders(strings: &str) -> impl Iterator<Item = usize> {
    PLACEHOLDER.found(strings).map(|(at, _)| at)
}

/// The finding in a `.sql` file; `is_sqlite_journal` where the journal of its folder is in SQLite's dialect.
pub(crate) fn in_file(text: &str, is_sqlite_journal: bool) -> Option<Hit> {
    let sql = blanked(text, COMMENT.all(text).filter_map(|found| Some(found.get(0)?.range())));
    let mut constructs: Vec<(usize, String)> = Vec::new();
    for (at, found) in IN_FILES.found(&sql) {
        let name = name(found);
        if !constructs.iter().any(|(_, known)| *known == name) {
            constructs.push((at, name));
        }
    }
    if constructs.is_empty() && !MYSQL.is_match(&sql) {
        constructs.extend(sql.find('`').map(|at| (at, "names in backticks".to_owned())));
    }
    let Some((first, _)) = constructs.first() else {
        return is_sqlite_journal.then_some((1, Kind::Migration, Fact::Journal, false));
    };
    let line = Lines::of(text).line(*first);
    let names = constructs.into_iter().map(|(_, name)| name).collect();
    Some((line, Kind::Migration, Fact::Sql(names), false))
}

/// The finding in a journal or snapshot of drizzle-kit, if its dialect is SQLite's.
pub(crate) fn in_journal(text: &str) -> Option<Hit> {
    let (at, _) = DIALECT.found(text).next()?;
    Some((Lines::of(text).line(at), Kind::Migration, Fact::Journal, false))
}

fn name(found: &str) -> String {
    let words = found.split_whitespace().collect::<Vec<_>>().join(" ");
    words.split_once('(').map_or(words.clone(), |(function, _)| format!("{}()", function.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations() {
        for (sql, constructs) in [
            ("id integer primary key autoincrement", "autoincrement"),
            ("create table t (a) without\n rowid;", "without rowid"),
            ("created_at INTEGER DEFAULT (unixepoch() * 1000), b (unixepoch())", "unixepoch()"),
            ("PRAGMA foreign_keys=OFF;", "PRAGMA foreign_keys"),
            ("INSERT OR IGNORE INTO t VALUES (1)", "INSERT OR IGNORE"),
            ("CREATE TABLE `jobs` (`id` text)", "names in backticks"),
            ("CREATE TABLE `jobs` (`id` int AUTO_INCREMENT) ENGINE=InnoDB", ""),
            ("default (datetime('now')), sqlite_sequence", "datetime(), sqlite_sequence"),
            ("-- once AUTOINCREMENT, and `this`\nid bigserial primary key /* unixepoch() */", ""),
            ("insert into t values (now()) on conflict do nothing", ""),
            ("datetime timestamp; --> statement-breakpoint", ""),
        ] {
            let found = match in_file(sql, false) {
                Some((1, Kind::Migration, Fact::Sql(names), false)) => names.join(", "),
                other => other.map(|hit| format!("{hit:?}")).unwrap_or_default(),
            };
            assert_eq!(found, constructs, "{sql}");
        }
        assert_eq!(in_file("-- first\nCREATE TABLE `a` (id integer)", false).unwrap().0, 2);
        assert_eq!(in_file("create table a (id integer)", true).unwrap().2, Fact::Journal);
        assert_eq!(in_journal("{\"version\":\"7\",\n\"dialect\": \"sqlite\"}").unwrap().0, 2);
        assert_eq!(in_journal("{\"dialect\":\"postgresql\"}"), None);
    }
}
