//! Finds the variables for SQLite in env files, and removes `DATABASE_PATH`. Values are read and never shown.

use crate::finding::{Fact, Hit, Kind};
use crate::names;
use crate::text::{Lines, Pattern};

/// A variable, also exported or commented out, with its value: in quotes over several lines, else to the end of the line.
static ENTRY: Pattern = Pattern::new(
    r#"(?m)^\u{feff}?[ \t]*(#[#\s]*)?(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*("[^"]*"|'[^']*'|`[^`]*`|[^\n]*)|^[ \t]*#[^\n]*(?i:sqlite)"#,
);

/// The findings in an env file.
pub(crate) fn hits(text: &str) -> Vec<Hit> {
    let lines = Lines::of(text);
    let hit = |found: regex::Captures<'_>| {
        let line = lines.line(found.get(0)?.start());
        let Some(key) = found.get(2) else { return Some((line, Kind::Docs, Fact::Comment, false)) };
        let (line, key, value) = (lines.line(key.start()), key.as_str(), &found[3]);
        let fact: fn(String) -> Fact = match names::variables(key).next() == Some((0, key)) {
            true if found.get(1).is_some() => Fact::VariableComment,
            true => Fact::VariableSet,
            false if names::is_address(value.trim().trim_matches(['"', '\'', '`'])) => Fact::VariableValue,
            false if found.get(1).is_some() && found[0].to_ascii_lowercase().contains("sqlite") => {
                return Some((line, Kind::Docs, Fact::Comment, false));
            }
            false => return None,
        };
        let is_mechanical = key == "DATABASE_PATH" && found.get(1).is_none() && !value.contains('\n');
        Some((line, Kind::Environment, fact(key.to_owned()), is_mechanical))
    };
    ENTRY.all(text).filter_map(hit).collect()
}

/// The text without the lines of the mechanical findings.
pub(crate) fn without_sqlite(text: &str) -> String {
    let removed: Vec<usize> = hits(text).into_iter().filter(|hit| hit.3).map(|hit| hit.0).collect();
    let kept = text.split_inclusive('\n').enumerate().filter(|(index, _)| !removed.contains(&(index + 1)));
    let mark = if text.starts_with('\u{feff}') && removed.contains(&1) { "\u{feff}" } else { "" };
    std::iter::once(mark).chain(kept.map(|(_, line)| line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_at_a_time() {
        let (set, comment, value) = (Fact::VariableSet, Fact::VariableComment, Fact::VariableValue);
        let path = || "DATABASE_PATH".to_owned();
        for (line, expected) in [
            ("DATABASE_PATH=./data/hyperpage.db", Some((set(path()), true))),
            ("export DATABASE_PATH=\"./x.db\" # note", Some((set(path()), true))),
            ("  DATABASE_PATH =", Some((set(path()), true))),
            ("# DATABASE_PATH=./x.db", Some((comment(path()), false))),
            ("SQLITE_BUSY_TIMEOUT=5000", Some((set("SQLITE_BUSY_TIMEOUT".into()), false))),
            ("DATABASE_URL=file:./dev.db", Some((value("DATABASE_URL".into()), false))),
            ("DATABASE_URL='./dev.sqlite'", Some((value("DATABASE_URL".into()), false))),
            ("# The SQLite file", Some((Fact::Comment, false))),
            ("DATABASE_URL=postgres://u:p@h/db", None),
            ("DATABASE_PATHS=1", None),
            ("# PostgreSQL only", None),
            ("=x", None),
        ] {
            let found =
                hits(line).into_iter().map(|(_, _, fact, is_mechanical)| (fact, is_mechanical)).next();
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn values_of_several_lines_are_left_alone() {
        let text = "KEY=\"-----BEGIN\nDATABASE_PATH=not.one\n-----END\"\r\nDATABASE_PATH=x.db\r\nA=1";
        assert_eq!(hits(text).iter().map(|hit| hit.0).collect::<Vec<_>>(), [4]);
        assert_eq!(without_sqlite(text), "KEY=\"-----BEGIN\nDATABASE_PATH=not.one\n-----END\"\r\nA=1");
        let spread = "DATABASE_PATH=\"a\nb\"\n";
        assert!(!hits(spread)[0].3);
        assert_eq!(without_sqlite(spread), spread);
        assert_eq!(hits("A='x\nDATABASE_PATH=y\n").len(), 1);
        assert_eq!(without_sqlite("\u{feff}DATABASE_PATH=x\nA=1"), "\u{feff}A=1");
    }
}
