//! Reads texts that are not code line by line: docs, pipelines, scripts, image definitions, manifests, templates of charts. Every
//! line that mentions SQLite has to change, comments included; only scripts keep theirs.

use crate::evidence::{Evidence, paths};
use crate::file_class::FileClass;
use crate::finding::{Fact, Hit, Kind};
use crate::names;
use crate::text::{Pattern, numbered};

static MENTION: Pattern = Pattern::new(r"(?i)sqlite|\blibsql\b");
static INSTALL: Pattern = Pattern::new(r"(?:apk|apt|apt-get|yum|dnf) ");
/// Packages of Linux distributions, and those that an image needs to compile a native module.
static SYSTEM_PACKAGE: Pattern =
    Pattern::new("^(?:sqlite3?|sqlite-dev|sqlite-libs|libsqlite3-dev|libsqlite3-0)$");
static BUILD_TOOL: Pattern = Pattern::new(r"^(?:g\+\+|build-base|build-essential|node-gyp|make)$");
static SETTING: Pattern = Pattern::new(r"\b((?i:database[_-]*path))\b");
static URL: Pattern = Pattern::new(r#"(?:^|[\s"'`=,])((?:file|sqlite3?|libsql):[^\s"'`=,]*)"#);

/// The findings in a text: one in docs, else at most one for a line, and none for the lines in `known`.
pub(crate) fn hits(text: &str, class: FileClass, evidence: &Evidence, known: &[usize]) -> Vec<Hit> {
    if class == FileClass::Docs {
        let is_sqlite = |line: &str| {
            MENTION.is_match(line)
                || names::variables(line).next().is_some()
                || file_in(line, evidence).is_some()
        };
        let mut lines = numbered(text).filter(|(_, line)| is_sqlite(line)).map(|(number, _)| number);
        let Some(first) = lines.next() else { return Vec::new() };
        return vec![(first, Kind::Docs, Fact::Mention(1 + lines.count()), false)];
    }
    let is_image =
        class == FileClass::Manifest && text.lines().any(|line| line.trim_start().starts_with("FROM "));
    let hit = |(number, line)| {
        let (kind, fact) = in_line(line, class, is_image, evidence)?;
        Some((number, kind, fact, false))
    };
    numbered(text).filter(|(number, _)| !known.contains(number)).filter_map(hit).collect()
}

fn in_line(line: &str, class: FileClass, is_image: bool, evidence: &Evidence) -> Option<(Kind, Fact)> {
    let is_comment = line.trim_start().starts_with('#');
    if class == FileClass::Script && is_comment {
        return None;
    }
    if let Some((_, name)) = names::variables(line).next() {
        return Some((Kind::Environment, Fact::Variable(name.to_owned())));
    }
    if URL.found(line).any(|(_, url)| names::is_address(url)) {
        return Some((Kind::Environment, Fact::Address));
    }
    if let Some((_, name)) = SETTING.found(line).next() {
        return Some((Kind::Environment, Fact::Variable(name.to_owned())));
    }
    let kind = match class {
        FileClass::Ci => Kind::Ci,
        FileClass::Script => Kind::Code,
        _ => Kind::Manifest,
    };
    if is_comment {
        return MENTION.is_match(line).then_some((kind, Fact::Mention(1)));
    }
    if let Some(fact) = installed(line, is_image, evidence) {
        return Some((Kind::Dependency, fact));
    }
    if let Some(name) = file_in(line, evidence) {
        return Some((kind, Fact::FileName(name.to_owned())));
    }
    if MENTION.is_match(line) {
        return Some((kind, Fact::Mention(1)));
    }
    let folder = paths(line).find(|path| evidence.is_folder(path)).filter(|_| class != FileClass::Ci)?;
    Some((kind, Fact::Folder(folder.to_owned())))
}

/// The system packages that an image or a pipeline installs for SQLite, or to compile a module for it.
fn installed(line: &str, is_image: bool, evidence: &Evidence) -> Option<Fact> {
    let is_continued = is_image && !line.trim_start().starts_with(|each: char| each.is_ascii_uppercase());
    if !is_continued && !INSTALL.is_match(line) {
        return None;
    }
    let words = line.split(|each: char| each.is_whitespace() || "\"'`=;&|,()[]".contains(each));
    let compiles = |word: &&str| is_image && evidence.has_native_module && BUILD_TOOL.is_match(word);
    let packages = words.filter(|word| SYSTEM_PACKAGE.is_match(word) || compiles(word)).map(str::to_owned);
    let packages: Vec<String> = packages.collect();
    (!packages.is_empty()).then_some(Fact::Installed(packages))
}

/// The name of the database in a line.
fn file_in<'a>(line: &'a str, evidence: &Evidence) -> Option<&'a str> {
    paths(line).map(names::last_segment).find(|name| evidence.is_file(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_at_a_time() {
        use FileClass::{Ci, Docs, Manifest, Script};
        let mut evidence = Evidence::new();
        evidence.has_native_module = true;
        evidence.resolve();
        for (class, lines, expected) in [
            (Docs, "Nothing.\nJobs are in SQLite.\n\nCopy `data/hyperpage.db`.", "2 Docs Mention(2)"),
            (Docs, "Set DATABASE_PATH.", "1 Docs Mention(1)"),
            (Docs, "PostgreSQL only, through `ctx.db` and DATABASE_URL.", ""),
            (Ci, "      DATABASE_PATH: ./ci.db", "1 Environment Variable(\"DATABASE_PATH\")"),
            (Ci, "  - run: npm rebuild better-sqlite3", "1 Ci Mention(1)"),
            (Ci, "  - run: sudo apt-get install -y sqlite3", "1 Dependency Installed([\"sqlite3\"])"),
            (Ci, "  # SQLite needs this", "1 Ci Mention(1)"),
            (Ci, "  path: data/hyperpage.db", "1 Ci FileName(\"hyperpage.db\")"),
            (Ci, "  DATABASE_URL: postgres://ci:ci@localhost/ci", ""),
            (Manifest, "  DATABASE_URL: \"file:./dev.db\"", "1 Environment Address"),
            (Manifest, "  databasePath: {{ .Values.path }}", "1 Environment Variable(\"databasePath\")"),
            (Manifest, "  name: hyperpage-sqlite", "1 Manifest Mention(1)"),
            (Manifest, "  mountPath: /app/data", "1 Manifest Folder(\"/app/data\")"),
            (Manifest, "  mountPath: /var/lib/postgresql/data", ""),
            (Manifest, "  host: main.db.internal", ""),
            (Manifest, "FROM x\nRUN apk add python3 make g++", "2 Dependency Installed([\"make\", \"g++\"])"),
            (Manifest, "FROM x\nRUN make build", ""),
            (Manifest, "FROM x\nRUN apk add \\\n  sqlite-dev", "3 Dependency Installed([\"sqlite-dev\"])"),
            (Script, "sqlite3 data/hyperpage.db .dump", "1 Code FileName(\"hyperpage.db\")"),
            (Script, "# once sqlite\npsql \"$DATABASE_URL\"", ""),
        ] {
            let hits = hits(lines, class, &evidence, &[]).into_iter();
            let found: Vec<_> =
                hits.map(|(line, kind, fact, _)| format!("{line} {kind:?} {fact:?}")).collect();
            assert_eq!(found.join(", "), expected, "{lines}");
        }
        assert_eq!(hits("sqlite\nsqlite", Ci, &evidence, &[1]).len(), 1);
    }
}
