//! The schemas of an app as `pg_dump` prints them, to compare before and after.

use std::process::Command;

use private_postgres::Binaries;

use super::Case;

/// Describes what `pg_dump` prints of the schemas in $1, where there is no `pg_dump` for the server.
const CATALOG_SQL: &str = include_str!("dump.sql");

/// The definitions of everything in these schemas, with comments, owners and privileges.
#[track_caller]
pub fn schema_dump(case: &Case, schemas: &[&str]) -> String {
    let Some(program) = pg_dump(case) else {
        let names: Vec<String> = schemas.iter().map(|name| format!("'{name}'")).collect();
        return case.ask(&CATALOG_SQL.replace("$1", &format!("ARRAY[{}]", names.join(", ")))).join("\n");
    };
    let mut command = Command::new(program);
    command.args(["--schema-only", "--dbname", case.database.url()]);
    command.args(schemas.iter().map(|schema| format!("--schema=\"{schema}\"")));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("CREATE TABLE"), "{text}");
    // A key that is drawn anew by each run.
    let is_random = |line: &&str| line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ");
    text.lines().filter(|line| !is_random(line)).collect::<Vec<_>>().join("\n")
}

/// A `pg_dump` that is not older than the server: that of the server's own folder, else the one on the path.
fn pg_dump(case: &Case) -> Option<std::path::PathBuf> {
    let version = std::env::var("TEST_POSTGRES_VERSION").ok().and_then(|version| version.parse().ok());
    let own = Binaries::find(version).ok().and_then(|binaries| binaries.program("pg_dump"));
    let server: u32 =
        case.ask("SELECT current_setting('server_version_num')::int / 10000")[0].parse().unwrap();
    own.into_iter().chain(["pg_dump".into()]).find(|program| {
        let output = Command::new(program).arg("--version").output().ok();
        let words = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let major =
            words.and_then(|words| words.split_once("(PostgreSQL) ")?.1.split('.').next()?.parse().ok());
        major.is_some_and(|major: u32| major >= server)
    })
}
