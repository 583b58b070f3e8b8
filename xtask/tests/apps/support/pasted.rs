//! The commands of a recipe, one by one, and the decisions that the program prints and a person pastes into `mapping.toml`. Recipes whose
//! decisions are all in the skeleton of `mapping.toml` are followed by `recipe.rs`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::program::command;
use crate::place::{Output, checkout, output};

/// The commands of a recipe, in their order, and its lines for `mapping.toml`.
#[derive(Debug)]
pub(crate) struct Commands {
    commands: Vec<String>,
    mapping: String,
}

impl Commands {
    /// Reads the commands in the `sh` blocks of a page.
    pub(crate) fn read(page: &str) -> Commands {
        let text = fs::read_to_string(checkout().join("docs/recipes").join(page)).unwrap();
        let blocks = |language: &str| -> Vec<String> {
            let begin = format!("```{language}\n");
            text.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
        };
        let commands = blocks("sh").iter().flat_map(|block| block.lines()).map(str::to_owned).collect();
        Commands { commands, mapping: blocks("toml").concat() }
    }

    /// The lines for `mapping.toml` of users whom the recipe names.
    pub(crate) fn mapping(&self) -> &str {
        &self.mapping
    }

    /// Runs the command at an index, which must begin with `beginning`, in a folder. `programs` is a folder with more programs, and
    /// `database_url` the value of `DATABASE_URL`. `cargo xtask` is the program under test.
    #[track_caller]
    pub(crate) fn run(
        &self,
        index: usize,
        beginning: &str,
        folder: &Path,
        programs: &Path,
        database_url: &str,
    ) -> Output {
        let line = &self.commands[index];
        assert!(line.starts_with(beginning), "{line}");
        let path = [own_cargo(folder).into_os_string(), programs.into(), std::env::var_os("PATH").unwrap()];
        let mut shell: Command = command("sh", folder);
        shell.args(["-c", line]).env("PATH", path.join(&OsString::from(":")));
        shell.env("DATABASE_URL", database_url).env("PYTHONDONTWRITEBYTECODE", "1");
        output(&mut shell)
    }

    /// The number of commands.
    pub(crate) fn len(&self) -> usize {
        self.commands.len()
    }
}

/// Makes a `cargo` whose `xtask` is the program under test; returns its folder.
fn own_cargo(folder: &Path) -> std::path::PathBuf {
    let programs = folder.join("own-programs");
    fs::create_dir_all(&programs).unwrap();
    let cargo = programs.join("cargo");
    if !cargo.exists() {
        fs::write(&cargo, format!("#!/bin/sh\nshift\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_xtask")))
            .unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    }
    programs
}

/// Writes the decisions that a refused run printed to `mapping.toml`, word for word: of the alternatives the first, and for values that do
/// not fit the last one.
#[track_caller]
pub(crate) fn decide(folder: &Path, refused: &Output) {
    let own = refused.stderr.lines().skip_while(|line| !line.trim_start().starts_with("next: "));
    let mut text: String = "format = 1\n\n".to_owned();
    for line in own.skip(1).map_while(|line| line.strip_prefix("    ")) {
        text.push_str(&format!("{line}\n"));
    }
    let mut sections = BTreeMap::<&str, BTreeMap<&str, &str>>::new();
    for line in refused.stdout.lines().chain(refused.stderr.lines()) {
        let Some((section, entry)) =
            line.trim().strip_prefix("in mapping.toml: ").and_then(|line| line.split_once(", "))
        else {
            continue;
        };
        sections.entry(section).or_default().insert(entry.split(" = ").next().unwrap(), entry);
    }
    for (section, entries) in sections {
        let entries: Vec<_> = entries.into_values().collect();
        text.push_str(&format!("\n{section}\n{}\n", entries.join("\n")));
    }
    fs::write(folder.join("mapping.toml"), text).unwrap();
}
