//! The repository's rules that formatter and linter do not check. Each finding names the line, the problem and what to do. Files that
//! git ignores are not checked.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/quotes.rs"]
mod quotes;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Maximum length of a source file, in lines.
const LINES_MAX: usize = 450;

/// Exceptions from that limit, each with the reason.
const LONG_FILES: [(&str, &str); 3] = [
    ("fixtures/tests/hostile.rs", "a table of databases and what each of them proves"),
    ("row-mover/tests/it/expressions/cases.rs", "a table of expressions and what becomes of each"),
    ("fixtures/tests/sample.rs", "a table of the sample's values and what each of them proves"),
];

/// What to do about an exception that is none.
const UNLIST: &str = "take it out of LONG_FILES in xtask/tests/tidy.rs";

/// Words that mark unfinished work, with the remedy. Split in two, so that this file does not match.
const UNFINISHED: [(&str, &str); 6] = [
    (concat!("to", "do!"), "write it, or return an error"),
    (concat!("unimple", "mented!"), "write it, or return an error"),
    (concat!("db", "g!"), "take it out"),
    (concat!("FIX", "ME"), "fix it, or say in a sentence what holds today"),
    (concat!("TO", "DO"), "do it, or say in a sentence what holds today"),
    (concat!("X", "XX"), "fix it, or say in a sentence what holds today"),
];

/// The first bytes of a SQLite file.
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

/// Usual file extensions of databases.
const DATABASE_EXTENSIONS: [&str; 8] =
    ["db", "db-journal", "db-shm", "db-wal", "sqlite", "sqlite-shm", "sqlite-wal", "sqlite3"];

/// Files with text by people; other files (snapshots, lock files) are generated.
const SOURCE_EXTENSIONS: [&str; 11] =
    ["rs", "toml", "md", "sql", "sh", "yml", "yaml", "json", "ts", "py", "rb"];

/// A violation of a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    problem: String,
    remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.problem, self.remedy)
    }
}

/// The findings in one file.
struct Findings<'a> {
    path: &'a str,
    found: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, line: usize, problem: impl Into<String>, remedy: impl Into<String>) {
        let path = self.path.to_owned();
        self.found.push(Finding { path, line, problem: problem.into(), remedy: remedy.into() });
    }
}

/// Applies all rules to one file.
fn check(path: &str, content: &[u8]) -> Vec<Finding> {
    let mut findings = Findings { path, found: Vec::new() };
    no_database(content, &mut findings);
    if path.starts_with(".ci/") || extension(path).is_some_and(|found| SOURCE_EXTENSIONS.contains(&found)) {
        match str::from_utf8(content) {
            Ok(text) => check_source(text, &mut findings),
            Err(error) => {
                let line_feeds = content[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
                findings.add(line_feeds + 1, "not UTF-8", "save it as UTF-8");
            }
        }
    }
    findings.found
}

fn check_source(text: &str, findings: &mut Findings<'_>) {
    clean_blanks(text, findings);
    nothing_unfinished(text, findings);
    if findings.path.ends_with(".rs") && !text.starts_with("// @generated") {
        opens_with_docs(text, findings);
        not_too_long(text, findings);
        if findings.path.starts_with("postgres-client/src/") || findings.path.starts_with("row-mover/src/") {
            names_no_command(text, findings);
        }
    }
    if findings.path.ends_with("/Cargo.toml") {
        uses_workspace_lints(text, findings);
    }
}

fn no_database(content: &[u8], findings: &mut Findings<'_>) {
    let is_named_so = extension(findings.path).is_some_and(|found| DATABASE_EXTENSIONS.contains(&found));
    if is_named_so || content.starts_with(SQLITE_MAGIC) {
        findings.add(1, "a database file", "take it out of git; tests make their databases from SQL");
    }
}

fn clean_blanks(text: &str, findings: &mut Findings<'_>) {
    for (index, line) in text.split('\n').enumerate() {
        if line.contains('\t') {
            findings.add(index + 1, "a tab", "use spaces, or \\t in a string");
        }
        if line.ends_with('\r') {
            findings.add(index + 1, "a carriage return", "end lines with a line feed alone");
        } else if line.ends_with([' ', '\t']) {
            findings.add(index + 1, "blanks at the end of the line", "take them out");
        }
    }
    // Drizzle ends its files in `meta` without a line feed, and so do those that we generate.
    if !text.is_empty() && !text.ends_with('\n') && !findings.path.contains("/drizzle/meta/") {
        findings.add(text.lines().count(), "no line feed at the end of the file", "add one");
    }
    if text.ends_with("\n\n") {
        findings.add(text.lines().count(), "blank lines at the end of the file", "take them out");
    }
}

fn nothing_unfinished(text: &str, findings: &mut Findings<'_>) {
    for (index, line) in text.lines().enumerate() {
        for (word, remedy) in UNFINISHED {
            if has_word(line, word) {
                findings.add(index + 1, format!("`{word}`"), remedy);
            }
        }
    }
}

/// Whether the line contains the word, and not only as part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let after = &line[start + word.len()..];
        !line[..start].ends_with(is_part) && (word.ends_with('!') || !after.starts_with(is_part))
    })
}

fn opens_with_docs(text: &str, findings: &mut Findings<'_>) {
    let first = text.lines().next().unwrap_or_default();
    if first.strip_prefix("//! ").is_none_or(|words| words.trim().is_empty()) {
        findings.add(1, "the file does not say what it is for", "open it with a line `//! …`");
    }
}

fn not_too_long(text: &str, findings: &mut Findings<'_>) {
    let lines = text.lines().count();
    let is_known = LONG_FILES.iter().any(|(known, _)| *known == findings.path);
    if lines > LINES_MAX && !is_known {
        let remedy = "split it by what its parts know, or list it in xtask/tests/tidy.rs with the reason";
        findings.add(LINES_MAX + 1, format!("{lines} lines, where {LINES_MAX} are enough"), remedy);
    } else if lines <= LINES_MAX && is_known {
        findings.add(1, "listed as a long file and not long", UNLIST);
    }
}

fn names_no_command(text: &str, findings: &mut Findings<'_>) {
    let names = ["cargo xtask", "mapping.toml", " --", "`--"];
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        if let Some(name) = names.iter().find(|name| line.contains(**name)) {
            findings.add(index + 1, format!("names `{name}`"), "return a value that xtask words");
        }
    }
}

fn uses_workspace_lints(text: &str, findings: &mut Findings<'_>) {
    let uses = |manifest: &toml::Table| manifest.get("lints")?.get("workspace")?.as_bool();
    match text.parse::<toml::Table>() {
        Ok(manifest) if uses(&manifest) == Some(true) => {}
        Ok(_) => {
            findings.add(1, "the lints of the workspace are not used", "add [lints] with workspace = true")
        }
        Err(error) => findings.add(1, format!("no TOML ({})", error.message()), "fix it"),
    }
}

fn extension(path: &str) -> Option<&str> {
    Path::new(path).extension()?.to_str()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Returns the files that git tracks or would add, without deleted ones.
fn files(root: &Path) -> Vec<String> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "-C"])
        .arg(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
        .output()
        .unwrap();
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    names.split_terminator('\0').filter(|name| root.join(name).is_file()).map(str::to_owned).collect()
}

#[test]
fn the_repository_is_tidy() {
    let root = root();
    let files = files(&root);
    assert!(
        files.iter().any(|path| path == "xtask/tests/tidy.rs"),
        "the list of files is not the repository's"
    );
    let mut findings: Vec<Finding> =
        files.iter().flat_map(|path| check(path, &fs::read(root.join(path)).unwrap())).collect();
    for (path, _) in LONG_FILES.iter().filter(|(path, _)| !files.iter().any(|file| file == path)) {
        let mut gone = Findings { path, found: Vec::new() };
        gone.add(1, "listed as a long file and not there", UNLIST);
        findings.extend(gone.found);
    }
    let list: String = findings.iter().map(|finding| format!("\n{finding}")).collect();
    assert!(findings.is_empty(), "{list}\n");
}

#[test]
fn every_crate_is_a_member_of_the_workspace() {
    let root = root();
    let manifest: toml::Table = fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let listed = |key: &str| -> Vec<&str> {
        let list = manifest["workspace"].get(key).and_then(toml::Value::as_array);
        list.into_iter().flatten().filter_map(toml::Value::as_str).collect()
    };
    let files = files(&root);
    let mut crates: Vec<&str> = files.iter().filter_map(|path| path.strip_suffix("/Cargo.toml")).collect();
    crates.retain(|path| !listed("exclude").contains(path));
    crates.sort_unstable();
    assert_eq!(listed("members"), crates, "Cargo.toml lists the members in the order of their names");
}

/// Returns the tests that a Markdown page names in a table cell, as `FILE` followed by `NAME` in backticks: (file, name).
fn named_tests(page: &str) -> Vec<(&str, &str)> {
    let mut named = Vec::new();
    for cell in page.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('|')) {
        let mut file = None;
        for code in cell.split('`').skip(1).step_by(2) {
            match file {
                _ if code.ends_with(".rs") => file = Some(code),
                Some(file) => named.push((file, code)),
                None => {}
            }
        }
    }
    named
}

#[test]
fn every_test_that_security_names_exists() {
    let root = root();
    let page = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let named = named_tests(&page);
    assert!(named.len() >= 30, "SECURITY.md names {} tests", named.len());
    for (file, name) in named {
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        let is_test = text
            .split("#[test]")
            .skip(1)
            .any(|after| after.split("fn ").nth(1).is_some_and(|rest| rest.starts_with(&format!("{name}("))));
        assert!(is_test, "SECURITY.md names the test {name} in {file}, which has none of that name");
    }
}

/// Returns the findings in a file, as text.
#[track_caller]
fn expect(path: &str, content: impl AsRef<[u8]>, expected: &[&str]) {
    let found: Vec<String> = check(path, content.as_ref()).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_tidy_file_has_no_findings() {
    expect("a/src/lib.rs", "//! What it is for.\n\nfn main() {}\n", &[]);
    expect("a/src/schema.rs", format!("// @generated by a command\n{}", "x\n".repeat(2000)), &[]);
    expect("a/Cargo.toml", "[lints]\nworkspace = true\n", &[]);
    expect("a/tests/x.snap", "text \twith blanks ", &[]);
    expect("a/empty.sql", "", &[]);
    expect("a/drizzle/meta/_journal.json", "{}", &[]);
    expect("Cargo.toml", "[workspace]\n", &[]);
}

#[test]
fn blanks_are_found() {
    expect("a.rs", "//! What.\n\tx\n", &["a.rs:2: a tab: use spaces, or \\t in a string"]);
    expect("a.md", "x \n", &["a.md:1: blanks at the end of the line: take them out"]);
    expect("a.sql", "x\r\n", &["a.sql:1: a carriage return: end lines with a line feed alone"]);
    expect(".ci/run", "x", &[".ci/run:1: no line feed at the end of the file: add one"]);
    expect("a.toml", "x = 1\n\n\n", &["a.toml:3: blank lines at the end of the file: take them out"]);
    expect("a.md", b"x\ny\xff\n", &["a.md:2: not UTF-8: save it as UTF-8"]);
}

#[test]
fn unfinished_work_is_found() {
    for (word, remedy) in UNFINISHED {
        let expected = format!("a.rs:2: `{word}`: {remedy}");
        expect("a.rs", format!("//! What.\nx {word} \"y\"\n"), &[&expected]);
    }
    for innocent in ["XXXX", "my_todo!", "FIXMES", "a todo list", "prefix_XXX"] {
        expect("a.rs", format!("//! What.\n{innocent}\n"), &[]);
    }
}

#[test]
fn a_command_in_the_engine_is_found() {
    let expected = "row-mover/src/a.rs:2: names ` --`: return a value that xtask words";
    expect("row-mover/src/a.rs", "//! `--x`\n\"run --x\"\n", &[expected]);
}

#[test]
fn a_file_without_docs_is_found() {
    let expected = "a.rs:1: the file does not say what it is for: open it with a line `//! …`";
    for text in ["fn main() {}\n", "//!\n", "\n//! Late.\n", "// What.\n", ""] {
        expect("a.rs", text, &[expected]);
    }
}

#[test]
fn a_long_file_is_found() {
    let text = |lines: usize| format!("//! What.\n{}", "x\n".repeat(lines - 1));
    let advice = "split it by what its parts know, or list it in xtask/tests/tidy.rs with the reason";
    expect("a.rs", text(450), &[]);
    expect("a.rs", text(451), &[&format!("a.rs:451: 451 lines, where 450 are enough: {advice}")]);
    let (known, _) = LONG_FILES[0];
    expect(known, text(451), &[]);
    expect(known, text(450), &[&format!("{known}:1: listed as a long file and not long: {UNLIST}")]);
}

#[test]
fn a_crate_with_lints_of_its_own_is_found() {
    let expected =
        "a/Cargo.toml:1: the lints of the workspace are not used: add [lints] with workspace = true";
    for text in ["[package]\n", "[lints]\nworkspace = false\n", "[lints.rust]\nunsafe_code = \"deny\"\n"] {
        expect("a/Cargo.toml", text, &[expected]);
    }
    let found = check("a/Cargo.toml", b"[lints\n");
    assert!(found[0].problem.starts_with("no TOML ("), "{found:?}");
}

#[test]
fn a_database_is_found_by_name_and_by_content() {
    let advice = "take it out of git; tests make their databases from SQL";
    for (path, content) in
        [("a/x.db", &b""[..]), ("x.sqlite3", b"text"), ("x.db-wal", b""), ("x.bin", b"SQLite format 3\0...")]
    {
        expect(path, content, &[&format!("{path}:1: a database file: {advice}")]);
    }
}
