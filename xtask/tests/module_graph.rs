//! The top-level modules of the engine import each other in no circle, so that each can be read with nothing but what lies below it.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates whose modules are layered.
const CRATES: [&str; 2] = ["row-mover", "postgres-client"];

/// Which modules each module imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// The Rust files below a folder.
fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names after `crate::` in the code of a file, without its tests and comments.
fn imported(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let names = code.split("crate::").skip(1).flat_map(|after| {
        let group = after.strip_prefix('{').and_then(|group| group.split(';').next());
        let names: Vec<&str> = match group {
            Some(group) => group.split([',', '}']).map(str::trim).collect(),
            None => vec![after],
        };
        names
            .into_iter()
            .map(|name| {
                name.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect::<Vec<_>>()
    });
    names.collect()
}

/// The imports among the top-level modules of a crate.
fn imports(crate_name: &str) -> Imports {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(crate_name).join("src");
    let mut files = Vec::new();
    rust_files(&folder, &mut files);
    let mut imports = Imports::new();
    for file in files {
        let top = file.strip_prefix(&folder).unwrap().components().next().unwrap();
        let module = top.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        imports.entry(module).or_default().extend(imported(&fs::read_to_string(&file).unwrap()));
    }
    imports.remove("lib");
    for (module, imported) in &mut imports {
        imported.remove(module);
    }
    imports
}

/// The modules that are left once those that import nothing of the rest are taken away, again and again: those in circles, and those
/// above them.
fn in_circles(mut imports: Imports) -> Imports {
    loop {
        let left: BTreeSet<String> = imports.keys().cloned().collect();
        imports.retain(|_, imported| !imported.is_disjoint(&left));
        if imports.len() == left.len() {
            for imported in imports.values_mut() {
                imported.retain(|module| left.contains(module));
            }
            return imports;
        }
    }
}

#[test]
fn modules_import_each_other_in_no_circle() {
    for crate_name in CRATES {
        let circles = in_circles(imports(crate_name));
        assert!(circles.is_empty(), "{crate_name}: {circles:#?}");
    }
}

#[test]
fn a_circle_is_found() {
    let text = "use crate::{b::X, c};\nlet y = crate::d::y();\n// crate::e\n#[cfg(test)]\nuse crate::f;";
    assert_eq!(
        imported(text).into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>(),
        ["b", "c", "d"]
    );
    let imports = |pairs: &[(&str, &str)]| -> Imports {
        let mut imports = Imports::new();
        for (module, imported) in pairs {
            imports.entry((*module).to_owned()).or_default().insert((*imported).to_owned());
            imports.entry((*imported).to_owned()).or_default();
        }
        imports
    };
    assert!(in_circles(imports(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    assert_eq!(in_circles(imports(&[("a", "b"), ("b", "c"), ("c", "b")])).len(), 3);
}
