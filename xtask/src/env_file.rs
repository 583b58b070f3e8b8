//! Reads the env file of an environment: `.env.local`, `.env.test` or `.env.production`, with the syntax that Next.js reads. It changes
//! no file and no variable of this process.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};

/// Reads the variables of a file.
///
/// # Errors
/// When the file cannot be read, or a line is no assignment. The error has the line's number and never its text.
pub(crate) fn read(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut variables = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        match assignment(line) {
            Line::Nothing => {}
            Line::Assignment { name, value } => drop(variables.insert(name, value)),
            Line::Other => bail!("{}:{} is not NAME=value", path.display(), index + 1),
        }
    }
    Ok(variables)
}

/// Whether other accounts may read the file.
pub(crate) fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o044 != 0)
}

#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Blank, or a comment.
    Nothing,
    Assignment {
        name: String,
        value: String,
    },
    Other,
}

fn assignment(line: &str) -> Line {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Line::Nothing;
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let Some((name, value)) = line.split_once('=') else { return Line::Other };
    let name = name.trim();
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || byte == b'-');
    match unquoted(value.trim()) {
        Some(value) if is_name => Line::Assignment { name: name.to_owned(), value },
        _ => Line::Other,
    }
}

/// Returns a value without its quotes, or without the comment that follows; none where a quote is not closed.
fn unquoted(value: &str) -> Option<String> {
    let Some(quote) = value.chars().next().filter(|first| ['"', '\'', '`'].contains(first)) else {
        let end = value.find(" #").unwrap_or(value.len());
        return Some(value[..end].trim_end().to_owned());
    };
    let inner = &value[1..];
    let end = inner.find(quote)?;
    let after = inner[end + 1..].trim_start();
    if !after.is_empty() && !after.starts_with('#') {
        return None;
    }
    let inner = &inner[..end];
    Some(if quote == '"' { inner.replace("\\n", "\n").replace("\\r", "\r") } else { inner.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_next_js_reads_them() {
        let set =
            |name: &str, value: &str| Line::Assignment { name: name.to_owned(), value: value.to_owned() };
        for (line, expected) in [
            ("", Line::Nothing),
            ("  # DATABASE_URL=a", Line::Nothing),
            ("DATABASE_URL=postgres://h/d", set("DATABASE_URL", "postgres://h/d")),
            ("export A = b ", set("A", "b")),
            ("A=b # c", set("A", "b")),
            ("A=b#c", set("A", "b#c")),
            ("A='b # c' # d", set("A", "b # c")),
            ("A=\"b\\nc\"", set("A", "b\nc")),
            ("A=`it's`", set("A", "it's")),
            ("A=", set("A", "")),
            ("A=b=c", set("A", "b=c")),
            ("A=\"b", Line::Other),
            ("A=\"b\"c", Line::Other),
            ("A", Line::Other),
            ("=b", Line::Other),
            ("A B=c", Line::Other),
        ] {
            assert_eq!(assignment(line), expected, "{line}");
        }
    }

    #[test]
    fn an_error_has_the_line_and_not_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env.test");
        std::fs::write(&path, "A=b\n'secret'\n").unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.ends_with(".env.test:2 is not NAME=value"), "{error}");
    }
}
