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
        let mention = Some((line, Kind::Docs, Fact::Mention(1), false));
        let Some(key) = found.get(2) else { return mention };
        let (line, key, value) = (lines.line(key.start()), key.as_str(), &found[3]);
        let is_comment = found.get(1).is_some();
        let fact = match () {
            () if names::variables(key).next() == Some((0, key)) => Fact::Variable(key.to_owned()),
            () if names::is_address(value.trim().trim_matches(['"', '\'', '`'])) => Fact::Address,
            () if is_comment && found[0].to_ascii_lowercase().contains("sqlite") => return mention,
            () => return None,
        };
        let is_mechanical = key == "DATABASE_PATH" && !is_comment && !value.contains('\n');
        Some((line, Kind::Environment, fact, is_mechanical))
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
        for (line, expected) in [
            ("DATABASE_PATH=./data/hyperpage.db", "Variable(\"DATABASE_PATH\") true"),
            ("export DATABASE_PATH=\"./x.db\" # note", "Variable(\"DATABASE_PATH\") true"),
            ("  DATABASE_PATH =", "Variable(\"DATABASE_PATH\") true"),
            ("# DATABASE_PATH=./x.db", "Variable(\"DATABASE_PATH\") false"),
            ("SQLITE_BUSY_TIMEOUT=5000", "Variable(\"SQLITE_BUSY_TIMEOUT\") false"),
            ("DATABASE_URL=file:./dev.db", "Address false"),
            ("DATABASE_URL='./dev.sqlite'", "Address false"),
            ("# The SQLite file", "Mention(1) false"),
            ("DATABASE_URL=postgres://u:p@h/db\nDATABASE_PATHS=1\n# PostgreSQL only\n=x", ""),
        ] {
            let hit = |(_, _, fact, is_mechanical)| format!("{fact:?} {is_mechanical}");
            assert_eq!(hits(line).into_iter().map(hit).collect::<String>(), expected, "{line}");
        }
    }

    #[test]
    fn values_of_several_lines_are_left_alone() {
        let text = "KEY=\"-----BEGIN\nDATABASE_PATH=not.one\n-----END\"\r\nDATABASE_PATH=x.db\r\nA=1";
        assert_eq!(hits(text).iter().map(|hit| hit.0).collect::<Vec<_>>(), [4]);
        assert_eq!(without_sqlite(text), text.replace("DATABASE_PATH=x.db\r\n", ""));
        assert_eq!(without_sqlite("DATABASE_PATH=\"a\nb\"\n"), "DATABASE_PATH=\"a\nb\"\n");
        assert_eq!(without_sqlite("A='x\nDATABASE_PATH=y\n"), "A='x\n");
        assert_eq!(without_sqlite("\u{feff}DATABASE_PATH=x\nA=1"), "\u{feff}A=1");
    }
}
