//! Constraints that are tried: each kind on both sides, damage that only a try shows, and what is not tried.

use migrate_core::finding::{ConstraintDifference, Reason};
use postgres_client::{DbSettings, TargetUrl};
use row_mover::observer::Silent;
use row_mover::run::{self, Purpose, Validation, ValidationRequest};
use row_mover::validate::{CheckResult, CompareOptions};

use crate::support::words::not_compared;
use crate::support::{Case, chain};

/// Every kind of constraint, and keys of many forms.
const ALL: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL COLLATE NOCASE UNIQUE, name TEXT UNIQUE,
        state TEXT NOT NULL CHECK (state IN ('on', 'off')), age INTEGER CHECK (age BETWEEN 0 AND 150),
        boss INTEGER REFERENCES users (id), CHECK (length(name) <= 40));
    INSERT INTO users VALUES (1, 'a@x', 'a', 'on', 7, NULL), (2, 'b@x', 'b', 'off', NULL, 1);
    CREATE TABLE places (area INTEGER NOT NULL, number TEXT NOT NULL, size REAL, double REAL AS (size * 2) STORED,
        PRIMARY KEY (area, number)) WITHOUT ROWID;
    INSERT INTO places (area, number, size) VALUES (1, 'x', 2.5), (2, 'y', 3.5);
    CREATE TABLE jobs (id INTEGER PRIMARY KEY, slug TEXT NOT NULL, owner INTEGER NOT NULL REFERENCES users (id),
        area INTEGER, number TEXT, live INTEGER NOT NULL, later INTEGER REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED,
        begun INTEGER, ended INTEGER, CHECK (begun < ended),
        FOREIGN KEY (area, number) REFERENCES places (area, number));
    CREATE UNIQUE INDEX one_live ON jobs (slug) WHERE live > 0;
    CREATE UNIQUE INDEX lower_slug ON jobs (lower(slug), owner);
    INSERT INTO jobs VALUES (1, 'p', 1, 1, 'x', 0, 2, 1, 2), (2, 'q', 2, 2, 'y', 1, 1, 3, 4);";

type Constraints = CheckResult<ConstraintDifference>;

fn tried(case: &Case) -> Constraints {
    case.validated(false).1.behaviour
}

#[track_caller]
fn assert_all_tried(tried: &Constraints, count: u64) {
    let CheckResult { compared, differences, not_compared } = tried;
    assert_eq!((differences.as_slice(), not_compared.as_slice(), *compared), (&[][..], &[][..], count));
}

fn sequences(case: &Case) -> Vec<String> {
    case.ask("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")
}

#[test]
fn every_kind_is_tried_and_everything_is_rolled_back() {
    let case = Case::new(ALL);
    case.moved();
    let rows = || {
        case.ask(
            "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM jobs), (SELECT count(*) FROM places)",
        )
    };
    let before = (rows(), sequences(&case));
    // users: 3 NOT NULL, 3 keys, 3 CHECKs, 1 foreign key; places: 2 and 1; jobs: 4, 3, 1 and 3.
    assert_all_tried(&tried(&case), 10 + 3 + 11);
    assert_eq!((rows(), sequences(&case)), before);
    assert_eq!(case.ask("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()"), ["0"]);
}

#[test]
fn damage_is_found_by_the_row_that_gets_through() {
    let case = Case::new(ALL);
    case.moved();
    for (damage, mend, found) in [
        (
            "ALTER TABLE jobs DISABLE TRIGGER ALL",
            "ALTER TABLE jobs ENABLE TRIGGER ALL",
            vec![
                "jobs: foreign key jobs_owner_fkey",
                "jobs: foreign key jobs_area_number_fkey",
                "jobs: foreign key jobs_later_fkey",
            ],
        ),
        (
            "ALTER TABLE users DROP CONSTRAINT users_age_check; ALTER TABLE users ADD CONSTRAINT users_age_check CHECK (age < 99999 OR age > 5)",
            "ALTER TABLE users DROP CONSTRAINT users_age_check; ALTER TABLE users ADD CONSTRAINT users_age_check CHECK (age BETWEEN 0 AND 150)",
            vec!["users: CHECK users_age_check"],
        ),
        (
            "DROP INDEX one_live; CREATE INDEX one_live ON jobs (slug) WHERE live > 0",
            "DROP INDEX one_live; CREATE UNIQUE INDEX one_live ON jobs (slug) WHERE live > 0",
            vec!["jobs: unique key one_live"],
        ),
        (
            "ALTER TABLE users DROP CONSTRAINT users_name_key",
            "ALTER TABLE users ADD CONSTRAINT users_name_key UNIQUE (name)",
            vec!["users: unique key users_name_key"],
        ),
        (
            "ALTER TABLE jobs ALTER slug DROP NOT NULL",
            "ALTER TABLE jobs ALTER slug SET NOT NULL",
            vec!["jobs: NOT NULL of slug"],
        ),
    ] {
        case.execute(damage);
        let found_now = tried(&case);
        let mut expected: Vec<String> =
            found.iter().map(|what| format!("{what}: PostgreSQL accepts a row that violates it")).collect();
        let mut problems: Vec<String> = found_now.differences.iter().map(report::words::constraint).collect();
        expected.sort();
        problems.sort();
        assert_eq!((problems, found_now.compared), (expected, 24), "{damage}: {:?}", found_now.not_compared);
        case.execute(mend);
        assert_all_tried(&tried(&case), 24);
    }
}

#[test]
fn constraints_that_cannot_be_tried_are_listed() {
    let case = Case::new(
        "CREATE TABLE none (id INTEGER PRIMARY KEY, v TEXT NOT NULL);
         CREATE TABLE loud (id INTEGER PRIMARY KEY, v TEXT);
         INSERT INTO loud VALUES (1, 'a');
         CREATE TRIGGER shout AFTER INSERT ON loud BEGIN UPDATE loud SET v = 'b' WHERE id = new.id; END;
         CREATE TABLE free (id INTEGER PRIMARY KEY, v TEXT CHECK (v = v));
         INSERT INTO free VALUES (1, 'a');",
    );
    case.moved();
    let found = tried(&case);
    assert_eq!(
        (not_compared(&found), found.differences, found.compared),
        (
            vec![
                "free: CHECK free_v_check: no value was found that violates it in SQLite".to_owned(),
                "loud: all 2 constraints: it has triggers or rules, which may act outside of the transaction or change the row".to_owned(),
                "none: all 3 constraints: it holds no row to start from".to_owned(),
            ],
            vec![],
            2
        )
    );
}

#[test]
fn a_lock_that_an_app_holds_ends_the_try() {
    let case = Case::new("CREATE TABLE jobs (id INTEGER PRIMARY KEY); INSERT INTO jobs VALUES (1);");
    case.moved();
    let mut app = case.session();
    app.script("BEGIN; LOCK TABLE jobs IN SHARE MODE").unwrap();
    let found = tried(&case);
    assert_eq!((found.compared, found.differences), (0, vec![]));
    assert!(found.not_compared.iter().all(|left| left.reason == Reason::Locked), "{:?}", found.not_compared);
    assert_eq!(found.not_compared.len(), 2);
}

/// Each try has two seconds for a lock, and a table may have hundreds of constraints.
#[test]
fn a_table_that_an_app_keeps_locked_costs_seconds_and_no_minutes() {
    const COLUMNS: usize = 40;
    let columns: Vec<String> = (1..=COLUMNS).map(|column| format!("c{column} INTEGER NOT NULL")).collect();
    let values = vec!["1"; COLUMNS].join(", ");
    let case = Case::new(&format!(
        "CREATE TABLE wide ({}); INSERT INTO wide VALUES ({values});",
        columns.join(", ")
    ));
    case.moved();
    let mut app = case.session();
    app.script("BEGIN; LOCK TABLE wide IN SHARE MODE").unwrap();
    let found = tried(&case);
    assert_eq!((found.compared, found.differences), (0, vec![]));
    let (locked, late): (Vec<_>, Vec<_>) =
        found.not_compared.iter().partition(|left| left.reason == Reason::Locked);
    let is_late = late.iter().all(|left| left.reason == Reason::TableTimeUsed { limit_s: 10 });
    assert!(is_late && locked.len() < 10 && locked.len() + late.len() == COLUMNS, "{:?}", found.not_compared);
}

#[test]
fn a_read_only_validation_tries_no_constraint() {
    let case = Case::new("CREATE TABLE jobs (id INTEGER PRIMARY KEY); INSERT INTO jobs VALUES (1);");
    case.moved();
    let with = |purpose, read_only| -> Validation {
        case.validated_for(purpose, CompareOptions { workers: 1, read_only, ..CompareOptions::default() }).1
    };
    let read_only = with(Purpose::Proof, true);
    assert_eq!(not_compared(&read_only.behaviour), ["all constraints: --read-only"]);
    assert_eq!(read_only.behaviour.compared, 0);
    assert!(read_only.is_proven());
    let changes = with(Purpose::ChangesSince, false);
    assert_eq!(not_compared(&changes.behaviour), ["all constraints: this run lists changes and is no proof"]);
    assert_all_tried(&with(Purpose::Proof, false).behaviour, 2);
}

#[test]
fn conflict_clauses_of_the_source_do_not_affect_trials() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE ON CONFLICT REPLACE, w TEXT NOT NULL ON CONFLICT IGNORE);
         INSERT INTO t VALUES (1, 'a', 'b');",
    );
    case.moved();
    assert_all_tried(&tried(&case), 4);
}

#[test]
fn a_role_that_may_not_insert_tries_nothing() {
    let case = Case::new("CREATE TABLE jobs (id INTEGER PRIMARY KEY); INSERT INTO jobs VALUES (1);");
    case.moved();
    let role = format!("{}_reader", case.database.name());
    case.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'reader'; GRANT CREATE ON DATABASE {} TO {role};
         GRANT USAGE, CREATE ON SCHEMA public, migration TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
         GRANT ALL ON ALL TABLES IN SCHEMA migration TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA migration TO {role}",
        case.database.name()
    ));
    let (_, host) = case.database.url().rsplit_once('@').unwrap();
    let request = ValidationRequest {
        target: TargetUrl::parse(&format!("postgres://{role}:reader@{host}")).unwrap(),
        settings: DbSettings::default(),
        migrations: &case.migrations,
        options: CompareOptions { workers: 1, ..CompareOptions::default() },
        purpose: Purpose::Proof,
        integrity_check: false,
    };
    let found = run::validate(&request, &Silent).map(|(_, found)| found);
    case.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    let found = found.map_err(|error| chain(&error)).unwrap();
    assert_eq!(not_compared(&found.behaviour), ["jobs: all 2 constraints: this role may not INSERT"]);
    assert!(found.is_proven());
}

#[test]
fn trials_print_no_value() {
    let case = Case::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL, UNIQUE (v), UNIQUE (v, id));
         INSERT INTO t VALUES (1, 'canary');",
    );
    case.moved();
    let found = tried(&case);
    assert!(found.differences.is_empty());
    assert!(!format!("{:?}", found.not_compared).contains("canary"), "{:?}", found.not_compared);
}
