//! Finds what only works with SQLite in source code: imports, calls, types, SQL in strings, variables. A table of patterns is
//! applied to the code without its comments. It is no parser, and where a name alone could mean something else, it finds nothing.

use crate::finding::{Fact, Hit, Kind};
use crate::text::{Lines, Pattern, blanked};
use crate::{names, sql};
use regex::Captures;
use std::ops::Range;

/// Comments, regular expressions, strings and escapes, so that none is mistaken for another. Each alternative ends at the next of
/// its closing marks, so that no source takes more than linear time.
static TOKEN: Pattern = Pattern::new(concat!(
    r"(?P<comment>//[^\n]*|/\*[\s\S]*?(?:\*/|\z)|\A#![^\n]*)|\\.",
    r"|(?:[(,=:\[!&|?{;+]|\b(?:return|case|typeof))\s*/(?:[^/*\\\n]|\\.)(?:[^/\\\n]|\\.)*/",
    r#"|(?P<string>'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"|`(?:[^`\\]|\\[\s\S])*`)"#
));
/// A string that may name a module or a dialect, and what precedes it.
static MODULE: Pattern = Pattern::new(concat!(
    r#"(?:(?P<import>\b(?:im|ex)port\s+[^;'"`()]*?\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\s*\(\s*|\bdeclare\s+module\s+)"#,
    r"|(?P<mock>\b(?:(?:do|un|dont|set)?[mM]ock|unstable_mockModule|(?:require|import)(?:Actual|Mock))\s*(?:<[^>'\x22`]*>)?\(\s*)",
    r#"|\b(?P<setting>dialect|driver|provider|client)["']?\s*:\s*)?"#,
    r#"['"`](?P<name>[\w@./:-]*(?:sqlite|libsql|sql\.js|sql-js|/d1|d1-http|turso)[\w@./:-]*)['"`]"#
));
static DIALECT: Pattern = Pattern::new(r"^(?:(?:better-)?sqlite3?|turso|libsql|d1-http)$");
/// A string that may be a path or the address of a database.
static PATH: Pattern = Pattern::new(
    r#"['"`]((?:sqlite3?|libsql|file::memory):[^'"`\s]*|[^'"`\s(),;]*\.(?i:db3?|sqlite3?)(?:\?[^'"`\s]*)?)['"`]"#,
);

type Rule = (Pattern, Kind, fn(String) -> Fact);
static RULES: [Rule; 4] = [
    (
        Pattern::new(r"\b(sqliteTable|sqliteTableCreator|sqliteView)\s*(?:<[^<>]*>)?\("),
        Kind::Schema,
        Fact::Definition,
    ),
    (Pattern::new(r"\.pragma\s*\("), Kind::Code, |_| Fact::Pragma),
    (
        Pattern::new(r"\b((?:Any|Base)?SQLite3?[A-Z]\w*|BetterSQLite3[A-Z]\w*|LibSQL[A-Z]\w*)\b"),
        Kind::Code,
        Fact::Type,
    ),
    (Pattern::new(r#"['"`]:memory:['"`]"#), Kind::Code, |_| Fact::InMemory),
];

/// The findings in one source file; `file_name` identifies the configuration files of known tools.
pub(crate) fn hits(source: &str, file_name: &str) -> Vec<Hit> {
    let lines = Lines::of(source);
    let (comments, strings) = tokens(source);
    let code = blanked(source, comments);
    let mut hits: Vec<Hit> = Vec::new();
    let mut hit = |at, kind, fact| hits.push((lines.line(at), kind, fact, false));
    let (mut clauses, mut is_sqlite_module) = (Vec::new(), false);
    for groups in MODULE.all(&code) {
        let (Some(clause), Some(name)) = (groups.get(0), groups.name("name")) else { continue };
        let Some((kind, fact)) = module(&groups, name.as_str(), file_name) else { continue };
        is_sqlite_module |= !matches!(fact, Fact::Dialect(..));
        hit(name.start(), kind, fact);
        clauses.push(clause.range());
    }
    let code = blanked(&code, clauses);
    for (pattern, kind, fact) in &RULES {
        pattern.found(&code).for_each(|(at, found)| hit(at, *kind, fact(found.to_owned())));
    }
    for (at, path) in PATH.found(&code) {
        let path = path.split('?').next().unwrap_or(path);
        let name = names::last_segment(path);
        let is_path = names::is_address(path) || names::is_certain_file_name(name);
        if is_path || (is_sqlite_module && names::is_file_name(name)) {
            hit(at, Kind::Code, Fact::DatabasePath);
        }
    }
    for (at, name) in names::variables(&code) {
        hit(at, Kind::Environment, Fact::VariableRead(name.to_owned()));
    }
    names::result_codes(&code).for_each(|(at, name)| hit(at, Kind::Code, Fact::ResultCode(name.to_owned())));
    sql::in_strings(&strings).for_each(|(at, construct)| hit(at, Kind::Code, Fact::Sql(construct)));
    hits
}

/// Where the comments are, and a copy of the source with nothing but its strings.
fn tokens(source: &str) -> (Vec<Range<usize>>, String) {
    let (mut comments, mut others, mut end) = (Vec::new(), Vec::new(), 0);
    for token in TOKEN.all(source) {
        comments.extend(token.name("comment").map(|comment| comment.range()));
        if let Some(string) = token.name("string") {
            others.push(end..string.start());
            end = string.end();
        }
    }
    others.push(end..source.len());
    (comments, blanked(source, others))
}

/// The finding for a string that names a module or a dialect.
fn module(groups: &Captures<'_>, name: &str, file_name: &str) -> Option<(Kind, Fact)> {
    let has = |group: &str| groups.name(group).is_some();
    if let Some(setting) = groups.name("setting").filter(|_| DIALECT.is_match(name)) {
        let kind = if file_name.starts_with("drizzle") { Kind::Schema } else { Kind::Code };
        return Some((kind, Fact::Dialect(setting.as_str().to_owned(), name.to_owned())));
    }
    if !names::is_module(name) {
        return None;
    }
    let name = name.to_owned();
    match () {
        () if has("import") => Some((Kind::Import, Fact::Imported(name))),
        () if has("mock") => Some((Kind::Import, Fact::Mocked(name))),
        () if file_name.starts_with("next.config.") => Some((Kind::Dependency, Fact::NextConfig(name))),
        // `'sqlite'` alone can be a name that the app itself gave to something.
        () if name == "sqlite" || name == "sqlite3" => None,
        () => Some((Kind::Code, Fact::ModuleName(name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(source: &str, facts: &[Fact]) {
        let found: Vec<Fact> = hits(source, "a.tsx").into_iter().map(|(_, _, fact, _)| fact).collect();
        assert_eq!(found, facts, "{source}");
    }

    #[test]
    fn modules_in_every_position() {
        for source in [
            "import pg from 'pg'\nimport Database from 'better-sqlite3'",
            "import type { Database } from \"better-sqlite3\";",
            "import 'better-sqlite3'",
            "import {\n  type SQLiteColumn,\n} from 'better-sqlite3'",
            "const D = require('better-sqlite3')",
            "require.resolve('better-sqlite3')",
            "const D = await import(`better-sqlite3`)",
            "type D = import('better-sqlite3').Database",
            "export { sqliteTable } from 'better-sqlite3'",
            "export * from 'better-sqlite3'",
            "declare module 'better-sqlite3' {}",
            "x.replace(/^file:\\/\\//, '');import 'better-sqlite3'",
        ] {
            expect(source, &[Fact::Imported("better-sqlite3".into())]);
        }
        for source in
            ["jest.mock('better-sqlite3', () => ({}))", "await vi.importActual<T>('better-sqlite3')"]
        {
            expect(source, &[Fact::Mocked("better-sqlite3".into())]);
        }
        expect("['better-sqlite3']", &[Fact::ModuleName("better-sqlite3".into())]);
        let next = hits(
            "export default {\n  serverExternalPackages: ['sharp', 'better-sqlite3'],\n}",
            "next.config.mjs",
        );
        assert_eq!(next, [(2, Kind::Dependency, Fact::NextConfig("better-sqlite3".into()), false)]);
        assert_eq!(hits("x = { driver: 'better-sqlite' }", "drizzle.config.ts")[0].1, Kind::Schema);
    }

    #[test]
    fn code_that_only_works_with_sqlite() {
        let text = str::to_owned;
        for (source, fact) in [
            ("export const jobs = sqliteTable('jobs', {})", Fact::Definition(text("sqliteTable"))),
            ("db.pragma('journal_mode = WAL')", Fact::Pragma),
            ("let db: BetterSQLite3Database", Fact::Type(text("BetterSQLite3Database"))),
            ("process.env.DATABASE_PATH ?? x", Fact::VariableRead(text("DATABASE_PATH"))),
            ("process.env['SQLITE_FILE']", Fact::VariableRead(text("SQLITE_FILE"))),
            ("if (e.code === 'SQLITE_BUSY')", Fact::ResultCode(text("SQLITE_BUSY"))),
            ("open(':memory:')", Fact::InMemory),
            ("new Database('./data/hyperpage.db')", Fact::DatabasePath),
            ("new Database(`${folder}/app.db?mode=ro`)", Fact::DatabasePath),
            ("path.join(process.cwd(), 'data', 'hyperpage.db')", Fact::DatabasePath),
            ("sql`(unixepoch() * 1000)`", Fact::Sql(text("unixepoch()"))),
            ("db.all(`SELECT 1\nFROM sqlite_master`)", Fact::Sql(text("sqlite_master"))),
            ("'PRAGMA journal_mode = WAL'", Fact::Sql(text("PRAGMA journal_mode"))),
            ("'INSERT OR REPLACE INTO app_state'", Fact::Sql(text("INSERT OR REPLACE"))),
            ("const o = { dialect: 'sqlite' }", Fact::Dialect(text("dialect"), text("sqlite"))),
            ("a = b / c; s = \"it's\"; // no\nopen(':memory:')", Fact::InMemory),
            ("<p>Don't</p>\nopen(':memory:') // 'no'", Fact::InMemory),
        ] {
            expect(source, &[fact]);
        }
    }

    #[test]
    fn nothing_is_found_where_it_could_be_something_else() {
        for source in [
            "// import Database from 'better-sqlite3'",
            "/* sqliteTable('x') reads process.env.DATABASE_PATH */",
            "x = /['\"`]/.test(y) // 'better-sqlite3'",
            "/* never closed 'better-sqlite3'",
            "'https://not.a.comment' // 'better-sqlite3'",
            "import { pgTable } from 'drizzle-orm/pg-core'",
            "import { db } from './sqlite'",
            "import { db } from '@/lib/sqlite'",
            "const engine = 'sqlite'",
            "label('We left SQLite behind, SQLite3 too')",
            "db.pragmas(); pragma('x'); datetime('x')",
            "const sqliteTable = 1",
            "fetch('https://example.com/a.sqlite3/x')",
            "this.db; 'thumbs.db'; 'x'+ctx.db+'y'",
            "const o = { dialect: 'postgresql', driver: 'pg' }",
            "<p>We don't use SQLite, it's gone</p>",
            "'Please insert or replace the card without rowid, pragma for the compiler'",
            "headers.set('Pragma', 'no-cache')",
        ] {
            expect(source, &[]);
        }
    }

    #[test]
    fn hostile_sources_take_linear_time() {
        for pattern in ["`${", "'\\", "\"\\'", "=/[", "}", "`", "\\", "import ", "export {", "'sqlite/"] {
            hits(&(pattern.repeat(400_000) + &"}".repeat(400_000)), "a.ts");
        }
    }
}
