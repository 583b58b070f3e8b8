//! Finds what only works with SQLite in source code: imports, calls, types, SQL in strings, variables. A table of patterns is
//! applied to the code without its comments. It is no parser, and where a name alone could mean something else, it finds nothing.

use crate::finding::{Fact, Hit, Kind};
use crate::text::{Lines, Pattern, blanked};
use crate::{calls, names, sql};
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
    r#"(?:(?P<import>\b(?:im|ex)port\s+[^;'"`()]*?\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\s*\(\s*|\bdeclare\s+module\s+"#,
    r"|\b(?:(?:do|un|dont|set)?[mM]ock|unstable_mockModule|(?:require|import)(?:Actual|Mock))\s*(?:<[^>'\x22`]*>)?\(\s*)",
    r#"|\b(?P<setting>dialect|driver|provider|client)["']?\s*:\s*)?"#,
    r#"['"`](?P<name>[\w@./:-]*(?:sqlite|libsql|sql\.js|sql-js|/d1|d1-http|turso)[\w@./:-]*)['"`]"#
));
static DIALECT: Pattern = Pattern::new(r"^(?:(?:better-)?sqlite3?|turso|libsql|d1-http)$");
/// A string that may be a path or the address of a database.
static PATH: Pattern = Pattern::new(
    r#"['"`]((?:sqlite3?|libsql|file::memory):[^'"`\s]*|[^'"`\s(),;]*\.(?i:db3?|sqlite3?)(?:\?[^'"`\s]*)?)['"`]"#,
);

/// Functions, types and values of SQLite libraries.
static NAMES: [(Pattern, Kind); 2] = [
    (Pattern::new(r"\b(sqliteTable|sqliteTableCreator|sqliteView)\s*(?:<[^<>]*>)?\("), Kind::Schema),
    (
        Pattern::new(
            r#"\.(?P<call>pragma)\s*\(|\b(?P<type>(?:Any|Base)?SQLite3?[A-Z]\w*|(?:BetterSQLite3|LibSQL)[A-Z]\w*)\b|['"`](?P<memory>:memory:)['"`]"#,
        ),
        Kind::Code,
    ),
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
    for (pattern, kind) in &NAMES {
        pattern.found(&code).for_each(|(at, name)| hit(at, *kind, Fact::Name(name.to_owned())));
    }
    for (at, path) in PATH.found(&code) {
        let path = path.split('?').next().unwrap_or(path);
        let name = names::last_segment(path);
        let is_path = names::is_address(path) || names::is_certain_file_name(name);
        if is_path || (is_sqlite_module && names::is_file_name(name)) {
            hit(at, Kind::Code, Fact::Address);
        }
    }
    names::variables(&code)
        .for_each(|(at, name)| hit(at, Kind::Environment, Fact::Variable(name.to_owned())));
    names::result_codes(&code).for_each(|(at, name)| hit(at, Kind::Code, Fact::Name(name.to_owned())));
    calls::calls(&code).into_iter().for_each(|(at, name)| hit(at, Kind::Code, Fact::Call(name)));
    sql::placeholders(&strings).for_each(|at| hit(at, Kind::Code, Fact::Placeholders));
    sql::in_strings(&strings).for_each(|(at, construct)| hit(at, Kind::Code, Fact::Sql(vec![construct])));
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
    if let Some(setting) = groups.name("setting").filter(|_| DIALECT.is_match(name)) {
        let kind = if file_name.starts_with("drizzle") { Kind::Schema } else { Kind::Code };
        return Some((kind, Fact::Dialect(setting.as_str().to_owned(), name.to_owned())));
    }
    if !names::is_module(name) {
        return None;
    }
    let kind = match groups.name("import") {
        Some(_) => Kind::Import,
        None if file_name.starts_with("next.config.") => Kind::Dependency,
        // `'sqlite'` alone can be a name that the app itself gave to something.
        None if name == "sqlite" || name == "sqlite3" => return None,
        None => Kind::Code,
    };
    Some((kind, Fact::Module(name.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(file_name: &str, source: &str, expected: &str) {
        let facts =
            hits(source, file_name).into_iter().map(|(_, kind, fact, _)| format!("{kind:?} {fact:?}"));
        assert_eq!(facts.collect::<Vec<_>>().join(", "), expected, "{source}");
    }

    #[test]
    fn modules_in_every_position() {
        for source in [
            "import pg from 'pg'\nimport Database from 'better-sqlite3'",
            "import type { Database } from \"better-sqlite3\";",
            "import 'better-sqlite3'",
            "import {\n  type SQLiteColumn,\n} from 'better-sqlite3'",
            "const D = require('better-sqlite3'), r = /['\"`]/.test(y) // 'sqlite3'",
            "require.resolve('better-sqlite3')",
            "const D = await import(`better-sqlite3`)",
            "type D = import('better-sqlite3').Database",
            "export * from 'better-sqlite3'; export { pgTable } from 'drizzle-orm/pg-core'",
            "declare module 'better-sqlite3' {}",
            "jest.mock('better-sqlite3', () => ({}))",
            "await vi.importActual<T>('better-sqlite3')",
            "x.replace(/^file:\\/\\//, '');import 'better-sqlite3'",
        ] {
            expect("a.tsx", source, "Import Module(\"better-sqlite3\")");
        }
        expect("a.ts", "['better-sqlite3']", "Code Module(\"better-sqlite3\")");
        expect("next.config.mjs", "{ x: ['sharp', 'sqlite3'] }", "Dependency Module(\"sqlite3\")");
        expect("drizzle.config.ts", "{ driver: 'turso' }", "Schema Dialect(\"driver\", \"turso\")");
    }

    #[test]
    fn code_that_only_works_with_sqlite() {
        for (source, expected) in [
            ("x = sqliteTable('jobs', {})", "Schema Name(\"sqliteTable\")"),
            ("db.pragma('journal_mode = WAL')", "Code Name(\"pragma\")"),
            ("let db: BetterSQLite3Database", "Code Name(\"BetterSQLite3Database\")"),
            ("if (e.code === 'SQLITE_BUSY')", "Code Name(\"SQLITE_BUSY\")"),
            ("<p>Don't</p>\nopen(':memory:') // 'no'", "Code Name(\":memory:\")"),
            ("a = b / c; s = \"it's\"; // no\nopen(':memory:')", "Code Name(\":memory:\")"),
            ("process.env.DATABASE_PATH ?? x", "Environment Variable(\"DATABASE_PATH\")"),
            ("process.env['SQLITE_FILE']", "Environment Variable(\"SQLITE_FILE\")"),
            ("new Database('./data/hyperpage.db')", "Code Address"),
            ("new Database(`${folder}/app.db?mode=ro`)", "Code Address"),
            ("path.join(process.cwd(), 'data', 'hyperpage.db')", "Code Address"),
            ("sql`(unixepoch() * 1000)`", "Code Sql([\"unixepoch()\"])"),
            ("db.all(`SELECT 1\nFROM sqlite_master`)", "Code Sql([\"sqlite_master\"])"),
            ("'PRAGMA journal_mode = WAL'", "Code Sql([\"PRAGMA journal_mode\"])"),
            ("'INSERT OR REPLACE INTO app_state'", "Code Sql([\"INSERT OR REPLACE\"])"),
            ("x = { dialect: 'sqlite' }", "Code Dialect(\"dialect\", \"sqlite\")"),
            ("// import Database from 'better-sqlite3'", ""),
            ("/* sqliteTable('x'), DATABASE_PATH */ 'https://x' // 'better-sqlite3'", ""),
            ("/* never closed 'better-sqlite3'", ""),
            ("import { db } from './sqlite'; import { db } from '@/lib/sqlite'", ""),
            ("const engine = 'sqlite', sqliteTable = 1, o = { dialect: 'postgresql', driver: 'pg' }", ""),
            ("label('We left SQLite behind, SQLite3 too'); <p>We don't use SQLite, it's gone</p>", ""),
            ("db.pragmas(); pragma('x'); datetime('x'); headers.set('Pragma', 'no-cache')", ""),
            ("fetch('https://example.com/a.sqlite3/x'); this.db; 'thumbs.db'; 'x'+ctx.db+'y'", ""),
            ("'Please insert or replace the card without rowid, pragma for the compiler'", ""),
        ] {
            expect("a.tsx", source, expected);
        }
    }

    #[test]
    fn hostile_sources_take_linear_time() {
        for pattern in ["`${", "'\\", "\"\\'", "=/[", "}", "`", "\\", "import ", "export {", "'sqlite/"] {
            hits(&(pattern.repeat(200_000) + &"}".repeat(200_000)), "a.ts");
        }
    }
}
