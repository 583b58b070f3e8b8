//! Tools that not every machine has: whether they are installed, in which version, and how to install them.

use anyhow::bail;
use xshell::{Cmd, Shell, cmd};

use super::StepResult;

/// A tool that a step needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Its usual name.
    pub(crate) name: &'static str,
    /// The command that installs it.
    pub(crate) install: &'static str,
}

/// The command line of Diesel.
pub(crate) const DIESEL: Tool = Tool {
    name: "diesel",
    install: "cargo install diesel_cli --locked --no-default-features --features postgres,sqlite-bundled",
};

/// The checker of licences and advisories.
pub(crate) const CARGO_DENY: Tool = Tool { name: "cargo-deny", install: "cargo install cargo-deny --locked" };

/// The formatter, a component of the toolchain.
pub(crate) const RUSTFMT: Tool = Tool { name: "rustfmt", install: "rustup component add rustfmt" };

/// The linter, a component of the toolchain.
pub(crate) const CLIPPY: Tool = Tool { name: "clippy", install: "rustup component add clippy" };

impl Tool {
    /// Returns the message for a missing tool.
    fn missing(self) -> String {
        format!("{} is not installed ({})", self.name, self.install)
    }

    /// Returns the result of a step that needs this missing tool: skipped, or failed in CI, where nobody would notice.
    pub(crate) fn skipped(self, is_ci: bool) -> StepResult {
        if is_ci { StepResult::Failed(self.missing()) } else { StepResult::NotRun(self.missing()) }
    }

    /// Returns its output for `--version`, or `None` if it is not installed.
    pub(crate) fn version(self, shell: &Shell) -> Option<String> {
        let command: Cmd<'_> = match self.name {
            "diesel" => cmd!(shell, "diesel --version"),
            "cargo-deny" => cmd!(shell, "cargo deny --version"),
            "rustfmt" => cmd!(shell, "cargo fmt --version"),
            _ => cmd!(shell, "cargo clippy --version"),
        };
        command.quiet().ignore_stderr().read().ok()
    }

    /// Requires a tool that comes with the toolchain.
    ///
    /// # Errors
    /// When it is missing, with the command that installs it.
    pub(crate) fn require(self, shell: &Shell) -> anyhow::Result<()> {
        if self.version(shell).is_none() {
            bail!(self.missing());
        }
        Ok(())
    }
}

/// Returns the first `MAJOR.MINOR` in the output of `--version`.
pub(crate) fn major_and_minor(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word.split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (text, expected) in [
            ("diesel \n Version: 2.3.14\n Supported Backends: postgres sqlite", Some((2, 3))),
            ("diesel 2.2.0", Some((2, 2))),
            ("cargo-deny 0.20.2", Some((0, 20))),
            ("diesel", None),
            ("version two.three", None),
        ] {
            assert_eq!(major_and_minor(text), expected, "{text}");
        }
    }

    #[test]
    fn a_missing_tool_is_never_passed() {
        let text = "cargo-deny is not installed (cargo install cargo-deny --locked)".to_owned();
        assert_eq!(CARGO_DENY.skipped(false), StepResult::NotRun(text.clone()));
        assert_eq!(CARGO_DENY.skipped(true), StepResult::Failed(text));
    }

    #[test]
    fn a_tool_that_is_not_on_the_path_is_missing() {
        let shell = Shell::new().unwrap();
        shell.set_var("PATH", "/nonexistent");
        for tool in [DIESEL, CARGO_DENY, RUSTFMT, CLIPPY] {
            assert_eq!(tool.version(&shell), None, "{}", tool.name);
            assert!(tool.require(&shell).unwrap_err().to_string().contains(tool.install));
        }
    }
}
