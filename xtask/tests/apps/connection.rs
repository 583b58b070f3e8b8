//! The generated connection, health checks and migrator, as a Node program uses them: lost connections, time limits, TLS, signals, and
//! several migrators at once. `connection/scenarios.ts` is what the program does.

mod migrator;
mod tls;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use test_database::TestDatabase;

use crate::place::{Output, Place, checkout, contents, output};
use crate::server::execute;
use crate::support::{NodeProject, filled, npm_project};

/// The sources of the program.
const SOURCES: [(&str, &str); 3] = [
    ("migrate.ts", include_str!("connection/migrate.ts")),
    ("scenarios.ts", include_str!("connection/scenarios.ts")),
    ("tls_server.ts", include_str!("connection/tls_server.ts")),
];

const TSCONFIG: &str = r#"{
  "compilerOptions": {
    "target": "ES2022", "module": "NodeNext", "types": ["node"], "rootDir": ".", "outDir": "dist", "skipLibCheck": true,
    "strict": true, "exactOptionalPropertyTypes": true, "noUncheckedIndexedAccess": true, "noUnusedLocals": true,
    "noUnusedParameters": true, "noImplicitOverride": true, "noImplicitReturns": true, "noPropertyAccessFromIndexSignature": true,
    "erasableSyntaxOnly": true, "isolatedModules": true
  },
  "include": ["db", "drizzle", "drizzle.config.ts", "test"]
}"#;

/// The generated files of Hyperpage's plan with the program, compiled once for each state of the sources.
struct App {
    project: NodeProject,
    folder: PathBuf,
}

impl App {
    #[track_caller]
    fn new() -> App {
        let project = npm_project(&checkout().join("fixtures/app"));
        let place = Place::new();
        place.run(["generate", "--drizzle", "app"]).expect(0);
        let generated = contents(&place.path().join("app"));
        let mut inputs: Vec<Vec<u8>> = vec![TSCONFIG.as_bytes().to_vec()];
        inputs.extend(SOURCES.iter().map(|(_, text)| text.as_bytes().to_vec()));
        inputs.extend(generated.iter().map(|(_, content)| content.clone()));
        let folder = filled("connection", &inputs, |folder| {
            let write = |path: &Path, content: &[u8]| {
                let path = folder.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            };
            for (path, content) in &generated {
                if place.path().join("app").join(path).is_file() {
                    write(path, content);
                }
            }
            SOURCES.iter().for_each(|(name, text)| write(&Path::new("test").join(name), text.as_bytes()));
            write(Path::new("tsconfig.json"), TSCONFIG.as_bytes());
            write(Path::new("package.json"), br#"{"name": "connected-app", "private": true}"#);
            project.link_into(folder);
            let compiled = output(&mut project.program("tsc", folder));
            if compiled.code == Some(0) { Ok(()) } else { Err(compiled.screen()) }
        });
        App { project, folder }
    }

    /// A command that runs a compiled file.
    fn node(&self, file: &str, url: &str, variables: &[(&str, &str)]) -> Command {
        let mut command = self.project.node(&self.folder);
        command.arg(self.folder.join("dist").join(file)).env("DATABASE_URL", url);
        command.envs(variables.iter().copied());
        command
    }

    fn scenario(&self, name: &str, url: &str, variables: &[(&str, &str)]) -> Command {
        let mut command = self.node("test/scenarios.js", url, variables);
        command.arg(name);
        command
    }

    /// What a scenario saw, with what it printed to standard error.
    #[track_caller]
    fn sees(&self, name: &str, url: &str, variables: &[(&str, &str)]) -> (Value, String) {
        let ended = output(&mut self.scenario(name, url, variables));
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.screen());
        (seen(&ended), ended.stderr)
    }

    #[track_caller]
    fn migrate(&self, database: &TestDatabase, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        output(self.node("db/migrate.js", database.url(), variables).args(arguments))
    }
}

/// The line of JSON that a scenario prints last.
#[track_caller]
fn seen(ended: &Output) -> Value {
    serde_json::from_str(ended.stdout.lines().last().unwrap_or_default()).unwrap()
}

#[test]
#[ignore = "needs node and npm"]
fn a_lost_connection_costs_its_query_alone() {
    let (app, database) = (App::new(), TestDatabase::create());
    let (found, stderr) = app.sees("lost_idle", database.url(), &[]);
    assert_eq!(found, json!({"isOther": true}));
    assert!(stderr.starts_with("database: an idle connection was lost: "), "{stderr}");
    let (found, _) = app.sees("lost_in_transaction", database.url(), &[]);
    assert_eq!(found, json!({"isLost": true, "later": "done", "total": 1}));
}

#[test]
#[ignore = "needs node and npm"]
fn statements_and_waiting_have_limits() {
    let (app, database) = (App::new(), TestDatabase::create());
    let (found, _) = app.sees("statement_timeout", database.url(), &[("DB_STATEMENT_TIMEOUT", "200")]);
    assert_eq!(found, json!({"slow": "57014", "isFast": true, "later": "done"}));
    let (found, _) = app.sees("stalled_statement", database.url(), &[("DB_STATEMENT_TIMEOUT", "200")]);
    assert_eq!(found, json!({"stalled": "ETIMEDOUT", "isBounded": true, "later": "done"}));
    let limits = [
        ("DB_POOL_MAX", "2"),
        ("DB_POOL_MIN", "1"),
        ("DB_IDLE_TIMEOUT", "100"),
        ("DB_CONNECTION_TIMEOUT", "1500"),
    ];
    let (found, _) = app.sees("bounds", database.url(), &limits);
    assert_eq!(
        found,
        json!({
            "during": {"total": 2, "idle": 0, "waiting": 1, "max": 2, "closing": false},
            "sessions": 2, "refused": "timeout exceeded when trying to connect", "total": 1,
        })
    );
}

#[test]
#[ignore = "needs node and npm"]
fn a_connection_is_not_used_again_in_a_transaction() {
    let (app, database) = (App::new(), TestDatabase::create());
    let one = [("DB_POOL_MAX", "1"), ("DB_STATEMENT_TIMEOUT", "200"), ("DB_CONNECTION_TIMEOUT", "3000")];
    for level in ["outer", "savepoint", "caught"] {
        let ended = output(app.scenario("stalled_transaction", database.url(), &one).arg(level)).expect(0);
        let expected = json!({"isFailed": true, "isBounded": true, "later": "done", "written": ["later"]});
        assert_eq!(seen(&ended), expected, "{level}");
    }
    let (found, _) = app.sees("left_open", database.url(), &one);
    assert_eq!(found, json!({"written": ["later"], "total": 1}));
}

#[test]
#[ignore = "needs node and npm"]
fn a_transaction_that_cannot_begin_gives_its_connection_back() {
    let (app, database) = (App::new(), TestDatabase::create());
    let two = [("DB_POOL_MAX", "2"), ("DB_CONNECTION_TIMEOUT", "3000")];
    let (found, _) = app.sees("no_beginning", database.url(), &two);
    let seen = json!([false, false, false, false]);
    assert_eq!(found, json!({"seen": seen, "refused": 0, "lost": 0, "later": "done", "total": 1}));
}

#[test]
#[ignore = "needs node and npm"]
fn migrations_have_no_time_limits_of_the_database() {
    let (app, database) = (App::new(), TestDatabase::create());
    for limit in ["statement", "idle_in_transaction_session", "idle_session", "lock"] {
        execute(&database, &format!("ALTER DATABASE \"{}\" SET {limit}_timeout = 200", database.name()));
    }
    let (found, _) = app.sees("limits", database.url(), &[]);
    assert_eq!(found, json!({"limits": ["lock_timeout 200"], "slow": "done"}));
}

#[test]
#[ignore = "needs node and npm"]
fn values_are_those_that_the_app_had() {
    let (app, database) = (App::new(), TestDatabase::create());
    let zone = [("TZ", "America/New_York"), ("npm_package_name", "hyperpage")];
    let (found, _) = app.sees("values", database.url(), &zone);
    let beyond = "a bigint is beyond 2^53, and JavaScript has no number for it: select it as text";
    assert_eq!(
        found,
        json!({
            "number": 42, "numbers": [1, null, 9_007_199_254_740_991_u64], "flag": true, "document": {"a": [1]},
            "moment": {"kind": "Date", "ms": 1_795_946_400_123_u64}, "zone": "UTC", "name": "hyperpage", "counted": 3,
            // Drizzle parses each string once more.
            "text": " \"true\"", "digits": "\n\"123\"", "five": 5,
            "exact": "done", "beyond": beyond, "beyondInArray": beyond,
        })
    );
}

#[test]
#[ignore = "needs node and npm"]
fn wrong_settings_are_named_and_not_shown() {
    let (app, database) = (App::new(), TestDatabase::create());
    let (found, _) = app.sees("settings", database.url(), &[]);
    assert_eq!(found["isSecretShown"], json!(false), "{found:#}");
    let malformed = "DATABASE_URL cannot be read";
    for (name, expected) in [
        (
            "max",
            "DB_POOL_MAX is not a whole number from 1 to 4294967295; set it to a number such as 10, or unset it",
        ),
        ("min", "DB_POOL_MIN is 11, more than DB_POOL_MAX, which is 10"),
        ("timeout", "DB_STATEMENT_TIMEOUT is not a whole number from 0 "),
        ("connection", "DB_CONNECTION_TIMEOUT is not a whole number from 1 "),
        ("idle", "DB_IDLE_TIMEOUT is not a whole number from 1 "),
        ("empty", "done"),
        ("scheme", malformed),
        ("slash", malformed),
        ("percent", malformed),
        ("port", "DATABASE_URL's port is not a port number"),
        ("hosts", "DATABASE_URL names several hosts"),
        ("option", "DATABASE_URL has the option sslcrl, which node-postgres cannot honour"),
        ("sslmode", "sslmode is none of disable, allow, prefer, require, verify-ca, verify-full"),
        ("no_root", "sslmode=verify-full needs the certificate of the authority"),
        ("root_gone", "the file of sslrootcert cannot be read"),
        ("no_verify", "sslmode=no-verify is a word of node-postgres alone; write sslmode=require"),
        ("binding", "the server offers no channel binding, which DATABASE_URL requires"),
        ("other_binding", "DATABASE_URL has the option channel_binding, which"),
        ("newline", "done"),
        ("keywords", malformed),
        ("nothing", "no database is named; set DATABASE_URL, or POSTGRES_HOST"),
        ("parts_port", "POSTGRES_PORT is not a port number"),
        ("parts", "done"),
        ("as_keywords", "done"),
    ] {
        let message = found["seen"][name].as_str().unwrap();
        assert!(message.starts_with(expected), "{name}: {message}");
    }
}

#[test]
#[ignore = "needs node and npm"]
fn a_module_that_is_loaded_again_uses_the_same_pool() {
    let (app, database) = (App::new(), TestDatabase::create());
    let (found, _) = app.sees("hot_reload", database.url(), &[]);
    assert_eq!(found, json!({"isOtherModule": true, "isSamePool": true}));
}

/// Starts a scenario, waits until it prints `ready`, and sends SIGTERM. Returns its exit status, what else it printed, and how long it
/// took to end.
#[track_caller]
fn stopped(app: &App, database: &TestDatabase, scenario: &[&str]) -> (Option<i32>, Vec<String>, f64) {
    let mut command = app.scenario(scenario[0], database.url(), &[]);
    let mut child: Child = command.args(&scenario[1..]).stdout(Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(printed.any(|line| line == "ready"));
    let started = Instant::now();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let rest: Vec<String> = printed.collect();
    let status = child.wait().unwrap().code();
    (status, rest, started.elapsed().as_secs_f64())
}

#[test]
#[ignore = "needs node and npm"]
fn a_signal_lets_queries_end_until_the_deadline() {
    let (app, database) = (App::new(), TestDatabase::create());
    let (status, printed, _) = stopped(&app, &database, &["shutdown", "10000", "2"]);
    assert_eq!((status, printed), (Some(0), vec!["stopping".to_owned(), "finished".to_owned()]));
    let (status, printed, seconds) = stopped(&app, &database, &["shutdown", "500", "60"]);
    assert_eq!((status, printed), (Some(1), vec!["stopping".to_owned()]));
    assert!(seconds < 10.0, "{seconds}");
    let (status, printed, _) = stopped(&app, &database, &["server"]);
    assert_eq!((status, printed), (Some(0), vec!["done".to_owned()]));
    let (status, printed, _) = stopped(&app, &database, &["ended_by_the_app"]);
    assert_eq!((status, printed), (Some(0), vec![]));
    let (found, _) = app.sees("closed_early", database.url(), &[]);
    assert_eq!(found, json!({"early": true, "isClosed": true, "total": 0}));
    let (found, _) = app.sees("closed", database.url(), &[]);
    let later = "Cannot use a pool after calling end on the pool";
    assert_eq!(
        (&found["isClosed"], &found["again"], &found["later"]),
        (&json!(true), &json!(true), &json!(later))
    );
    assert_eq!((&found["ready"]["reason"], &found["alive"]), (&json!("closing"), &json!("alive")));
}

#[test]
#[ignore = "needs node and npm"]
fn an_app_is_ready_once_its_migrations_are_applied() {
    let (app, database) = (App::new(), TestDatabase::create());
    let both = json!(["0000_create_tables", "0001_add_constraints"]);
    let (found, _) = app.sees("readiness", database.url(), &[]);
    assert_eq!(found["without"], json!(true));
    let found = &found["found"];
    assert_eq!(
        (&found["ready"], &found["reason"], &found["pending"]),
        (&json!(false), &json!("migrations pending"), &both)
    );
    assert_eq!(
        app.migrate(&database, &["--check"], &[]).expect(1).stdout,
        "pending: 0000_create_tables, 0001_add_constraints\n"
    );
    assert_eq!(
        app.migrate(&database, &[], &[]).expect(0).stdout,
        "applied: 0000_create_tables, 0001_add_constraints\n"
    );
    assert_eq!(app.migrate(&database, &["--check"], &[]).expect(0).stdout, "no migration is pending\n");
    let (found, _) = app.sees("readiness", database.url(), &[]);
    let found = &found["found"];
    assert_eq!(
        (&found["ready"], &found["pending"], found.get("reason")),
        (&json!(true), &json!([]), None),
        "{found}"
    );

    execute(&database, "DELETE FROM drizzle.__drizzle_migrations WHERE created_at = 1793491202000");
    let (found, _) = app.sees("readiness", database.url(), &[]);
    assert_eq!(found["found"]["pending"], json!(["0001_add_constraints"]));
    let (found, _) = app.sees("unreachable", database.url(), &[]);
    assert_eq!((&found["reason"], &found["code"]), (&json!("unreachable"), &json!("ECONNREFUSED")));
    let mut elsewhere = app.scenario("readiness", database.url(), &[]);
    let found = seen(&output(elsewhere.arg("nowhere")));
    assert_eq!(
        (&found["found"]["reason"], &found["found"]["code"]),
        (&json!("journal unreadable"), &json!("ENOENT"))
    );
    assert_eq!(
        found["found"]["next"],
        "drizzle/meta/_journal.json belongs into the working directory of the app"
    );
}

#[test]
#[ignore = "needs node and npm"]
fn readiness_has_a_deadline_and_uses_one_connection() {
    let (app, database) = (App::new(), TestDatabase::create());
    app.migrate(&database, &[], &[]).expect(0);
    let (found, _) = app.sees("stalled_readiness", database.url(), &[("DB_CONNECTION_TIMEOUT", "1000")]);
    assert_eq!(
        found,
        json!({"first": true, "reasons": ["deadline"], "isFast": true, "used": 1, "again": "deadline", "later": true})
    );
}
