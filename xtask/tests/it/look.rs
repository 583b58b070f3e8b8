//! `validate` where it is not to prove: a look at a share of the rows, and what has changed since the migration.

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

/// When the ledger says that the run was validated; nothing where it was not.
fn validated_at(database: &TestDatabase) -> String {
    value(
        database,
        "SELECT coalesce(max(finished_at)::text, '') FROM migration.phases WHERE phase = 'validate'",
    )
}

#[test]
fn a_look_at_a_share_finds_differences_and_is_never_called_a_proof() {
    let (place, database) = moved();
    let before = validated_at(&database);
    let looked =
        validate(&place, &database, &["--sample", "10%", "--github", "--junit", "look.xml"]).expect(0);
    assert!(looked.stdout.contains("This is NO proof: nothing differs in the "), "{}", looked.stdout);
    assert!(looked.stdout.contains("::notice title=A sample%2C no proof::No proof"), "{}", looked.stdout);
    let json = validate(&place, &database, &["--sample=10%", "--json"]).expect(0).json();
    assert_eq!(json["proven"], false);
    let folder = json["report"].as_str().unwrap();
    assert!(folder.ends_with("-sample"), "a look never takes the place of a proof: {folder}");
    let report = place.path().join(folder).join("report.json");
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(report["verdict"], "nothing_found_in_sample");
    assert_eq!(validated_at(&database), before, "the ledger says what it said");

    execute(&database, "UPDATE public.users SET username = username || '!'");
    let found = validate(&place, &database, &["--sample", "50%"]).expect(1);
    assert!(
        found.stdout.contains("NOT proven") && found.stdout.contains("differs in username"),
        "{}",
        found.stdout
    );
}

#[test]
fn what_is_no_share_is_refused_with_what_may_be_meant() {
    let place = Place::new();
    for (name, arguments) in [
        ("none", &["--sample"][..]),
        ("without_percent", &["--sample", "1"]),
        ("of_nothing", &["--sample", "0%"]),
        ("of_more_than_all", &["--sample", "200%"]),
        ("since_cutover", &["--sample", "1%", "--since-cutover"]),
    ] {
        let refused = place.run(["validate"].iter().chain(arguments)).expect(2);
        place.snapshot(&format!("look-{name}"), &refused.screen());
    }
}

#[test]
fn what_was_written_since_is_told_by_table_and_the_proof_stays_as_it_is() {
    let (place, database) = moved();
    let before = validated_at(&database);
    let nothing = validate(&place, &database, &["--since-cutover"]).expect(0);
    place.snapshot("look-nothing_since", &nothing.screen());
    execute(
        &database,
        "DELETE FROM public.users WHERE id = (SELECT min(id) FROM public.users); \
         UPDATE public.rate_limits SET limit_total = 7 WHERE id IN (SELECT id FROM public.rate_limits ORDER BY id LIMIT 2); \
         INSERT INTO public.users (id, provider, provider_user_id, created_at, updated_at) VALUES ('new', 'p', 'new', now(), now())",
    );
    let since = validate(&place, &database, &["--since-cutover"]).expect(1);
    place.snapshot("look-since", &since.screen());
    let json = validate(&place, &database, &["--since-cutover", "--json"]).expect(1).json();
    assert_eq!(json["changed"], true);
    let users =
        json["result"]["tables"].as_array().unwrap().iter().find(|table| table["table"] == "users").unwrap();
    assert_eq!([&users["extra"], &users["missing"], &users["different"]], [&json!(1), &json!(1), &json!(0)]);
    assert_eq!(validated_at(&database), before, "the ledger says what it said");
    assert!(!place.path().join("reports").exists());
}
