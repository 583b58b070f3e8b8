//! Drizzle's relational queries: PostgreSQL returns related rows as JSON, where values have other forms than in rows of their own.

use std::fs;

use serde_json::{Value, json};

use crate::databases::App;
use crate::place::{Place, checkout, output};
use crate::server::execute;
use crate::support::npm_project;

const SOURCE: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY, made_at INTEGER, key BLOB);
    CREATE TABLE children (
        id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents (id), at INTEGER, local_at TEXT, day TEXT, clock TEXT, key BLOB,
        count INTEGER, is_on INTEGER, weight REAL, price TEXT, body TEXT, words TEXT, token TEXT
    );
    INSERT INTO parents VALUES (1, 1700000000123, x'00ff5c78');
    INSERT INTO children VALUES (1, 1, 1700000000123, '2024-02-29T23:59:59.123', '2024-02-29', '10:00:00.5', x'00ff5c78',
        9007199254740991, 1, 0.1, '12.5', '{\"a\": [1, null]}', '[\"a\", null]', '00000000-0000-0000-0000-00000000000a');
    INSERT INTO children (id, parent_id) VALUES (2, 1);
";

const MAPPING: &str = r#"format = 1
[drizzle]
dates = "milliseconds"
[tables.parents.columns]
made_at = { as = "timestamptz_from_epoch_ms" }
[tables.children.columns]
at = { as = "timestamptz_from_epoch_ms" }
local_at = { as = "timestamp_from_iso8601" }
day = { as = "date" }
clock = { as = "time" }
count = { as = "bigint" }
is_on = { as = "boolean" }
price = { as = "numeric" }
body = { as = "jsonb" }
words = { as = "text_array_from_json" }
token = { as = "uuid" }
"#;

/// Moments that JavaScript's own parser misreads, in UTC, with their milliseconds since 1970.
const MOMENTS: [(&str, i64); 7] = [
    ("2024-02-29 23:59:59.123456", 1_709_251_199_123),
    ("1969-12-31 23:59:59.999", -1),
    ("1800-06-01 12:00:00", -5_351_572_800_000),
    ("0999-12-31 00:00:00", -30_610_310_400_000),
    ("0001-01-01 00:00:00", -62_135_596_800_000),
    ("0044-03-15 00:00:00 BC", -63_517_824_000_000),
    ("12024-01-01 00:00:00", 317_273_587_200_000),
];

const SETTINGS: &str = r#"{
  "compilerOptions": {
    "target": "ES2022", "module": "CommonJS", "moduleResolution": "Node10", "types": ["node"], "rootDir": ".", "outDir": "dist",
    "skipLibCheck": true, "strict": true, "esModuleInterop": true, "noPropertyAccessFromIndexSignature": true
  },
  "include": ["db", "drizzle", "test"]
}"#;

#[test]
#[ignore = "needs node and npm"]
fn values_of_related_rows_are_those_of_the_rows() {
    let place = Place::new();
    rusqlite::Connection::open(place.path().join("source.db")).unwrap().execute_batch(SOURCE).unwrap();
    let app = App::planned(&place, MAPPING);
    let database = app.migrate(&place);
    for (number, (moment, _)) in (10..).zip(MOMENTS) {
        let zoned = match moment.strip_suffix(" BC") {
            Some(moment) => format!("{moment}+00 BC"),
            None => format!("{moment}+00"),
        };
        execute(
            &database,
            &format!(
                "INSERT INTO children (id, parent_id, at, local_at, day) VALUES ({number}, 1, '{zoned}', '{moment}', '{moment}')"
            ),
        );
    }
    execute(
        &database,
        "INSERT INTO children (id, parent_id, at, local_at, day, weight) VALUES \
         (20, 1, 'infinity', '-infinity', 'infinity', 'NaN'), (21, 1, '-infinity', 'infinity', '-infinity', '-Infinity')",
    );
    // Drizzle's own types: docs/drizzle.md names them.
    execute(&database, "INSERT INTO children (id, parent_id, price, body) VALUES (30, 1, 12.50, '\"12\"')");
    let project = npm_project(&checkout().join("fixtures/app"));
    let folder = &app.folder;
    fs::create_dir_all(folder.join("test")).unwrap();
    fs::write(folder.join("test/program.ts"), include_str!("nested/program.ts")).unwrap();
    fs::write(folder.join("tsconfig.json"), SETTINGS).unwrap();
    fs::write(folder.join("package.json"), "{ \"private\": true }\n").unwrap();
    output(&mut project.program("tsc", folder)).expect(0);
    let printed =
        output(project.node(folder).arg("dist/test/program.js").env("DATABASE_URL", database.url()))
            .expect(0)
            .json();
    let results = printed.as_array().unwrap();
    assert_eq!(results.len(), 3);
    for result in results {
        let (last, rows) = result["rows"].as_array().unwrap().split_last().unwrap();
        let (last_nested, nested) = result["nested"].as_array().unwrap().split_last().unwrap();
        assert_eq!((&last["price"], &last["body"]), (&json!("12.50"), &json!("12")));
        assert_eq!((&last_nested["price"], &last_nested["body"]), (&json!("12.5"), &json!(12)));
        assert_eq!(rows.len(), nested.len());
        for (row, nested) in rows.iter().zip(nested) {
            assert_eq!(row, nested);
        }
        let (bytes, made_at) = (json!([0, 255, 92, 120]), json!(1_700_000_000_123_i64));
        assert_eq!((&result["parent"]["key"]["data"], &result["parent"]["madeAt"]), (&bytes, &made_at));
        assert_eq!((&rows[0]["key"]["data"], &rows[0]["at"]), (&bytes, &made_at));
        for (row, (moment, expected)) in rows.iter().skip(2).zip(MOMENTS) {
            assert_eq!((&row["at"], &row["localAt"]), (&json!(expected), &json!(expected)), "{moment}");
        }
        let endless: Vec<&Value> =
            rows.iter().rev().take(2).flat_map(|row| [&row["at"], &row["localAt"]]).collect();
        assert_eq!(endless, [&json!("NaN"); 4]);
    }
}
