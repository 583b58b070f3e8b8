//! Finds SQLite packages in lock files. It never edits one: the package manager does, when package.json has changed. A package
//! that another one merely allows as a peer, as drizzle-orm does, is no finding.

use super::finding::{Hit, Kind};
use super::json::{self, Node};
use super::names;
use super::text::{Lines, numbered};
use std::path::Path;

/// Which package manager wrote a lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    /// package-lock.json and npm-shrinkwrap.json.
    Npm,
    /// yarn.lock, classic and later.
    Yarn,
    /// pnpm-lock.yaml.
    Pnpm,
    /// bun.lock.
    Bun,
}

impl Manager {
    /// Whose lock file a path is.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.file_name()?.to_str()? {
            "package-lock.json" | "npm-shrinkwrap.json" | ".package-lock.json" => Some(Self::Npm),
            "yarn.lock" => Some(Self::Yarn),
            "pnpm-lock.yaml" => Some(Self::Pnpm),
            "bun.lock" => Some(Self::Bun),
            _ => None,
        }
    }

    /// What rewrites the lock file after package.json has changed.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::Npm => "npm install",
            Self::Yarn => "yarn install",
            Self::Pnpm => "pnpm install",
            Self::Bun => "bun install",
        }
    }
}

/// The SQLite packages that a lock file has.
pub(crate) fn hits(text: &str, manager: Manager) -> Vec<Hit> {
    let found: Vec<(usize, String)> = match manager {
        Manager::Npm => match json::parse(text) {
            Some(root) => npm(&root, &Lines::of(text)),
            None => {
                let remedy = format!("repair it, or remove it and run `{}`", manager.command());
                return vec![Hit::new(1, Kind::Unreadable, "is not valid JSON", remedy)];
            }
        },
        Manager::Yarn => yarn(text),
        Manager::Pnpm => pnpm(text),
        Manager::Bun => bun(text),
    };
    let remedy = format!("run `{}` once package.json no longer asks for it", manager.command());
    let hit = |(line, name)| Hit::new(line, Kind::Lockfile, format!("`{name}` is locked"), remedy.clone());
    found.into_iter().map(hit).collect()
}

fn npm(root: &Node, lines: &Lines) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    let Some(packages) = root.get("packages") else {
        npm_dependencies(root, lines, &mut out);
        return out;
    };
    for member in packages.members() {
        if !member.key.contains("node_modules/") {
            // The app itself, or a workspace of it: what it asks for.
            for section in ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] {
                let asked = member.node.get(section).map(Node::members).unwrap_or_default();
                let sqlite = asked.iter().filter(|each| names::package(&each.key));
                out.extend(sqlite.map(|each| (lines.line(each.offset), each.key.clone())));
            }
            continue;
        }
        let name = member.key.rsplit("node_modules/").next().unwrap_or_default();
        if names::package(name) {
            out.push((lines.line(member.offset), name.to_owned()));
        }
    }
    out
}

/// Lock files of the first version nest.
fn npm_dependencies(node: &Node, lines: &Lines, out: &mut Vec<(usize, String)>) {
    for member in node.get("dependencies").map(Node::members).unwrap_or_default() {
        if names::package(&member.key) {
            out.push((lines.line(member.offset), member.key.clone()));
        }
        npm_dependencies(&member.node, lines, out);
    }
}

/// Entries begin in the first column: `"a@^1", "a@npm:b@^2":`.
fn yarn(text: &str) -> Vec<(usize, String)> {
    let entry = |line: &str| {
        let head = line.strip_suffix(':').filter(|head| !head.starts_with([' ', '#']))?;
        let mut patterns = head.split(',').map(|each| each.trim().trim_matches('"'));
        patterns.find_map(|pattern| {
            let alias = pattern.split_once("@npm:").map(|(_, target)| names::package_of_key(target));
            let name = names::package_of_key(pattern);
            [Some(name), alias].into_iter().flatten().find(|name| names::package(name)).map(str::to_owned)
        })
    };
    numbered(text).filter_map(|(number, line)| Some((number, entry(line)?))).collect()
}

/// Keys of `packages`, of `importers`, and of the root's own lists in older versions.
fn pnpm(text: &str) -> Vec<(usize, String)> {
    let mut section = "";
    let mut out = Vec::new();
    for (number, line) in numbered(text) {
        let key = line.trim_start_matches(' ');
        let indent = line.len() - key.len();
        let Some(key) = key.split(": ").next().map(|key| key.trim_end_matches(':').trim_matches(['\'', '"']))
        else {
            continue;
        };
        if indent == 0 {
            section = if key.is_empty() { section } else { key };
            continue;
        }
        let lists_packages = match section {
            "packages"
            | "dependencies"
            | "devDependencies"
            | "optionalDependencies"
            | "specifiers"
            | "overrides" => indent == 2,
            "importers" => indent == 6,
            _ => false,
        };
        let name = pnpm_name(key);
        if lists_packages && names::package(name) {
            out.push((number, name.to_owned()));
        }
    }
    out
}

/// `/a/1.0.0`, `/@s/a@1.0.0(peer@1)` and `a@1.0.0` all mean a package.
fn pnpm_name(key: &str) -> &str {
    let key = key.trim_start_matches('/').split('(').next().unwrap_or_default();
    let name = names::package_of_key(key);
    let segments = if name.starts_with('@') { 2 } else { 1 };
    let end = name.match_indices('/').nth(segments - 1).map_or(name.len(), |(at, _)| at);
    name.get(..end).unwrap_or(name)
}

/// Bun writes one entry on one line: `"a": ["a@1", …]` in `packages`, `"a": "^1"` in the lists of a workspace.
fn bun(text: &str) -> Vec<(usize, String)> {
    let mut list = "";
    let mut out = Vec::new();
    for (number, line) in numbered(text) {
        let Some((key, value)) = line.trim_start().strip_prefix('"').and_then(|rest| rest.split_once("\":"))
        else {
            continue;
        };
        let value = value.trim_start();
        if value == "{" {
            list = key;
            continue;
        }
        let listed = value.starts_with('[')
            || (value.starts_with('"') && list.to_ascii_lowercase().ends_with("dependencies"));
        let scoped = key.rsplit_once("/@").map(|(_, scoped)| key.len() - scoped.len() - 1);
        let name = match scoped {
            Some(at) => key.get(at..).unwrap_or(key),
            None if key.starts_with('@') => key,
            None => names::last_segment(key),
        };
        if listed && names::package(name) {
            out.push((number, name.to_owned()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format() {
        let npm_v1 = "{\"lockfileVersion\":1,\n\"dependencies\":{\n\"better-sqlite3\":{\"version\":\"9\",\n\"dependencies\":{\"sqlite3\":{}}}}}";
        let npm_v3 = "{\"lockfileVersion\":3,\"packages\":{\"\":{\"dependencies\":{\n\"better-sqlite3\":\"^9\"}},\n\
                      \"node_modules/drizzle-orm\":{\"peerDependencies\":{\"better-sqlite3\":\">=7\"},\"peerDependenciesMeta\":{\"sqlite3\":{}}},\n\
                      \"node_modules/x/node_modules/@types/better-sqlite3\":{}}}";
        let yarn_classic = "# yarn lockfile v1\n\n\"@types/better-sqlite3@^7\":\n  version \"7\"\nbetter-sqlite3@^9, better-sqlite3@^9.1:\n  x\n\
                            drizzle-orm@^0.44:\n  peerDependencies:\n    better-sqlite3 \">=7\"\n";
        let yarn_berry = "__metadata:\n  version: 8\n\n\"better-sqlite3@npm:^9.0.0\":\n  resolution: \"x\"\n\"db@npm:sqlite3@^5\":\n\
                          \"drizzle-orm@npm:^0.44\":\n  peerDependencies:\n    better-sqlite3: \">=7\"\n";
        let pnpm_v9 = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      better-sqlite3:\n        specifier: ^9\n\
                       packages:\n\n  '@types/better-sqlite3@7.6.0':\n    r: {}\n  drizzle-orm@0.44(pg@8):\n    peerDependencies:\n      better-sqlite3: '>=7'\n\
                       snapshots:\n  better-sqlite3@9.0.0:\n";
        let pnpm_v5 = "lockfileVersion: 5.4\nspecifiers:\n  better-sqlite3: ^9\ndependencies:\n  better-sqlite3: 9.0.0\npackages:\n  /better-sqlite3/9.0.0:\n  /@types/better-sqlite3/7.0.0:\n  /pg/8.0.0:\n";
        let bun = "{\n  \"workspaces\": {\n    \"\": {\n      \"dependencies\": {\n        \"better-sqlite3\": \"^9\",\n      },\n    },\n  },\n  \"packages\": {\n\
                   \"@types/better-sqlite3\": [\"@types/better-sqlite3@7\", \"\", {}],\n\"drizzle-orm\": [\"drizzle-orm@0\", \"\", { \"peerDependencies\": { \"better-sqlite3\": \">=7\" } }],\n\
                   \"x/better-sqlite3\": [\"better-sqlite3@8\"],\n  }\n}";
        for (name, text, wanted) in [
            ("package-lock.json", npm_v1, vec![(3, "better-sqlite3"), (4, "sqlite3")]),
            ("npm-shrinkwrap.json", npm_v3, vec![(2, "better-sqlite3"), (4, "@types/better-sqlite3")]),
            ("yarn.lock", yarn_classic, vec![(3, "@types/better-sqlite3"), (5, "better-sqlite3")]),
            ("yarn.lock", yarn_berry, vec![(4, "better-sqlite3"), (6, "sqlite3")]),
            ("pnpm-lock.yaml", pnpm_v9, vec![(7, "better-sqlite3"), (11, "@types/better-sqlite3")]),
            (
                "pnpm-lock.yaml",
                pnpm_v5,
                vec![
                    (3, "better-sqlite3"),
                    (5, "better-sqlite3"),
                    (7, "better-sqlite3"),
                    (8, "@types/better-sqlite3"),
                ],
            ),
            (
                "bun.lock",
                bun,
                vec![(5, "better-sqlite3"), (10, "@types/better-sqlite3"), (12, "better-sqlite3")],
            ),
        ] {
            let manager = Manager::of(Path::new(name)).unwrap();
            let found: Vec<_> = hits(text, manager).into_iter().map(|hit| (hit.line, hit.what)).collect();
            let wanted: Vec<_> =
                wanted.into_iter().map(|(line, package)| (line, format!("`{package}` is locked"))).collect();
            assert_eq!(found, wanted, "{name}");
        }
        assert_eq!(hits("<<<<<<< HEAD", Manager::Npm)[0].kind, Kind::Unreadable);
    }
}
