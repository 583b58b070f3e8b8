//! What prevents a baseline is refused before anything changes, and each printed remedy helps. Nobody's code runs as us.

use postgres_client::TargetUrl;
use row_mover::remedy::Remedy;
use row_mover::run::{self, Request, Silent};

use crate::support::{Case, chain, moved, session};

const SOURCE: &str = "CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO a VALUES (1, 'x')";

const BY_DRIZZLE: &str = "CREATE SCHEMA drizzle; \
    CREATE TABLE drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint);";

/// The remedy of a refusal, as the statement that comes first in it.
#[track_caller]
fn refused(case: &Case, request: &Request<'_>, words: &str) -> String {
    let before = case.target_objects();
    let mut remedies = Vec::new();
    for result in [run::migrate(request, &Silent), run::dry_run(request, &Silent)] {
        let error = result.unwrap_err();
        assert!(chain(&error).contains(words), "{words}: {}", chain(&error));
        assert_eq!(case.target_objects(), before);
        assert!(case.backups().is_empty());
        let Some(Remedy::OrNoBaseline(first)) = error.remedy_value() else { panic!("{}", chain(&error)) };
        remedies.push(first.clone());
    }
    assert_eq!(remedies[0], remedies[1]);
    remedies.remove(0)
}

#[test]
fn a_list_with_rows_or_of_another_shape_is_refused_and_the_remedy_helps() {
    for (there, words) in [
        (
            "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', 1)",
            "lists 1 migration already",
        ),
        ("ALTER TABLE drizzle.__drizzle_migrations ADD COLUMN name text", "is not the table"),
        ("ALTER TABLE drizzle.__drizzle_migrations ALTER created_at TYPE numeric", "is not the table"),
        ("ALTER TABLE drizzle.__drizzle_migrations ENABLE ROW LEVEL SECURITY", "is not the table"),
        ("CREATE UNIQUE INDEX ON drizzle.__drizzle_migrations (hash)", "is not the table"),
        ("ALTER TABLE drizzle.__drizzle_migrations ADD CHECK (hash <> '')", "is not the table"),
        ("CREATE TABLE heir () INHERITS (drizzle.__drizzle_migrations)", "is not the table"),
        ("CREATE RULE r AS ON INSERT TO drizzle.__drizzle_migrations DO INSTEAD NOTHING", "is not the table"),
        (
            "DROP TABLE drizzle.__drizzle_migrations; CREATE VIEW drizzle.__drizzle_migrations AS SELECT 1 AS id",
            "is not the table",
        ),
        (
            "DROP TABLE drizzle.__drizzle_migrations; CREATE SEQUENCE drizzle.__drizzle_migrations",
            "is not the table",
        ),
    ] {
        let case = Case::new(SOURCE).with_baseline();
        case.execute(BY_DRIZZLE);
        if there.contains("heir") {
            case.execute("CREATE SCHEMA other; SET search_path = other");
            case.execute(&there.replace("heir", "other.heir"));
        } else {
            case.execute(there);
        }
        let first = refused(&case, &case.request(), words);
        // Without a baseline nothing is in the way.
        let none = Request { baseline: None, ..case.request() };
        assert!(run::dry_run(&none, &Silent).is_ok(), "{there}");
        let (_, statement) = first.split_once(|letter: char| letter.is_ascii_uppercase()).unwrap();
        let at = first.len() - statement.len() - 1;
        case.execute(&first[at..]);
        moved(run::migrate(&case.request(), &Silent));
        assert_eq!(case.ask("SELECT count(*) FROM drizzle.__drizzle_migrations"), ["2"], "{there}");
    }
}

#[test]
fn a_plan_whose_tables_are_in_that_schema_is_refused() {
    let case = Case::mapped(SOURCE, "schema = \"drizzle\"").with_baseline();
    let error = case.refused();
    assert!(chain(&error).contains("creates its tables in schema drizzle"), "{}", chain(&error));
    assert_eq!(error.remedy_value(), Some(&Remedy::OtherSchemaOrNoBaseline));
    assert_eq!(case.target_objects(), [""; 0]);
    moved(run::migrate(&Request { baseline: None, ..case.request() }, &Silent));
}

/// Roles of a case, which are dropped with it.
struct Roles(Option<Case>);

impl Roles {
    fn case(&self) -> &Case {
        self.0.as_ref().unwrap()
    }

    fn name(&self, role: &str) -> String {
        format!("{role}_{}", self.case().database.name())
    }

    fn url(&self, role: &str) -> String {
        let (_, rest) = self.case().database.url().rsplit_once('@').unwrap();
        format!("postgres://{}:baseline@{rest}", self.name(role))
    }

    /// The roles `app`, which owns the database, and `runner`, which may create tables and schemas.
    fn new() -> Roles {
        let roles = Roles(Some(Case::new(SOURCE).with_baseline()));
        let [app, runner] = ["app", "runner"].map(|role| roles.name(role));
        let database = roles.case().database.name().to_owned();
        for sql in [
            format!("CREATE ROLE {app} LOGIN PASSWORD 'baseline'"),
            format!("CREATE ROLE {runner} LOGIN PASSWORD 'baseline'"),
            format!("ALTER DATABASE {database} OWNER TO {app}"),
            format!("GRANT CREATE, TEMPORARY ON DATABASE {database} TO {runner}"),
            format!("GRANT CREATE ON SCHEMA public TO {runner}"),
        ] {
            roles.case().execute(&sql);
        }
        roles
    }

    fn by_runner(&self) -> Request<'_> {
        Request { target: TargetUrl::parse(&self.url("runner")).unwrap(), ..self.case().request() }
    }
}

impl Drop for Roles {
    fn drop(&mut self) {
        let anywhere = self.case().database.url().replace(self.case().database.name(), "postgres");
        let names = ["app", "runner"].map(|role| self.name(role)).join(", ");
        drop(self.0.take());
        session(&anywhere).query(&format!("DROP ROLE {names}"), &[]).unwrap();
    }
}

const OWNERS: &str = "SELECT DISTINCT r.rolname::text FROM pg_roles r JOIN ( \
    SELECT relowner FROM pg_class WHERE relnamespace = 'drizzle'::regnamespace \
    UNION SELECT nspowner FROM pg_namespace WHERE nspname = 'drizzle') AS o ON r.oid = o.relowner";

#[test]
fn missing_rights_are_refused_with_the_statements_that_grant_them() {
    let roles = Roles::new();
    let case = roles.case();
    session(&roles.url("app")).script(BY_DRIZZLE).unwrap();
    for words in ["may not use schema drizzle", "may not write to drizzle.__drizzle_migrations"] {
        let statement = refused(case, &roles.by_runner(), words);
        session(&roles.url("app")).script(&statement).unwrap();
    }
    moved(run::migrate(&roles.by_runner(), &Silent));
    assert_eq!(case.ask("SELECT count(*) FROM drizzle.__drizzle_migrations"), ["2"]);
    // The app can add its own migrations.
    let add = "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', 1793491209000)";
    session(&roles.url("app")).script(add).unwrap();
}

#[test]
fn a_schema_in_which_nothing_may_be_created_is_refused() {
    let roles = Roles::new();
    let case = roles.case();
    let schema = format!("CREATE SCHEMA drizzle; GRANT USAGE ON SCHEMA drizzle TO {}", roles.name("runner"));
    session(&roles.url("app")).script(&schema).unwrap();
    let statement = refused(case, &roles.by_runner(), "may not create drizzle.__drizzle_migrations");
    session(&roles.url("app")).script(&statement).unwrap();
    moved(run::migrate(&roles.by_runner(), &Silent));
}

#[test]
fn the_list_belongs_to_the_role_of_the_app() {
    let roles = Roles::new();
    let case = roles.case();
    // By a superuser, and by a member of the role.
    case.moved();
    assert_eq!(case.ask(OWNERS), [roles.name("app")]);
    let add = "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', 1793491209000)";
    session(&roles.url("app")).script(add).unwrap();
    moved(run::migrate(&Request { restart: true, discard: true, ..case.request() }, &Silent));
    case.execute("DELETE FROM migration.phases WHERE phase = 'validate'");
    let Request { target, settings, workers, .. } = case.request();
    run::undo(&run::UndoRequest { target, settings, workers, discard: false, dry_run: false }, &Silent)
        .unwrap();
    case.execute(&format!("GRANT {} TO {}", roles.name("app"), roles.name("runner")));
    moved(run::migrate(&roles.by_runner(), &Silent));
    assert_eq!(case.ask(OWNERS), [roles.name("app")]);
    moved(run::migrate(&Request { restart: true, ..roles.by_runner() }, &Silent));
}

#[test]
fn a_role_that_may_create_no_schema_gets_the_tables_without_the_list() {
    let roles = Roles::new();
    let case = roles.case();
    let [app, runner] = ["app", "runner"].map(|role| roles.name(role));
    // The app owns nothing but its schema, and may create no other.
    case.execute(&format!(
        "ALTER DATABASE {} OWNER TO {runner}; GRANT {app} TO {runner}; GRANT CREATE ON SCHEMA public TO {app}",
        case.database.name()
    ));
    moved(run::migrate(&Request { owner: Some(app.clone()), ..roles.by_runner() }, &Silent));
    assert_eq!(case.ask("SELECT tableowner::text FROM pg_tables WHERE tablename = 'a'"), [app]);
    assert_eq!(case.ask(OWNERS), [runner]);
}

#[test]
fn a_trigger_or_a_default_of_somebody_else_does_not_run() {
    let code = "CREATE TABLE public.ran (who text); \
        CREATE FUNCTION drizzle.f() RETURNS trigger LANGUAGE plpgsql AS \
            $$ BEGIN INSERT INTO public.ran VALUES (current_user); RETURN NEW; END $$; \
        CREATE FUNCTION drizzle.g() RETURNS int LANGUAGE plpgsql AS \
            $$ BEGIN INSERT INTO public.ran VALUES (current_user); RETURN 1; END $$;";
    let own = "CREATE TRIGGER t BEFORE INSERT ON drizzle.__drizzle_migrations FOR EACH ROW EXECUTE FUNCTION drizzle.f()";
    let default = "ALTER TABLE drizzle.__drizzle_migrations ALTER id SET DEFAULT drizzle.g()";
    for sql in [own, default] {
        let case = Case::mapped(SOURCE, "schema = \"app\"").with_baseline();
        case.execute(BY_DRIZZLE);
        case.execute(code);
        case.execute(sql);
        refused(&case, &case.request(), "is not the table that the app's migrator creates");
        // Added while rows move, it is refused before it could run.
        let case = Case::mapped(SOURCE, "schema = \"app\"").with_baseline();
        moved(run::migrate(&Request { baseline: None, ..case.request() }, &Silent));
        case.execute("DELETE FROM migration.phases WHERE phase IN ('constraints', 'validate')");
        case.execute(BY_DRIZZLE);
        case.execute(code);
        case.execute(sql);
        let error = run::migrate(&case.request(), &Silent).unwrap_err();
        assert!(matches!(error.remedy_value(), Some(Remedy::OrNoBaseline(_))), "{}", chain(&error));
        assert_eq!(case.ask("SELECT count(*) FROM ran"), ["0"]);
        // What it says helps: the run resumes without a baseline, or with one once the table is renamed.
        moved(run::migrate(&Request { baseline: None, ..case.request() }, &Silent));
    }
}
