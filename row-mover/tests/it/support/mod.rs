//! A source, its plan and a target for one test, and short ways to ask both sides. Decides nothing about what is right.

#[allow(dead_code, reason = "each test binary uses some of it")]
pub mod dump;
#[allow(dead_code, reason = "each test binary uses some of them")]
pub mod words;

use std::fs;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use migrate_core::baseline::{Baseline, BaselineRow};
use migrate_core::mapping::Mapping;
use migrate_core::plan::Plan;
use migrate_core::render;
use postgres_client::Connection;
use postgres_client::{DbSettings, TargetUrl, pool};
use row_mover::ledger::Run;
use row_mover::observer::Silent;
use row_mover::remedy::Remedy;
use row_mover::run::{self, Moved, Outcome, Purpose, Request, Validation, ValidationRequest};
use row_mover::source::evidence;
use row_mover::target::introspect::introspect;
use row_mover::target::migration::Migration;
use row_mover::validate::CompareOptions;
use tempfile::TempDir;
use test_database::TestDatabase;

/// A source with its plan, and an empty database to move it to.
pub struct Case {
    pub dir: TempDir,
    pub database: TestDatabase,
    pub source: PathBuf,
    pub plan: Plan,
    pub migrations: Vec<Migration>,
}

impl Case {
    /// A source that this SQL makes, with the plan that follows from it.
    #[track_caller]
    pub fn new(sql: &str) -> Case {
        Case::mapped(sql, "")
    }

    /// The same, with decisions: the text of a mapping without its first line.
    #[track_caller]
    pub fn mapped(sql: &str, mapping: &str) -> Case {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, sql);
        let plan = plan(&source, mapping);
        Case::planned(dir, source, plan)
    }

    /// The same, with another database to move it to.
    #[track_caller]
    pub fn mapped_on(database: TestDatabase, sql: &str, mapping: &str) -> Case {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, sql);
        let plan = plan(&source, mapping);
        Case::planned_on(database, dir, source, plan)
    }

    /// A source that stands in `dir` already.
    pub fn planned(dir: TempDir, source: PathBuf, plan: Plan) -> Case {
        Case::planned_on(TestDatabase::create(), dir, source, plan)
    }

    /// The same, with another database to move it to.
    pub fn planned_on(database: TestDatabase, dir: TempDir, source: PathBuf, plan: Plan) -> Case {
        let migrations = write_migrations(&plan, &dir.path().join("migrations"));
        Case { dir, database, source, plan, migrations }
    }

    /// A source and a database in which an app has made tables, both made by SQL, with the plan for them.
    #[track_caller]
    pub fn for_app(source_sql: &str, target_sql: &str, mapping: &str) -> Case {
        Case::planned_for_app(source_sql, target_sql, mapping).unwrap_or_else(|words| panic!("{words}"))
    }

    /// The same; why there is no plan, where there is none.
    #[track_caller]
    pub fn planned_for_app(source_sql: &str, target_sql: &str, mapping: &str) -> Result<Case, String> {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        sqlite(&source, source_sql);
        Case::into_existing(dir, source, mapping, target_sql)
    }

    /// A source that stands in `dir` already, and a database in which an app has made tables; why there is no plan, where there is
    /// none.
    pub fn into_existing(
        dir: TempDir,
        source: PathBuf,
        mapping: &str,
        target_sql: &str,
    ) -> Result<Case, String> {
        Case::into_existing_on(TestDatabase::create(), dir, source, mapping, target_sql)
    }

    /// The same in another database.
    pub fn into_existing_on(
        database: TestDatabase,
        dir: TempDir,
        source: PathBuf,
        mapping: &str,
        target_sql: &str,
    ) -> Result<Case, String> {
        let url = TargetUrl::parse(database.url()).unwrap();
        PgConnection::establish(database.url()).unwrap().batch_execute(target_sql).unwrap();
        let pool = pool::open(&url, &DbSettings::default()).map_err(|error| chain(&error))?;
        let mapping = Mapping::from_toml(&format!("format = 1\n{mapping}")).unwrap();
        let target = introspect(&mut pool::get(&pool).unwrap(), &mapping).map_err(|error| chain(&error))?;
        let plan = run::plan_into_existing(&source, &mapping, &target, || pool::get(&pool), 2, &|_| {});
        let (_, plan) = plan.map_err(|error| chain(&error))?;
        let migrations = write_migrations(&plan, &dir.path().join("migrations"));
        Ok(Case { dir, database, source, plan, migrations })
    }

    /// The same case with a baseline, which its requests carry from now on, also those of child processes.
    pub fn with_baseline(self) -> Case {
        let json = serde_json::to_string(&baseline()).unwrap();
        fs::write(self.dir.path().join(BASELINE_FILE), json).unwrap();
        self
    }

    pub fn request(&self) -> Request<'_> {
        Request {
            source: self.source.clone(),
            ..request(self.dir.path(), self.database.url(), &self.plan, &self.migrations)
        }
    }

    pub fn backup_dir(&self) -> PathBuf {
        self.dir.path().join("backups")
    }

    /// Migrates; the rows must have moved and must be proven.
    #[track_caller]
    pub fn moved(&self) -> Moved {
        moved(run::migrate(&self.request(), &Silent))
    }

    /// The same with `integrity_check` of the sealed copy.
    #[track_caller]
    pub fn moved_with_check(&self) -> Moved {
        moved(run::migrate(&Request { integrity_check: true, ..self.request() }, &Silent))
    }

    /// Migrates once more, which must find nothing to do.
    #[track_caller]
    pub fn moved_already(&self) {
        let again = run::migrate(&self.request(), &Silent);
        assert!(matches!(again, Ok(Outcome::AlreadyDone(_))), "{again:?}");
    }

    /// Migrates; it must be refused.
    #[track_caller]
    pub fn refused(&self) -> row_mover::Error {
        match run::migrate(&self.request(), &Silent) {
            Err(error) => error,
            Ok(outcome) => panic!("not refused: {}", serde_json::to_string_pretty(&outcome).unwrap()),
        }
    }

    /// What a validation by itself says.
    #[track_caller]
    pub fn validated(&self, show_values: bool) -> (Run<'static>, Validation) {
        let options = CompareOptions { show_values, workers: 2, ..CompareOptions::default() };
        self.validated_for(Purpose::Proof, options)
    }

    /// The same, for another purpose or in another way.
    #[track_caller]
    pub fn validated_for(&self, purpose: Purpose, options: CompareOptions) -> (Run<'static>, Validation) {
        self.validated_by(purpose, options, false)
    }

    /// The same with `integrity_check` of the sealed copy.
    #[track_caller]
    pub fn validated_with_check(&self) -> (Run<'static>, Validation) {
        self.validated_by(Purpose::Proof, CompareOptions { workers: 2, ..CompareOptions::default() }, true)
    }

    #[track_caller]
    fn validated_by(
        &self,
        purpose: Purpose,
        options: CompareOptions,
        integrity_check: bool,
    ) -> (Run<'static>, Validation) {
        let request = ValidationRequest {
            target: TargetUrl::parse(self.database.url()).unwrap(),
            settings: DbSettings::default(),
            migrations: &self.migrations,
            options,
            purpose,
            integrity_check,
        };
        match run::validate(&request, &Silent) {
            Ok(found) => found,
            Err(error) => panic!("{}", chain(&error)),
        }
    }

    /// The answers of PostgreSQL as text, each row's columns with `|` between.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> Vec<String> {
        ask(&mut self.session(), sql)
    }

    /// A session of its own, for whatever a test wants to know of PostgreSQL.
    #[track_caller]
    pub fn session(&self) -> Connection {
        session(self.database.url())
    }

    /// Runs statements in PostgreSQL.
    #[track_caller]
    pub fn execute(&self, sql: &str) {
        self.diesel().batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Reverts the plan's migrations as an app's developer would.
    #[track_caller]
    pub fn revert_migrations(&self, connection: &mut PgConnection) {
        let migrations = FileBasedMigrations::from_path(self.dir.path().join("migrations")).unwrap();
        connection.revert_all_migrations(migrations).unwrap();
    }

    pub fn diesel(&self) -> PgConnection {
        PgConnection::establish(self.database.url()).unwrap()
    }

    /// What stands in the target and is not PostgreSQL's own: schemas, relations and types.
    pub fn target_objects(&self) -> Vec<String> {
        self.ask(
            "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
             UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' \
             AND nspname NOT IN ('public', 'information_schema') ORDER BY 1",
        )
    }

    /// The names in the backup folder; none where there is no such folder.
    pub fn backups(&self) -> Vec<PathBuf> {
        fs::read_dir(self.backup_dir())
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default()
    }
}

/// The file of a case's folder with its baseline, where it has one.
const BASELINE_FILE: &str = "baseline.json";

/// A baseline as Drizzle's migrator would write it.
pub fn baseline() -> Baseline {
    let row = |digit: &str, created_at_ms| BaselineRow { hash: digit.repeat(64), created_at_ms };
    Baseline {
        schema: "drizzle".to_owned(),
        table: "__drizzle_migrations".to_owned(),
        rows: vec![row("a", 1_793_491_201_000), row("b", 1_793_491_202_000)],
    }
}

/// What moves `source.db` of a folder to a database, with everything else beside it in the folder.
pub fn request<'a>(dir: &Path, url: &str, plan: &'a Plan, migrations: &'a [Migration]) -> Request<'a> {
    Request {
        source: dir.join("source.db"),
        target: TargetUrl::parse(url).unwrap(),
        settings: DbSettings { pool_max: 4, ..DbSettings::default() },
        plan,
        migrations,
        tables: Vec::new(),
        backup_dir: dir.join("backups"),
        rejects_dir: dir.join("rejects"),
        workers: 2,
        restart: false,
        discard: false,
        // Small, so that small tables have several.
        chunk_bytes: 256 << 10,
        integrity_check: false,
        show_values: false,
        baseline: fs::read_to_string(dir.join(BASELINE_FILE))
            .ok()
            .map(|json| serde_json::from_str(&json).unwrap()),
        owner: None,
    }
}

/// Makes a SQLite file, or goes on with one.
#[track_caller]
pub fn sqlite(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    // As the apps leave it that this is for.
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The plan that follows from a file and decisions.
#[track_caller]
pub fn plan(source: &Path, mapping: &str) -> Plan {
    let mapping = Mapping::from_toml(&format!("format = 1\n{mapping}")).unwrap();
    match evidence::plan(source, &mapping, 2, &|_| {}) {
        Ok((_, plan)) => plan,
        Err(error) => panic!("{}", chain(&error)),
    }
}

/// Hyperpage's own plan, as it was reviewed.
pub fn hyperpage_plan() -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema-pg/plan.json");
    Plan::from_json(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A plan's migrations as files, as a user has them.
pub fn write_migrations(plan: &Plan, folder: &Path) -> Vec<Migration> {
    let files =
        [("1_tables", render::create_tables(plan)), ("2_constraints", render::create_constraints(plan))];
    for (name, files) in files {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("up.sql"), files.up).unwrap();
        fs::write(folder.join("down.sql"), files.down).unwrap();
    }
    Migration::in_folder(folder).unwrap()
}

#[track_caller]
pub fn moved(result: row_mover::Result<Outcome>) -> Moved {
    match result {
        Ok(Outcome::Moved(moved)) if moved.validation.is_proven() => *moved,
        Ok(other) => panic!("not proven: {}", serde_json::to_string_pretty(&other).unwrap()),
        Err(error) => panic!("{}", chain(&error)),
    }
}

#[track_caller]
pub fn session(url: &str) -> Connection {
    Connection::connect(url, "test", std::time::Duration::from_secs(10))
        .unwrap_or_else(|error| panic!("{}", chain(&error)))
}

#[track_caller]
pub fn ask(session: &mut Connection, sql: &str) -> Vec<String> {
    let rows = session.query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {}", chain(&error)));
    let shown = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    rows.into_iter().map(|row| row.into_iter().map(shown).collect::<Vec<_>>().join("|")).collect()
}

/// An error as people see it: what failed, all causes, and what to do next, by name where the program words it.
pub fn chain(error: &row_mover::Error) -> String {
    let remedy = |error: &row_mover::Error| {
        let named = || Some(format!("{:?}", error.remedy_value::<Remedy>()?));
        error.remedy_text().map(str::to_owned).or_else(named)
    };
    let mut lines = vec![error.to_string()];
    let mut next = remedy(error);
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let words = match error.downcast_ref::<row_mover::error::TargetChanged>() {
            Some(changed) => report::words::schema_list(&changed.differences),
            None => error.to_string(),
        };
        lines.push(format!("because: {words}"));
        if let Some(error) = error.downcast_ref::<row_mover::Error>() {
            next = next.or_else(|| remedy(error));
        }
        cause = error.source();
    }
    lines.extend(next.map(|next| format!("next: {next}")));
    lines.join("\n")
}
