//! Node projects: the packages of a lock file, installed once, and running programs with them.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache::filled;
use super::program::{command, run, succeeded, tool};
use crate::place::output;

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
        install.args(["ci", "--no-audit", "--no-fund", "--no-progress"]).current_dir(folder);
        // Native modules are compiled with all cores.
        install.env("JOBS", "max");
        if let Some(prefix) = headers(&node) {
            install.env("npm_config_nodedir", prefix);
        }
        succeeded(output(&mut install), &install).map(|_| ()).map_err(|problem| {
            format!(
                "the packages of {} cannot be installed: {problem}\n\
                 The first run needs npm's registry and, for native modules, a compiler, python3 and Node's headers \
                 (on Debian: apt-get install libnode-dev); later runs need none of them.",
                project.display()
            )
        })
    });
    NodeProject { folder }
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
