//! Tools that not every machine has: whether they are installed, in which version, and how to install them.

use anyhow::bail;
use xshell::{Shell, cmd};

use super::StepResult;

/// A tool that a step needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Its usual name.
    pub(crate) name: &'static str,
    /// The command that succeeds if it is installed, and prints its version.
    probe: &'static [&'static str],
    /// The command that installs it.
    pub(crate) install: &'static str,
}

/// The command line of Diesel.
pub(crate) const DIESEL: Tool = Tool {
    name: "diesel",
    probe: &["diesel", "--version"],
    install: "cargo install diesel_cli --locked --no-default-features --features postgres,sqlite-bundled",
};

/// The checker of licences and advisories.
pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    probe: &["cargo", "deny", "--version"],
    install: "cargo install cargo-deny --locked",
};

/// The formatter, a component of the toolchain.
pub(crate) const RUSTFMT: Tool =
    Tool { name: "rustfmt", probe: &["cargo", "fmt", "--version"], install: "rustup component add rustfmt" };

/// The linter, a component of the toolchain.
pub(crate) const CLIPPY: Tool =
    Tool { name: "clippy", probe: &["cargo", "clippy", "--version"], install: "rustup component add clippy" };

/// Node, which runs the programs of `fixtures/app` and of other apps.
pub(crate) const NODE: Tool =
    Tool { name: "node", probe: &["node", "--version"], install: "apt-get install nodejs" };

/// The package manager of Node.
pub(crate) const NPM: Tool =
    Tool { name: "npm", probe: &["npm", "--version"], install: "apt-get install npm" };

/// Makes certificates.
pub(crate) const OPENSSL: Tool =
    Tool { name: "openssl", probe: &["openssl", "version"], install: "apt-get install openssl" };

/// Python with virtual environments.
pub(crate) const PYTHON: Tool = Tool {
    name: "python3 with venv",
    probe: &["python3", "-c", "import ensurepip, sys, venv; print(sys.version)"],
    install: "apt-get install python3-venv",
};

/// Ruby.
pub(crate) const RUBY: Tool =
    Tool { name: "ruby", probe: &["ruby", "--version"], install: "apt-get install ruby" };

/// Active Record and its drivers.
pub(crate) const ACTIVE_RECORD: Tool = Tool {
    name: "ruby with activerecord",
    probe: &[
        "ruby",
        "-e",
        "%w[active_record sqlite3 pg].each { |name| require name }; puts ActiveRecord.version",
    ],
    install: "apt-get install ruby-activerecord ruby-sqlite3 ruby-pg",
};

/// Sequel and its drivers.
pub(crate) const SEQUEL: Tool = Tool {
    name: "ruby with sequel",
    probe: &["ruby", "-e", "%w[sequel sqlite3 pg].each { |name| require name }; puts Sequel.version"],
    install: "apt-get install ruby-sequel ruby-sqlite3 ruby-pg",
};

/// Prints the schema of a database.
pub(crate) const PG_DUMP: Tool =
    Tool { name: "pg_dump", probe: &["pg_dump", "--version"], install: "apt-get install postgresql-client" };

/// Builds kustomizations.
pub(crate) const KUBECTL: Tool = Tool {
    name: "kubectl",
    probe: &["kubectl", "version", "--client"],
    install: "apt-get install kubernetes-client, on Debian 13 or later",
};

/// Checks alert rules.
pub(crate) const PROMTOOL: Tool =
    Tool { name: "promtool", probe: &["promtool", "--version"], install: "apt-get install prometheus" };

/// A migrator of somebody else.
pub(crate) const PGLOADER: Tool =
    Tool { name: "pgloader", probe: &["pgloader", "--version"], install: "apt-get install pgloader" };

impl Tool {
    /// Returns the message for a missing tool.
    pub(crate) fn missing(self) -> String {
        format!("{} is not installed ({})", self.name, self.install)
    }

    /// Returns the result of a step that needs this missing tool: skipped, or failed in CI, where nobody would notice.
    pub(crate) fn skipped(self, is_ci: bool) -> StepResult {
        if is_ci { StepResult::Failed(self.missing()) } else { StepResult::NotRun(self.missing()) }
    }

    /// Returns its version as it prints it, or `None` if it is not installed.
    pub(crate) fn version(self, shell: &Shell) -> Option<String> {
        let (program, arguments) = self.probe.split_first()?;
        cmd!(shell, "{program} {arguments...}").quiet().ignore_stderr().read().ok()
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
        for tool in [DIESEL, CARGO_DENY, RUSTFMT, CLIPPY, NODE, NPM, PYTHON, RUBY, PG_DUMP, PGLOADER, SEQUEL]
        {
            assert_eq!(tool.version(&shell), None, "{}", tool.name);
            assert!(tool.require(&shell).unwrap_err().to_string().contains(tool.install));
        }
    }
}
