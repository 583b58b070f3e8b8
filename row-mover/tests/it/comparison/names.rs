//! Which tables and columns belong together, and what has no counterpart.

use super::Pair;

const SOURCE: &str = "
    CREATE TABLE UserAccount (id INTEGER PRIMARY KEY, fullName TEXT, extra TEXT);
    CREATE TABLE \"Order\" (id INTEGER PRIMARY KEY, userId INTEGER);
    CREATE TABLE empty (id INTEGER PRIMARY KEY);
    CREATE TABLE schema_migrations (version TEXT PRIMARY KEY);
    INSERT INTO UserAccount VALUES (1, 'Ada', 'x'), (2, 'Bob', NULL);
    INSERT INTO \"Order\" VALUES (1, 1);
    INSERT INTO schema_migrations VALUES ('001')";

const TABLES: &str = "
    CREATE TABLE user_accounts (id bigint PRIMARY KEY, full_name text, extra text);
    CREATE TABLE \"Order\" (id bigint, \"userId\" bigint);
    CREATE TABLE empty (id bigint);
    INSERT INTO user_accounts VALUES (1, 'Ada', 'x'), (2, 'Bob', NULL);
    INSERT INTO \"Order\" VALUES (1, 1)";

fn left(name: &str) -> impl Fn(&String) -> bool {
    move |line: &String| line.contains("LeftBehind") && line.contains(name)
}

#[test]
fn names_in_another_style_belong_together() {
    let pair = Pair::new(SOURCE, TABLES);
    let found = pair.equal();
    assert!(found.len() == 1 && left("schema_migrations")(&found[0]), "{found:?}");
}

#[test]
fn what_has_no_counterpart_is_named() {
    let pair = Pair::new(
        SOURCE,
        "CREATE TABLE user_accounts (ogc_fid serial PRIMARY KEY, id bigint, full_name text);
         CREATE TABLE __drizzle_migrations (id int);
         CREATE TABLE other (id int);
         INSERT INTO user_accounts (id, full_name) VALUES (2, 'Bob'), (1, 'Ada')",
    );
    let found: Vec<String> =
        pair.findings().into_iter().filter(|line| !left("schema_migrations")(line)).collect();
    assert_eq!(
        found,
        [
            "Order: no table, 1 rows",
            "empty: no table, 0 rows",
            "UserAccount.extra: no column, 1 values",
            "OnlyInTarget { target: \"__drizzle_migrations\", bookkeeping_of: Some(\"Drizzle\") }",
            "OnlyInTarget { target: \"other\", bookkeeping_of: None }",
            "OnlyInTargetColumn { target: \"user_accounts\", column: \"ogc_fid\", is_numbered: true }",
        ]
    );
    assert!(!pair.compared().is_equal());
}

#[test]
fn decisions_name_what_has_another_name() {
    let pair = Pair::new(
        SOURCE,
        "CREATE TABLE people (id bigint, label text, extra text);
         CREATE TABLE orders_2 (id bigint, user_id bigint);
         INSERT INTO people VALUES (2, 'Bob', NULL), (1, 'Ada', 'x'); INSERT INTO orders_2 VALUES (1, 1)",
    )
    .mapped(
        "[leave_behind]\nempty = \"not needed\"\n[tables.UserAccount]\nrename = \"people\"\n[tables.UserAccount.columns]\n\
         fullName = { rename = \"label\" }\n[tables.Order]\nrename = \"orders_2\"",
    );
    let found = pair.equal();
    assert!(found.iter().all(|line| line.contains("LeftBehind")), "{found:?}");
    pair.execute("UPDATE people SET label = 'Eve' WHERE id = 2");
    assert!(pair.findings().contains(&"UserAccount.fullName: Other in 1".to_owned()));
}

#[test]
fn tables_in_another_schema() {
    let schema = "CREATE SCHEMA app; SET search_path = app;";
    let pair = Pair::new(SOURCE, &format!("{schema}{TABLES}"));
    let error = pair.compared_as(pair.database.url()).unwrap_err();
    assert!(error.contains("--schema app"), "{error}");
    let pair = pair.mapped("schemas = [\"app\"]");
    pair.equal();
    pair.execute("DELETE FROM app.\"Order\"");
    assert!(pair.findings().contains(&"Order: Missing id=1".to_owned()));
}

/// Two tables come into question, and nothing decides: neither is compared, and the databases are not equal.
#[test]
fn an_ambiguous_name_is_no_match() {
    let pair = Pair::new(
        "CREATE TABLE Item (id INTEGER PRIMARY KEY); INSERT INTO Item VALUES (1)",
        "CREATE TABLE \"ITEM\" (id int); CREATE TABLE item (id int); INSERT INTO item VALUES (1)",
    );
    let compared = pair.compared_as(pair.database.url());
    assert!(compared.is_err() || !compared.unwrap().is_equal());
}

#[test]
fn databases_without_a_common_table_cannot_be_compared() {
    let pair =
        Pair::new("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1)", "CREATE TABLE something (id int)");
    let error = pair.compared_as(pair.database.url()).unwrap_err();
    assert!(error.contains("no table with a name of the source's"), "{error}");
    assert!(error.contains("--postgres") && !error.contains("--into-existing"), "{error}");
}
