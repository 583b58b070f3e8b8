//! No module imports another in a circle, unless both are files of one folder below the top of a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{files, root};

/// Of each module, the modules beside it that it imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// The imports by parent, as paths begin below `crate::`: nothing for the top, else `validate::`, `validate::views::`.
type Parents = BTreeMap<String, Imports>;

/// Adds what a file below `src` imports, its tests aside.
fn add_imports(path: &str, text: &str, parents: &mut Parents) {
    if matches!(path, "lib.rs" | "main.rs") || path.ends_with("tests.rs") {
        return;
    }
    let module: Vec<&str> = path.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
    let parent = |depth: usize| module[..depth].iter().map(|name| format!("{name}::")).collect::<String>();
    let code = text.split("\nmod tests {").next().unwrap();
    let mut code: String = code.lines().map(|line| line.split("//").next().unwrap()).collect();
    for depth in 0..module.len() {
        code = code.replace(&"super::".repeat(module.len() - depth), &format!("crate::{}", parent(depth)));
    }
    for (depth, own_name) in module.iter().enumerate() {
        let start = format!("crate::{}", parent(depth));
        let own = parents.entry(parent(depth)).or_default().entry((*own_name).to_owned()).or_default();
        for (_, rest) in code.match_indices(&start).map(|(at, found)| code.split_at(at + found.len())) {
            let group = rest.strip_prefix('{').and_then(|rest| rest.split("};").next());
            // Of a group in braces every name counts: one that is no module is none of the crate's.
            let names = group.unwrap_or_else(|| rest.split(|letter: char| !is_name(letter)).next().unwrap());
            let names = names.split(|letter: char| !is_name(letter));
            own.extend(names.filter(|name| name != own_name).map(str::to_owned));
        }
    }
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Returns the modules that import each other in a circle. Files of one folder may, below the top.
fn circles(parents: &Parents) -> Vec<BTreeSet<String>> {
    let is_folder = |module: &String| parents.contains_key(&format!("{module}::"));
    let all = parents.iter().flat_map(|(parent, imports)| {
        let circles = circles_beside(imports).into_iter();
        circles.map(move |circle| circle.iter().map(|name| format!("{parent}{name}")).collect())
    });
    all.filter(|circle: &BTreeSet<String>| {
        circle.iter().any(|module| !module.contains("::") || is_folder(module))
    })
    .collect()
}

fn circles_beside(imports: &Imports) -> BTreeSet<BTreeSet<&str>> {
    let reached: BTreeMap<&str, _> =
        imports.keys().map(|name| (name.as_str(), reached(imports, name))).collect();
    let circle =
        |name: &&str| reached[name].iter().copied().filter(|other| reached[other].contains(name)).collect();
    reached.keys().map(circle).filter(|circle: &BTreeSet<_>| !circle.is_empty()).collect()
}

/// Returns the modules that a module imports, directly or through others.
fn reached<'a>(imports: &'a Imports, from: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(next) = open.pop() {
        let known = imports.get(next).into_iter().flatten().filter_map(|name| imports.get_key_value(name));
        open.extend(known.map(|(name, _)| name.as_str()).filter(|name| reached.insert(*name)));
    }
    reached
}

#[test]
fn modules_do_not_import_each_other_in_cycles() {
    let root = root();
    let mut crates: BTreeMap<String, Parents> = BTreeMap::new();
    for path in files(&root).iter().filter(|path| path.ends_with(".rs")) {
        if let Some((name, inner)) = path.split_once("/src/") {
            let text = fs::read_to_string(root.join(path)).unwrap();
            add_imports(inner, &text, crates.entry(name.to_owned()).or_default());
        }
    }
    for (name, parents) in &crates {
        let found = circles(parents);
        assert!(found.is_empty(), "{name}: {found:?} import each other; move what they share down");
    }
}

#[test]
fn a_circle_is_found() {
    let mut parents = Parents::new();
    for (path, text) in [
        ("a.rs", "use crate::b::B; // crate::d"),
        ("b/mod.rs", "use crate::{\n    c::C,\n};"),
        ("c.rs", "fn f() { crate::a::f() }"),
        ("d.rs", "use crate::a;"),
        ("e.rs", "use crate::f;\n#[cfg(test)]\nmod tests {\n    use crate::e;\n}"),
        ("f.rs", ""),
        ("g/inner/mod.rs", "use super::file::F;"),
        ("g/inner/one.rs", "use super::two::T;"),
        ("g/inner/two.rs", "use crate::g::inner::one;"),
        ("g/file.rs", "use super::other::O;"),
        ("g/other/one.rs", "use super::super::inner::one;"),
    ] {
        add_imports(path, text, &mut parents);
    }
    let expected = [["a", "b", "c"], ["g::file", "g::inner", "g::other"]];
    assert_eq!(circles(&parents), expected.map(|circle| circle.map(str::to_owned).into()));
}
