//! Finds what only works with SQLite in source code: imports, calls, types, SQL in strings, variables. Comments are never
//! findings, and where a name alone could mean something else, it says nothing.

use super::finding::{Hit, Kind};
use super::javascript::{Placed, Token, tokens};
use super::text::Lines;
use super::{names, sql};

/// Calls whose first argument is the module that a test replaces.
const MOCKS: [&str; 10] = [
    "mock",
    "doMock",
    "unmock",
    "dontMock",
    "setMock",
    "requireActual",
    "requireMock",
    "importActual",
    "importMock",
    "unstable_mockModule",
];

/// What a string that names a module is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Import,
    Require,
    Reexport,
    Declaration,
    Mock,
    Other,
}

/// What is left of SQLite in one source file; `file_name` tells the configuration files of known tools.
pub(crate) fn hits(source: &str, file_name: &str) -> Vec<Hit> {
    let file = File { tokens: tokens(source), lines: Lines::of(source), file_name };
    let mut hits: Vec<Hit> = Vec::new();
    let mut imported = vec![false; file.tokens.len()];
    for index in 0..file.tokens.len() {
        if let Some((hit, clause)) = file.module(index) {
            hits.push(hit);
            imported.get_mut(clause..index).unwrap_or_default().fill(true);
        }
    }
    let speaks_sqlite = !hits.is_empty();
    for (index, placed) in file.tokens.iter().enumerate() {
        if imported.get(index) == Some(&true) {
            continue;
        }
        match placed.token {
            Token::Word(word) => hits.extend(file.word(index, word)),
            Token::Text(text) => hits.extend(file.text(index, text, speaks_sqlite)),
            Token::Template(text) => hits.extend(file.sql(placed.offset, text)),
            Token::Mark(_) => {}
        }
    }
    hits.sort();
    hits.dedup();
    hits
}

struct File<'a> {
    tokens: Vec<Placed<'a>>,
    lines: Lines,
    file_name: &'a str,
}

impl<'a> File<'a> {
    fn token(&self, index: usize, back: usize) -> Option<Token<'a>> {
        index.checked_sub(back).and_then(|at| self.tokens.get(at)).map(|placed| placed.token)
    }

    fn word_before(&self, index: usize, back: usize) -> Option<&'a str> {
        match self.token(index, back) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn mark_at(&self, index: usize) -> Option<u8> {
        match self.tokens.get(index).map(|placed| placed.token) {
            Some(Token::Mark(mark)) => Some(mark),
            _ => None,
        }
    }

    fn line(&self, index: usize) -> usize {
        self.lines.line(self.tokens.get(index).map_or(0, |placed| placed.offset))
    }

    /// A string that names a SQLite module, and the token at which its import clause begins.
    fn module(&self, index: usize) -> Option<(Hit, usize)> {
        let Some(Token::Text(name) | Token::Template(name)) = self.token(index, 0) else { return None };
        if !names::module(name) || self.dialect(index, name).is_some() {
            return None;
        }
        let (used, clause) = self.used_as(index);
        let line = self.line(index);
        let configuration = self.file_name.starts_with("next.config.");
        let (kind, what) = match used {
            Use::Import => (Kind::Import, format!("imports `{name}`")),
            Use::Require => (Kind::Import, format!("requires `{name}`")),
            Use::Reexport => (Kind::Import, format!("re-exports from `{name}`")),
            Use::Declaration => (Kind::Import, format!("declares the types of `{name}`")),
            Use::Mock => (Kind::Import, format!("replaces `{name}` in a test")),
            Use::Other if configuration => {
                let setting = self.setting_around(index).unwrap_or("the configuration");
                (Kind::Dependency, format!("`{name}` stands in {setting} of Next.js"))
            }
            // `'sqlite'` as a mere string can be a name that the app itself gave to something.
            Use::Other if name == "sqlite" || name == "sqlite3" => return None,
            Use::Other => (Kind::Code, format!("names the module `{name}`")),
        };
        let remedy = if used == Use::Other {
            "remove it from the list or the condition".to_owned()
        } else {
            successor(name)
        };
        Some((Hit::new(line, kind, what, remedy), clause))
    }

    /// How a string is used, by the tokens before it, and where the clause of its import begins.
    fn used_as(&self, index: usize) -> (Use, usize) {
        let here = (Use::Other, index);
        match self.token(index, 1) {
            Some(Token::Word("from")) => {
                let earliest = index.saturating_sub(2000);
                let clause = (earliest..index)
                    .rev()
                    .find(|at| matches!(self.word_before(*at, 0), Some("import" | "export")));
                match clause {
                    Some(at) if self.word_before(at, 0) == Some("export") => (Use::Reexport, at),
                    Some(at) => (Use::Import, at),
                    None => here,
                }
            }
            Some(Token::Word("import")) => (Use::Import, index),
            Some(Token::Word("module")) if self.word_before(index, 2) == Some("declare") => {
                (Use::Declaration, index)
            }
            Some(Token::Mark(b'(')) => match self.word_before(index, 2) {
                Some("import") => (Use::Import, index),
                Some("require") => (Use::Require, index),
                Some("resolve") if self.word_before(index, 4) == Some("require") => (Use::Require, index),
                Some(call) if MOCKS.contains(&call) => (Use::Mock, index),
                _ => here,
            },
            _ => here,
        }
    }

    /// The key of the list or the call in which a string stands.
    fn setting_around(&self, index: usize) -> Option<&'a str> {
        let earliest = index.saturating_sub(200);
        (earliest..index).rev().find_map(|at| match (self.token(at, 0), self.mark_at(at + 1)) {
            (Some(Token::Word(word)), Some(b':')) => Some(word),
            (Some(Token::Word("externals")), _) => Some("externals"),
            _ => None,
        })
    }

    fn word(&self, index: usize, word: &str) -> Option<Hit> {
        // Most tokens are none of ours, and their line is never needed.
        let line = || self.line(index);
        let called = self.mark_at(index + 1) == Some(b'(');
        if names::variable(word) {
            return Some(variable(line(), word));
        }
        if called && ["sqliteTable", "sqliteTableCreator", "sqliteView"].contains(&word) {
            let remedy = "generate the schema for PostgreSQL with `pgTable` from `drizzle-orm/pg-core`";
            return Some(Hit::new(line(), Kind::Schema, format!("defines with `{word}`"), remedy));
        }
        if called && word == "pragma" && self.token(index, 1) == Some(Token::Mark(b'.')) {
            let remedy = "remove it; PostgreSQL is configured on the server and in the pool";
            return Some(Hit::new(line(), Kind::Code, "sets or reads a PRAGMA", remedy));
        }
        let type_prefixes = ["SQLite", "AnySQLite", "BaseSQLite", "BetterSQLite3", "LibSQL"];
        if type_prefixes.iter().any(|prefix| word.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty())) {
            let remedy = "use its counterpart of `drizzle-orm/pg-core` or `drizzle-orm/node-postgres`";
            return Some(Hit::new(line(), Kind::Code, format!("uses the type `{word}`"), remedy));
        }
        None
    }

    fn text(&self, index: usize, text: &'a str, speaks_sqlite: bool) -> Vec<Hit> {
        let line = || self.line(index);
        let hit = |kind, what: String, remedy: &str| vec![Hit::new(line(), kind, what, remedy)];
        if names::variable(text) {
            return vec![variable(line(), text)];
        }
        if names::result_code(text) {
            let remedy = "compare with PostgreSQL's SQLSTATE, 23505 for a unique violation";
            return hit(Kind::Code, format!("compares with the result code `{text}`"), remedy);
        }
        if text == ":memory:" {
            return hit(
                Kind::Code,
                "opens a SQLite database in memory".into(),
                "give the test a PostgreSQL database of its own",
            );
        }
        if let Some(setting) = self.dialect(index, text) {
            let kind = if self.file_name.starts_with("drizzle") { Kind::Schema } else { Kind::Code };
            return hit(
                kind,
                format!("sets {setting} to `{text}`"),
                "set `dialect: 'postgresql'`, without a driver",
            );
        }
        let name = names::last_segment(text);
        if names::address(text) || names::certain_file_name(name) || (speaks_sqlite && names::file_name(text))
        {
            return hit(
                Kind::Code,
                "names the SQLite file".into(),
                "connect through `DATABASE_URL` and a pool",
            );
        }
        let offset = self.tokens.get(index).map_or(0, |placed| placed.offset);
        self.sql(offset, text)
    }

    /// `dialect: 'sqlite'` and its like.
    fn dialect(&self, index: usize, text: &str) -> Option<&'a str> {
        let value = ["sqlite", "sqlite3", "better-sqlite", "better-sqlite3", "turso", "libsql", "d1-http"]
            .contains(&text);
        let key =
            (self.token(index, 1) == Some(Token::Mark(b':'))).then(|| self.word_before(index, 2)).flatten();
        key.filter(|key| value && ["dialect", "driver", "provider", "client"].contains(key))
    }

    fn sql(&self, offset: usize, text: &str) -> Vec<Hit> {
        let found = sql::only_in_sqlite(text, sql::Place::String);
        let hits = found.into_iter().map(|(at, what)| {
            let line = self.lines.line(offset + at);
            Hit::new(line, Kind::Code, format!("SQL that only SQLite knows: {what}"), sql::REMEDY)
        });
        hits.collect()
    }
}

fn variable(line: usize, name: &str) -> Hit {
    Hit::new(line, Kind::Environment, format!("uses `{name}`"), "read `DATABASE_URL` or `POSTGRES_*` instead")
}

/// What to write instead of an import.
fn successor(module: &str) -> String {
    let instead = match module.strip_prefix("drizzle-orm/") {
        Some(inner) if inner.contains("core") => "use `drizzle-orm/pg-core`",
        Some(inner) if inner.ends_with("migrator") => "use `drizzle-orm/node-postgres/migrator`",
        Some(_) => "use `drizzle-orm/node-postgres`",
        None => "use `pg` with a pool",
    };
    instead.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str, file_name: &str) -> Vec<String> {
        hits(source, file_name).into_iter().map(|hit| format!("{}: {}", hit.line, hit.what)).collect()
    }

    #[test]
    fn modules_in_every_position() {
        for (source, wanted) in [
            ("import Database from 'better-sqlite3'", "imports `better-sqlite3`"),
            ("import type { Database } from \"better-sqlite3\";", "imports `better-sqlite3`"),
            ("import 'better-sqlite3'", "imports `better-sqlite3`"),
            (
                "import { sqliteTable, text } from 'drizzle-orm/sqlite-core'",
                "imports `drizzle-orm/sqlite-core`",
            ),
            (
                "import { migrate } from 'drizzle-orm/better-sqlite3/migrator'",
                "imports `drizzle-orm/better-sqlite3/migrator`",
            ),
            ("const D = require('better-sqlite3')", "requires `better-sqlite3`"),
            ("require.resolve('better-sqlite3')", "requires `better-sqlite3`"),
            ("const D = await import('better-sqlite3')", "imports `better-sqlite3`"),
            ("const D = await import(`better-sqlite3`)", "imports `better-sqlite3`"),
            ("type D = import('better-sqlite3').Database", "imports `better-sqlite3`"),
            (
                "export { sqliteTable } from 'drizzle-orm/sqlite-core'",
                "re-exports from `drizzle-orm/sqlite-core`",
            ),
            ("export * from 'drizzle-orm/sqlite-core'", "re-exports from `drizzle-orm/sqlite-core`"),
            ("jest.mock('better-sqlite3', () => ({}))", "replaces `better-sqlite3` in a test"),
            ("vi.mock('drizzle-orm/better-sqlite3')", "replaces `drizzle-orm/better-sqlite3` in a test"),
            ("declare module 'better-sqlite3' {}", "declares the types of `better-sqlite3`"),
            ("import { DatabaseSync } from 'node:sqlite'", "imports `node:sqlite`"),
            ("import sqlite3 from 'sqlite3'", "imports `sqlite3`"),
            ("const native = ['better-sqlite3']", "names the module `better-sqlite3`"),
        ] {
            assert_eq!(found(source, "a.ts"), [format!("1: {wanted}")], "{source}");
        }
    }

    #[test]
    fn code_that_only_works_with_sqlite() {
        for (source, wanted) in [
            ("export const jobs = sqliteTable('jobs', {})", vec!["1: defines with `sqliteTable`"]),
            ("db.pragma('journal_mode = WAL')", vec!["1: sets or reads a PRAGMA"]),
            ("let db: BetterSQLite3Database", vec!["1: uses the type `BetterSQLite3Database`"]),
            ("process.env.DATABASE_PATH ?? x", vec!["1: uses `DATABASE_PATH`"]),
            ("const { DATABASE_PATH } = process.env", vec!["1: uses `DATABASE_PATH`"]),
            ("process.env['SQLITE_FILE']", vec!["1: uses `SQLITE_FILE`"]),
            ("if (e.code === 'SQLITE_BUSY')", vec!["1: compares with the result code `SQLITE_BUSY`"]),
            ("open(':memory:')", vec!["1: opens a SQLite database in memory"]),
            ("new Database('./data/hyperpage.db')", vec!["1: names the SQLite file"]),
            ("path.join(process.cwd(), 'data', 'hyperpage.db')", vec!["1: names the SQLite file"]),
            ("sql`(unixepoch() * 1000)`", vec!["1: SQL that only SQLite knows: unixepoch()"]),
            ("db.all(`SELECT 1\nFROM sqlite_master`)", vec!["2: SQL that only SQLite knows: sqlite_master"]),
            ("const o = { dialect: 'sqlite' }", vec!["1: sets dialect to `sqlite`"]),
        ] {
            assert_eq!(found(source, "a.ts"), wanted, "{source}");
        }
    }

    #[test]
    fn nothing_is_said_where_it_could_be_something_else() {
        for source in [
            "// import Database from 'better-sqlite3'",
            "/* sqliteTable('x') reads process.env.DATABASE_PATH */",
            "import { pgTable } from 'drizzle-orm/pg-core'",
            "import { db } from './sqlite'",
            "import { db } from '@/lib/sqlite'",
            "const engine = 'sqlite'",
            "label('We left SQLite behind')",
            "db.pragmas()",
            "pragma('x')",
            "const sqliteTable = 1",
            "fetch('https://example.com/a.sqlite3/x')",
            "this.db",
            "'thumbs.db'",
            "const o = { dialect: 'postgresql', driver: 'pg' }",
            "<p>We don't use SQLite, it's gone</p>",
            "headers.set('Pragma', 'no-cache')",
            "",
        ] {
            assert_eq!(found(source, "a.tsx"), Vec::<String>::new(), "{source}");
        }
    }

    #[test]
    fn configuration_of_known_tools() {
        let next = "export default {\n  serverExternalPackages: ['sharp', 'better-sqlite3'],\n}";
        assert_eq!(
            found(next, "next.config.mjs"),
            ["2: `better-sqlite3` stands in serverExternalPackages of Next.js"]
        );
        let drizzle = hits(
            "export default defineConfig({\n  dialect: 'sqlite',\n  driver: 'better-sqlite' })",
            "drizzle.config.ts",
        );
        assert!(drizzle.iter().all(|hit| hit.kind == Kind::Schema));
        assert_eq!(drizzle.len(), 2);
    }

    #[test]
    fn an_import_is_one_finding() {
        let source = "import {\n  sqliteTable,\n  type SQLiteColumn,\n} from 'drizzle-orm/sqlite-core';\nsqliteTable('a', {});";
        assert_eq!(
            found(source, "a.ts"),
            ["4: imports `drizzle-orm/sqlite-core`", "5: defines with `sqliteTable`"]
        );
    }
}
