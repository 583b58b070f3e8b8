//! Node projects: the packages of a lock file, installed once, and running programs with them.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache::filled;
use super::program::{command, run, succeeded, tool};
use crate::place::output;

/// The packages with native code. It is compiled once for all projects with the same version, as it takes a minute of a processor.
const NATIVE: [&str; 1] = ["better-sqlite3"];

/// The installed packages of a project.
#[derive(Debug, Clone)]
pub(crate) struct NodeProject {
    folder: PathBuf,
}

/// Installs the packages that `package.json` and `package-lock.json` of this folder name, unless they are installed already. Projects
/// with the same two files share one installation.
///
/// # Panics
/// When Node or npm is missing, or npm fails.
#[track_caller]
pub(crate) fn npm_project(project: &Path) -> NodeProject {
    let (node, npm) = (tool("node"), tool("npm"));
    let files = ["package.json", "package-lock.json"];
    let contents = files.map(|name| fs::read(project.join(name)).unwrap());
    // Native modules belong to a version of Node.
    let version = run(Command::new(&node).arg("--version"));
    let inputs = [contents[0].as_slice(), &contents[1], version.as_bytes()];
    let folder = filled("npm", &inputs, |folder| {
        for (name, content) in files.iter().zip(&contents) {
            fs::write(folder.join(name), content).unwrap();
        }
        let mut install = Command::new(&npm);
        // No package's script runs, except for those of `NATIVE` below.
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"]);
        succeeded(output(install.current_dir(folder)), &install).map_err(|problem| {
            format!(
                "the packages of {} cannot be installed: {problem}\n\
                 The first run needs npm's registry; later runs do not.",
                project.display()
            )
        })?;
        add_native_modules(folder, &node, &version);
        Ok(())
    });
    NodeProject { folder }
}

/// Compiles the native modules of installed packages, or copies those that were compiled for another project.
#[track_caller]
fn add_native_modules(project: &Path, node: &Path, node_version: &str) {
    for name in NATIVE {
        let package = project.join("node_modules").join(name);
        let Ok(manifest) = fs::read(package.join("package.json")) else { continue };
        let modules = package.join("build/Release");
        let compiled = filled(name, &[manifest.as_slice(), node_version.as_bytes()], |folder| {
            let mut compile = Command::new(tool("npm"));
            compile.args(["rebuild", name]).current_dir(project).env("JOBS", "max");
            if let Some(prefix) = headers(node) {
                compile.env("npm_config_nodedir", prefix);
            }
            succeeded(output(&mut compile), &compile).map_err(|problem| {
                format!(
                    "{name} cannot be compiled: {problem}\n\
                     It needs a C++ compiler, python3 and Node's headers; on Debian: apt-get install g++ python3 libnode-dev"
                )
            })?;
            copy_modules(&modules, folder).map_err(|error| error.to_string())
        });
        fs::create_dir_all(&modules).unwrap();
        copy_modules(&compiled, &modules).unwrap();
    }
}

/// Copies the native modules of one folder to another one that has none.
fn copy_modules(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let copy = to.join(path.file_name().unwrap_or_default());
        if path.extension().is_some_and(|extension| extension == "node") && !copy.exists() {
            fs::copy(path, copy)?;
        }
    }
    Ok(())
}

/// Returns the folder that has `include/node` for this Node, unless the environment names one. npm would download the headers otherwise.
fn headers(node: &Path) -> Option<PathBuf> {
    if env::var_os("npm_config_nodedir").is_some() {
        return None;
    }
    let real = fs::canonicalize(node).ok()?;
    let prefix = real.parent()?.parent()?;
    prefix.join("include/node/node.h").exists().then(|| prefix.to_owned())
}

impl NodeProject {
    /// Makes the packages available to the programs in a folder, as `node_modules` there.
    pub(crate) fn link_into(&self, folder: &Path) {
        symlink(self.folder.join("node_modules"), folder.join("node_modules")).unwrap();
    }

    /// Returns a command that runs Node in a folder, where the packages are linked into.
    #[track_caller]
    pub(crate) fn node(&self, folder: &Path) -> Command {
        command(tool("node"), folder)
    }

    /// Returns a command that runs a program of the packages in a folder, such as `tsc` or `drizzle-kit`.
    pub(crate) fn program(&self, name: &str, folder: &Path) -> Command {
        let program = self.folder.join("node_modules/.bin").join(name);
        assert!(program.exists(), "no package of the project has the program {name}");
        command(program, folder)
    }
}
