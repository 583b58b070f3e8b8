//! Whom the created objects belong to: the app's role can use and alter them, whoever ran the migration.

use migrate_core::mapping::Mapping;
use postgres_client::{DbSettings, TargetUrl, pool};
use row_mover::run::{self, Request, Silent};
use row_mover::target::introspect::introspect;

use crate::support::{Case, ask, chain, moved, session};

const SOURCE: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, changed TEXT);
    CREATE TABLE child (t INTEGER REFERENCES t);
    CREATE VIEW names AS SELECT name FROM t;
    CREATE TRIGGER later AFTER UPDATE ON t BEGIN INSERT INTO child VALUES (new.id); END;
    INSERT INTO t (name) VALUES ('a'), ('b');
    INSERT INTO child VALUES (1)";

/// The owners of everything in the schemas of the case.
const OWNERS: &str = "SELECT DISTINCT owner FROM (
        SELECT relowner, nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        UNION ALL SELECT proowner, nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
        UNION ALL SELECT nspowner, nspname FROM pg_namespace WHERE nspname = 'app') AS o (oid, schema),
    LATERAL (SELECT rolname::text FROM pg_roles WHERE pg_roles.oid = o.oid) AS r (owner) WHERE schema IN ('public', 'app')";

/// A case with roles of its own, which are dropped with it.
struct Roles {
    case: Option<Case>,
}

impl Roles {
    /// The role `app` owns the database.
    fn new(case: Case) -> Roles {
        let roles = Roles { case: Some(case) };
        for role in ["app", "runner"] {
            let name = roles.name(role);
            roles.case().execute(&format!("CREATE ROLE {name} LOGIN PASSWORD 'owner'"));
        }
        let database = roles.case().database.name().to_owned();
        roles.case().execute(&format!("ALTER DATABASE {database} OWNER TO {}", roles.name("app")));
        roles
    }

    fn case(&self) -> &Case {
        self.case.as_ref().unwrap()
    }

    fn name(&self, role: &str) -> String {
        format!("{role}_{}", self.case().database.name())
    }

    fn url(&self, role: &str) -> String {
        let (_, rest) = self.case().database.url().rsplit_once('@').unwrap();
        format!("postgres://{}:owner@{rest}", self.name(role))
    }

    /// Lets `runner` create tables next to those of the app.
    fn let_runner_create(&self) {
        let (database, runner) = (self.case().database.name(), self.name("runner"));
        self.case().execute(&format!(
            "GRANT CREATE, TEMPORARY ON DATABASE {database} TO {runner}; GRANT CREATE ON SCHEMA public TO {runner}"
        ));
    }

    /// The request of a migration by `runner`, who is no superuser.
    fn by_runner(&self, owner: Option<&str>) -> Request<'_> {
        Request {
            target: TargetUrl::parse(&self.url("runner")).unwrap(),
            owner: owner.map(|owner| self.name(owner)),
            ..self.case().request()
        }
    }
}

impl Drop for Roles {
    fn drop(&mut self) {
        let anywhere = self.case().database.url().replace(self.case().database.name(), "postgres");
        let names = ["app", "runner"].map(|role| self.name(role)).join(", ");
        drop(self.case.take());
        session(&anywhere).query(&format!("DROP ROLE {names}"), &[]).unwrap();
    }
}

#[test]
fn what_a_superuser_creates_belongs_to_the_owner_of_the_database() {
    for mapping in ["", "schema = \"app\"", "autoincrement = \"serial\""] {
        let roles = Roles::new(Case::mapped(SOURCE, mapping));
        let case = roles.case();
        case.moved();
        assert_eq!(case.ask(OWNERS), [roles.name("app")], "{mapping}");
        let schema = if mapping.contains("schema") { "app" } else { "public" };
        let mut app = session(&roles.url("app"));
        app.script(&format!("SET search_path = {schema}")).unwrap();
        assert_eq!(ask(&mut app, "INSERT INTO t (name) VALUES ('c') RETURNING id"), ["3"], "{mapping}");
        app.script(
            "UPDATE t SET name = 'd' WHERE id = 3; ALTER TABLE t ADD COLUMN more int; DROP VIEW names",
        )
        .unwrap();
        assert_eq!(ask(&mut app, "SELECT t FROM child ORDER BY t"), ["1", "3"], "{mapping}");
        moved(run::migrate(&Request { restart: true, discard: true, ..case.request() }, &Silent));
        assert_eq!(case.ask(OWNERS), [roles.name("app")], "{mapping}");
    }
}

#[test]
fn a_schema_that_somebody_owns_decides_and_a_named_role_before_it() {
    let roles = Roles::new(Case::mapped(SOURCE, "schema = \"app\""));
    let case = roles.case();
    case.execute(&format!("CREATE SCHEMA app AUTHORIZATION {}", roles.name("runner")));
    case.moved();
    assert_eq!(case.ask(OWNERS), [roles.name("runner")]);
    let owner = Some(roles.name("app"));
    moved(run::migrate(&Request { restart: true, owner, ..case.request() }, &Silent));
    let tables = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'app'";
    assert_eq!(case.ask(tables), [roles.name("app")]);
}

#[test]
fn a_role_that_may_not_hand_over_keeps_what_it_creates_unless_one_is_named() {
    let roles = Roles::new(Case::new(SOURCE));
    let case = roles.case();
    roles.let_runner_create();
    // The named role is refused before anything happens, each time with the statement that helps.
    for _ in 0..2 {
        let refused = run::migrate(&roles.by_runner(Some("app")), &Silent).unwrap_err();
        assert_eq!(case.target_objects(), Vec::<String>::new());
        let words = chain(&refused);
        let Some(statement) = refused.remedy_text() else { panic!("{words}") };
        assert!(statement.starts_with("GRANT "), "{words}");
        case.execute(statement);
        if run::dry_run(&roles.by_runner(Some("app")), &Silent).is_ok() {
            break;
        }
    }
    moved(run::migrate(&roles.by_runner(Some("app")), &Silent));
    assert_eq!(case.ask(OWNERS), [roles.name("app")]);
}

#[test]
fn without_a_right_to_the_usual_owner_the_objects_stay_with_the_role_that_ran() {
    let roles = Roles::new(Case::new(SOURCE));
    let case = roles.case();
    roles.let_runner_create();
    moved(run::migrate(&roles.by_runner(None), &Silent));
    assert_eq!(case.ask(OWNERS), [roles.name("runner")]);
}

#[test]
fn a_role_that_does_not_exist_is_refused_with_the_statement_that_creates_it() {
    let case = Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    let name = format!("nobody_{}", case.database.name());
    let request = || Request { owner: Some(name.clone()), ..case.request() };
    let refused = run::migrate(&request(), &Silent).unwrap_err();
    assert_eq!(case.target_objects(), Vec::<String>::new());
    let remedy = refused.remedy_text().unwrap();
    case.execute(remedy.split(", or").next().unwrap());
    moved(run::migrate(&request(), &Silent));
    assert_eq!(
        case.ask("SELECT tableowner::text FROM pg_tables WHERE tablename = 't'"),
        std::slice::from_ref(&name)
    );
    case.execute(&format!("DROP OWNED BY {name}; DROP ROLE {name}"));
}

#[test]
fn a_table_whose_policies_hide_rows_is_one_obstacle_among_others() {
    let roles = Roles::new(Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE u (id INTEGER PRIMARY KEY)",
    ));
    let tables = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE TABLE u (name text); \
                  ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY";
    session(&roles.url("app")).script(tables).unwrap();
    let mapping = Mapping::from_toml("format = 1\ninto_existing = true").unwrap();
    let url = TargetUrl::parse(&roles.url("app")).unwrap();
    let pool = pool::open(&url, &DbSettings::default()).unwrap();
    let target = introspect(&mut pool::get(&pool).unwrap(), &mapping).unwrap();
    let source = &roles.case().source;
    let planned = run::plan_into_existing(source, &mapping, &target, || pool::get(&pool), 2, &|_| {});
    let obstacles = chain(&planned.unwrap_err());
    for part in ["t has row level security", "column u.id has no counterpart"] {
        assert!(obstacles.contains(part), "{part}: {obstacles}");
    }
}
