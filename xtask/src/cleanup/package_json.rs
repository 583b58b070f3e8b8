//! Finds SQLite packages in a package.json, and takes them out with every other byte left as it is. Scripts are found, and left
//! to a person.

use super::finding::{Hit, Kind};
use super::json::{self, Member, Node};
use super::names;
use super::text::{Lines, contains_ignoring_case, runs};
use std::ops::Range;

/// Objects whose keys are packages. `overrides` nest.
const OBJECTS: [&str; 8] = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "dependenciesMeta",
    "overrides",
    "resolutions",
];
/// Arrays of packages.
const ARRAYS: [&str; 7] = [
    "bundledDependencies",
    "bundleDependencies",
    "trustedDependencies",
    "onlyBuiltDependencies",
    "neverBuiltDependencies",
    "ignoredBuiltDependencies",
    "transpilePackages",
];

/// What is left in a package.json; one `Unreadable` hit where it is no JSON.
pub(crate) fn hits(text: &str) -> Vec<Hit> {
    let lines = Lines::of(text);
    let Some(root) = json::parse(text) else {
        let remedy = "repair it; until then its dependencies are unknown";
        return vec![Hit::new(1, Kind::Unreadable, "is not valid JSON", remedy)];
    };
    let mut hits: Vec<Hit> = Vec::new();
    for list in lists(&root) {
        for item in list.items.iter().filter(|item| item.goes) {
            let what = format!("`{}` stands in {}", item.name, list.section);
            hits.push(
                Hit::new(lines.line(item.span.start), Kind::Dependency, what, "remove it").mechanical(),
            );
        }
    }
    for script in root.get("scripts").map(Node::members).unwrap_or_default() {
        if script.node.text().is_some_and(runs_sqlite) {
            let what = format!("the script `{}` works on SQLite", script.key);
            let remedy = "remove the script, or write it for PostgreSQL";
            hits.push(Hit::new(lines.line(script.offset), Kind::Dependency, what, remedy));
        }
    }
    let description =
        root.members().iter().filter(|member| member.key == "description").map(|member| &member.node);
    for node in description.chain(root.get("keywords").map(Node::elements).unwrap_or_default()) {
        if node.text().is_some_and(|text| contains_ignoring_case(text, "sqlite")) {
            let line = lines.line(node.span.start);
            hits.push(Hit::new(
                line,
                Kind::Docs,
                "the package's description speaks of SQLite",
                "say PostgreSQL",
            ));
        }
    }
    hits
}

/// The text without the packages; the same text where there are none, or where it is no JSON.
pub(crate) fn without_sqlite(text: &str) -> String {
    let Some(root) = json::parse(text) else { return text.to_owned() };
    let mut cuts: Vec<Range<usize>> = Vec::new();
    for list in lists(&root) {
        let spans: Vec<Range<usize>> = list.items.iter().map(|item| item.span.clone()).collect();
        let goes: Vec<bool> = list.items.iter().map(|item| item.goes).collect();
        if goes.contains(&true) {
            cuts.extend(json::cuts(list.inside, &spans, &goes));
        }
    }
    cuts.sort_by_key(|cut| cut.start);
    let mut out = String::with_capacity(text.len());
    let mut kept_to = 0;
    for cut in cuts {
        out.push_str(text.get(kept_to..cut.start).unwrap_or_default());
        kept_to = cut.end.max(kept_to);
    }
    out.push_str(text.get(kept_to..).unwrap_or_default());
    out
}

/// An object or array that holds packages.
struct List {
    section: String,
    /// What lies between its brackets.
    inside: Range<usize>,
    items: Vec<Item>,
}

struct Item {
    name: String,
    span: Range<usize>,
    goes: bool,
}

fn lists(root: &Node) -> Vec<List> {
    let mut out = Vec::new();
    let nested =
        ["pnpm", "workspaces"].iter().filter_map(|key| root.get(key).map(|node| (format!("{key}."), node)));
    for (prefix, parent) in std::iter::once((String::new(), root)).chain(nested) {
        for member in parent.members() {
            let section = format!("{prefix}{}", member.key);
            if OBJECTS.contains(&member.key.as_str()) {
                object(&section, &member.node, &mut out);
            } else if ARRAYS.contains(&member.key.as_str()) {
                out.push(array(section, &member.node));
            }
        }
    }
    out
}

fn inside(node: &Node) -> Range<usize> {
    node.span.start + 1..node.span.end.saturating_sub(1)
}

fn object(section: &str, node: &Node, out: &mut Vec<List>) {
    let item = |member: &Member| {
        let alias = member.node.text().and_then(|version| version.strip_prefix("npm:"));
        let name = names::package_of_key(&member.key);
        let goes =
            names::package(name) || alias.is_some_and(|target| names::package(names::package_of_key(target)));
        Item { name: member.key.clone(), span: member.span(), goes }
    };
    let items: Vec<Item> = node.members().iter().map(item).collect();
    for (member, _) in node.members().iter().zip(&items).filter(|(_, item)| !item.goes) {
        object(&format!("{section}.{}", member.key), &member.node, out);
    }
    if !items.is_empty() {
        out.push(List { section: section.to_owned(), inside: inside(node), items });
    }
}

fn array(section: String, node: &Node) -> List {
    let item = |element: &Node| {
        let name = element.text().unwrap_or_default().to_owned();
        Item { goes: names::package(&name), name, span: element.span.clone() }
    };
    List { section, inside: inside(node), items: node.elements().iter().map(item).collect() }
}

/// Whether a shell command works on SQLite.
fn runs_sqlite(command: &str) -> bool {
    let mut words =
        runs(command, |each| !each.is_whitespace() && !matches!(each, '"' | '\'' | '=' | ';' | '&' | '|'));
    words.any(|(_, word)| {
        contains_ignoring_case(word, "sqlite")
            || names::variable(word)
            || names::address(word)
            || names::certain_file_name(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_wherever_they_stand() {
        for (text, wanted) in [
            (r#"{"dependencies":{"better-sqlite3":"^9"}}"#, vec!["`better-sqlite3` stands in dependencies"]),
            (
                r#"{"devDependencies":{"@types/better-sqlite3":"^7","typescript":"5"}}"#,
                vec!["`@types/better-sqlite3` stands in devDependencies"],
            ),
            (
                r#"{"overrides":{"drizzle-orm":{"better-sqlite3@^9":"9"}}}"#,
                vec!["`better-sqlite3@^9` stands in overrides.drizzle-orm"],
            ),
            (
                r#"{"resolutions":{"**/better-sqlite3":"9"}}"#,
                vec!["`**/better-sqlite3` stands in resolutions"],
            ),
            (
                r#"{"pnpm":{"onlyBuiltDependencies":["better-sqlite3","esbuild"]}}"#,
                vec!["`better-sqlite3` stands in pnpm.onlyBuiltDependencies"],
            ),
            (
                r#"{"peerDependencies":{"@libsql/client":"*"}}"#,
                vec!["`@libsql/client` stands in peerDependencies"],
            ),
            (r#"{"dependencies":{"db":"npm:better-sqlite3@9"}}"#, vec!["`db` stands in dependencies"]),
            (
                r#"{"scripts":{"rebuild":"npm rebuild better-sqlite3","build":"next build"}}"#,
                vec!["the script `rebuild` works on SQLite"],
            ),
            (
                r#"{"scripts":{"reset":"rm -f data/hyperpage.db"}}"#,
                vec!["the script `reset` works on SQLite"],
            ),
            (r#"{"description":"Dashboard on SQLite"}"#, vec!["the package's description speaks of SQLite"]),
            (
                r#"{"dependencies":{"pg":"8","drizzle-orm":"0.44"},"scripts":{"db:push":"drizzle-kit push"}}"#,
                vec![],
            ),
            (r#"{"dependencies":"better-sqlite3"}"#, vec![]),
            ("[]", vec![]),
            ("{,}", vec!["is not valid JSON"]),
        ] {
            assert_eq!(hits(text).into_iter().map(|hit| hit.what).collect::<Vec<_>>(), wanted, "{text}");
        }
    }

    #[test]
    fn only_the_packages_go() {
        for (text, wanted) in [
            (
                "{\n  \"dependencies\": {\n    \"a\": \"1\",\n    \"better-sqlite3\": \"9\",\n    \"c\": \"1\"\n  }\n}\n",
                "{\n  \"dependencies\": {\n    \"a\": \"1\",\n    \"c\": \"1\"\n  }\n}\n",
            ),
            (
                "{\r\n\t\"dependencies\": {\r\n\t\t\"a\": \"1\",\r\n\t\t\"sqlite\": \"9\",\r\n\t\t\"sqlite3\": \"1\"\r\n\t}\r\n}",
                "{\r\n\t\"dependencies\": {\r\n\t\t\"a\": \"1\"\r\n\t}\r\n}",
            ),
            (
                "{\"dependencies\": { \"sqlite3\" : \"1\" }, \"x\": 1.0e5}",
                "{\"dependencies\": {}, \"x\": 1.0e5}",
            ),
            (
                "{\"trustedDependencies\":[\"sqlite3\", \"esbuild\"]}",
                "{\"trustedDependencies\":[\"esbuild\"]}",
            ),
            (
                "\u{feff}{\"dependencies\":{\"sqlite\":\"1\",\"pg\":\"8\"}}",
                "\u{feff}{\"dependencies\":{\"pg\":\"8\"}}",
            ),
            ("{\"dependencies\":{\"pg\":\"8\"}}", "{\"dependencies\":{\"pg\":\"8\"}}"),
            ("{ not json better-sqlite3", "{ not json better-sqlite3"),
        ] {
            assert_eq!(without_sqlite(text), wanted);
            assert!(!hits(wanted).iter().any(|hit| hit.mechanical));
        }
    }
}
