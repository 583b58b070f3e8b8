//! Compares `schema-pg/src/schema.rs` with what `diesel print-schema` prints for a new database with the plan's migrations, on the
//! server of the tests. Writes no file of the checkout.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use postgres_client::Connection;
use similar::TextDiff;
use xshell::{Cmd, Shell, cmd};

use super::StepResult;
use crate::{output, plan_folder, workspace};

/// How long the server may take to accept a connection.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Compares the schema file with Diesel's output, and prints the difference. `url` is any database of the server.
///
/// # Errors
/// When the server, the program `diesel` or a file cannot be used.
pub(crate) fn print_schema_agrees(url: &str) -> anyhow::Result<StepResult> {
    let folder = workspace::plan_dir();
    let difference = difference(url, &folder)?;
    Ok(match difference {
        None => StepResult::Passed,
        Some(diff) => {
            output::note(&diff);
            StepResult::Failed(
                "schema-pg/src/schema.rs differs, see above: run `cargo xtask generate`".to_owned(),
            )
        }
    })
}

/// Returns the diff from the schema file in `folder` to Diesel's output, if there is one.
fn difference(url: &str, folder: &Path) -> anyhow::Result<Option<String>> {
    let path = folder.join("src/schema.rs");
    let written = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let printed = printed(url, folder)?;
    let (written, printed) = (without_header(&written), without_header(&printed));
    if written == printed {
        return Ok(None);
    }
    let diff = TextDiff::from_lines(written, printed);
    Ok(Some(diff.unified_diff().header("schema-pg/src/schema.rs", "diesel print-schema").to_string()))
}

/// Returns Diesel's output for a new database with the migrations of the plan in `folder`.
fn printed(url: &str, folder: &Path) -> anyhow::Result<String> {
    let database = Scratch::create(url)?;
    let shell = Shell::new()?;
    // With a configuration that names a schema file, `migration run` would write that file.
    let empty = tempfile::NamedTempFile::new()?;
    let own = folder.join("diesel.toml");
    let config = if own.is_file() { own.as_path() } else { empty.path() };
    // Migrations of a person follow the plan's, and the schema file describes the plan.
    let of_plan = plan_folder::migrations_of(&plan_folder::read(folder)?)?;
    let (empty, migrations) = (empty.path(), of_plan.path());
    let migrate = cmd!(shell, "diesel migration run --config-file {empty} --migration-dir {migrations}");
    // The URL holds the password: an environment variable, since every account can read arguments.
    run(migrate.env("DATABASE_URL", &database.url))?;
    run(cmd!(shell, "diesel print-schema --config-file {config}").env("DATABASE_URL", &database.url))
}

/// Runs a command of Diesel and returns its standard output.
fn run(command: Cmd<'_>) -> anyhow::Result<String> {
    output::note(&format!("$ {command}"));
    let text = command.to_string();
    let output = command.quiet().ignore_status().output().with_context(|| format!("cannot run `{text}`"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("`{text}` failed: {}", stderr.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns the text after its leading comments and blank lines, which differ between the two generators.
fn without_header(text: &str) -> &str {
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n')
        && (line.trim().is_empty() || line.starts_with("//"))
    {
        rest = after;
    }
    rest
}

/// A database that is dropped with this value.
struct Scratch<'a> {
    server: &'a str,
    name: String,
    url: String,
}

impl<'a> Scratch<'a> {
    fn create(server: &'a str) -> anyhow::Result<Self> {
        let name = format!("print_schema_{}", std::process::id());
        // The last value of a parameter counts, also against the database in the path.
        let url = format!("{server}{}dbname={name}", if server.contains('?') { '&' } else { '?' });
        execute(server, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))?;
        Ok(Self { server, name, url })
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if let Err(error) = execute(self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            output::note(&format!("cannot drop the database {}: {error:#}", self.name));
        }
    }
}

fn execute(url: &str, sql: &str) -> anyhow::Result<()> {
    let mut connection = Connection::connect(url, "cargo xtask test", ANSWER_MAX)
        .context("cannot connect to the server of the tests")?;
    connection.script(sql).map(drop).with_context(|| format!("cannot run {sql}"))
}

#[cfg(test)]
mod tests {
    use test_database::TestDatabase;

    use super::*;

    #[test]
    fn the_scratch_database_is_another_one_and_goes_away() {
        let server = TestDatabase::create();
        let database = Scratch::create(server.url()).unwrap();
        let url = database.url.clone();
        execute(&url, "CREATE TABLE only_here (id int)").unwrap();
        assert!(
            execute(server.url(), "SELECT * FROM only_here").is_err(),
            "the table is in the wrong database"
        );
        drop(database);
        assert!(execute(&url, "SELECT 1").is_err(), "the database is still there");
    }

    #[test]
    fn the_header_alone_is_ignored() {
        for (text, expected) in [
            ("// @generated\n\ndiesel::table! {\n", "diesel::table! {\n"),
            ("//! What.\n// How.\n\n\nx\n// not a header\n", "x\n// not a header\n"),
            ("x\n", "x\n"),
            ("// only\n", ""),
            ("", ""),
        ] {
            assert_eq!(without_header(text), expected, "{text:?}");
        }
    }
}
