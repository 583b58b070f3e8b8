//! Finds SQLite packages in lock files, once each at its first entry. It never edits one: the package manager does, after
//! package.json has changed. A package that another one merely allows as a peer, as drizzle-orm does, is no entry.

use crate::finding::{Fact, Hit, Kind};
use crate::manager::Manager;
use crate::names;
use crate::text::{Lines, Pattern};
use std::collections::BTreeMap;

/// `"node_modules/a/node_modules/b":`, and in the first version `"b": { "version"`.
static NPM: Pattern =
    Pattern::new(r#""(?:(?:[^"\n]*/)?node_modules/([^"\n]+?)"\s*:|([^"\n]+)"\s*:\s*\{\s*"version")"#);
/// An entry starts in the first column: `"a@^1", "a@npm:b@^2":`. The second group is the target of an alias.
static YARN: Pattern = Pattern::new(
    r##"(?m)^(?:[^\s#\n][^\n]*,\s*)?"?((?:@[^@/\n]+/)?[^@\s"#,]+)@(?:npm:((?:@[^@/\n]+/)?[^@\s"]+)@)?[^\n]*:\r?$"##,
);
/// `/a/1.0.0:`, `/@s/a@1.0.0(peer@1):` and `a@1.0.0:`, two columns in.
static PNPM: Pattern = Pattern::new(r#"(?m)^  ['"]?/?((?:@[^@/\s]+/)?[^@/\s]+)[@/]\d"#);
/// `"x/a": ["a@1", …]`.
static BUN: Pattern = Pattern::new(r#""(?:[^"\n]+/)??((?:@[^"/\n]+/)?[^"/\n]+)"\s*:\s*\["#);

/// The SQLite packages in a lock file.
pub(crate) fn hits(text: &str, manager: Manager) -> Vec<Hit> {
    let pattern = match manager {
        Manager::Npm => &NPM,
        Manager::Yarn => &YARN,
        Manager::Pnpm => &PNPM,
        Manager::Bun => &BUN,
    };
    let (lines, mut first_lines) = (Lines::of(text), BTreeMap::new());
    for entry in pattern.all(text) {
        let names = [entry.get(1), entry.get(2)].into_iter().flatten();
        if let Some(found) = names.into_iter().find(|found| names::is_package(found.as_str())) {
            first_lines.entry(found.as_str().to_owned()).or_insert_with(|| lines.line(found.start()));
        }
    }
    let hit = |(name, line)| (line, Kind::Lockfile, Fact::Locked(name, manager), false);
    first_lines.into_iter().map(hit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_format() {
        let npm_v1 = "{\"dependencies\":{\n\"better-sqlite3\":{\"version\":\"9\",\n\"dependencies\":{\"sqlite3\":{\"version\":\"1\"}}}}}";
        let npm_v3 = "{\"packages\":{\"\":{\"dependencies\":{\n\"better-sqlite3\":\"^9\"}},\n\
                      \"node_modules/drizzle-orm\":{\"peerDependencies\":{\"better-sqlite3\":\">=7\"},\"peerDependenciesMeta\":{\"sqlite3\":{}}},\n\
                      \"node_modules/x/node_modules/@types/better-sqlite3\":{}}}";
        let yarn_classic = "# yarn lockfile v1\n\n\"@types/sqlite3@^7\":\n  version \"7\"\nbetter-sqlite3@^9, better-sqlite3@^9.1:\n  x\n\
                            drizzle-orm@^0.44:\n  peerDependencies:\n    better-sqlite3 \">=7\"\n";
        let yarn_berry = "__metadata:\n  version: 8\n\n\"better-sqlite3@npm:^9.0.0\":\n  resolution: \"x\"\n\"db@npm:sqlite3@^5\":\n\
                          \"drizzle-orm@npm:^0.44\":\n  peerDependencies:\n    better-sqlite3: \">=7\"\n";
        let pnpm_v9 = "importers:\n\n  .:\n    dependencies:\n      better-sqlite3:\n        specifier: ^9\npackages:\n\n\
                       \x20 '@types/sqlite3@7.6.0':\n    r: {}\n  drizzle-orm@0.44(pg@8):\n    peerDependencies:\n      better-sqlite3: '>=7'\n\
                       snapshots:\n  better-sqlite3@9.0.0:\n";
        let pnpm_v5 = "specifiers:\n  better-sqlite3: ^9\npackages:\n  /better-sqlite3/9.0.0:\n  /@types/sqlite3/7.0.0:\n  /pg/8.0.0:\n";
        let bun = "{\n  \"packages\": {\n\"@types/sqlite3\": [\"@types/sqlite3@7\", \"\", {}],\n\
                   \"drizzle-orm\": [\"drizzle-orm@0\", \"\", { \"peerDependencies\": { \"better-sqlite3\": \">=7\" } }],\n\
                   \"x/better-sqlite3\": [\"better-sqlite3@8\"],\n  }\n}";
        for (name, text, expected) in [
            ("package-lock.json", npm_v1, "2 better-sqlite3, 3 sqlite3"),
            ("npm-shrinkwrap.json", npm_v3, "4 @types/better-sqlite3"),
            ("yarn.lock", yarn_classic, "3 @types/sqlite3, 5 better-sqlite3"),
            ("yarn.lock", yarn_berry, "4 better-sqlite3, 6 sqlite3"),
            ("pnpm-lock.yaml", pnpm_v9, "9 @types/sqlite3, 15 better-sqlite3"),
            ("pnpm-lock.yaml", pnpm_v5, "5 @types/sqlite3, 4 better-sqlite3"),
            ("bun.lock", bun, "3 @types/sqlite3, 5 better-sqlite3"),
        ] {
            let found =
                hits(text, Manager::of(Path::new(name)).unwrap()).into_iter().map(|hit| match hit.2 {
                    Fact::Locked(package, _) => format!("{} {package}", hit.0),
                    other => format!("{other:?}"),
                });
            assert_eq!(found.collect::<Vec<_>>().join(", "), expected, "{name}");
        }
    }
}
