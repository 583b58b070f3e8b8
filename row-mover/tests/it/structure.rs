//! What a comparison finds between the declarations of a SQLite file and tables that somebody else made, and that its own SQL repairs it.

use migrate_core::comparison::structure::{Severity, Structure};
use migrate_core::mapping::Mapping;
use row_mover::comparison::compare_structure;
use row_mover::source::{SourceConnection, introspect as source_schema};
use row_mover::target::introspect::introspect;
use serde_json::Value;

use crate::support::Case;

/// Compares the structures of a case.
#[track_caller]
fn compared(case: &Case) -> Structure {
    let source = SourceConnection::open_live(&case.source).unwrap();
    let schema = source_schema::introspect(&source).unwrap();
    let mut session = case.session();
    let target = introspect(&mut session, &Mapping::default()).unwrap();
    compare_structure(&source, &mut session, (&schema, &target), &case.plan).unwrap()
}

/// The differences in short: severity, problem, and the names that belong to it.
fn shortened(structure: &Structure) -> Vec<String> {
    let short = |difference: &Value| {
        let mut words: Vec<String> = Vec::new();
        for field in ["severity", "problem"] {
            words.push(difference[field].as_str().unwrap_or_default().to_owned());
        }
        for field in ["column", "columns", "keys", "index", "check", "live", "view", "trigger", "highest"] {
            match &difference[field] {
                Value::Null => {}
                Value::String(text) => words.push(text.clone()),
                other => words.push(other.to_string()),
            }
        }
        words.join(" ")
    };
    let json = serde_json::to_value(&structure.differences).unwrap();
    json.as_array().unwrap().iter().map(short).collect()
}

/// Compares tables that two statements make, expects these differences, and runs the repairs that go with them: only remarks remain, and
/// differences without a repair.
#[track_caller]
fn expect(source_sql: &str, target_sql: &str, expected: &[&str]) {
    let case = Case::for_app(source_sql, target_sql, "");
    let found = compared(&case);
    let mut short = shortened(&found);
    short.sort_unstable();
    assert_eq!(short, expected, "{found:#?}");
    let script = found.repair_sql().join("\n");
    if !script.is_empty() {
        case.execute(&script);
    }
    let rest: Vec<_> = compared(&case)
        .differences
        .into_iter()
        .filter(|found| found.severity != Severity::Remark && !found.repair.is_empty())
        .collect();
    assert!(rest.is_empty(), "after {script}: {rest:#?}");
}

#[test]
fn the_same_structure_in_other_words_is_no_difference() {
    expect(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL UNIQUE, flag BOOLEAN NOT NULL DEFAULT 0, \
             at DATETIME DEFAULT CURRENT_TIMESTAMP, n INTEGER DEFAULT '0', CHECK (n >= 0 AND length(code) > 1));
         CREATE TABLE Child (a INTEGER NOT NULL, b TEXT NOT NULL DEFAULT '', parent_id INTEGER REFERENCES parent ON DELETE CASCADE, \
             PRIMARY KEY (b, a));
         CREATE INDEX by_parent ON Child (parent_id, b DESC);
         CREATE UNIQUE INDEX once ON Child (a) WHERE parent_id IS NULL;",
        "CREATE TABLE parent (id bigserial PRIMARY KEY, code varchar(20) NOT NULL, flag boolean NOT NULL DEFAULT false, \
             at timestamptz DEFAULT now(), n bigint DEFAULT 0, CHECK ((n >= 0) AND (length(code) > 1)));
         CREATE UNIQUE INDEX other_name ON parent (code);
         CREATE TABLE child (a bigint NOT NULL, b text NOT NULL DEFAULT ''::text, parent_id bigint REFERENCES parent (id) ON DELETE CASCADE, \
             CONSTRAINT own PRIMARY KEY (b, a));
         CREATE INDEX anything ON child (parent_id, b DESC);
         CREATE UNIQUE INDEX something ON child USING btree (a) WHERE (parent_id IS NULL);",
        &["remark narrower code"],
    );
}

#[test]
fn columns_and_keys() {
    expect(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT, c REAL, d INTEGER, e TEXT DEFAULT 'x', f INTEGER DEFAULT 1, \
             g INTEGER, h NUMERIC(10,2));
         CREATE TABLE k (a TEXT, b INTEGER, PRIMARY KEY (b, a));
         INSERT INTO t (id, a) VALUES (7, 'x');",
        "CREATE TABLE t (id bigint, a text, b text NOT NULL, c real, d integer, e text, f bigint DEFAULT 2, g bigint DEFAULT 5, \
             h numeric(10,2), extra text NOT NULL DEFAULT 'y');
         CREATE TABLE k (a text, b bigint, PRIMARY KEY (a, b));",
        &[
            "different default f",
            "different narrower c",
            "different not_null_added b",
            "different primary_key_order [\"b\",\"a\"] [\"a\",\"b\"]",
            "lost default e",
            "lost not_null_missing a",
            "lost not_null_missing id",
            "lost numbering_missing id",
            "lost primary_key_missing [\"id\"]",
            "remark default_added g 5",
            "remark narrower d",
        ],
    );
}

#[test]
fn foreign_keys_and_checks() {
    expect(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE);
         CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER REFERENCES parent ON DELETE CASCADE, b INTEGER REFERENCES parent (id), \
             c TEXT REFERENCES parent (code) DEFERRABLE INITIALLY DEFERRED, d INTEGER CHECK (d > 0), e INTEGER, f INTEGER REFERENCES t, \
             g INTEGER REFERENCES parent (id), CHECK (d < e));",
        "CREATE TABLE parent (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, code text NOT NULL UNIQUE);
         CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a bigint REFERENCES parent, b bigint, \
             c text REFERENCES parent (code), d bigint CHECK (d > 1), e bigint REFERENCES parent (id), f bigint, g bigint);
         ALTER TABLE t ADD FOREIGN KEY (g) REFERENCES parent NOT VALID;",
        &[
            "different check_added d > 1 t_d_check",
            "different foreign_key_added [\"e\"] t_e_fkey",
            "different foreign_key_differs [\"a\"] t_a_fkey",
            "different foreign_key_differs [\"c\"] t_c_fkey",
            "different foreign_key_differs [\"g\"] t_g_fkey",
            "lost check_missing d < e",
            "lost check_missing d > 0",
            "lost foreign_key_missing [\"b\"]",
            "lost foreign_key_missing [\"f\"]",
        ],
    );
}

#[test]
fn indexes() {
    expect(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE COLLATE NOCASE, a INTEGER, b INTEGER, c INTEGER, d INTEGER, UNIQUE (a, b));
         CREATE INDEX reversed ON t (c DESC);
         CREATE INDEX mixed ON t (c, d DESC);
         CREATE INDEX part ON t (d) WHERE c > 1;
         CREATE UNIQUE INDEX live ON t (d) WHERE c IS NULL;
         CREATE INDEX covered ON t (a);
         CREATE INDEX gone ON t (b, c);
         CREATE INDEX folded ON t (lower(name));",
        "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text UNIQUE, a bigint, b bigint, c bigint, d bigint);
         CREATE UNIQUE INDEX turned ON t (b, a);
         CREATE INDEX ab ON t (a, d);
         CREATE INDEX c1 ON t (c);
         CREATE INDEX mixed ON t (c, d);
         CREATE INDEX d1 ON t (d);
         CREATE UNIQUE INDEX all_rows ON t (d);
         CREATE UNIQUE INDEX strict ON t (c, b);
         CREATE UNIQUE INDEX again ON t (id);
         CREATE UNIQUE INDEX implied ON t (id, a);
         CREATE INDEX extra ON t (b);",
        &[
            "different index_order mixed mixed",
            "different unique_added [\"c\",\"b\"] strict",
            "different unique_for_all_rows live all_rows",
            "lost index_missing [\"b\",\"c\"] gone",
            "lost index_missing [\"lower(name)\"] folded",
            "lost unique_missing [\"lower(name)\"]",
            "remark collation_missing name",
            "remark index_added [\"b\"] extra",
            "remark index_added [\"id\",\"a\"] implied",
            "remark index_covered covered ab",
            "remark index_for_all_rows part d1",
            "remark index_repeated again",
            "remark index_reversed reversed c1",
        ],
    );
}

#[test]
fn what_refuses_more_rows_than_sqlite() {
    expect(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER UNIQUE, b INTEGER NOT NULL UNIQUE, c INTEGER);
         CREATE INDEX by_c ON t (c);",
        "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a bigint, b bigint NOT NULL, c bigint,
             UNIQUE NULLS NOT DISTINCT (a), UNIQUE NULLS NOT DISTINCT (b), EXCLUDE USING btree (c WITH =));",
        &[
            "different exclusion_added [\"c\"] t_c_excl",
            "different unique_nulls [\"a\"] t_a_key",
            "lost index_missing [\"c\"] by_c",
        ],
    );
}

#[test]
fn generated_columns_views_and_triggers() {
    expect(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, twice INTEGER GENERATED ALWAYS AS (a * 2) STORED);
         CREATE VIEW small AS SELECT id FROM t WHERE a < 10;
         CREATE TRIGGER stamp AFTER INSERT ON t WHEN new.a IS NULL BEGIN UPDATE t SET a = 0 WHERE id = new.id; END;",
        "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a bigint, twice bigint);",
        &["lost generated_not_computed twice", "lost trigger_missing stamp", "lost view_missing small"],
    );
}

#[test]
fn what_rows_break_is_said_and_its_repair_still_works() {
    let case = Case::for_app(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INTEGER UNIQUE, c INTEGER CHECK (c > 0), \
             flag BOOLEAN CHECK (flag IN (0, 1)), parent_id INTEGER REFERENCES parent);",
        "CREATE TABLE parent (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY);
         CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY, a text, b bigint, c bigint, flag boolean, parent_id bigint);
         INSERT INTO t VALUES (1, NULL, 2, -1, true, 9), (1, 'x', 2, 1, false, NULL);",
        "seeds = \"keep\"",
    );
    let found = compared(&case);
    let mut short = shortened(&found);
    short.sort_unstable();
    let expected = [
        "lost check_missing c > 0",
        "lost foreign_key_missing [\"parent_id\"]",
        "lost not_null_missing a",
        "lost primary_key_missing [\"id\"]",
        "lost unique_missing [\"b\"]",
        "remark check_by_type flag IN (0, 1)",
    ];
    short.retain(|line| !line.starts_with("lost sequence_behind"));
    assert_eq!(short, expected, "{found:#?}");
    let broken = found.differences.iter().filter(|found| found.is_broken_by_rows).count();
    assert_eq!(broken, 5);
    case.execute(&found.repair_sql().join("\n"));
    let left: Vec<String> = shortened(&compared(&case));
    assert!(left.contains(&"different check_not_valid t_c_check".to_owned()), "{left:?}");
    assert!(
        left.contains(&"different foreign_key_differs [\"parent_id\"] t_parent_id_fkey".to_owned()),
        "{left:?}"
    );
    // Once the rows are repaired, the rest can be.
    case.execute("DELETE FROM t");
    case.execute(&compared(&case).repair_sql().join("\n"));
    assert!(compared(&case).is_equal(), "{:#?}", compared(&case));
}

#[test]
fn odd_pairs_of_declarations() {
    expect(
        "CREATE TABLE \"Group\" (\"Select\" INTEGER PRIMARY KEY, t TEXT DEFAULT CURRENT_TIMESTAMP, n TEXT DEFAULT NULL, \
             x INTEGER DEFAULT (1 + 1), f BOOLEAN DEFAULT 'true', e TEXT COLLATE NOCASE UNIQUE);
         CREATE TABLE w (a TEXT NOT NULL, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         CREATE TABLE self (id INTEGER PRIMARY KEY, up INTEGER REFERENCES self (id), other INTEGER REFERENCES self (id), UNIQUE (up, other));
         CREATE INDEX low ON self (abs(up)) WHERE other > 0 AND up IS NOT NULL;",
        "CREATE EXTENSION citext;
         CREATE TABLE \"group\" (\"select\" serial PRIMARY KEY, t text DEFAULT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), \
             n text DEFAULT NULL::text, x bigint DEFAULT 2, f boolean DEFAULT true, e citext UNIQUE);
         CREATE TABLE w (a text, b text, PRIMARY KEY (a, b));
         CREATE TABLE self (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, up bigint, other bigint);
         ALTER TABLE self ADD FOREIGN KEY (other) REFERENCES self, ADD FOREIGN KEY (up) REFERENCES self, ADD UNIQUE (up, other);
         CREATE INDEX anything ON self USING btree (abs(up)) WHERE ((other > 0) AND (up IS NOT NULL));",
        &["different numbering_always id", "remark narrower select"],
    );
}

#[test]
fn a_schema_of_which_no_plan_can_be_made_is_not_called_equal() {
    let columns: Vec<String> = (0..40).map(|number| format!("c{number} INTEGER")).collect();
    let names: Vec<String> = (0..40).map(|number| format!("c{number}")).collect();
    let source = format!("CREATE TABLE wide ({}, UNIQUE ({}));", columns.join(", "), names.join(", "));
    let target = format!("CREATE TABLE wide ({});", columns.join(", ").replace("INTEGER", "bigint"));
    let found = compared(&Case::for_app(&source, &target, ""));
    assert!(!found.is_equal() && found.not_planned.as_ref().unwrap().contains("wide"), "{found:?}");
}

#[test]
fn an_index_of_another_operator_class_serves_no_order() {
    expect(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT); CREATE INDEX by_a ON t (a); CREATE INDEX by_b ON t (b);
         CREATE INDEX by_c ON t (c);",
        "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a text, b text, c text);
         CREATE INDEX a_like ON t (a text_pattern_ops); CREATE INDEX b_like ON t (b text_pattern_ops); CREATE INDEX by_b ON t (b);
         CREATE INDEX by_c ON t (c varchar_ops);",
        &["different index_class by_a a_like", "remark index_added [\"b text_pattern_ops\"] b_like"],
    );
}
