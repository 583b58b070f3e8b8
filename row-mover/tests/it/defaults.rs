//! Defaults are held against each other by what they give: PostgreSQL's own words for one may be right and its value wrong.

use crate::damage::{check_each, findings};
use crate::support::{Case, words};

const SOURCE: &str = "
    CREATE TABLE t (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        txt TEXT NOT NULL DEFAULT 'it''s', dq TEXT DEFAULT \"quoted\", n INTEGER DEFAULT -7, big INTEGER DEFAULT 9007199254740993,
        f REAL DEFAULT 0.1, flag INTEGER DEFAULT 1, b BLOB DEFAULT x'00ff', doc TEXT DEFAULT '{\"a\": [1, 2.50]}',
        ms INTEGER DEFAULT (unixepoch() * 1000), s INTEGER DEFAULT (unixepoch()), at TEXT DEFAULT CURRENT_TIMESTAMP,
        day TEXT DEFAULT CURRENT_DATE, local TEXT DEFAULT (datetime('now', 'localtime')),
        sum INTEGER DEFAULT (1 + 2 * 3), none TEXT DEFAULT NULL, chance INTEGER DEFAULT (random()),
        CHECK (n < 0), UNIQUE (txt));
    INSERT INTO t (txt) VALUES ('one');
    CREATE TABLE empty (a TEXT PRIMARY KEY DEFAULT 'a', b TEXT NOT NULL) WITHOUT ROWID;";

const MAPPING: &str = r#"
    [tables.t.columns]
    flag = { as = "boolean" }
    doc = { as = "jsonb" }
    ms = { as = "timestamptz_from_epoch_ms" }
    s = { as = "bigint" }
    at = { as = { timestamptz_from_iso8601 = "UTC" } }
    day = { as = "date" }
    local = { as = "text" }"#;

#[test]
fn each_default_is_tried_and_none_that_was_not_is_counted() {
    let case = Case::mapped(SOURCE, MAPPING);
    let moved = case.moved();
    let defaults = &moved.validation.defaults;
    let left_out = words::not_compared(defaults);
    insta::assert_snapshot!(format!("tried {}\n{}", defaults.compared, left_out.join("\n")), @r"
    tried 15
    default of t.local: it is the clock of whichever machine runs the app
    default of t.chance: it returns another value each time: it depends on the clock or on chance
    ");
    // Nothing was inserted, and no number was given.
    assert_eq!(case.ask("SELECT count(*), (SELECT last_value FROM t_id_seq) FROM t"), ["1|1"]);
}

#[test]
fn a_default_with_another_value_is_named() {
    let case = Case::mapped(SOURCE, MAPPING);
    case.moved();
    let change = |column: &str, sql: &str| format!("ALTER TABLE t ALTER {column} SET DEFAULT {sql}");
    for (column, sql) in [
        ("txt", "'it''s '"),
        ("dq", "'Quoted'"),
        ("n", "7"),
        ("big", "9007199254740992"),
        ("f", "0.1 + 1e-16"),
        ("flag", "false"),
        ("b", "'\\x00fe'"),
        ("doc", "'{\"a\": [2.50, 1]}'"),
        ("ms", "now() - interval '1 day'"),
        ("ms", "NULL"),
        ("s", "(extract(epoch FROM now()) * 1000)::bigint"),
        ("at", "now() + interval '1 hour'"),
        ("day", "current_date - 1"),
        ("sum", "8"),
        ("none", "'something'"),
    ] {
        case.execute(&change(column, sql));
        let (_, validation) = case.validated(false);
        let found = words::defaults(&validation);
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("default of t.{column}: ")),
            "{column} {sql}: {found:?}"
        );
        let undo = format!(
            "ALTER TABLE t ALTER {column} {}",
            case.plan
                .tables
                .iter()
                .find(|table| table.source == "t")
                .unwrap()
                .target_column(column)
                .unwrap()
                .default
                .as_ref()
                .map_or("DROP DEFAULT".to_owned(), |sql| format!("SET DEFAULT {sql}"))
        );
        case.execute(&undo);
        let (_, validation) = case.validated(false);
        assert!(validation.is_proven(), "{undo}: {:?}", findings(&validation));
    }
}

#[test]
fn the_same_in_other_words_is_the_same_default_and_another_schema() {
    let case = Case::mapped(SOURCE, MAPPING);
    case.moved();
    check_each(
        &case,
        &[
            (
                "ALTER TABLE t ALTER n SET DEFAULT -3 - 4",
                "ALTER TABLE t ALTER n SET DEFAULT -7",
                vec![
                    "t: column n is bigint DEFAULT ('-3'::integer - 4), the plan has bigint DEFAULT '-7'::integer",
                ],
            ),
            (
                "ALTER TABLE t ALTER n SET DEFAULT 1 / 0",
                "ALTER TABLE t ALTER n SET DEFAULT -7",
                vec![
                    "t: column n is bigint DEFAULT (1 / 0), the plan has bigint DEFAULT '-7'::integer",
                    "default of t.n: PostgreSQL cannot compute its (1 / 0)",
                ],
            ),
        ],
    );
    // One that draws from a sequence is not asked for a number.
    case.execute("ALTER TABLE t ALTER n SET DEFAULT nextval('t_id_seq')");
    let (_, validation) = case.validated(false);
    assert_eq!(
        words::defaults(&validation),
        ["default of t.n: PostgreSQL cannot compute its nextval('public.t_id_seq'::regclass)"]
    );
    assert_eq!(case.ask("SELECT last_value FROM t_id_seq"), ["1"]);
}
