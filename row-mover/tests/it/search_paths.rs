//! Migrations and the functions that they make mean the same in sessions of any search path: that of whoever runs the files, and that
//! of whoever fires a trigger.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use migrate_core::render;
use test_database::TestDatabase;

use crate::support::{Case, ask, session};

/// Every kind of object with an expression, of tables in two schemas.
const SOURCE: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE NOCASE UNIQUE, age INTEGER CHECK (abs(age) > 0),
                         joined TEXT DEFAULT CURRENT_TIMESTAMP, doc JSON, shout TEXT AS (upper(name)) STORED, active BOOLEAN DEFAULT 1);
    CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people (id), body TEXT DEFAULT 'x', size INTEGER);
    CREATE INDEX by_length ON people (length(name)) WHERE lower(name) <> 'none';
    CREATE VIEW grown AS SELECT upper(name) || '/' || age AS said FROM people WHERE length(name) > 0;
    CREATE TRIGGER counted AFTER INSERT ON people BEGIN
        INSERT INTO notes (person, body, size) VALUES (NEW.id, upper(NEW.name) || '/' || NEW.age, length(NEW.name)); END;
    CREATE TRIGGER touched AFTER UPDATE OF body ON notes BEGIN UPDATE notes SET size = abs(length(NEW.body)) WHERE id = NEW.id; END;
    CREATE TRIGGER refused BEFORE DELETE ON notes WHEN lower(OLD.body) = 'keep' BEGIN SELECT RAISE(ABORT, 'kept'); END;
    INSERT INTO people (name, age) VALUES ('Ann', 20);";

/// What somebody put in the place of what the migrations use: types, functions, operators and tables.
const HOSTILE: &str = "
    CREATE SCHEMA hostile;
    CREATE DOMAIN hostile.text AS varchar(3); CREATE DOMAIN hostile.timestamptz AS pg_catalog.text;
    CREATE DOMAIN hostile.jsonb AS pg_catalog.text; CREATE DOMAIN hostile.boolean AS pg_catalog.text;
    CREATE FUNCTION hostile.now() RETURNS pg_catalog.timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT '1999-01-01'::pg_catalog.timestamptz $$;
    CREATE FUNCTION hostile.lower(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql IMMUTABLE AS $$ SELECT 'captured'::pg_catalog.text $$;
    CREATE FUNCTION hostile.upper(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql IMMUTABLE AS $$ SELECT 'captured'::pg_catalog.text $$;
    CREATE FUNCTION hostile.length(pg_catalog.text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT -7 $$;
    CREATE FUNCTION hostile.abs(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT -7::bigint $$;
    CREATE FUNCTION hostile.joined(pg_catalog.text, bigint) RETURNS pg_catalog.text LANGUAGE sql IMMUTABLE AS $$ SELECT 'captured'::pg_catalog.text $$;
    CREATE OPERATOR hostile.|| (FUNCTION = hostile.joined, LEFTARG = pg_catalog.text, RIGHTARG = bigint);
    CREATE TABLE hostile.notes (id bigint, person bigint, body pg_catalog.text, size bigint);
    CREATE TABLE hostile.people (id bigint, name pg_catalog.text, age bigint);";

/// The definitions of everything outside PostgreSQL's own schemas and the hostile one, in full.
const FACTS: &str = "
    SELECT 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || a.atttypid::regtype || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE a.attnum > 0 AND c.relkind IN ('r', 'v') AND c.relnamespace::regnamespace::text IN ('public', 'app') AND c.relname <> '__diesel_schema_migrations'
    UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
     WHERE conrelid <> 0 AND connamespace::regnamespace::text IN ('public', 'app') AND conname NOT LIKE '__diesel%'
    UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid
     WHERE c.relnamespace::regnamespace::text IN ('public', 'app') AND c.relname NOT LIKE '__diesel%'
    UNION ALL SELECT pg_get_viewdef(oid) FROM pg_class WHERE relkind = 'v' AND relnamespace::regnamespace::text IN ('public', 'app')
    UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace::regnamespace::text IN ('public', 'app')
    UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    ORDER BY 1";

const PATH: &str = "hostile, pg_catalog, public";

/// The answer of a session without a hostile path.
fn asked(database: &TestDatabase, sql: &str) -> Vec<String> {
    let mut session = session(database.url());
    ask(&mut session, "SET search_path = pg_catalog, pg_temp");
    ask(&mut session, sql)
}

fn facts(database: &TestDatabase) -> Vec<String> {
    asked(database, FACTS)
}

/// The statements of a file, as psql sends them one by one.
fn statements(file: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    for line in file.split_inclusive('\n') {
        let statement = statements.last_mut().unwrap();
        statement.push_str(line);
        if line.ends_with(";\n") && statement.matches("$trigger$").count().is_multiple_of(2) {
            statements.push(String::new());
        }
    }
    statements.retain(|statement| statement.lines().any(|line| !line.is_empty() && !line.starts_with("--")));
    statements
}

fn hostile_session(database: &TestDatabase) -> PgConnection {
    let mut connection = diesel::Connection::establish(database.url()).unwrap();
    SimpleConnection::batch_execute(&mut connection, &format!("{HOSTILE} SET search_path = {PATH}")).unwrap();
    connection
}

/// What a session with the hostile path gets from triggers.
fn check_triggers(connection: &mut PgConnection, database: &TestDatabase, schema: &str) {
    connection
        .batch_execute(&format!(
            "INSERT INTO {schema}.people (id, name, age) VALUES (100, 'Zoe', 30); \
             UPDATE {schema}.notes SET body = 'Keep' WHERE person = 100"
        ))
        .unwrap();
    let found = asked(database, &format!("SELECT body, size FROM {schema}.notes WHERE person = 100"));
    assert_eq!(found, ["Keep|4"]);
    assert!(connection.batch_execute(&format!("DELETE FROM {schema}.notes WHERE person = 100")).is_err());
    let said = asked(database, &format!("SELECT said FROM {schema}.grown WHERE said LIKE 'ZOE%'"));
    assert_eq!(said, ["ZOE/30"]);
    assert_eq!(asked(database, "SELECT count(*) FROM hostile.notes"), ["0"]);
}

#[test]
fn files_mean_the_same_whoever_runs_them() {
    for schema in ["public", "app"] {
        let case = Case::mapped(SOURCE, &format!("schema = \"{schema}\""));
        assert!(case.plan.left_behind.is_empty(), "{:?}", case.plan.left_behind);
        let migrations = || FileBasedMigrations::from_path(case.dir.path().join("migrations")).unwrap();
        case.diesel().run_pending_migrations(migrations()).unwrap();
        let expected = facts(&case.database);
        assert!(expected.len() > 25, "{expected:#?}");

        // Diesel runs a file in a transaction, and writes its list there.
        let by_diesel = TestDatabase::create();
        let mut connection = hostile_session(&by_diesel);
        connection.run_pending_migrations(migrations()).unwrap();
        assert_eq!(facts(&by_diesel), expected, "{schema}");
        check_triggers(&mut connection, &by_diesel, schema);
        connection.revert_all_migrations(migrations()).unwrap();
        assert!(facts(&by_diesel).is_empty());
        assert_eq!(
            asked(
                &by_diesel,
                "SELECT relnamespace::regnamespace FROM pg_class WHERE relname = '__diesel_schema_migrations'"
            ),
            ["hostile"],
            "the path of the session is in force again"
        );

        // psql runs each statement by itself.
        let by_psql = TestDatabase::create();
        let mut connection = hostile_session(&by_psql);
        let files = [render::create_tables(&case.plan), render::create_constraints(&case.plan)];
        for file in &files {
            for statement in statements(&file.up) {
                connection.batch_execute(&statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
        }
        assert_eq!(facts(&by_psql), expected, "{schema}");
        check_triggers(&mut connection, &by_psql, schema);
        for file in files.iter().rev() {
            for statement in statements(&file.down) {
                connection.batch_execute(&statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
        }
        assert!(facts(&by_psql).is_empty());
        connection.batch_execute("INSERT INTO people (id) VALUES (1)").unwrap();
        assert_eq!(asked(&by_psql, "SELECT count(*) FROM hostile.people"), ["1"]);
    }
}

/// The path of a database or a role decides neither where tables go nor what triggers do.
#[test]
fn a_migration_goes_where_its_plan_says() {
    for schema in ["public", "app"] {
        let case = Case::mapped(SOURCE, &format!("schema = \"{schema}\""));
        let mut connection = hostile_session(&case.database);
        let name = case.database.name();
        case.execute(&format!(
            "ALTER DATABASE \"{name}\" SET search_path = {PATH}; ALTER ROLE CURRENT_USER IN DATABASE \"{name}\" SET search_path = {PATH}"
        ));
        case.moved();
        let tables = asked(
            &case.database,
            "SELECT relnamespace::regnamespace || '.' || relname FROM pg_catalog.pg_class WHERE relkind = 'r' \
             AND relname IN ('people', 'notes') AND relnamespace::regnamespace::text <> 'hostile' ORDER BY 1",
        );
        assert_eq!(tables, [format!("{schema}.notes"), format!("{schema}.people")]);
        check_triggers(&mut connection, &case.database, schema);
        connection = case.diesel();
        assert!(connection.batch_execute(&format!("DELETE FROM {schema}.notes WHERE person = 100")).is_err());
        case.execute(&format!("ALTER ROLE CURRENT_USER IN DATABASE \"{name}\" RESET search_path"));
    }
}

/// A trigger that is not translated leaves a skeleton, which does not depend on the path either.
#[test]
fn a_skeleton_has_a_search_path_of_its_own() {
    let case = Case::mapped(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); \
         CREATE TRIGGER odd AFTER INSERT ON t BEGIN UPDATE t SET v = app_only(v) WHERE id = NEW.id; END",
        "schema = \"app\"",
    );
    let up = render::create_constraints(&case.plan).up;
    let skeleton = "CREATE FUNCTION app.odd_function() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, app, pg_temp AS";
    assert!(up.contains(skeleton), "{up}");
}
