//! Code of the app that planning and validation call has the rights of its table's owner, whoever migrates.

use migrate_core::mapping::Mapping;
use postgres_client::{DbSettings, TargetUrl, pool};
use row_mover::run::{self, Outcome, Silent};
use row_mover::target::introspect::introspect;

use crate::support::{Case, chain, session, sqlite};

/// Tries to become the role of the session, and moves a sequence that shows whether it is a superuser's, and holds a lock for the session.
const HOSTILE: &str = "
    GRANT CREATE ON SCHEMA public TO ROLE_NAME; SET ROLE ROLE_NAME;
    CREATE SEQUENCE as_owner; CREATE SEQUENCE as_superuser;
    CREATE FUNCTION hostile() RETURNS int LANGUAGE plpgsql AS $$ DECLARE way text; BEGIN
        FOREACH way IN ARRAY ARRAY['RESET ROLE', 'SET SESSION AUTHORIZATION DEFAULT', 'SET ROLE NONE',
            'ALTER FUNCTION pg_temp.migration_trial() SECURITY INVOKER'] LOOP
            BEGIN EXECUTE way; EXCEPTION WHEN OTHERS THEN NULL; END;
        END LOOP;
        IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            PERFORM pg_advisory_lock(777, 1); PERFORM nextval('public.as_superuser');
        ELSE
            PERFORM pg_advisory_lock(777, 2); PERFORM nextval('public.as_owner');
        END IF;
        RETURN 7; END $$;
    CREATE FUNCTION called() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := public.hostile(); RETURN NEW; END $$;
    CREATE TABLE other (id int, n int);
    MORE; RESET ROLE;";

/// A case in which a role without rights has code; it is dropped at the end.
fn with_hostile(more: &str, check: impl FnOnce(&Case)) {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(&source, "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
    let database = test_database::TestDatabase::create();
    let role = format!("hostile_{}", database.name());
    session(database.url()).script(&format!("CREATE ROLE {role}")).unwrap();
    let target = format!(
        "CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT ON t TO {role}; {}",
        HOSTILE.replace("ROLE_NAME", &role).replace("MORE", more)
    );
    let case = Case::into_existing_on(database, dir, source, "", &target);
    let case = case.unwrap_or_else(|words| panic!("{words}"));
    let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&case)));
    case.execute(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
    checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

#[test]
fn defaults_and_triggers_are_tried_with_the_rights_of_the_tables_owner() {
    for (what, more) in [
        ("default", "ALTER TABLE other ALTER n SET DEFAULT hostile()"),
        ("trigger", "CREATE TRIGGER called BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION called()"),
        (
            "domain",
            "CREATE DOMAIN checked AS int CHECK (hostile() = 7); ALTER TABLE other ADD d checked; \
             CREATE TRIGGER called BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION called()",
        ),
    ] {
        with_hostile(more, |case| {
            let url = TargetUrl::parse(case.database.url()).unwrap();
            let pool = pool::open(&url, &DbSettings::default()).unwrap();
            let mut connection = pool::get(&pool).unwrap();
            introspect(&mut connection, &Mapping::default()).unwrap();
            let held = "SELECT DISTINCT objid::int FROM pg_locks WHERE locktype = 'advisory' AND classid = 777 AND pid = pg_backend_pid()";
            let held: Vec<i32> = connection.load(held, &[]).unwrap();
            assert_eq!(held, [2], "{what}: called, and not by a superuser");
        });
    }
}

#[test]
fn the_query_of_a_materialized_view_runs_with_the_rights_of_its_owner() {
    let view = "CREATE MATERIALIZED VIEW v AS SELECT id, hostile() FROM t WITH NO DATA";
    with_hostile(view, |case| {
        // A superuser's REFRESH runs as the owner, too.
        case.execute("INSERT INTO t VALUES (9); REFRESH MATERIALIZED VIEW v; DELETE FROM t; SELECT setval('as_owner', 1, false)");
        let outcome =
            run::migrate(&case.request(), &Silent).unwrap_or_else(|error| panic!("{}", chain(&error)));
        let Outcome::Moved(moved) = outcome else { panic!("not moved") };
        assert_eq!(moved.validation.derived.differences.len(), 1);
        assert_eq!(case.ask("SELECT is_called FROM as_superuser"), ["f"]);
        assert_eq!(case.ask("SELECT is_called FROM as_owner"), ["t"]);
    });
}
