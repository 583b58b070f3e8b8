//! Targets of other schemas than `public`: everything in one, and single tables in another, foreign keys across.

use diesel::connection::SimpleConnection;
use migrate_core::render;
use row_mover::observer::Silent;
use row_mover::run::{self, Request};

use crate::support::{Case, chain, moved};

const SOURCE: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE NOCASE UNIQUE);
    CREATE TABLE log_web (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), note TEXT DEFAULT 'x' CHECK (note <> ''));
    CREATE TABLE log_old (id INTEGER PRIMARY KEY, next INTEGER REFERENCES log_web (id), big INTEGER AS (id * 2) STORED);
    CREATE INDEX by_note ON log_web (note DESC) WHERE user_id IS NOT NULL;
    INSERT INTO users VALUES (1, 'Ann'), (7, 'Bob'); INSERT INTO log_web VALUES (1, 7, 'y'); INSERT INTO log_old VALUES (1, 1);";

/// Tables of three schemas.
const APART: &str = "schema = \"my app\"\nautoincrement = \"serial\"\n[tables.log_old]\nschema = \"public\"
    [[tables_matching]]\ntable = \"LOG_*\"\nschema = \"arch\"\"ive\"\n";

/// The mapping of tables in three schemas; TOML has no doubled quotes.
fn apart() -> String {
    APART.replace("arch\"\"ive", "arch\\\"ive")
}

const TABLES: &str = "SELECT schemaname || '/' || tablename FROM pg_tables \
                      WHERE schemaname !~ '^(pg_|information_schema|migration)' ORDER BY 1";

#[test]
fn everything_goes_to_one_schema() {
    let case = Case::mapped(SOURCE, "schema = \"app\"");
    // What stands elsewhere is nobody's business.
    case.execute("CREATE TABLE public.users (x int); REVOKE ALL ON SCHEMA public FROM PUBLIC");
    case.moved();
    let tables =
        ["app/__diesel_schema_migrations", "app/log_old", "app/log_web", "app/users", "public/users"];
    assert_eq!(case.ask(TABLES), tables);
    assert_eq!(case.ask("INSERT INTO app.users (name) VALUES ('Cid') RETURNING id"), ["8"]);
    case.execute("DELETE FROM app.users WHERE id = 8");
    assert!(case.session().query("INSERT INTO app.users (name) VALUES ('BOB')", &[]).is_err());
    assert!(case.session().query("INSERT INTO app.log_web (user_id) VALUES (3)", &[]).is_err());
    let mut connection = case.diesel();
    connection.batch_execute("SET search_path = app").unwrap();
    case.revert_migrations(&mut connection);
    assert_eq!(case.ask(TABLES), ["app/__diesel_schema_migrations", "public/users"]);
    moved(run::migrate(&Request { restart: true, ..case.request() }, &Silent));
    case.moved_already();
    assert_eq!(case.ask(TABLES), tables);
}

#[test]
fn tables_go_to_schemas_of_their_own() {
    let case = Case::mapped(SOURCE, &apart());
    case.moved();
    let tables = ["arch\"ive/log_web", "my app/__diesel_schema_migrations", "my app/users", "public/log_old"];
    assert_eq!(case.ask(TABLES), tables);
    assert_eq!(
        case.ask("SELECT conrelid::regclass || ' ' || confrelid::regclass FROM pg_constraint WHERE contype = 'f' AND connamespace <> 'migration'::regnamespace ORDER BY 1"),
        ["\"arch\"\"ive\".log_web \"my app\".users", "log_old \"arch\"\"ive\".log_web"]
    );
    assert_eq!(case.ask("INSERT INTO \"my app\".users (name) VALUES ('Cid') RETURNING id"), ["8"]);
    assert!(case.session().query("INSERT INTO \"arch\"\"ive\".log_web (user_id) VALUES (3)", &[]).is_err());
    let refused = chain(&run::migrate(&Request { restart: true, ..case.request() }, &Silent).unwrap_err());
    assert!(refused.contains("users: 1 added"), "{refused}");
    moved(run::migrate(&Request { restart: true, discard: true, ..case.request() }, &Silent));
    assert_eq!(case.ask(TABLES), tables);
    insta::assert_snapshot!("schemas_create_tables", render::create_tables(&case.plan).up);
    insta::assert_snapshot!("schemas_create_tables_down", render::create_tables(&case.plan).down);
    insta::assert_snapshot!("schemas_add_constraints", render::create_constraints(&case.plan).up);
    insta::assert_snapshot!("schemas_add_constraints_down", render::create_constraints(&case.plan).down);
    insta::assert_snapshot!("schemas_diesel", render::target_diesel_schema(&case.plan));
}

#[test]
fn damage_in_any_schema_is_found() {
    let case = Case::mapped(SOURCE, &apart());
    case.moved();
    for (damage, words) in [
        ("DROP INDEX \"arch\"\"ive\".by_note", "log_web: index by_note is gone"),
        (
            "ALTER TABLE \"my app\".users ALTER name DROP NOT NULL",
            "users: column name is text COLLATE C, the plan has",
        ),
        ("DROP TABLE public.log_old", "table log_old is gone"),
        // A table of that name elsewhere is not the plan's.
        ("CREATE TABLE \"my app\".log_old (id bigint)", "table log_old is gone"),
        ("SELECT setval('\"my app\".users_id_seq', 3)", "sequence users_id_seq: its next number is 4"),
        ("UPDATE \"arch\"\"ive\".log_web SET note = 'z'", "log_web"),
    ] {
        case.execute(damage);
        let (_, validation) = case.validated(false);
        let mut found =
            [crate::support::words::schema(&validation), crate::support::words::sequences(&validation)]
                .concat();
        found.extend(
            validation.tables.iter().filter(|table| !table.is_equal()).map(|table| table.table.clone()),
        );
        assert!(found.iter().any(|line| line.starts_with(words)), "{damage}: {found:#?}");
    }
}

#[test]
fn existing_objects_in_a_schema_of_the_plan_prevent_a_migration() {
    let case = Case::mapped(SOURCE, &apart());
    case.execute("CREATE SCHEMA \"arch\"\"ive\"; CREATE VIEW \"arch\"\"ive\".seen AS SELECT 1 AS x");
    let refused = chain(&case.refused());
    assert!(refused.contains("not ours: view arch\"ive.seen"), "{refused}");
    case.execute("DROP VIEW \"arch\"\"ive\".seen");
    case.moved();
}
