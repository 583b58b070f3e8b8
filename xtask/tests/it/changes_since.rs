//! `validate --since-cutover`: changes in PostgreSQL since the migration.

use serde_json::json;
use test_database::TestDatabase;

use crate::place::{Output, Place};
use crate::server::{execute, value};

fn moved() -> (Place, TestDatabase) {
    let place = Place::new();
    place.sample();
    let database = TestDatabase::create();
    let arguments =
        ["migrate", "--sqlite", "hyperpage.db", "--quiet", "--no-report", "--postgres", database.url()];
    place.run(arguments).expect(0);
    (place, database)
}

#[track_caller]
fn validate(place: &Place, database: &TestDatabase, more: &[&str]) -> Output {
    place.run(["validate", "--quiet", "--postgres", database.url()].iter().chain(more))
}

/// Returns when the run was validated, by the ledger, or nothing if it was not.
fn validated_at(database: &TestDatabase) -> String {
    value(
        database,
        "SELECT coalesce(max(finished_at)::text, '') FROM migration.phases WHERE phase = 'validate'",
    )
}

#[test]
fn changes_are_listed_by_table_and_the_proof_is_kept() {
    let (place, database) = moved();
    let before = validated_at(&database);
    let nothing = validate(&place, &database, &["--since-cutover"]).expect(0);
    place.snapshot("changes_since-nothing", &nothing.screen());
    execute(
        &database,
        "DELETE FROM public.users WHERE id = (SELECT min(id) FROM public.users); \
         UPDATE public.rate_limits SET limit_total = 7 WHERE id IN (SELECT id FROM public.rate_limits ORDER BY id LIMIT 2); \
         INSERT INTO public.users (id, provider, provider_user_id, created_at, updated_at) VALUES ('new', 'p', 'new', now(), now())",
    );
    let since = validate(&place, &database, &["--since-cutover"]).expect(1);
    place.snapshot("changes_since-some", &since.screen());
    let json = validate(&place, &database, &["--since-cutover", "--json"]).expect(1).json();
    assert_eq!(json["changed"], true);
    let users =
        json["result"]["tables"].as_array().unwrap().iter().find(|table| table["table"] == "users").unwrap();
    assert_eq!([&users["extra"], &users["missing"], &users["different"]], [&json!(1), &json!(1), &json!(0)]);
    assert_eq!(validated_at(&database), before, "the proof is kept");
    assert!(!place.path().join("reports").exists());
}
