//! Reads texts that are no code line by line: docs, pipelines, scripts, image definitions, manifests, templates of charts. There
//! every line that speaks of SQLite has to change, comments included; only scripts keep theirs.

use super::evidence::{Evidence, paths};
use super::finding::{Hit, Kind};
use super::names;
use super::text::{contains_ignoring_case, numbered, runs, words};

/// What kind of text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prose {
    /// Documentation.
    Docs,
    /// A pipeline.
    Ci,
    /// An image, compose, Kubernetes or other definition of a deployment.
    Manifest,
    /// A shell script or makefile.
    Script,
}

/// Packages of Linux distributions that are SQLite.
const SYSTEM_PACKAGES: [&str; 6] =
    ["sqlite", "sqlite3", "sqlite-dev", "sqlite-libs", "libsqlite3-dev", "libsqlite3-0"];
/// Packages that an image needs to compile a native module.
const BUILD_TOOLS: [&str; 5] = ["g++", "build-base", "build-essential", "node-gyp", "make"];

/// What is left in a text; at most one hit for a line, and none for the lines in `known`.
pub(crate) fn hits(text: &str, prose: Prose, evidence: &Evidence, known: &[usize]) -> Vec<Hit> {
    let lines = numbered(text).filter(|(number, _)| !known.contains(number));
    let image = prose == Prose::Manifest && text.lines().any(|line| line.trim_start().starts_with("FROM "));
    lines
        .filter_map(|(number, line)| {
            in_line(line, prose, image, evidence)
                .map(|(kind, what, remedy)| Hit::new(number, kind, what, remedy))
        })
        .collect()
}

type Found = (Kind, String, &'static str);

fn in_line(line: &str, prose: Prose, image: bool, evidence: &Evidence) -> Option<Found> {
    let comment = line.trim_start().starts_with('#');
    if prose == Prose::Script && comment {
        return None;
    }
    if prose == Prose::Docs {
        let speaks =
            says_sqlite(line) || words(line).any(names::variable) || file_in(line, evidence).is_some();
        let remedy = "say how it is with PostgreSQL, or remove it";
        return speaks.then(|| (Kind::Docs, "speaks of SQLite".to_owned(), remedy));
    }
    variable(line)
        .or_else(|| if comment { None } else { system_package(line, image, evidence) })
        .or_else(|| mention(line, prose, comment, evidence))
}

/// A variable, its address, or a setting of a chart that becomes one.
fn variable(line: &str) -> Option<Found> {
    let remedy = "remove it, as the app reaches PostgreSQL through `DATABASE_URL` or `POSTGRES_*`";
    if let Some(name) = words(line).find(|word| names::variable(word)) {
        return Some((Kind::Environment, format!("has `{name}`"), remedy));
    }
    let mut values =
        runs(line, |each| !each.is_whitespace() && !"\"'`=,".contains(each)).map(|(_, value)| value);
    if values.any(|value| value.contains(':') && !value.starts_with(['/', '.']) && scheme(value)) {
        return Some((Kind::Environment, "has the address of a SQLite file".to_owned(), remedy));
    }
    let setting = runs(line, |each| each.is_ascii_alphanumeric() || matches!(each, '_' | '-'))
        .map(|(_, word)| word)
        .find(|word| word.replace(['-', '_'], "").eq_ignore_ascii_case("databasepath"))?;
    Some((Kind::Environment, format!("has `{setting}`"), remedy))
}

fn scheme(value: &str) -> bool {
    ["file:", "sqlite:", "sqlite3:", "libsql:"].iter().any(|each| value.starts_with(each))
        && names::address(value)
}

/// What an image or a pipeline installs for SQLite, or to compile a module for it.
fn system_package(line: &str, image: bool, evidence: &Evidence) -> Option<Found> {
    let packages =
        runs(line, |each| !each.is_whitespace() && !"\"'`=;&|,()[]".contains(each)).map(|(_, word)| word);
    let installs = ["apk ", "apt-get ", "apt ", "yum ", "dnf "].iter().any(|each| line.contains(each));
    let continued = image && !line.trim_start().starts_with(|each: char| each.is_ascii_uppercase());
    if !installs && !continued {
        return None;
    }
    let sqlite = |word: &&str| SYSTEM_PACKAGES.contains(word);
    let compiles = |word: &&str| image && evidence.native_module && BUILD_TOOLS.contains(word);
    let found: Vec<&str> = packages.filter(|word| sqlite(word) || compiles(word)).collect();
    let remedy = match (found.iter().any(sqlite), found.iter().any(compiles)) {
        (false, false) => return None,
        (true, false) => "remove it",
        (_, true) => "remove it, with build tools that no other native module needs",
    };
    let quoted: Vec<String> = found.iter().map(|name| format!("`{name}`")).collect();
    Some((Kind::Dependency, format!("installs {}", quoted.join(", ")), remedy))
}

fn mention(line: &str, prose: Prose, comment: bool, evidence: &Evidence) -> Option<Found> {
    let (kind, remedy) = match prose {
        Prose::Ci => (Kind::Ci, "remove it, or run it against a PostgreSQL service"),
        Prose::Script => (Kind::Code, "remove it, or write it for PostgreSQL"),
        Prose::Manifest | Prose::Docs => (Kind::Manifest, "remove it"),
    };
    if comment {
        return says_sqlite(line)
            .then(|| (kind, "a comment speaks of SQLite".to_owned(), "say PostgreSQL, or remove it"));
    }
    if let Some(name) = file_in(line, evidence) {
        return Some((kind, format!("names the SQLite file `{name}`"), remedy));
    }
    if says_sqlite(line) {
        return Some((kind, "speaks of SQLite".to_owned(), remedy));
    }
    let folder = paths(line)
        .find(|path| path.starts_with('/') && evidence.holds(path))
        .filter(|_| prose != Prose::Ci)?;
    Some((
        kind,
        format!("has `{folder}`, the folder of the SQLite file"),
        "remove it, unless something else lies there",
    ))
}

fn says_sqlite(line: &str) -> bool {
    contains_ignoring_case(line, "sqlite") || words(line).any(|word| word.eq_ignore_ascii_case("libsql"))
}

/// The name of the database in a line.
fn file_in<'a>(line: &'a str, evidence: &Evidence) -> Option<&'a str> {
    paths(line).map(names::last_segment).find(|name| evidence.is_file(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str, prose: Prose) -> Vec<String> {
        let mut evidence = Evidence::new();
        evidence.native_module = true;
        evidence.resolve();
        hits(line, prose, &evidence, &[]).into_iter().map(|hit| hit.what).collect()
    }

    #[test]
    fn one_line_at_a_time() {
        for (prose, line, wanted) in [
            (Prose::Docs, "Hyperpage stores jobs in SQLite.", vec!["speaks of SQLite"]),
            (Prose::Docs, "Copy `data/hyperpage.db` first.", vec!["speaks of SQLite"]),
            (Prose::Docs, "Set DATABASE_PATH.", vec!["speaks of SQLite"]),
            (Prose::Docs, "PostgreSQL only, through `ctx.db` and DATABASE_URL.", vec![]),
            (Prose::Ci, "      DATABASE_PATH: ./ci.db", vec!["has `DATABASE_PATH`"]),
            (Prose::Ci, "  - run: npm rebuild better-sqlite3", vec!["speaks of SQLite"]),
            (Prose::Ci, "  - run: sudo apt-get install -y sqlite3", vec!["installs `sqlite3`"]),
            (Prose::Ci, "  # SQLite needs this", vec!["a comment speaks of SQLite"]),
            (Prose::Ci, "  path: data/hyperpage.db", vec!["names the SQLite file `hyperpage.db`"]),
            (Prose::Ci, "  DATABASE_URL: postgres://ci:ci@localhost/ci", vec![]),
            (Prose::Manifest, "  DATABASE_URL: \"file:./dev.db\"", vec!["has the address of a SQLite file"]),
            (Prose::Manifest, "  databasePath: {{ .Values.path }}", vec!["has `databasePath`"]),
            (Prose::Manifest, "  name: hyperpage-sqlite", vec!["speaks of SQLite"]),
            (
                Prose::Manifest,
                "  mountPath: /app/data",
                vec!["has `/app/data`, the folder of the SQLite file"],
            ),
            (Prose::Manifest, "  mountPath: /var/lib/postgresql/data", vec![]),
            (Prose::Manifest, "  host: main.db.internal", vec![]),
            (
                Prose::Manifest,
                "FROM node\nRUN apk add --no-cache python3 make g++",
                vec!["installs `make`, `g++`"],
            ),
            (Prose::Manifest, "FROM node\nRUN make build", vec![]),
            (Prose::Manifest, "FROM node\nRUN apk add \\\n    sqlite-dev", vec!["installs `sqlite-dev`"]),
            (Prose::Script, "sqlite3 data/hyperpage.db .dump", vec!["names the SQLite file `hyperpage.db`"]),
            (Prose::Script, "# once sqlite", vec![]),
            (Prose::Script, "psql \"$DATABASE_URL\"", vec![]),
        ] {
            assert_eq!(found(line, prose), wanted, "{line}");
        }
    }

    #[test]
    fn known_lines_are_left_out() {
        assert_eq!(hits("sqlite\nsqlite", Prose::Ci, &Evidence::new(), &[1]).len(), 1);
    }
}
