//! Edits the text of an env file: the app's database is exchanged, every other byte stays.
//!
//! A line that is switched off becomes a comment with a mark, and a line that is added has a mark above it, so that the way back restores the
//! file exactly. Nothing here reads or writes files.

use std::fmt;

use super::env_lines::{Line, lines};

/// The mark of a line that is switched off; the line follows as it was.
const OFF: &str = "# off since the cutover to PostgreSQL: ";

/// The mark above a line that was added.
const ADDED: &str = "# added by the cutover to PostgreSQL:";

/// The same where the line above it, the last one of the file, had no newline.
const ADDED_TO_OPEN_END: &str = "# added by the cutover to PostgreSQL, below a line without newline:";

pub(super) const SQLITE: &str = "DATABASE_PATH";
pub(super) const POSTGRES: &str = "DATABASE_URL";

/// Why an env file cannot be switched. It names no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It contains something that is no text.
    NotText,
    /// It does not name the SQLite file.
    NoSqlite,
    /// The URL contains a character that env files read differently.
    UrlNotQuotable,
    /// The value of a variable that would change goes on in the next line.
    ManyLines {
        /// The number of the line.
        line: usize,
    },
    /// A mark of a switch was changed by hand.
    MarkChanged {
        /// The number of the line.
        line: usize,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::NotText => f.write_str("it is not text in UTF-8"),
            Obstacle::NoSqlite => write!(f, "it has no line that sets {SQLITE}"),
            Obstacle::UrlNotQuotable => f.write_str(
                "the URL has a quote, a dollar sign or a backslash, which programs read differently in env files",
            ),
            Obstacle::ManyLines { line } => write!(f, "the value in line {line} has more than one line"),
            Obstacle::MarkChanged { line } => {
                write!(f, "line {line} has the mark of a cutover, and was changed since")
            }
        }
    }
}

impl std::error::Error for Obstacle {}

/// Whether these variables name the target.
type NamesTarget<'a> = dyn Fn(&[(&str, String)]) -> bool + 'a;

/// Returns the text with PostgreSQL instead of SQLite: the lines of `DATABASE_PATH` are switched off. `names_target` tells of the variables
/// that are set whether they name the target; if they do not, `DATABASE_URL` is added, and another one is switched off. A text that was switched
/// before is switched anew.
pub(super) fn to_postgres(text: &[u8], url: &str, names_target: &NamesTarget) -> Result<Vec<u8>, Obstacle> {
    let original = restored(text)?;
    let text = std::str::from_utf8(&original).map_err(|_| Obstacle::NotText)?;
    let lines = lines(text);
    let is = |line: &Line<'_>, name: &str| line.variable() == Some(name);
    let concerns = |line: &Line<'_>| is(line, SQLITE) || is(line, POSTGRES);
    if let Some(index) = lines.iter().position(|line| concerns(line) && line.opens_value()) {
        return Err(Obstacle::ManyLines { line: index + 1 });
    }
    let anchor = lines.iter().rposition(|line| is(line, SQLITE)).ok_or(Obstacle::NoSqlite)?;
    let variables: Vec<(&str, String)> =
        lines.iter().filter_map(|line| Some((line.variable()?, line.value()?))).collect();
    let added = if names_target(&variables) { None } else { Some(quoted(url)?) };
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut edited = String::with_capacity(text.len() + 256);
    for (index, line) in lines.iter().enumerate() {
        edited.push_str(line.byte_order_mark);
        if is(line, SQLITE) || (added.is_some() && is(line, POSTGRES)) {
            edited.push_str(OFF);
        }
        edited.push_str(line.content);
        edited.push_str(line.end);
        if index == anchor
            && let Some(value) = &added
        {
            let export = if line.is_exported() { "export " } else { "" };
            edited.push_str(&match line.end.is_empty() {
                true => format!("{newline}{ADDED_TO_OPEN_END}{newline}{export}{POSTGRES}={value}"),
                false => format!("{ADDED}{newline}{export}{POSTGRES}={value}{newline}"),
            });
        }
    }
    Ok(edited.into_bytes())
}

/// Returns the text as it was before the switch to PostgreSQL. A text that was not switched stays as it is.
pub(super) fn to_sqlite(text: &[u8]) -> Result<Vec<u8>, Obstacle> {
    let restored = restored(text)?;
    let has_sqlite = std::str::from_utf8(&restored)
        .is_ok_and(|text| lines(text).iter().any(|line| line.variable() == Some(SQLITE)));
    if has_sqlite { Ok(restored) } else { Err(Obstacle::NoSqlite) }
}

fn restored(text: &[u8]) -> Result<Vec<u8>, Obstacle> {
    let text = std::str::from_utf8(text).map_err(|_| Obstacle::NotText)?;
    let lines = lines(text);
    let mut restored = String::with_capacity(text.len());
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        let is_open_end = line.content == ADDED_TO_OPEN_END;
        if !line.is_inside_value && (is_open_end || line.content == ADDED) {
            if lines.get(index + 1).is_none_or(|next| next.variable() != Some(POSTGRES)) {
                return Err(Obstacle::MarkChanged { line: index + 1 });
            }
            if is_open_end && let Some(above) = index.checked_sub(1).and_then(|above| lines.get(above)) {
                restored.truncate(restored.len() - above.end.len());
            }
            index += 2;
            continue;
        }
        restored.push_str(line.byte_order_mark);
        match line.content.strip_prefix(OFF).filter(|_| !line.is_inside_value) {
            Some(off) => {
                let is_ours = [Some(SQLITE), Some(POSTGRES)].contains(&Line::of(off).variable());
                if !is_ours {
                    return Err(Obstacle::MarkChanged { line: index + 1 });
                }
                restored.push_str(off);
            }
            None => restored.push_str(line.content),
        }
        restored.push_str(line.end);
        index += 1;
    }
    Ok(restored.into_bytes())
}

/// A value that every reader of env files takes as it is: a shell, Node, Docker Compose and systemd.
fn quoted(url: &str) -> Result<String, Obstacle> {
    let is_refused = |letter: char| matches!(letter, '\'' | '"' | '`' | '$' | '\\') || letter.is_control();
    if url.contains(is_refused) {
        return Err(Obstacle::UrlNotQuotable);
    }
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+,=".contains(letter);
    Ok(if url.chars().all(is_plain) { url.to_owned() } else { format!("'{url}'") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "postgres://app@db.example/shop";

    fn switched(text: &str) -> Result<String, Obstacle> {
        let names_target = |variables: &[(&str, String)]| {
            variables.iter().rfind(|(name, _)| *name == POSTGRES).is_some_and(|(_, value)| value == URL)
        };
        to_postgres(text.as_bytes(), URL, &names_target).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn the_lines_of_the_databases_are_exchanged() {
        for (before, after) in [
            (
                "# the app\nDATABASE_PATH=./data/a.db\nLOG=1\n",
                "# the app\n# off since the cutover to PostgreSQL: DATABASE_PATH=./data/a.db\n\
                 # added by the cutover to PostgreSQL:\nDATABASE_URL=postgres://app@db.example/shop\nLOG=1\n",
            ),
            (
                "export DATABASE_PATH='a b.db' # here\r\n",
                "# off since the cutover to PostgreSQL: export DATABASE_PATH='a b.db' # here\r\n\
                 # added by the cutover to PostgreSQL:\r\nexport DATABASE_URL=postgres://app@db.example/shop\r\n",
            ),
            (
                "\u{feff}DATABASE_PATH=a.db",
                "\u{feff}# off since the cutover to PostgreSQL: DATABASE_PATH=a.db\n\
                 # added by the cutover to PostgreSQL, below a line without newline:\nDATABASE_URL=postgres://app@db.example/shop",
            ),
            // Each line of a variable, and the empty one of a template.
            (
                "DATABASE_PATH=a\nDATABASE_URL=\nDATABASE_PATH=b\n",
                "# off since the cutover to PostgreSQL: DATABASE_PATH=a\n# off since the cutover to PostgreSQL: DATABASE_URL=\n\
                 # off since the cutover to PostgreSQL: DATABASE_PATH=b\n# added by the cutover to PostgreSQL:\n\
                 DATABASE_URL=postgres://app@db.example/shop\n",
            ),
            // The target is named already.
            (
                "DATABASE_URL=\"postgres://app@db.example/shop\"\nDATABASE_PATH=a\n",
                "DATABASE_URL=\"postgres://app@db.example/shop\"\n# off since the cutover to PostgreSQL: DATABASE_PATH=a\n",
            ),
            // A line within a value is no variable.
            (
                "KEY=\"-----\nDATABASE_PATH=no\n-----\"\nDATABASE_PATH=a\n",
                "KEY=\"-----\nDATABASE_PATH=no\n-----\"\n# off since the cutover to PostgreSQL: DATABASE_PATH=a\n\
                 # added by the cutover to PostgreSQL:\nDATABASE_URL=postgres://app@db.example/shop\n",
            ),
        ] {
            let switched = switched(before).unwrap();
            assert_eq!(switched, after);
            assert_eq!(to_sqlite(switched.as_bytes()).unwrap(), before.as_bytes());
        }
    }

    #[test]
    fn what_cannot_be_switched_is_refused() {
        let to = |text: &str, url| to_postgres(text.as_bytes(), url, &|_| false).map(drop);
        assert_eq!(to("LOG=1\n", URL), Err(Obstacle::NoSqlite));
        assert_eq!(to("# DATABASE_PATH=a\nMY_DATABASE_PATH=a\n", URL), Err(Obstacle::NoSqlite));
        assert_eq!(to("X=1\nDATABASE_PATH='a\nb'\n", URL), Err(Obstacle::ManyLines { line: 2 }));
        assert_eq!(to("DATABASE_PATH=a\\\nb\n", URL), Err(Obstacle::ManyLines { line: 1 }));
        assert_eq!(to("DATABASE_PATH=a\n", "host=db password='x'"), Err(Obstacle::UrlNotQuotable));
        assert_eq!(to_postgres(b"DATABASE_PATH=\xff\n", URL, &|_| false).map(drop), Err(Obstacle::NotText));
        assert_eq!(to_sqlite(b"DATABASE_URL=x\n"), Err(Obstacle::NoSqlite));
        let changed = format!("{ADDED}\nOTHER=1\nDATABASE_PATH=a\n");
        assert_eq!(to_sqlite(changed.as_bytes()), Err(Obstacle::MarkChanged { line: 1 }));
        let changed = format!("X=1\n{OFF}X=2\nDATABASE_PATH=a\n");
        assert_eq!(to_sqlite(changed.as_bytes()), Err(Obstacle::MarkChanged { line: 2 }));
    }

    #[test]
    fn a_url_with_special_characters_is_quoted() {
        let text =
            to_postgres(b"DATABASE_PATH=a\n", "postgres://h/d?sslmode=require&sslrootcert=a#b", &|_| false)
                .unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.ends_with("\nDATABASE_URL='postgres://h/d?sslmode=require&sslrootcert=a#b'\n"),
            "{text}"
        );
    }

    /// All files of up to three lines of these kinds, with both newlines, with and without the last one, and with and without a byte order mark.
    #[test]
    fn there_and_back_is_the_same_file_and_twice_is_once() {
        const KINDS: [&str; 15] = [
            "",
            "# comment = \"",
            "DATABASE_PATH=./a.db",
            "  export DATABASE_PATH = \"a b\" # c",
            "DATABASE_PATH='",
            "DATABASE_URL=",
            "DATABASE_URL=postgres://app@db.example/shop",
            "export DATABASE_URL='postgres://other/x'",
            "POSTGRES_HOST=db",
            "KEY=\"begin",
            "end\"",
            "it's",
            "=",
            "\tLOG=1 \\",
            "é=ü\r",
        ];
        let mut numbers = [0_u32; 2];
        for length in 0..=3_u32 {
            for number in 0..15_usize.pow(length) {
                let content: Vec<&str> =
                    (0..length).map(|place| KINDS[number / 15_usize.pow(place) % 15]).collect();
                for newline in ["\n", "\r\n"] {
                    for end in ["", newline] {
                        for mark in ["", "\u{feff}"] {
                            let before = format!("{mark}{}{end}", content.join(newline));
                            let Ok(after) = switched(&before) else {
                                numbers[0] += 1;
                                continue;
                            };
                            numbers[1] += 1;
                            assert_eq!(switched(&after).as_deref(), Ok(&*after), "{before:?}");
                            let back = to_sqlite(after.as_bytes()).unwrap();
                            assert_eq!(String::from_utf8(back).unwrap(), before, "{after:?}");
                            let active = lines(&after).iter().any(|line| line.variable() == Some(SQLITE));
                            assert!(!active, "{before:?} {after:?}");
                        }
                    }
                }
            }
        }
        assert!(numbers.iter().all(|number| *number > 5000), "{numbers:?}");
    }
}
