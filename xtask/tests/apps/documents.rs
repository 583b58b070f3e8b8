//! TypeScript's own judgement of inferred types: each document of a column can be assigned to its type.

use std::fs;

use rusqlite::Connection;

use crate::place::{Place, checkout, output};
use crate::support::npm_project;

/// Documents of one column in one line: of an app, of odd keys, and of unlike shapes.
const COLUMNS: [&[&str]; 6] = [
    &[
        r#"{"kind": "import", "path": "/a", "retries": 0, "options": {"dry": true, "since": null}}"#,
        r#"{"kind": "export", "path": "/b", "options": {"since": "2026-01-01", "labels": ["x", null]}}"#,
        r#"{"kind": "import", "path": "/c", "retries": 2, "options": {}, "batches": [[1, 2], [], [null]]}"#,
    ],
    &[
        r#"{"kind": "a", "size": 1, "unit": "px", "depth": 2}"#,
        r#"{"of": "b", "path": "p", "mode": 7}"#,
        r#"{}"#,
    ],
    &[
        r#"{"content-type": 1, "ключ": 2, "it's": 3, "a\\b": 4, "__proto__": 5, "x\u2028y": 6, "constructor": {}}"#,
    ],
    &[
        r#"{"alice@example.com": {"n": 1}}"#,
        r#"{"bob@example.com": {"n": 2, "m": [{"deep": [{"er": false}]}]}}"#,
    ],
    &[r#""text""#, "1", "null", "true", "[1]", r#"[{"a": 1}]"#],
    &[r#"{"a": 1}"#, "[]", "0"],
];

#[test]
#[ignore = "needs node and npm"]
fn every_document_can_be_assigned_to_its_type() {
    let place = Place::new();
    let connection = Connection::open(place.path().join("any.db")).unwrap();
    let (mut mapping, mut values) = ("format = 1\n".to_owned(), String::new());
    for (number, documents) in COLUMNS.iter().enumerate() {
        connection
            .execute_batch(&format!("CREATE TABLE t{number} (id INTEGER PRIMARY KEY, body TEXT)"))
            .unwrap();
        mapping.push_str(&format!("[tables.t{number}.columns]\nbody = {{ as = \"jsonb\" }}\n"));
        values.push_str(&format!("import type {{ T{number}Body }} from '../drizzle/documents.js';\n"));
        for (row, document) in documents.iter().enumerate() {
            connection.execute(&format!("INSERT INTO t{number} (body) VALUES (?1)"), [document]).unwrap();
            values.push_str(&format!("export const v{number}_{row}: T{number}Body = {document};\n"));
        }
    }
    fs::create_dir_all(place.path().join("plan/test")).unwrap();
    fs::write(place.path().join("plan/mapping.toml"), mapping).unwrap();
    place.run(["generate", "--sqlite", "any.db", "--out", "plan", "--drizzle"]).expect(0);
    let folder = place.path().join("plan");
    let project = npm_project(&checkout().join("fixtures/app"));
    project.link_into(&folder);
    let compile = |values: &str| {
        fs::write(folder.join("test/values.ts"), values).unwrap();
        let mut command = project.program("tsc", &folder);
        command.args([
            "--noEmit",
            "--strict",
            "--skipLibCheck",
            "--exactOptionalPropertyTypes",
            "--target",
            "ES2022",
        ]);
        output(command.args([
            "--module",
            "NodeNext",
            "--types",
            "node",
            "test/values.ts",
            "drizzle/schema.ts",
        ]))
    };
    let compiled = compile(&values);
    let types = fs::read_to_string(folder.join("drizzle/documents.ts")).unwrap();
    assert_eq!(compiled.code, Some(0), "{}\n{types}", compiled.stdout);
    // The types say something: another document is an error.
    let other = format!("{values}export const other: T0Body = {{ kind: 1 }};\n");
    let refused = compile(&other);
    assert!(refused.stdout.contains("TS2322"), "{}\n{types}", refused.stdout);
}
