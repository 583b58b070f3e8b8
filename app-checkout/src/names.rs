//! Which names belong to SQLite: packages, modules, environment variables, addresses and file names.

use crate::text::Pattern;

static PACKAGE: Pattern = Pattern::new(
    r"^(?:(?:@types/)?sql\.js|@tursodatabase/.+|(?:.*[/\-._@])?(?:sqlite3?|libsql)(?:[/\-._@].*)?)$",
);
/// SQLite modules within packages that also serve other databases, and those of a runtime.
static SUBMODULE: Pattern = Pattern::new(
    r"^(?:(?:node|bun):sqlite|(?:drizzle-orm|kysely|@auth/drizzle-adapter)/(?:d1|libsql|sql-js|(?:[^/\s]+-)?sqlite3?(?:-[^/\s]+)?)(?:/\S*)?)$",
);
static PACKAGE_OF_MODULE: Pattern = Pattern::new(r"^((?:@[\w.-]+/)?\w[\w.-]*)(?:/\S*)?$");
static PACKAGE_OF_KEY: Pattern = Pattern::new(r"^(?:.*>|.*\*\*/)?(@?[^@]*)");
/// Result codes resemble variables: the first group matches a code, the second a variable.
static WORD: Pattern = Pattern::new(
    r"\b(?:(SQLITE_(?:(?:CANTOPEN|CONSTRAINT|CORRUPT|IOERR|READONLY)(?:_[A-Z0-9]+)*|BUSY|DONE|ERROR|FULL|LOCKED|MISMATCH|MISUSE|NOTADB|OK|RANGE|ROW))|(DATABASE_PATH|(?:[A-Z0-9]+_)+(?:SQLITE3?|LIBSQL|TURSO)(?:_[A-Z0-9]+)*|(?:SQLITE3?|LIBSQL|TURSO)(?:_[A-Z0-9]+)+))\b",
);
static ADDRESS: Pattern = Pattern::new(
    r"(?i)^(?:(?:sqlite3?|libsql):|file::memory:|file:(?:[^?]*[/\\])?[^/\\?]+\.(?:db3?|sqlite3?)(?:\?|$)|(?:[^:]|:[^/]|:/[^/])*[/\\][^/\\]+\.(?:db3?|sqlite3?)$)",
);
static FILE_NAME: Pattern = Pattern::new(r"(?i).\.(?:db3?|sqlite3?)$");
/// Names that mean SQLite by themselves, which `.db` alone does not. The last is that of the first app that used this program.
static CERTAIN_FILE_NAME: Pattern = Pattern::new(r"(?i).\.(?:db3|sqlite3?)$|^hyperpage\.db$");

/// Whether an npm package is for SQLite.
pub(crate) fn is_package(name: &str) -> bool {
    PACKAGE.is_match(name)
}

/// The package that a key of `overrides`, `resolutions` or a lock file means: `a>b`, `**/b`, `b@^1`.
pub(crate) fn package_of_key(key: &str) -> &str {
    PACKAGE_OF_KEY.found(key).next().map_or(key, |(_, name)| name)
}

/// Whether an import specifier names a module for SQLite. Paths within the app never do.
pub(crate) fn is_module(specifier: &str) -> bool {
    let package = PACKAGE_OF_MODULE.found(specifier).next();
    SUBMODULE.is_match(specifier) || package.is_some_and(|(_, name)| is_package(name))
}

/// The environment variables for a SQLite file in a text, with their offsets.
pub(crate) fn variables(text: &str) -> impl Iterator<Item = (usize, &str)> {
    WORD.all(text).filter_map(|groups| groups.get(2).map(|found| (found.start(), found.as_str())))
}

/// The result codes of SQLite in a text, with their offsets.
pub(crate) fn result_codes(text: &str) -> impl Iterator<Item = (usize, &str)> {
    WORD.all(text).filter_map(|groups| groups.get(1).map(|found| (found.start(), found.as_str())))
}

/// Whether a value is the address of a SQLite database: `file:x.db`, `sqlite:x`, `libsql://x`, or a path to such a file.
pub(crate) fn is_address(value: &str) -> bool {
    ADDRESS.is_match(value)
}

/// The part of a path after the last slash.
pub(crate) fn last_segment(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Whether a file's name is that of a SQLite database; what it contains decides in the end.
pub(crate) fn is_file_name(name: &str) -> bool {
    FILE_NAME.is_match(name)
}

/// Whether a file's name means SQLite by itself.
pub(crate) fn is_certain_file_name(name: &str) -> bool {
    CERTAIN_FILE_NAME.is_match(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is: impl Fn(&str) -> bool, yes: &str, no: &str) {
        let wrong =
            |names: &str, expected| names.split(' ').find(|name| is(name) != expected).map(str::to_owned);
        assert_eq!((wrong(yes, true), wrong(no, false)), (None, None));
    }

    #[test]
    fn names_of_sqlite_and_others() {
        check(
            is_module,
            "better-sqlite3 better-sqlite3/lib/database sqlite node:sqlite bun:sqlite sql.js @libsql/client/web libsql connect-sqlite3 \
             drizzle-orm/sqlite-core drizzle-orm/better-sqlite3/migrator drizzle-orm/libsql drizzle-orm/d1 drizzle-orm/sql-js \
             drizzle-orm/bun-sqlite drizzle-orm/sqlite-core/columns/text @types/better-sqlite3 @prisma/adapter-better-sqlite3",
            "@auth/drizzle-adapter/lib/sqlite pg drizzle-orm drizzle-orm/pg-core drizzle-orm/node-postgres/migrator drizzle-kit \
             ./sqlite ../db/sqlite @/lib/sqlite ~/sqlite #sqlite node:fs postgres sqlitex ",
        );
        check(
            |name| variables(name).next() == Some((0, name)),
            "DATABASE_PATH SQLITE_PATH SQLITE_BUSY_TIMEOUT_MS TEST_SQLITE_FILE TURSO_AUTH_TOKEN",
            "DATABASE_URL database_path SQLITE SQLITE_BUSY SQLITE_CONSTRAINT_UNIQUE POSTGRES_DB DATABASE_PATHS ",
        );
        check(
            |name| result_codes(name).next().is_some(),
            "SQLITE_BUSY SQLITE_CONSTRAINT_UNIQUE",
            "SQLITE_PATH ",
        );
        check(
            is_address,
            "file:./a.db file:a.sqlite?mode=ro sqlite:data libsql://x.turso.io ./data/a.db file::memory: C:/a/x.db",
            "postgres://u:p@h/db file:../packages/ui postgres://h/x.db this.db https://a.b/c.db ",
        );
        check(is_certain_file_name, "x.sqlite a.DB3 hyperpage.db", "x.db .sqlite thumbs.db x.sqlite.md ");
        for (key, package) in [
            ("better-sqlite3@^9", "better-sqlite3"),
            ("@types/sqlite3@npm:^7", "@types/sqlite3"),
            ("drizzle-orm>sqlite3", "sqlite3"),
            ("**/sqlite3", "sqlite3"),
            ("é@1", "é"),
        ] {
            assert_eq!(package_of_key(key), package);
        }
    }
}
