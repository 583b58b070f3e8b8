//! SQL that reads the text or the JSON in a BLOB column: it is translated if every blob of the column holds such text.

use migrate_core::plan::Plan;

use crate::support::Case;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB CHECK (json_extract(data, '$.x') > 0), \
     CHECK (CAST(data AS TEXT) <> '')); CREATE INDEX by_x ON t (json_extract(data, '$.x')); \
     CREATE VIEW v AS SELECT id, CAST(data AS TEXT) AS words FROM t;";

/// The reason why something is not migrated; none if it is.
fn reason<'p>(plan: &'p Plan, kind: &str) -> Option<&'p str> {
    let found = plan.left_behind.iter().find(|item| item.kind == kind)?;
    Some(found.reason.as_str())
}

#[test]
fn json_in_blobs_is_read_as_in_sqlite() {
    let rows = "INSERT INTO t VALUES (1, CAST('{\"x\": 1}' AS BLOB)), (2, CAST('{\"x\":2,\"é\":[]}' AS BLOB)), (3, NULL)";
    let case = Case::new(&format!("{TABLE} {rows}"));
    assert_eq!(reason(&case.plan, "check"), None, "{:?}", case.plan.left_behind);
    let why = reason(&case.plan, "index").unwrap();
    assert!(why.contains("not immutable") && why.contains("as = \"jsonb_from_bytes\""), "{why}");
    case.moved();
    assert!(case.validated(false).1.is_proven());
    assert_eq!(
        case.ask("SELECT coalesce(words, 'NULL') FROM v ORDER BY id"),
        ["{\"x\": 1}", "{\"x\":2,\"é\":[]}", "NULL"]
    );
    let refused = |json: &str| {
        let sql = format!("INSERT INTO t VALUES (9, convert_to('{json}', 'UTF8'))");
        case.session().query(&sql, &[]).is_err()
    };
    assert!(refused("{\"x\": 0}") && refused(""));
    case.execute("INSERT INTO t VALUES (9, convert_to('{\"x\": 3}', 'UTF8'))");

    // The text itself is not in a jsonb column: no such decision is named.
    let texts =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB); CREATE INDEX words ON t (CAST(data AS TEXT));";
    let why = Case::new(&format!("{texts} {rows}")).plan.left_behind.remove(0).reason;
    assert!(why.contains("not immutable") && !why.contains("mapping.toml"), "{why}");

    // The decision that the reason names.
    let mapping = "[tables.t.columns.data]\nas = \"jsonb_from_bytes\"";
    let case = Case::mapped(&format!("{TABLE} {rows}"), mapping);
    assert_eq!(reason(&case.plan, "index"), None, "{:?}", case.plan.left_behind);
    case.moved();
    assert!(case.validated(false).1.is_proven());
    let definition = case.ask("SELECT pg_get_indexdef('public.by_x'::regclass)");
    assert!(definition[0].contains("data -> 'x'"), "{definition:?}");
    assert!(case.session().query("INSERT INTO t VALUES (9, '{\"x\": 0}')", &[]).is_err());
}

#[test]
fn other_blobs_are_not_read_as_text_or_json() {
    let plain = "INSERT INTO t VALUES (1, CAST('{\"x\": 1}' AS BLOB))";
    // JSON that only SQLite reads, binary JSON, and text that is not a blob.
    for other in ["CAST('{x: 2}' AS BLOB)", "jsonb('{\"x\": 2}')", "'{\"x\": 2}'"] {
        let case = Case::new(&format!("{TABLE} {plain}; INSERT INTO t VALUES (2, {other})"));
        assert!(reason(&case.plan, "check").is_some() && reason(&case.plan, "index").is_some(), "{other}");
        let mapping = "[tables.t.columns.data]\nas = \"jsonb_from_bytes\"";
        let case = Case::mapped(&format!("{TABLE} {plain}; INSERT INTO t VALUES (2, {other})"), mapping);
        assert_eq!(reason(&case.plan, "index").is_none(), other.starts_with('\''), "{other}");
    }
    // SQLite casts the bytes to text in the encoding of the database.
    let utf16 = "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB, CHECK (CAST(data AS TEXT) <> ''));";
    let case = Case::new(&format!("{utf16} INSERT INTO t VALUES (1, x'7b7d')"));
    assert!(reason(&case.plan, "check").is_some(), "{:?}", case.plan.left_behind);
    // An empty column shows nothing.
    let case = Case::new(TABLE);
    assert!(reason(&case.plan, "check").is_some() && reason(&case.plan, "index").is_some());
}
