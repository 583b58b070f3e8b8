//! Finds the variables for SQLite in `.env` files, and takes `DATABASE_PATH` out. Values are looked at and never shown.

use super::finding::{Hit, Kind};
use super::names;
use super::text::{contains_ignoring_case, numbered};

/// What is left in a `.env` file.
pub(crate) fn hits(text: &str) -> Vec<Hit> {
    let mut quoted_until: Option<char> = None;
    let mut never_closed = Vec::new();
    let mut hits = Vec::new();
    for (number, line) in numbered(text) {
        if let Some(quote) = quoted_until {
            quoted_until = (!line.contains(quote)).then_some(quote);
            continue;
        }
        let Some(entry) = entry(line) else {
            if line.trim_start().starts_with('#') && contains_ignoring_case(line, "sqlite") {
                hits.push(Hit::new(
                    number,
                    Kind::Docs,
                    "a comment speaks of SQLite",
                    "say PostgreSQL, or remove it",
                ));
            }
            continue;
        };
        let opened = entry.opened.filter(|quote| !entry.comment && !never_closed.contains(quote));
        if let Some(quote) = opened {
            if numbered(text).skip(number).any(|(_, later)| later.contains(quote)) {
                quoted_until = Some(quote);
            } else {
                never_closed.push(quote);
            }
        }
        hits.extend(hit(number, &entry, quoted_until.is_none()));
    }
    hits
}

/// The text without the lines that `hits` calls mechanical.
pub(crate) fn without_sqlite(text: &str) -> String {
    let gone: Vec<usize> = hits(text).into_iter().filter(|hit| hit.mechanical).map(|hit| hit.line).collect();
    let kept = text.split_inclusive('\n').enumerate().filter(|(index, _)| !gone.contains(&(index + 1)));
    let mark = if text.starts_with('\u{feff}') && gone.contains(&1) { "\u{feff}" } else { "" };
    std::iter::once(mark).chain(kept.map(|(_, line)| line)).collect()
}

struct Entry<'a> {
    comment: bool,
    key: &'a str,
    value: &'a str,
    /// The quote that begins a value and does not end it on this line.
    opened: Option<char>,
}

/// `KEY=value`, also exported or commented out.
fn entry(line: &str) -> Option<Entry<'_>> {
    let bare = line.trim();
    let comment = bare.starts_with('#');
    let bare = bare.trim_start_matches('#').trim_start();
    let (key, value) = bare.strip_prefix("export ").unwrap_or(bare).split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    let plain = |each: char| each.is_ascii_alphanumeric() || matches!(each, '_' | '.' | '-');
    if key.is_empty() || !key.chars().all(plain) {
        return None;
    }
    let quote = value.chars().next().filter(|each| matches!(each, '"' | '\'' | '`'));
    let opened = quote.filter(|quote| !value.get(1..).unwrap_or_default().contains(*quote));
    Some(Entry { comment, key, value: value.trim_matches(['"', '\'', '`']), opened })
}

fn hit(line: usize, entry: &Entry<'_>, on_one_line: bool) -> Option<Hit> {
    let (key, path) = (entry.key, entry.key == "DATABASE_PATH");
    let what = match (names::variable(key), names::address(entry.value)) {
        (true, _) if entry.comment => format!("`{key}` stands in a comment"),
        (true, _) => format!("sets `{key}`"),
        (false, true) => format!("`{key}` points to a SQLite file"),
        (false, false) => return None,
    };
    let remedy = if names::variable(key) { "remove the line" } else { "give it the URL of PostgreSQL" };
    let hit = Hit::new(line, Kind::Environment, what, remedy);
    Some(if path && !entry.comment && on_one_line { hit.mechanical() } else { hit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_at_a_time() {
        for (line, wanted) in [
            ("DATABASE_PATH=./data/hyperpage.db", Some(("sets `DATABASE_PATH`", true))),
            ("export DATABASE_PATH=\"./x.db\" # note", Some(("sets `DATABASE_PATH`", true))),
            ("  DATABASE_PATH =", Some(("sets `DATABASE_PATH`", true))),
            ("# DATABASE_PATH=./x.db", Some(("`DATABASE_PATH` stands in a comment", false))),
            ("SQLITE_BUSY_TIMEOUT=5000", Some(("sets `SQLITE_BUSY_TIMEOUT`", false))),
            ("DATABASE_URL=file:./dev.db", Some(("`DATABASE_URL` points to a SQLite file", false))),
            ("DATABASE_URL='./dev.sqlite'", Some(("`DATABASE_URL` points to a SQLite file", false))),
            ("# The SQLite file", Some(("a comment speaks of SQLite", false))),
            ("DATABASE_URL=postgres://u:p@h/db", None),
            ("DATABASE_PATHS=1", None),
            ("# PostgreSQL only", None),
            ("", None),
            ("=x", None),
        ] {
            let found: Vec<_> = hits(line).into_iter().map(|hit| (hit.what, hit.mechanical)).collect();
            let wanted: Vec<_> =
                wanted.into_iter().map(|(what, mechanical)| (what.to_owned(), mechanical)).collect();
            assert_eq!(found, wanted, "{line}");
        }
    }

    #[test]
    fn values_of_several_lines_are_left_alone() {
        let text = "KEY=\"-----BEGIN\nDATABASE_PATH=not.one\n-----END\"\r\nDATABASE_PATH=x.db\r\nA=1";
        assert_eq!(hits(text).iter().map(|hit| hit.line).collect::<Vec<_>>(), [4]);
        assert_eq!(without_sqlite(text), "KEY=\"-----BEGIN\nDATABASE_PATH=not.one\n-----END\"\r\nA=1");
        let spread = "DATABASE_PATH=\"a\nb\"\n";
        assert!(!hits(spread)[0].mechanical);
        assert_eq!(without_sqlite(spread), spread);
        assert_eq!(hits("A='x\nDATABASE_PATH=y\n").len(), 1);
    }
}
