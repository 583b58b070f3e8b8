//! Ruby with the libraries of the system.

use std::path::Path;
use std::process::Command;

use super::program::{command, tool};
use crate::place::output;

/// Returns a command that runs Ruby in a folder, after a check that it finds these libraries (named as for `require`).
///
/// # Panics
/// When Ruby or one of the libraries is missing.
#[track_caller]
pub(crate) fn ruby(libraries: &[&str], folder: &Path) -> Command {
    let ruby = tool("ruby");
    for library in libraries {
        let found = output(command(&ruby, folder).args(["-e", "require ARGV[0]", library]));
        assert!(
            found.code == Some(0),
            "Ruby cannot load {library}; on Debian: apt-get install ruby-{} (`.ci/run` installs it)\n{}",
            library.replace('_', "-"),
            found.stderr
        );
    }
    command(ruby, folder)
}
