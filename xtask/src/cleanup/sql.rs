//! Tells SQL that only SQLite understands, in migration files and in strings of source code. It looks for words, and does not
//! parse: what PostgreSQL would also accept is never named.

use super::text::runs;

/// What to do about such SQL.
pub(crate) const REMEDY: &str = "write it for PostgreSQL, or let the generated migrations replace it";

/// Where the SQL stands: in a string it takes more to be sure that it is SQL at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A `.sql` file.
    File,
    /// A string of source code.
    String,
}

/// Words that stand for themselves, in any place, when a bracket follows.
const FUNCTIONS: [&str; 5] =
    ["unixepoch", "julianday", "last_insert_rowid", "total_changes", "sqlite_version"];
/// Tables of SQLite's own.
const TABLES: [&str; 5] =
    ["sqlite_master", "sqlite_schema", "sqlite_sequence", "sqlite_temp_master", "sqlite_stat1"];
/// What `INSERT OR` and `UPDATE OR` do on a conflict.
const CONFLICTS: [&str; 5] = ["REPLACE", "IGNORE", "ABORT", "FAIL", "ROLLBACK"];

/// The first place of each construct that only SQLite knows: its offset, and what it is.
pub(crate) fn only_in_sqlite(sql: &str, place: Place) -> Vec<(usize, String)> {
    let blanked;
    let sql = match place {
        Place::File => {
            blanked = without_comments(sql);
            blanked.as_str()
        }
        Place::String => sql,
    };
    let words: Vec<(usize, &str)> = runs(sql, |each| each.is_ascii_alphanumeric() || each == '_').collect();
    let mut found: Vec<(usize, String)> = Vec::new();
    for (index, (at, word)) in words.iter().enumerate() {
        let next = words.get(index + 1).map_or("", |(_, next)| *next);
        let after_next = words.get(index + 2).map_or("", |(_, next)| *next);
        let argument = sql.get(at + word.len()..).unwrap_or_default().trim_start().strip_prefix('(');
        if let Some(what) = construct(word, next, after_next, argument, place)
            && !found.iter().any(|(_, known)| *known == what)
        {
            found.push((*at, what));
        }
    }
    if place == Place::File && found.is_empty() && !mysql(&words) {
        found.extend(sql.find('`').map(|at| (at, "names in backticks".to_owned())));
    }
    found
}

fn construct(
    word: &str,
    next: &str,
    after_next: &str,
    argument: Option<&str>,
    place: Place,
) -> Option<String> {
    let is = |wanted: &str| word.eq_ignore_ascii_case(wanted);
    // In prose these are words; in SQL within a string they are written in capitals, or the string is all SQL.
    let keyword = |wanted: &str| if place == Place::File { is(wanted) } else { word == wanted };
    let lower = word.to_ascii_lowercase();
    if keyword("AUTOINCREMENT") {
        return Some("AUTOINCREMENT".into());
    }
    if keyword("WITHOUT") && next.eq_ignore_ascii_case("ROWID") {
        return Some("WITHOUT ROWID".into());
    }
    if keyword("PRAGMA") && !next.is_empty() && next.starts_with(|each: char| each.is_ascii_lowercase()) {
        return Some(format!("PRAGMA {}", next.to_ascii_lowercase()));
    }
    if (keyword("INSERT") || keyword("UPDATE")) && next.eq_ignore_ascii_case("OR") {
        let conflict = CONFLICTS.iter().find(|each| after_next.eq_ignore_ascii_case(each))?;
        return Some(format!("{} OR {conflict}", word.to_ascii_uppercase()));
    }
    if TABLES.contains(&lower.as_str()) {
        return Some(lower);
    }
    let argument = argument?;
    let clock = is("datetime") || is("strftime");
    if FUNCTIONS.contains(&lower.as_str()) || (clock && argument.trim_start().starts_with(['\'', '"', '\\']))
    {
        return Some(format!("{lower}()"));
    }
    None
}

/// Whether the words are those of MySQL, whose names also stand in backticks.
fn mysql(words: &[(usize, &str)]) -> bool {
    words.iter().any(|(_, word)| {
        ["ENGINE", "AUTO_INCREMENT", "UNSIGNED"].iter().any(|each| word.eq_ignore_ascii_case(each))
    })
}

/// The text with comments and string literals blanked, offsets kept.
fn without_comments(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(each) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else {
            out.push(each);
            rest = rest.get(each.len_utf8()..).unwrap_or_default();
            continue;
        };
        let (comment, after) = rest.split_at(length);
        out.extend(comment.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sql: &str, place: Place) -> Vec<String> {
        only_in_sqlite(sql, place).into_iter().map(|(_, what)| what).collect()
    }

    #[test]
    fn files() {
        for (sql, wanted) in [
            ("id integer primary key autoincrement", vec!["AUTOINCREMENT"]),
            ("create table t (a) without\n rowid;", vec!["WITHOUT ROWID"]),
            ("created_at INTEGER DEFAULT (unixepoch() * 1000)", vec!["unixepoch()"]),
            ("PRAGMA foreign_keys=OFF;", vec!["PRAGMA foreign_keys"]),
            ("INSERT OR IGNORE INTO t VALUES (1)", vec!["INSERT OR IGNORE"]),
            ("CREATE TABLE `jobs` (`id` text)", vec!["names in backticks"]),
            ("CREATE TABLE `jobs` (`id` int AUTO_INCREMENT) ENGINE=InnoDB", vec![]),
            ("default (datetime('now'))", vec!["datetime()"]),
            ("-- once AUTOINCREMENT, and `this`\nid bigserial primary key /* unixepoch() */", vec![]),
            ("create table t (created_at timestamptz default now())", vec![]),
            ("insert into t values (1) on conflict do nothing", vec![]),
            ("datetime timestamp; --> statement-breakpoint", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(found(sql, Place::File), wanted, "{sql}");
        }
    }

    #[test]
    fn strings() {
        for (text, wanted) in [
            ("SELECT name FROM sqlite_master", vec!["sqlite_master"]),
            ("(unixepoch() * 1000)", vec!["unixepoch()"]),
            ("PRAGMA journal_mode = WAL", vec!["PRAGMA journal_mode"]),
            ("INSERT OR REPLACE INTO app_state", vec!["INSERT OR REPLACE"]),
            ("pragma for the compiler", vec![]),
            ("Please insert or replace the card", vec![]),
            ("without rowid", vec![]),
            ("`quoted`", vec![]),
            ("no-cache, Pragma header", vec![]),
        ] {
            assert_eq!(found(text, Place::String), wanted, "{text}");
        }
    }
}
