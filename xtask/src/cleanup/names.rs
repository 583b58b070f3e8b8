//! Which names belong to SQLite: packages, modules, environment variables, URLs and file names.

/// Result codes of SQLite that code compares with; they look like environment variables and are none.
const RESULT_CODES: [&str; 16] = [
    "SQLITE_BUSY",
    "SQLITE_CANTOPEN",
    "SQLITE_CONSTRAINT",
    "SQLITE_CORRUPT",
    "SQLITE_DONE",
    "SQLITE_ERROR",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_LOCKED",
    "SQLITE_MISMATCH",
    "SQLITE_MISUSE",
    "SQLITE_NOTADB",
    "SQLITE_OK",
    "SQLITE_RANGE",
    "SQLITE_READONLY",
    "SQLITE_ROW",
];

/// Whether an npm package is for SQLite: its name has the word, or it is one of those that hide it.
pub(crate) fn package(name: &str) -> bool {
    let hidden = ["sql.js", "@types/sql.js"].contains(&name) || name.starts_with("@tursodatabase/");
    hidden
        || name.split(['/', '-', '.', '_', '@']).any(|word| ["sqlite", "sqlite3", "libsql"].contains(&word))
}

/// The package that a key of `overrides`, `resolutions` or a lock file means: `a>b`, `**/b`, `a/b`, `b@^1`.
pub(crate) fn package_of_key(key: &str) -> &str {
    let last = key.rsplit('>').next().unwrap_or(key);
    let last = last.rsplit("**/").next().unwrap_or(last);
    let at = last.char_indices().skip(1).find(|(_, each)| *each == '@').map_or(last.len(), |(at, _)| at);
    last.get(..at).unwrap_or(last)
}

/// Whether an import specifier names a module for SQLite. Paths within the app never do.
pub(crate) fn module(specifier: &str) -> bool {
    if specifier.starts_with(['.', '/', '~', '#'])
        || specifier.starts_with("@/")
        || specifier.contains(char::is_whitespace)
    {
        return false;
    }
    if let Some(builtin) = specifier.strip_prefix("node:").or_else(|| specifier.strip_prefix("bun:")) {
        return builtin == "sqlite";
    }
    let segments = if specifier.starts_with('@') { 2 } else { 1 };
    let name_length =
        specifier.split('/').take(segments).map(|part| part.len() + 1).sum::<usize>().saturating_sub(1);
    let name = specifier.get(..name_length).unwrap_or(specifier);
    let inner = specifier.get(name_length + 1..).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    match name {
        "drizzle-orm" | "kysely" | "@auth/drizzle-adapter" => {
            ["d1", "libsql", "sql-js"].contains(&inner)
                || inner.split('-').any(|word| ["sqlite", "sqlite3"].contains(&word))
        }
        _ => package(name),
    }
}

/// Whether an environment variable is there for the SQLite file.
pub(crate) fn variable(name: &str) -> bool {
    let upper = !name.bytes().any(|byte| byte.is_ascii_lowercase());
    let ours = name == "DATABASE_PATH"
        || name.split('_').any(|part| ["SQLITE", "SQLITE3", "LIBSQL", "TURSO"].contains(&part));
    upper && ours && name.contains('_') && !result_code(name)
}

/// Whether a word is one of SQLite's result codes, such as `SQLITE_CONSTRAINT_UNIQUE`.
pub(crate) fn result_code(name: &str) -> bool {
    let extended =
        ["SQLITE_CANTOPEN_", "SQLITE_CONSTRAINT_", "SQLITE_CORRUPT_", "SQLITE_IOERR_", "SQLITE_READONLY_"];
    RESULT_CODES.contains(&name) || extended.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a value is the address of a SQLite database: `file:x`, `sqlite:x`, `libsql://x`, or a path to such a file.
pub(crate) fn address(value: &str) -> bool {
    let scheme = ["sqlite:", "sqlite3:", "libsql:"].iter().any(|scheme| value.starts_with(scheme));
    let file = value.strip_prefix("file:").map(|rest| rest.split('?').next().unwrap_or(rest));
    scheme
        || file.is_some_and(file_name_like)
        || (!value.contains("://") && file_name(last_segment(value)) && value.contains('/'))
}

/// A `file:` URL also means SQLite where the name has no ending, as in `file:local`, but not for a workspace package.
fn file_name_like(path: &str) -> bool {
    path == ":memory:" || file_name(last_segment(path))
}

/// What stands after the last slash.
pub(crate) fn last_segment(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Whether a file's name is that of a SQLite database; what it contains decides in the end.
pub(crate) fn file_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty()
            && ["db", "db3", "sqlite", "sqlite3"].iter().any(|each| ending.eq_ignore_ascii_case(each))
    })
}

/// Whether a file's name says SQLite by itself, which `.db` alone does not.
pub(crate) fn certain_file_name(name: &str) -> bool {
    file_name(name) && (name == "hyperpage.db" || !name.to_ascii_lowercase().ends_with(".db"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules() {
        for specifier in [
            "better-sqlite3",
            "better-sqlite3/lib/database",
            "sqlite",
            "sqlite3",
            "node:sqlite",
            "bun:sqlite",
            "sql.js",
            "@libsql/client",
            "@libsql/client/web",
            "libsql",
            "drizzle-orm/sqlite-core",
            "drizzle-orm/better-sqlite3",
            "drizzle-orm/better-sqlite3/migrator",
            "drizzle-orm/libsql",
            "drizzle-orm/d1",
            "drizzle-orm/sql-js",
            "drizzle-orm/bun-sqlite",
            "drizzle-orm/sqlite-core/columns/text",
            "@types/better-sqlite3",
            "@prisma/adapter-better-sqlite3",
            "connect-sqlite3",
            "@auth/drizzle-adapter/lib/sqlite",
        ] {
            let inner_of_other = specifier.starts_with("@auth/");
            assert_eq!(module(specifier), !inner_of_other, "{specifier}");
        }
        for specifier in [
            "",
            "pg",
            "drizzle-orm",
            "drizzle-orm/pg-core",
            "drizzle-orm/node-postgres",
            "drizzle-orm/node-postgres/migrator",
            "drizzle-kit",
            "./sqlite",
            "../db/sqlite",
            "@/lib/sqlite",
            "~/sqlite",
            "#sqlite",
            "node:fs",
            "postgres",
            "using sqlite today",
            "sqlitex",
            "drizzle-zod",
        ] {
            assert!(!module(specifier), "{specifier}");
        }
    }

    #[test]
    fn keys_name_packages() {
        for (key, wanted) in [
            ("better-sqlite3", "better-sqlite3"),
            ("better-sqlite3@^9", "better-sqlite3"),
            ("@types/better-sqlite3", "@types/better-sqlite3"),
            ("@types/better-sqlite3@npm:^7", "@types/better-sqlite3"),
            ("drizzle-orm>better-sqlite3", "better-sqlite3"),
            ("**/better-sqlite3", "better-sqlite3"),
            ("", ""),
            ("é@1", "é"),
        ] {
            assert_eq!(package_of_key(key), wanted);
        }
    }

    #[test]
    fn variables_and_codes() {
        for name in
            ["DATABASE_PATH", "SQLITE_PATH", "SQLITE_BUSY_TIMEOUT_MS", "TEST_SQLITE_FILE", "TURSO_AUTH_TOKEN"]
        {
            assert!(variable(name), "{name}");
        }
        for name in [
            "DATABASE_URL",
            "database_path",
            "SQLITE",
            "SQLITE_BUSY",
            "SQLITE_CONSTRAINT_UNIQUE",
            "POSTGRES_DB",
            "",
        ] {
            assert!(!variable(name), "{name}");
        }
    }

    #[test]
    fn addresses() {
        for value in [
            "file:./local.db",
            "file:local.sqlite?mode=ro",
            "sqlite:data",
            "libsql://x.turso.io",
            "./data/hyperpage.db",
            "file::memory:",
        ] {
            assert!(address(value), "{value}");
        }
        for value in [
            "postgres://u:p@h/db",
            "file:../packages/ui",
            "postgres://h/x.db",
            "this.db",
            "",
            "https://a.b/c.db",
        ] {
            assert!(!address(value), "{value}");
        }
    }
}
