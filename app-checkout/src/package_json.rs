//! Finds SQLite packages in a package.json, and removes them so that every other byte stays. A removal counts only if the parsed
//! result is the parsed original without exactly that entry; what cannot be removed so is left to a person, as scripts are.

use crate::finding::{Fact, Hit, Kind};
use crate::names;
use crate::text::{Lines, Pattern};
use regex::Regex;
use serde_json::Value;

/// Objects whose keys are packages, which nest in `overrides`, and lists of packages; also within `pnpm` and `workspaces`.
static SECTION: Pattern = Pattern::new(
    "^(?:(?:dev|optional|peer)?[dD]ependencies|(?:peerD|d)ependenciesMeta|overrides|resolutions|bundled?Dependencies\
     |trustedDependencies|(?:only|never|ignored)BuiltDependencies|transpilePackages)$",
);
/// Number of entries that are removed at most; a manifest with more is not one that people wrote.
const ENTRIES_MAX: usize = 50;

/// The findings in a package.json; one where it is not JSON.
pub(crate) fn hits(text: &str) -> Vec<Hit> {
    let Some(root) = parse(text) else {
        return vec![(1, Kind::Unreadable, Fact::InvalidJson, false)];
    };
    let lines = Lines::of(text);
    let line_of = |section: &str, key: &str| {
        let from = text.find(&format!("\"{section}\"")).filter(|_| !section.is_empty()).unwrap_or(0);
        let at = text.get(from..).and_then(|rest| rest.find(&Value::from(key).to_string()));
        lines.line(from + at.unwrap_or(0))
    };
    let mut hits: Vec<Hit> = Vec::new();
    for (index, entry) in entries(&root).into_iter().enumerate() {
        let Some((name, section)) = entry.split_last() else { continue };
        let removal = (index < ENTRIES_MAX).then(|| removal(text, &root, &entry)).flatten();
        let line = match &removal {
            Some(removal) => lines.line(removal.name_start),
            None => line_of(section.last().map_or("", String::as_str), name),
        };
        let fact = Fact::Listed(name.clone(), section.join("."));
        hits.push((line, Kind::Dependency, fact, removal.is_some()));
    }
    for (name, command) in root.get("scripts").and_then(Value::as_object).into_iter().flatten() {
        if command.as_str().is_some_and(runs_sqlite) {
            let fact = Fact::Script(name.clone());
            hits.push((line_of("scripts", name), Kind::Dependency, fact, false));
        }
    }
    let keywords = root.get("keywords").and_then(Value::as_array).into_iter().flatten();
    let texts = root.get("description").into_iter().chain(keywords).filter_map(Value::as_str);
    for found in texts.filter(|found| found.to_ascii_lowercase().contains("sqlite")) {
        hits.push((line_of("", found), Kind::Docs, Fact::Mention(1), false));
    }
    hits
}

/// The text without the packages of the mechanical findings.
pub(crate) fn without_sqlite(text: &str) -> String {
    let mut text = text.to_owned();
    for entry in parse(&text).iter().flat_map(entries).take(ENTRIES_MAX).collect::<Vec<_>>() {
        if let Some(removal) = parse(&text).and_then(|root| removal(&text, &root, &entry)) {
            text = removal.text;
        }
    }
    text
}

fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// The paths of all SQLite packages: keys of objects and elements of lists.
fn entries(root: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for outer in ["", "pnpm", "workspaces"] {
        let parent = if outer.is_empty() { Some(root) } else { root.get(outer) };
        for (section, packages) in parent.and_then(Value::as_object).into_iter().flatten() {
            if SECTION.is_match(section) {
                let path = [outer, section].map(str::to_owned);
                packages_in(packages, if outer.is_empty() { &path[1..] } else { &path }, &mut found);
            }
        }
    }
    found
}

fn packages_in(section: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
    let below = |key: &str| [path, &[key.to_owned()]].concat();
    for name in section.as_array().into_iter().flatten().filter_map(Value::as_str) {
        if names::is_package(name) {
            found.push(below(name));
        }
    }
    for (key, value) in section.as_object().into_iter().flatten() {
        let alias = value.as_str().and_then(|version| version.strip_prefix("npm:"));
        let is_package = |key: &str| names::is_package(names::package_of_key(key));
        if is_package(key) || alias.is_some_and(is_package) {
            found.push(below(key));
        } else {
            packages_in(value, &below(key), found);
        }
    }
}

struct Removal {
    name_start: usize,
    text: String,
}

/// Removes one entry, with the comma that separates it from its neighbour.
fn removal(text: &str, root: &Value, path: &[String]) -> Option<Removal> {
    let (name, parents) = path.split_last()?;
    let mut expected = root.clone();
    match parents.iter().try_fold(&mut expected, |value, key| value.get_mut(key))? {
        Value::Array(items) => items.retain(|item| item != name),
        Value::Object(members) => _ = members.remove(name)?,
        _ => return None,
    }
    let name = regex::escape(&Value::from(name.as_str()).to_string());
    let value = r#"(?:\s*:\s*(?:"(?:[^"\\]|\\.)*"|\{[^{}]*\}))?"#;
    let entry = Regex::new(&format!(r"(,?\s*){name}{value}(\s*,?\s*)")).ok()?;
    entry.captures_iter(text).find_map(|found| {
        let (before, after) = (found.get(1)?, found.get(2)?);
        let kept = match (before.as_str().starts_with(','), after.as_str().contains(',')) {
            (_, true) => before.as_str(),
            (true, false) => after.as_str(),
            (false, false) => "",
        };
        let head = text.get(..before.start())?;
        let candidate = [head, kept, text.get(after.end()..)?].concat();
        (parse(&candidate)? == expected).then_some(Removal { name_start: before.end(), text: candidate })
    })
}

/// Whether a shell command works on SQLite.
fn runs_sqlite(command: &str) -> bool {
    let mut words = command.split(|each: char| each.is_whitespace() || "\"'=;&|".contains(each));
    command.to_ascii_lowercase().contains("sqlite")
        || names::variables(command).next().is_some()
        || words.any(|word| names::is_address(word) || names::is_certain_file_name(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_in_every_section() {
        for (json, expected) in [
            (r#"{"dependencies":{"sqlite3":"^9"}}"#, r#"Listed("sqlite3", "dependencies") true"#),
            (r#"{"devDependencies":{"libsql":"7","a":"5"}}"#, r#"Listed("libsql", "devDependencies") true"#),
            (r#"{"overrides":{"a":{"sqlite@^9":"9"}}}"#, r#"Listed("sqlite@^9", "overrides.a") true"#),
            (r#"{"resolutions":{"**/sqlite":"9"}}"#, r#"Listed("**/sqlite", "resolutions") true"#),
            (
                r#"{"pnpm":{"onlyBuiltDependencies":["sqlite3","esbuild"]}}"#,
                r#"Listed("sqlite3", "pnpm.onlyBuiltDependencies") true"#,
            ),
            (
                r#"{"peerDependenciesMeta":{"@libsql/client":{"optional":true}}}"#,
                r#"Listed("@libsql/client", "peerDependenciesMeta") true"#,
            ),
            (r#"{"dependencies":{"db":"npm:sqlite3@9"}}"#, r#"Listed("db", "dependencies") true"#),
            // Listed twice, or with an escape: left to a person.
            (r#"{"dependencies":{"sqlite":"1","sqlite":"2"}}"#, r#"Listed("sqlite", "dependencies") false"#),
            (r#"{"dependencies":{"sqlit\u0065":"1"}}"#, r#"Listed("sqlite", "dependencies") false"#),
            (r#"{"scripts":{"rebuild":"npm rebuild better-sqlite3"}}"#, r#"Script("rebuild") false"#),
            (r#"{"scripts":{"reset":"rm -f data/hyperpage.db"}}"#, r#"Script("reset") false"#),
            (r#"{"description":"Dashboard on SQLite"}"#, "Mention(1) false"),
            (r#"{"dependencies":{"pg":"8"},"scripts":{"db:push":"drizzle-kit push"}}"#, ""),
            (r#"{"dependencies":"better-sqlite3"}"#, ""),
            ("[]", ""),
            ("{,}", "InvalidJson false"),
        ] {
            let hit = |(_, _, fact, is_mechanical)| format!("{fact:?} {is_mechanical}");
            assert_eq!(hits(json).into_iter().map(hit).collect::<String>(), expected, "{json}");
        }
    }

    #[test]
    fn every_other_byte_stays() {
        for (text, removed) in [
            (
                "{\n  \"name\": \"sqlite3\",\n  \"dependencies\": {\n    \"sqlite3\": \"9\",\n    \"c\": \"1\"\n  }\n}\n",
                "\n    \"sqlite3\": \"9\",",
            ),
            (
                "{\r\n\t\"dependencies\": {\r\n\t\t\"a\": \"1\",\r\n\t\t\"sqlite\": \"9\",\r\n\t\t\"libsql\": \"1\"\r\n\t}\r\n}",
                ",\r\n\t\t\"sqlite\": \"9\",\r\n\t\t\"libsql\": \"1\"",
            ),
            ("{\"dependencies\": { \"sqlite3\" : \"1\" }, \"x\": 1.0e5}", " \"sqlite3\" : \"1\" "),
            ("{\"trustedDependencies\":[\"sqlite3\", \"esbuild\"]}", "\"sqlite3\", "),
            ("\u{feff}{\"dependencies\":{\"sqlite\":\"1\",\"pg\":\"8\"}}", "\"sqlite\":\"1\","),
            ("{\"dependencies\":{\"pg\":\"8\"}}", "nothing"),
            ("{ not json better-sqlite3", "nothing"),
        ] {
            assert_eq!(without_sqlite(text), text.replacen(removed, "", 1));
        }
    }
}
