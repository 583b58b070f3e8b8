//! Changes to what stands around the rows and decides what later statements do: triggers, rules, row level security,
//! inheritance, sequences. Each is found, named, and gone once it is undone.

use crate::damage::{check_each, findings};
use crate::support::{Case, chain};
use postgres_client::{DbSettings, TargetUrl};
use row_mover::observer::Silent;
use row_mover::run::{self, Purpose, ValidationRequest};
use row_mover::validate::CompareOptions;

const SOURCE: &str = "
    CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
    INSERT INTO jobs VALUES (1, 'a'), (2, 'b');
    CREATE TABLE history (id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL REFERENCES jobs (id));
    INSERT INTO history VALUES (1, 1), (2, 2);";

/// Sequences that can be damaged apart from their columns.
const SERIAL: &str = "autoincrement = \"serial\"";

/// A sequence as the plan makes it.
const SEQUENCE: &str = "bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 OWNED BY jobs.id";

#[test]
fn objects_that_refuse_or_change_rows_are_named() {
    let case = Case::mapped(SOURCE, SERIAL);
    case.moved();
    case.execute("CREATE SCHEMA elsewhere; CREATE FUNCTION elsewhere.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
    check_each(
        &case,
        &[
            (
                "ALTER TABLE history DISABLE TRIGGER ALL",
                "ALTER TABLE history ENABLE TRIGGER ALL",
                vec!["history: checking of constraints is off or changed in 2 triggers, the plan has on"],
            ),
            (
                "CREATE TRIGGER lost BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION elsewhere.nothing()",
                "DROP TRIGGER lost ON jobs",
                vec![
                    "jobs: trigger lost is not in the plan: CREATE TRIGGER lost BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION elsewhere.nothing()",
                ],
            ),
            (
                "CREATE RULE lost AS ON INSERT TO jobs DO INSTEAD NOTHING",
                "DROP RULE lost ON jobs",
                vec!["jobs: rule lost is not in the plan: ON INSERT DO INSTEAD"],
            ),
            (
                "CREATE TABLE more () INHERITS (jobs)",
                "DROP TABLE more",
                vec![
                    "jobs: inheriting table more is not in the plan: its rows are read as rows of jobs",
                    "table more is not in the plan",
                ],
            ),
            (
                "CREATE TABLE above (name text COLLATE \"C\" NOT NULL); ALTER TABLE jobs INHERIT above",
                "ALTER TABLE jobs NO INHERIT above; DROP TABLE above",
                vec![
                    "jobs: parent table above is not in the plan: rows of jobs are read as its own",
                    "table above is not in the plan",
                ],
            ),
            (
                "CREATE COLLATION public.\"C\" (provider = libc, locale = 'POSIX'); ALTER TABLE jobs ALTER name TYPE text COLLATE public.\"C\"",
                "ALTER TABLE jobs ALTER name TYPE text COLLATE pg_catalog.\"C\"; DROP COLLATION public.\"C\"",
                vec![
                    "jobs: column name is text COLLATE public.C NOT NULL, the plan has text COLLATE C NOT NULL",
                ],
            ),
            (
                "ALTER TABLE jobs ENABLE ROW LEVEL SECURITY",
                "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY",
                vec!["jobs: row level security is enabled, the plan has off"],
            ),
            (
                "ALTER TABLE jobs FORCE ROW LEVEL SECURITY",
                "ALTER TABLE jobs NO FORCE ROW LEVEL SECURITY",
                vec!["jobs: row level security is off, forced, the plan has off"],
            ),
            (
                "ALTER TABLE history SET UNLOGGED",
                "ALTER TABLE history SET LOGGED",
                vec![
                    "history: persistence is unlogged, the plan has logged",
                    "history_id_seq: sequence is unlogged bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 OWNED BY history.id, the plan has bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 OWNED BY history.id",
                ],
            ),
            (
                "ALTER TABLE history RENAME TO kept; CREATE VIEW history AS SELECT * FROM kept",
                "DROP VIEW history; ALTER TABLE kept RENAME TO history",
                vec![
                    "history: checking of constraints is gone: on",
                    "history: column id is bigint, the plan has bigint NOT NULL DEFAULT nextval('history_id_seq'::regclass)",
                    "history: column job is bigint, the plan has bigint NOT NULL",
                    "history: constraint history_job_fkey is gone: FOREIGN KEY (job) REFERENCES jobs(id)",
                    "history: constraint history_pkey is gone: PRIMARY KEY (id)",
                    "history: index history_pkey is gone: CREATE UNIQUE INDEX history_pkey ON history USING btree (id)",
                    "history: kind is view, the plan has table",
                    "history_id_seq: sequence is bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 OWNED BY kept.id, the plan has bigint START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 OWNED BY history.id",
                    "history: query is not in the plan:  SELECT kept.id,\n    kept.job\n   FROM kept;",
                    "table kept is not in the plan",
                ],
            ),
        ],
    );
}

#[test]
fn a_not_null_that_was_never_checked_is_named() {
    let case = Case::mapped(SOURCE, SERIAL);
    case.moved();
    let version: u32 = case.ask("SHOW server_version_num")[0].parse().unwrap();
    // Before PostgreSQL 18 a NOT NULL is always checked: there the server itself refuses the damage.
    if version < 180_000 {
        let add = "ALTER TABLE jobs ADD CONSTRAINT jobs_name_not_null NOT NULL name NOT VALID";
        assert!(case.session().query(add, &[]).is_err());
        return;
    }
    check_each(
        &case,
        &[(
            "ALTER TABLE jobs ALTER name DROP NOT NULL; ALTER TABLE jobs ADD CONSTRAINT jobs_name_not_null NOT NULL name NOT VALID",
            "ALTER TABLE jobs VALIDATE CONSTRAINT jobs_name_not_null",
            vec![
                "jobs: column name is text COLLATE C NOT NULL (not validated), the plan has text COLLATE C NOT NULL",
            ],
        )],
    );
}

#[test]
fn differences_in_the_definition_of_a_sequence_are_named() {
    let case = Case::mapped(SOURCE, SERIAL);
    case.moved();
    for (change, back, is) in [
        ("INCREMENT BY -1", "INCREMENT BY 1", SEQUENCE.replace("INCREMENT 1", "INCREMENT -1")),
        ("MINVALUE -5", "MINVALUE 1", SEQUENCE.replace("MINVALUE 1", "MINVALUE -5")),
        ("MAXVALUE 5", "NO MAXVALUE", SEQUENCE.replace("9223372036854775807", "5")),
        ("START 2", "START 1", SEQUENCE.replace("START 1", "START 2")),
        ("CYCLE", "NO CYCLE", SEQUENCE.replace(" OWNED", " CYCLE OWNED")),
        (
            "AS integer",
            "AS bigint",
            SEQUENCE.replace("bigint", "integer").replace("9223372036854775807", "2147483647"),
        ),
        ("OWNED BY NONE", "OWNED BY jobs.id", SEQUENCE.replace("jobs.id", "NONE")),
    ] {
        let found = format!("jobs_id_seq: sequence is {is}, the plan has {SEQUENCE}");
        let alter = |what: &str| format!("ALTER SEQUENCE jobs_id_seq {what}");
        check_each(&case, &[(alter(change), &alter(back), vec![&found])]);
    }
    let gone = [
        "jobs: column id is bigint NOT NULL, the plan has bigint NOT NULL DEFAULT nextval('jobs_id_seq'::regclass)",
        &format!("jobs_id_seq: sequence is gone: {SEQUENCE}"),
    ];
    check_each(
        &case,
        &[(
            "DROP SEQUENCE jobs_id_seq CASCADE",
            "CREATE SEQUENCE jobs_id_seq OWNED BY jobs.id; SELECT setval('jobs_id_seq', 2); \
             ALTER TABLE jobs ALTER id SET DEFAULT nextval('jobs_id_seq')",
            gone.to_vec(),
        )],
    );
}

#[test]
fn a_sequence_below_the_high_water_mark_of_sqlite_is_named() {
    let case = Case::new(
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);
         INSERT INTO jobs VALUES (1, 'a'), (9, 'b');
         DELETE FROM jobs WHERE id = 9;
         CREATE TABLE emptied (id INTEGER PRIMARY KEY AUTOINCREMENT);
         INSERT INTO emptied VALUES (7);
         DELETE FROM emptied;
         CREATE TABLE full (id INTEGER PRIMARY KEY AUTOINCREMENT);
         INSERT INTO full VALUES (9223372036854775807);",
    );
    case.moved();
    check_each(
        &case,
        &[
            (
                "SELECT setval('jobs_id_seq', 8)",
                "SELECT setval('jobs_id_seq', 9)",
                vec!["sequence jobs_id_seq: its next number is 9, but SQLite gave 9 for jobs already"],
            ),
            (
                "SELECT setval('jobs_id_seq', 1, false)",
                "SELECT setval('jobs_id_seq', 10, false)",
                vec!["sequence jobs_id_seq: its next number is 1, which jobs.id has passed"],
            ),
            (
                "SELECT setval('emptied_id_seq', 1, false)",
                "SELECT setval('emptied_id_seq', 7)",
                vec!["sequence emptied_id_seq: its next number is 1, but SQLite gave 7 for emptied already"],
            ),
            (
                "SELECT setval('full_id_seq', 9223372036854775806)",
                "SELECT setval('full_id_seq', 9223372036854775807)",
                vec![
                    "sequence full_id_seq: its next number is 9223372036854775807, which full.id has passed",
                ],
            ),
        ],
    );
}

#[test]
fn names_with_dots_and_quotes_are_no_difference() {
    let case = Case::new(
        "CREATE TABLE \"public.t\" (id INTEGER PRIMARY KEY AUTOINCREMENT, \"public.v\" TEXT);
         CREATE INDEX \"public.i\" ON \"public.t\" (\"public.v\");
         INSERT INTO \"public.t\" VALUES (1, 'a');
         CREATE TABLE \"migration_scratch.t\" (id INTEGER PRIMARY KEY, \"a\"\"b\" INTEGER REFERENCES \"public.t\" (id));
         CREATE INDEX \"migration_scratch.i\" ON \"migration_scratch.t\" (\"a\"\"b\");",
    );
    case.moved();
    check_each(
        &case,
        &[(
            "DROP INDEX \"public.i\"",
            "CREATE INDEX \"public.i\" ON \"public.t\" (\"public.v\")",
            vec![
                "public.t: index public.i is gone: CREATE INDEX \"public.i\" ON \"public.t\" USING btree (\"public.v\")",
            ],
        )],
    );
}

#[test]
fn a_dropped_table_is_named_once() {
    let case = Case::mapped(SOURCE, SERIAL);
    case.moved();
    case.execute("DROP TABLE jobs CASCADE");
    assert_eq!(
        findings(&case.validated(false).1),
        [
            "table jobs is gone",
            "history: constraint history_job_fkey is gone: FOREIGN KEY (job) REFERENCES jobs(id)"
        ]
    );
}

#[test]
fn rows_that_row_level_security_hides_are_no_proof() {
    let case = Case::mapped(SOURCE, SERIAL);
    case.moved();
    let role = format!("{}_guest", case.database.name());
    case.execute(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'guest'; ALTER ROLE {role} SET row_security = off;
         GRANT CREATE ON DATABASE {} TO {role}; GRANT USAGE, CREATE ON SCHEMA public, migration TO {role};
         GRANT ALL ON ALL TABLES IN SCHEMA public, migration TO {role};
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public, migration TO {role}",
        case.database.name()
    ));
    let (_, host) = case.database.url().rsplit_once('@').unwrap();
    let request = ValidationRequest {
        target: TargetUrl::parse(&format!("postgres://{role}:guest@{host}")).unwrap(),
        settings: DbSettings::default(),
        migrations: &case.migrations,
        options: CompareOptions { show_values: false, workers: 2, ..CompareOptions::default() },
        purpose: Purpose::Proof,
        integrity_check: false,
    };
    let first = run::validate(&request, &Silent).map(|(_, found)| findings(&found));
    case.execute(
        "INSERT INTO jobs VALUES (0, 'hidden'); ALTER TABLE jobs ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY positive ON jobs USING (id > 0)",
    );
    let hidden = run::validate(&request, &Silent).map(|(_, found)| findings(&found));
    case.execute("ALTER TABLE jobs DISABLE ROW LEVEL SECURITY");
    let shown = run::validate(&request, &Silent).map(|(_, found)| findings(&found));
    case.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    assert_eq!(first.map_err(|error| chain(&error)), Ok(Vec::new()));
    assert_eq!(shown.map_err(|error| chain(&error)), Ok(vec!["jobs id=0 extra".to_owned()]));
    insta::assert_snapshot!(hidden.map_err(|error| chain(&error)).unwrap_err(), @r#"
    table jobs cannot be compared
    because: a statement was refused
    because: PostgreSQL 42501: query would be affected by row-level security policy for table "jobs"
    next: this role may not see every row of public.jobs, which has row level security: validate as a role with BYPASSRLS, or switch it off: ALTER TABLE public.jobs DISABLE ROW LEVEL SECURITY
    "#);
}

#[test]
fn how_a_function_runs_is_part_of_it() {
    let case = Case::new(
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY, n INTEGER); CREATE TABLE log (n INTEGER);
         CREATE TRIGGER noted AFTER INSERT ON jobs BEGIN INSERT INTO log VALUES (NEW.n); END;",
    );
    case.moved();
    let [function] = case
        .plan
        .triggers
        .iter()
        .map(|trigger| trigger.function.clone())
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    for (change, back, word) in [
        ("SECURITY DEFINER", "SECURITY INVOKER", " SECURITY DEFINER SET "),
        (
            "SET search_path = public",
            "SET search_path = pg_catalog, pg_temp",
            " SET search_path=schema 1 AS ",
        ),
        ("STRICT", "CALLED ON NULL INPUT", " STRICT SET "),
        ("IMMUTABLE", "VOLATILE", " IMMUTABLE SET "),
    ] {
        case.execute(&format!("ALTER FUNCTION {function}() {change}"));
        let found = findings(&case.validated(false).1);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with(&format!("{function}: function () is ")) && found[0].contains(word),
            "{found:?}"
        );
        case.execute(&format!("ALTER FUNCTION {function}() {back}"));
        assert!(case.validated(false).1.is_proven());
    }
}

#[test]
fn a_foreign_key_without_its_triggers_is_named() {
    let case = Case::mapped(SOURCE, SERIAL);
    case.moved();
    for (table, event) in [("history", "INSERT"), ("jobs", "DELETE")] {
        // As a superuser may, and as a damaged catalog has it: the constraint itself looks as before.
        case.execute(&format!("CREATE TABLE kept AS SELECT oid FROM pg_trigger WHERE tgrelid = '{table}'::regclass AND tgisinternal"));
        let changed = case.ask("SELECT count(*) FROM kept");
        assert_eq!(changed, ["2"], "{event}");
        case.execute("DELETE FROM pg_trigger WHERE oid = (SELECT min(oid) FROM kept); DROP TABLE kept");
        assert_eq!(
            findings(&case.validated(false).1),
            [
                "history: checking of constraints is on, without all triggers of history_job_fkey, the plan has on"
            ]
        );
    }
}
