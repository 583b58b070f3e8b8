//! What takes the place of each use of SQLite, and who does it. `docs/app.md` shows the replacements on an example.

use app_checkout::{DatabaseState, Fact, Finding, Kind, Manager};

use super::shown;

/// Who replaces a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effort {
    /// `cleanup --apply`.
    Cleanup,
    /// `generate --drizzle` writes the file that takes its place.
    Generate,
    /// A person, with the replacement that is named.
    Edit,
    /// A person, who has to decide first.
    Decision,
}

/// What takes the place of a finding.
pub(crate) fn replacement(finding: &Finding) -> String {
    described(finding).1
}

/// Who replaces a finding.
pub(crate) fn effort(finding: &Finding) -> Effort {
    if finding.is_mechanical { Effort::Cleanup } else { described(finding).0 }
}

fn described(finding: &Finding) -> (Effort, String) {
    use Effort::{Decision, Edit, Generate};
    let (effort, words) = match &finding.fact {
        Fact::Listed(package, section) => return (Edit, package_words(package, section)),
        Fact::Locked(_, manager) => {
            return (Edit, format!("run `{}` once package.json no longer lists it", install(*manager)));
        }
        Fact::OnlyInGit => return (Edit, format!("`git rm --cached -- {}`", shown(&finding.path))),
        Fact::Database(_, true) if finding.is_mechanical => {
            let path = shown(&finding.path);
            return (Edit, format!("move it into the backup folder, then `git rm --cached -- {path}`"));
        }
        Fact::Sql(constructs) if finding.kind == Kind::Code => return sql(constructs),
        Fact::Module(module) if finding.kind == Kind::Import => (Edit, module_words(module)),
        Fact::Call(method) => call(method),
        Fact::Script(_) => (Decision, "remove the script, or write it for PostgreSQL"),
        Fact::Installed(_) => (Decision, "remove it, unless another native module needs it"),
        Fact::Module(_) => (Edit, "remove it from the list or the condition"),
        Fact::Placeholders => (Edit, "number them: `$1`, `$2`, and pass the values as one array"),
        Fact::Name(name) => name_words(name, finding.kind),
        Fact::Dialect(..) => (Generate, "set `dialect: 'postgresql'`, without a driver"),
        Fact::Sql(_) | Fact::Journal => {
            (Generate, "remove it with its folder; the migrations of the PostgreSQL schema replace it")
        }
        Fact::Database(DatabaseState::Opaque, _) => {
            (Decision, "check it, and move it out of the checkout by hand")
        }
        Fact::Database(..) => (Edit, "move it into the backup folder"),
        Fact::DatabaseLink => (Edit, "remove the link"),
        Fact::Address if finding.kind == Kind::Code => {
            (Edit, "remove it; the app reaches PostgreSQL through `DATABASE_URL` or `POSTGRES_*`")
        }
        Fact::Variable(_) | Fact::Address => {
            (Edit, "remove it; the app reaches PostgreSQL through `DATABASE_URL` or `POSTGRES_*`")
        }
        Fact::Folder(_) => (Decision, "remove it, unless other files are there"),
        Fact::Volume(_) => (Decision, "remove it, once the database in it was migrated and backed up"),
        Fact::FileName(_) | Fact::Mention(_) => match finding.kind {
            Kind::Ci => (Decision, "remove it, or run it against a PostgreSQL service"),
            _ => (Decision, "write it for PostgreSQL, or remove it"),
        },
        Fact::CannotRead(_) => {
            (Decision, "make it readable and search again, or leave it out with --exclude")
        }
        Fact::InvalidJson => (Decision, "repair it; until then its dependencies are unknown"),
        Fact::Link(_) => (
            Decision,
            "search its target (`--app` takes any folder) or replace the link with it, or leave it out with --exclude",
        ),
    };
    (effort, words.to_owned())
}

fn package_words(package: &str, section: &str) -> String {
    let is_direct = section.ends_with("ependencies") && !section.starts_with("bundle");
    match package {
        _ if !is_direct => "remove it".to_owned(),
        types if types.starts_with("@types/") => "remove it; `@types/pg` takes its place".to_owned(),
        _ => format!("remove it; `pg@{PG_VERSION}` takes its place"),
    }
}

/// The version of node-postgres that `docs/app.md` names.
pub(crate) const PG_VERSION: &str = "8.23.1";

fn module_words(module: &str) -> &'static str {
    match module.strip_prefix("drizzle-orm/") {
        Some(inner) if inner.contains("core") => "use `drizzle-orm/pg-core`",
        Some(inner) if inner.ends_with("migrator") => "use `drizzle-orm/node-postgres/migrator`",
        Some(_) => "use `drizzle-orm/node-postgres`",
        None => "use `pg` with a pool",
    }
}

fn call(method: &str) -> (Effort, &'static str) {
    use Effort::{Decision, Edit};
    match method {
        "get" => (Edit, "await the query, and take the first row: `const [row] = await …`"),
        "all" | "values" => (Edit, "await the query: `const rows = await …`"),
        "run" => (Edit, "await the statement; `rowCount` replaces `changes`"),
        "iterate" | "pluck" => (Decision, "await the rows, or read them with `pg-cursor`"),
        "prepare" => (Edit, "await `pool.query(text, [values])`, or write it with Drizzle"),
        "exec" => (Decision, "await `pool.query(text)`, or move it into a migration"),
        "transaction" => (Edit, "`await db.transaction(async (tx) => …)`, with each statement awaited"),
        "behavior" => (Decision, "lock the rows with `.for('update')`, or set `isolationLevel`"),
        _ => (Edit, "return the key with `.returning()`"),
    }
}

fn name_words(name: &str, kind: Kind) -> (Effort, &'static str) {
    use Effort::{Decision, Edit, Generate};
    match name {
        "pragma" => (Edit, "remove it; PostgreSQL is configured on the server and in the pool"),
        ":memory:" => (Decision, "give the test a PostgreSQL database of its own"),
        _ if kind == Kind::Schema => {
            (Generate, "generate the schema for PostgreSQL with `pgTable` from `drizzle-orm/pg-core`")
        }
        code if code.starts_with("SQLITE_") => {
            (Edit, "compare with PostgreSQL's SQLSTATE, 23505 for a unique violation")
        }
        _ => (Edit, "use its counterpart of `drizzle-orm/pg-core` or `drizzle-orm/node-postgres`"),
    }
}

/// SQL in code: the replacement of the first construct that has one.
fn sql(constructs: &[String]) -> (Effort, String) {
    let known = |construct: &String| {
        let construct = construct.to_ascii_lowercase();
        SQL.iter().find(|(start, ..)| construct.starts_with(start))
    };
    let (effort, words) = constructs.iter().find_map(known).map_or(
        (Effort::Decision, "write it for PostgreSQL, or let the generated migrations replace it"),
        |(_, effort, words)| (*effort, *words),
    );
    (effort, words.to_owned())
}

/// How a construct begins, in lower case, and what takes its place.
const SQL: [(&str, Effort, &str); 30] = {
    use Effort::{Decision, Edit, Generate};
    [
        ("unixepoch", Edit, "use `now()`; moments are `timestamptz`"),
        ("datetime", Edit, "use `now()`; moments are `timestamptz`"),
        ("date", Edit, "use `current_date`"),
        ("time", Edit, "use `localtime`"),
        ("strftime", Edit, "use `to_char(at, 'YYYY-MM-DD')`"),
        ("julianday", Edit, "subtract moments, or use `extract(epoch FROM …)`"),
        ("json_extract", Edit, "use `payload ->> 'a'` for text, `payload -> 'a'` for JSON"),
        ("json_each", Edit, "use `jsonb_array_elements(payload)` or `jsonb_each(payload)`"),
        ("json_tree", Decision, "use `jsonb_path_query`"),
        ("json_set", Edit, "use `jsonb_set(payload, '{a}', value)`"),
        ("json_replace", Edit, "use `jsonb_set(payload, '{a}', value, false)`"),
        ("json_insert", Decision, "use `jsonb_insert`, which refuses a key that exists"),
        ("json_remove", Edit, "use `payload - 'a'`, or `payload #- '{a,b}'`"),
        ("json_patch", Decision, "use `a || b`, which merges the first level only"),
        ("json_quote", Edit, "use `to_jsonb(value)`"),
        ("json_group_array", Edit, "use `jsonb_agg(value)`"),
        ("json_group_object", Edit, "use `jsonb_object_agg(key, value)`"),
        ("ifnull", Edit, "use `coalesce(a, b)`"),
        ("iif", Edit, "use `CASE WHEN … THEN … ELSE … END`"),
        ("group_concat", Edit, "use `string_agg(a, ',')`"),
        ("randomblob", Edit, "use `gen_random_uuid()`, or make the bytes in the app"),
        ("insert or ignore", Edit, "use `ON CONFLICT DO NOTHING`, in Drizzle `.onConflictDoNothing()`"),
        (
            "insert or replace",
            Decision,
            "use `ON CONFLICT (key) DO UPDATE`, in Drizzle `.onConflictDoUpdate()`; REPLACE also resets the columns that it does not name",
        ),
        ("pragma", Edit, "remove it; PostgreSQL is configured on the server, and always checks foreign keys"),
        ("sqlite_sequence", Decision, "remove it; PostgreSQL numbers rows by identity columns"),
        ("sqlite_", Edit, "ask `information_schema` or `pg_catalog`"),
        ("last_insert_rowid", Edit, "use `RETURNING id`"),
        ("autoincrement", Generate, "generate the schema for PostgreSQL, with an identity column"),
        ("collate nocase", Decision, "compare `lower(a)`, or use `ILIKE`"),
        ("virtual table", Decision, "use `tsvector` with a GIN index for full text"),
    ]
};

/// The command that updates a lock file.
pub(crate) fn install(manager: Manager) -> &'static str {
    match manager {
        Manager::Npm => "npm install",
        Manager::Yarn => "yarn install",
        Manager::Pnpm => "pnpm install",
        Manager::Bun => "bun install",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_docs() {
        let docs = include_str!("../../../docs/app.md");
        assert!(docs.contains(&format!("npm install drizzle-orm@0.45.4 pg@{PG_VERSION}")));
        for name in ["json_extract", "json_each", "unixepoch", "strftime", "ifnull"] {
            let (_, words) = sql(&[format!("{name}()")]);
            let replacement = words.split('`').nth(1).unwrap();
            assert!(docs.contains(replacement), "{name}: {replacement} is not in docs/app.md");
        }
    }

    #[test]
    fn the_first_construct_that_matches_is_the_longest() {
        for (index, (start, ..)) in SQL.iter().enumerate() {
            let earlier = SQL.iter().take(index).find(|(other, ..)| start.starts_with(other));
            assert_eq!(earlier, None, "{start} is never reached");
        }
    }
}
