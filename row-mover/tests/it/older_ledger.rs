//! A ledger of the version before: its run counts as done, is validated, resumed and removed like any other.

use migrate_core::plan::Plan;
use row_mover::run::Silent;
use row_mover::run::{self, Outcome, Request};

use crate::support::Case;

/// What later versions added.
const LATER_TABLES: &str = "DROP TABLE migration.catch_ups, migration.cutover_events, migration.schema_files";

const LATER_COLUMNS: &str = "ALTER TABLE migration.chunks DROP COLUMN after_page, DROP COLUMN after_cell, DROP COLUMN until_page, \
    DROP COLUMN until_cell";

/// Makes the ledger what the version before wrote.
fn make_older(case: &Case) {
    case.execute("ALTER TABLE migration.runs DROP COLUMN schema_steps, DROP COLUMN removal_began_at");
    case.execute("ALTER TABLE migration.runs DROP COLUMN list_schema, DROP COLUMN missing_schemas, DROP COLUMN baseline; DROP TABLE migration.sequences");
    case.execute(LATER_TABLES);
    case.execute(LATER_COLUMNS);
    case.execute("DELETE FROM migration.__diesel_schema_migrations WHERE version >= '0005'");
    case.execute("UPDATE migration.runs SET seal = (seal::jsonb - 'read_method')::text");
    case.execute("UPDATE migration.runs SET plan = replace(plan, '\"format\": 2', '\"format\": 1')");
    assert_eq!(case.ask("SELECT position('\"format\": 1' IN plan) > 0 FROM migration.runs"), ["t"]);
}

fn case() -> Case {
    Case::new("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'one'), (2, NULL)")
}

#[test]
fn a_finished_run_counts_is_validated_and_can_be_removed() {
    let case = case();
    case.moved();
    make_older(&case);
    case.moved_already();
    assert!(case.validated(false).1.is_proven());
    let again = run::migrate(&Request { restart: true, ..case.request() }, &Silent);
    assert!(matches!(again, Ok(Outcome::Moved(moved)) if moved.validation.is_proven()));
    assert_eq!(case.ask("SELECT count(*) FROM public.t"), ["2"]);
}

#[test]
fn an_unfinished_run_is_resumed() {
    let case = case();
    case.moved();
    make_older(&case);
    case.execute("DELETE FROM migration.phases WHERE phase = 'validate'");
    assert!(case.moved().validation.is_proven());
}

/// Makes the ledger of a run into an app's tables what the version before wrote: its migrations are in the list of the app.
fn list_in_the_app(case: &Case) {
    case.execute("ALTER TABLE migration.runs DROP COLUMN list_schema, DROP COLUMN missing_schemas, DROP COLUMN baseline; DROP TABLE migration.sequences");
    case.execute(LATER_TABLES);
    case.execute(LATER_COLUMNS);
    case.execute(
        "DELETE FROM migration.__diesel_schema_migrations WHERE version >= '0008' AND length(version) = 4",
    );
    case.execute(
        "CREATE TABLE public.__diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now()); \
         INSERT INTO public.__diesel_schema_migrations (version) VALUES ('00000000000000'); \
         WITH listed AS (DELETE FROM migration.__diesel_schema_migrations WHERE length(version) > 4 RETURNING version) \
         INSERT INTO public.__diesel_schema_migrations (version) SELECT version FROM listed",
    );
    assert_eq!(case.ask("SELECT count(*) FROM public.__diesel_schema_migrations"), ["3"]);
}

#[test]
fn a_run_into_an_apps_tables_is_validated_resumed_and_removed() {
    let case = || crate::existing_untouched::case("keys", crate::existing_untouched::KEYS);
    let moved = case();
    moved.moved();
    list_in_the_app(&moved);
    assert!(moved.validated(false).1.is_proven());
    moved.moved_already();
    let again = run::migrate(&Request { restart: true, ..moved.request() }, &Silent);
    assert!(matches!(again, Ok(Outcome::Moved(moved)) if moved.validation.is_proven()));
    assert_eq!(moved.ask("SELECT version FROM public.__diesel_schema_migrations"), ["00000000000000"]);

    let resumed = case();
    resumed.moved();
    list_in_the_app(&resumed);
    resumed.execute("DELETE FROM migration.phases WHERE phase = 'validate'");
    assert!(resumed.moved().validation.is_proven());
    assert_eq!(resumed.ask("SELECT count(*) FROM public.__diesel_schema_migrations"), ["3"]);
}

#[test]
fn a_plan_that_means_the_same_in_both_formats_has_one_fingerprint() {
    let plan = case().request().plan.clone();
    let older = Plan { format: 1, ..plan.clone() };
    assert_eq!(plan.format, 2);
    assert_eq!(plan.fingerprint(), older.fingerprint());
}
