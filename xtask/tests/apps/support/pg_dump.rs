//! The schema of a database as `pg_dump` prints it, to compare two databases, or one before and after.

use std::path::PathBuf;
use std::process::Command;

use private_postgres::Binaries;
use test_database::TestDatabase;

use super::program::{find, run};
use crate::server::value;

/// Returns the definitions of everything in a database except the schemas named, with comments, owners and privileges.
///
/// # Panics
/// When there is no `pg_dump` for the server.
#[track_caller]
pub(crate) fn schema_dump(database: &TestDatabase, without: &[&str]) -> String {
    let mut command = Command::new(pg_dump(database));
    command.args(["--schema-only", "--dbname", database.url()]);
    command.args(without.iter().map(|schema| format!("--exclude-schema=\"{schema}\"")));
    let text = run(&mut command);
    // A key that is drawn anew by each run.
    let is_random = |line: &&str| line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ");
    text.lines().filter(|line| !is_random(line)).collect::<Vec<_>>().join("\n")
}

/// Returns a `pg_dump` that is not older than the server: that of the server's own folder, else the one on the path.
#[track_caller]
fn pg_dump(database: &TestDatabase) -> PathBuf {
    let version = std::env::var("TEST_POSTGRES_VERSION").ok().and_then(|version| version.parse().ok());
    let own = Binaries::find(version).ok().and_then(|binaries| binaries.program("pg_dump"));
    let server: u32 =
        value(database, "SELECT current_setting('server_version_num')::int / 10000").parse().unwrap();
    own.into_iter()
        .chain(find("pg_dump"))
        .find(|program| {
            let version = run(Command::new(program).arg("--version"));
            let major = version.split_once("(PostgreSQL) ").and_then(|(_, rest)| rest.split('.').next());
            major.and_then(|major| major.trim().parse::<u32>().ok()).is_some_and(|major| major >= server)
        })
        .unwrap_or_else(|| {
            panic!("there is no pg_dump of version {server} or later; on Debian: apt-get install postgresql-client")
        })
}
