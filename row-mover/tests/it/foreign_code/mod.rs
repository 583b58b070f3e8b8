//! Functions and operators that anybody with CREATE on a schema makes never run in sessions of ours, and never change what a
//! validation finds.

mod story;

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use migrate_core::finding::Reason;
use postgres_client::{DbSettings, TargetUrl, pool};
use row_mover::run::{self, Purpose, Silent, ValidationRequest};
use row_mover::status::status;
use row_mover::validate::CompareOptions;
use test_database::own_server::OwnServer;

use crate::standby::Standby;
use crate::support::{Case, ask, chain, session};
use story::{APP_ROLE, story};

/// What begins the log of each statement, and tells the session and the role apart.
const LOG_SETTINGS: [&str; 3] =
    ["log_statement = 'all'", "log_line_prefix = '%c|%u|'", "log_min_messages = 'log'"];

const SHADOW_SQL: &str = include_str!("shadow.sql");

/// What recognises a pooler, in a session that is not ours yet: it looks up nothing, and a setting would reach the app.
const PROBE_SQL: &str = "SELECT pg_catalog.pg_backend_pid()";

/// Operators that stand for words of SQL, and functions likewise.
const IMPLIED: [&str; 12] =
    ["=", "<>", "<", ">", "<=", ">=", "~~", "!~~", "~~*", "timezone", "like_escape", "count"];

/// What a log says that statements call: everything before an opening parenthesis, and all that looks like an operator.
fn called(log: &str) -> (Vec<String>, Vec<String>) {
    let (mut functions, mut operators) = (Vec::new(), Vec::new());
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_operator = |letter: char| "+-*/<>=~!@#%^&|`?".contains(letter);
    for line in log.lines() {
        for (place, _) in line.match_indices('(') {
            let before = line[..place].trim_end();
            let begin = before.rfind(|letter| !is_name(letter)).map_or(0, |at| at + 1);
            // A letter of more than one byte stands in no name of a function.
            functions.extend(before.get(begin..).filter(|name| !name.is_empty()).map(str::to_owned));
        }
        operators.extend(line.split(|letter| !is_operator(letter)).map(str::to_owned));
    }
    let is_function = |name: &&&str| name.starts_with(is_name);
    functions.extend(IMPLIED.iter().filter(is_function).map(|name| (*name).to_owned()));
    operators.extend(IMPLIED.iter().filter(|name| !is_function(name)).map(|name| (*name).to_owned()));
    for names in [&mut functions, &mut operators] {
        names.sort();
        names.dedup();
        names.retain(|name| !name.is_empty());
    }
    (functions, operators)
}

fn array(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
    format!("ARRAY[{}]::text[]", quoted.join(", "))
}

/// The first statements of each session of the role that migrates, from a server's log.
fn first_statements(log: &str) -> BTreeMap<String, Vec<String>> {
    let mut sessions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in log.lines() {
        let mut parts = line.splitn(3, '|');
        let (Some(session), Some(role), Some(said)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let statement = said.strip_prefix("LOG:  statement: ").or_else(|| {
            said.strip_prefix("LOG:  execute ").and_then(|said| said.split_once(": ")).map(|(_, sql)| sql)
        });
        if let Some(statement) = statement.filter(|_| role == APP_ROLE) {
            sessions.entry(session.to_owned()).or_default().push(statement.to_owned());
        }
    }
    sessions
}

#[test]
fn no_object_that_shadows_one_of_postgresql_is_ever_called() {
    let server = OwnServer::start(&LOG_SETTINGS);
    let owner = server.url();
    session(&owner).query(&format!("CREATE ROLE {APP_ROLE} SUPERUSER LOGIN PASSWORD 'mover'"), &[]).unwrap();
    let plain = story(&owner, &|_| {});
    let log = server.log();
    let (functions, operators) = called(&log);
    for known in ["quote_ident", "has_database_privilege", "convert_to", "setval", "to_char", "pg_get_expr"] {
        assert!(functions.iter().any(|name| name == known), "{known} is not among {functions:?}");
    }
    let shadow = SHADOW_SQL.replace("$1", &array(&functions)).replace("$2", &array(&operators));
    let shadowed = story(&owner, &|url| {
        let mut session = session(url);
        session
            .script(&format!("SET search_path = pg_catalog, pg_temp; {shadow}"))
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
        // They do stand in where anything looks for them there.
        for sql in [
            "SELECT quote_ident('x'::name)",
            "SELECT 'x'::text || 'y'::name",
            "SELECT convert_to('x', 'UTF8'::text)",
        ] {
            session.script("SET search_path = public").unwrap();
            assert!(session.query(sql, &[]).is_err(), "{sql}");
            session.script("SET search_path = pg_catalog, pg_temp").unwrap();
            session.query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {}", chain(&error)));
        }
    });
    let log = server.log();
    let made = log.lines().filter(|line| line.contains("shadows made: ")).count();
    assert!(made >= 2, "in each database of the second time");
    let prefix = format!("|{APP_ROLE}|LOG:  foreign code ran");
    let ran: Vec<&str> = log.lines().filter(|line| line.contains(&prefix)).collect();
    assert!(ran.is_empty(), "{ran:#?}");
    assert_eq!(shadowed, plain);
    let sessions = first_statements(&log);
    assert!(sessions.len() > 20, "{}", sessions.len());
    for (session, statements) in sessions {
        let first = statements.iter().find(|sql| *sql != PROBE_SQL);
        assert!(
            first.is_some_and(|sql| sql.starts_with("SET search_path = pg_catalog, pg_temp;")),
            "{session}: {:?}",
            statements.iter().take(3).collect::<Vec<_>>()
        );
    }
}

/// A function of the attacker that gives what was there before whatever is there now.
#[test]
fn a_long_value_is_hashed_by_postgresql_itself() {
    let case = Case::mapped(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, replace(hex(zeroblob(1500000)), '00', 'xy'))",
        "schema = \"app\"",
    );
    case.moved();
    case.execute(
        "CREATE TABLE public.kept AS SELECT convert_to(v, 'UTF8') AS v FROM app.t; \
         CREATE FUNCTION public.convert_to(text, text) RETURNS bytea LANGUAGE sql AS 'SELECT v FROM public.kept'; \
         CREATE FUNCTION public.sha256(text) RETURNS bytea LANGUAGE sql AS 'SELECT pg_catalog.sha256(v) FROM public.kept'",
    );
    assert!(case.validated(false).1.is_proven());
    case.execute("UPDATE app.t SET v = replace(v, 'y', 'z')");
    let (_, validation) = case.validated(false);
    assert_eq!(validation.tables[0].different, 1, "{validation:?}");
}

/// A default that was changed to a function of somebody is a difference, and is not computed to say so.
#[test]
fn a_default_that_calls_a_foreign_function_is_not_run() {
    let case =
        Case::mapped("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT DEFAULT 'x')", "schema = \"app\"");
    case.moved();
    case.execute(
        "CREATE FUNCTION public.steal() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'x'; END $$; \
         ALTER TABLE app.t ALTER v SET DEFAULT public.steal()",
    );
    let (_, validation) = case.validated(false);
    let found = crate::support::words::defaults(&validation);
    assert!(
        found.iter().any(|words| words.contains("public.steal()") && words.contains("was not run")),
        "{found:?}"
    );
}

const LIST: &str = "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now());";

/// The app's list of migrations is neither read nor written, so that nothing of it runs as whoever migrates.
#[test]
fn a_list_of_migrations_with_code_of_its_own_is_left_alone() {
    for code in [
        "CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$; \
         CREATE TRIGGER spy BEFORE INSERT ON __diesel_schema_migrations FOR EACH ROW EXECUTE FUNCTION spy()",
        "CREATE FUNCTION spy() RETURNS timestamp LANGUAGE sql AS 'SELECT now()::timestamp'; \
         ALTER TABLE __diesel_schema_migrations ALTER run_on SET DEFAULT spy()",
        "CREATE RULE spy AS ON INSERT TO __diesel_schema_migrations DO ALSO SELECT 1",
        "ALTER TABLE __diesel_schema_migrations RENAME TO list; \
         CREATE VIEW __diesel_schema_migrations AS SELECT * FROM list",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        crate::support::sqlite(&source, "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
        let target = format!("CREATE TABLE t (id bigint PRIMARY KEY); {LIST} {code}");
        let case = Case::into_existing(dir, source, "", &target).unwrap_or_else(|words| panic!("{words}"));
        case.moved();
        assert!(case.validated(false).1.is_proven(), "{code}");
        assert_eq!(case.ask("SELECT count(*) FROM __diesel_schema_migrations"), ["0"], "{code}");
    }
}

/// An app's CHECK may call a function that looks for its tables in the app's own search path.
#[test]
fn code_of_the_app_runs_in_the_search_path_that_the_app_has() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    crate::support::sqlite(
        &source,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, kind TEXT); INSERT INTO t VALUES (1, 'Good')",
    );
    let target = "CREATE EXTENSION citext; CREATE TABLE kinds (kind citext); INSERT INTO kinds VALUES ('good'); \
        CREATE FUNCTION is_known(citext) RETURNS boolean LANGUAGE plpgsql AS \
        $$ BEGIN RETURN EXISTS (SELECT FROM kinds WHERE kind = $1); END $$; \
        CREATE TABLE t (id bigint PRIMARY KEY, kind citext UNIQUE CHECK (is_known(kind)), of text DEFAULT upper('x'))";
    let case = Case::into_existing(dir, source, "", target).unwrap_or_else(|words| panic!("{words}"));
    case.moved();
    case.moved_already();
    assert!(case.validated(false).1.is_proven());
    assert_eq!(case.ask("SELECT kind, \"of\" FROM public.t"), ["Good|X"]);
}

/// Functions that a migration makes see the same whatever the search path of whoever fires them is.
#[test]
fn triggers_of_ours_are_not_captured_either() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INTEGER); CREATE TABLE log (v TEXT); \
         CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (upper(NEW.v) || '/' || NEW.n); END; \
         CREATE VIEW w AS SELECT upper(v) || n AS x FROM t",
    );
    case.moved();
    let mut diesel = case.diesel();
    diesel
        .batch_execute(
            "CREATE FUNCTION public.captured(text, bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'captured' $$; \
             CREATE OPERATOR public.|| (FUNCTION = public.captured, LEFTARG = text, RIGHTARG = bigint); \
             CREATE SCHEMA other; CREATE TABLE other.log (v text); \
             SET search_path = other, public; INSERT INTO t VALUES (1, 'a', 2)",
        )
        .unwrap();
    assert_eq!(case.ask("SELECT v FROM public.log"), ["A/2"]);
    assert_eq!(case.ask("SELECT x FROM public.w"), ["A2"]);
}

/// A server that replays what another one does: it is looked at, and not written to.
#[test]
fn a_standby_is_validated_as_far_as_possible_and_refuses_a_migration() {
    let server = OwnServer::start(&["wal_level = 'replica'", "max_wal_senders = 5"]);
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL DEFAULT 'x'); \
               INSERT INTO t VALUES (1, 'a'), (2, 'b'); CREATE VIEW w AS SELECT v FROM t";
    let mut case = Case::new(sql);
    case.database = test_database::TestDatabase::create_on(&server.url());
    case.moved();
    let standby = Standby::of(&server);
    let primary_url = case.database.url().to_owned();
    let url = standby.url(&primary_url);
    assert_eq!(ask(&mut session(&url), "SELECT pg_is_in_recovery()"), ["t"]);
    let target = TargetUrl::parse(&url).unwrap();
    let request = || run::Request { target: target.clone(), ..case.request() };
    let again = run::migrate(&request(), &Silent);
    assert!(matches!(again, Ok(run::Outcome::AlreadyDone(_))), "{again:?}");
    let restart = run::migrate(&run::Request { restart: true, ..request() }, &Silent);
    let refused = chain(&restart.unwrap_err());
    assert!(refused.contains("the server is a standby") && refused.contains("name the primary"), "{refused}");
    let found = status(&target, &DbSettings::default()).unwrap();
    assert!(found.run.is_some());
    let validation = ValidationRequest {
        target,
        settings: DbSettings::default(),
        migrations: &case.migrations,
        options: CompareOptions { workers: 2, ..CompareOptions::default() },
        purpose: Purpose::Proof,
        integrity_check: false,
    };
    let (_, found) = run::validate(&validation, &Silent).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert!(found.is_equal() && !found.is_proven(), "{found:?}");
    assert!(found.schema_not_compared == Some(Reason::Standby), "{found:?}");
    assert_eq!(
        (found.tables[0].equal, found.views.compared, found.defaults.compared),
        (2, 1, 1),
        "{found:?}"
    );
    case.execute("UPDATE t SET v = 'c' WHERE id = 2");
    Standby::wait_until(&url, "SELECT v = 'c' FROM public.t WHERE id = 2");
    let (_, found) = run::validate(&validation, &Silent).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert!(!found.is_equal(), "{found:?}");
    // The proof in the ledger is the primary's to take back.
    assert_eq!(case.ask("SELECT count(*) FROM migration.phases WHERE phase = 'validate'"), ["1"]);
}

/// Some errors are known by their words alone: they are English where the role may have them so, and no role is kept from working.
#[test]
fn messages_are_english_if_the_role_may_set_the_language() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let name = case.database.name();
    let (_, place) = case.database.url().rsplit_once('@').unwrap();
    for (kind, right, expected) in [
        ("superuser", "SUPERUSER", "C"),
        ("granted", "NOSUPERUSER", "C"),
        ("plain", "NOSUPERUSER", "C.UTF-8"),
    ] {
        let role = format!("{name}_{kind}");
        case.execute(&format!(
            "CREATE ROLE {role} {right} LOGIN PASSWORD 'p'; ALTER ROLE {role} SET lc_messages = 'C.UTF-8'"
        ));
        if kind == "granted" {
            case.execute(&format!("GRANT SET ON PARAMETER lc_messages TO {role}"));
        }
        let url = TargetUrl::parse(&format!("postgres://{role}:p@{place}")).unwrap();
        let shown = pool::open(&url, &DbSettings::default()).and_then(|pool| {
            let mut connection = pool::get(&pool)?;
            connection.one::<String>("SELECT current_setting('lc_messages')", &[])
        });
        let looked = status(&url, &DbSettings::default()).map(|status| status.run.is_none());
        case.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
        assert_eq!(shown.map_err(|error| chain(&error)), Ok(expected.to_owned()), "{kind}");
        assert_eq!(looked.map_err(|error| chain(&error)), Ok(true), "{kind}");
    }
}

/// What waits for a lock and gives up says so by the SQLSTATE of that, and not by the one of a connection that is gone.
#[test]
fn a_statement_that_gave_up_has_its_own_sqlstate() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    case.moved();
    let mut locks = case.session();
    locks.script("BEGIN; LOCK TABLE public.__diesel_schema_migrations IN ACCESS EXCLUSIVE MODE").unwrap();
    let settings = DbSettings {
        statement_timeout: std::time::Duration::from_millis(500),
        retry_timeout: std::time::Duration::from_secs(1),
        ..DbSettings::default()
    };
    let request = ValidationRequest {
        target: TargetUrl::parse(case.database.url()).unwrap(),
        settings,
        migrations: &case.migrations,
        options: CompareOptions { workers: 2, ..CompareOptions::default() },
        purpose: Purpose::Proof,
        integrity_check: false,
    };
    let refused = chain(&run::validate(&request, &Silent).unwrap_err());
    assert!(refused.contains("PostgreSQL 55P03: canceling statement due to lock timeout"), "{refused}");
}
