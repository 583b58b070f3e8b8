//! The files for Hyperpage, whole.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use migrate_core::plan::Plan;

fn hyperpage() -> Plan {
    Plan::from_json(include_str!("../../schema-pg/plan.json")).unwrap()
}

#[test]
fn the_files_for_hyperpage() {
    let files = drizzle::files(&hyperpage(), None);
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    insta::assert_snapshot!("paths", paths.join("\n"));
    let content = |path: &str| files.iter().find(|file| file.path == path).unwrap().content.clone();
    insta::assert_snapshot!("config", content("drizzle.config.ts"));
    insta::assert_snapshot!("schema", content("drizzle/schema.ts"));
    insta::assert_snapshot!("journal", content("drizzle/meta/_journal.json"));
    insta::assert_snapshot!("first_snapshot", content("drizzle/meta/0000_snapshot.json"));
    insta::assert_snapshot!("second_snapshot", content("drizzle/meta/0001_snapshot.json"));
}

#[test]
fn the_sql_is_that_of_the_plan() {
    let files = drizzle::files(&hyperpage(), None);
    for (folder, file) in [
        ("2026-11-01-000001_create_tables", "drizzle/0000_create_tables.sql"),
        ("2026-11-01-000002_add_constraints", "drizzle/0001_add_constraints.sql"),
    ] {
        let path = format!("{}/../schema-pg/migrations/{folder}/up.sql", env!("CARGO_MANIFEST_DIR"));
        let expected = std::fs::read_to_string(path).unwrap();
        assert_eq!(files.iter().find(|found| found.path == file).unwrap().content, expected);
    }
}

#[test]
fn the_same_plan_gives_the_same_files() {
    assert_eq!(drizzle::files(&hyperpage(), None), drizzle::files(&hyperpage(), None));
    assert_eq!(drizzle::migrations(&hyperpage()), drizzle::migrations(&hyperpage()));
}

#[test]
fn a_plan_without_the_decision_has_no_files() {
    let plan = Plan { drizzle: None, ..hyperpage() };
    assert_eq!(drizzle::files(&plan, None), []);
    assert!(!migrate_core::render::plan_json(&plan).contains("drizzle"));
}

/// Plans of databases that are hard on names, constraints and types (`xtask/tests/apps/databases`).
const HOSTILE: [(&str, &str); 4] = [
    ("constraints", include_str!("plans/constraints.json")),
    ("names", include_str!("plans/names.json")),
    ("schemas", include_str!("plans/schemas.json")),
    ("types", include_str!("plans/types.json")),
];

#[test]
fn the_schemas_of_hostile_plans() {
    for (name, plan) in HOSTILE {
        let plan = Plan::from_json(plan).unwrap();
        let files = drizzle::files(&plan, None);
        let content = |path: &str| files.iter().find(|file| file.path == path).unwrap().content.clone();
        insta::assert_snapshot!(format!("{name}_schema"), content("drizzle/schema.ts"));
        insta::assert_snapshot!(format!("{name}_snapshot"), content("drizzle/meta/0001_snapshot.json"));
    }
}

#[test]
fn each_thing_left_out_is_a_comment_at_the_head_of_the_schema() {
    let mut count = 0;
    for (name, plan) in HOSTILE {
        let plan = Plan::from_json(plan).unwrap();
        let files = drizzle::files(&plan, None);
        let schema = &files.iter().find(|file| file.path == "drizzle/schema.ts").unwrap().content;
        for item in &plan.drizzle.as_ref().unwrap().left_out {
            let words = drizzle::left_out(item);
            assert!(schema.contains(&format!("// {words}\n")), "{name}: {words}");
            count += 1;
        }
    }
    assert!(count >= 15, "{count}");
}
