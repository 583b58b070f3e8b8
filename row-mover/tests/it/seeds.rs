//! Rows that an app's migrations put into its tables before the load: equal ones are the same rows; the others are kept, overwritten,
//! replaced or refused, and come back when a run is started over.

use row_mover::run::{self, Request, SettledSeeds, Silent};

use crate::resume::{spawn, wait_for_its_sessions};
use crate::support::{Case, chain, moved, sqlite};

/// What became of the rows of each table: equal, kept, overwritten, replaced.
fn settled(seeds: &[SettledSeeds]) -> Vec<(&str, [u64; 4])> {
    let counts = |found: &SettledSeeds| [found.equal, found.kept, found.overwritten, found.replaced];
    seeds.iter().map(|found| (found.table.as_str(), counts(found))).collect()
}

/// Roles, as many apps seed them: the app's rows have columns that SQLite does not have, and are spelt in another way.
const ROLES: &str = "
    CREATE TABLE role (id INTEGER PRIMARY KEY, name TEXT UNIQUE, rights TEXT, price NUMERIC, born TEXT);
    INSERT INTO role VALUES (1, 'admin', '{\"a\": 1, \"b\": [2]}', 1.5, '2024-01-02T03:04:05Z'), (2, 'user', NULL, 2, NULL),
        (3, 'guest', '[]', NULL, NULL);
    CREATE TABLE member (id INTEGER PRIMARY KEY, role INTEGER REFERENCES role); INSERT INTO member VALUES (1, 1), (2, 3);";

const ROLES_TARGET: &str = "
    CREATE TABLE role (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(20) UNIQUE, rights jsonb, price numeric(10,2),
        born timestamptz, made timestamptz DEFAULT now(), note text);
    CREATE TABLE member (id int PRIMARY KEY, role int NOT NULL REFERENCES role ON DELETE CASCADE);
    CREATE TABLE audit (role int REFERENCES role ON DELETE CASCADE); ";

#[test]
fn equal_rows_are_the_same_rows_whatever_is_decided() {
    let seeds = "INSERT INTO role OVERRIDING SYSTEM VALUE VALUES
        (1, 'admin', '{\"b\":[2],\"a\":1}', 1.50, '2024-01-02 04:04:05+01', '2000-01-01Z', 'own'), (2, 'user', NULL, 2, NULL, '2000-01-01Z', NULL);
        INSERT INTO audit VALUES (1)";
    for mapping in ["", "seeds = \"keep\"", "seeds = \"merge\"", "[tables.role]\nseeds = \"merge\""] {
        let case = Case::for_app(ROLES, &format!("{ROLES_TARGET}{seeds}"), mapping);
        let before = case.ask("SELECT xmin, role.* FROM role ORDER BY id");
        let moved = case.moved();
        assert_eq!(settled(&moved.validation.seeds), [("role", [2, 0, 0, 0])], "{mapping}");
        // Nobody has touched them.
        assert_eq!(case.ask("SELECT xmin, role.* FROM role WHERE id < 3 ORDER BY id"), before, "{mapping}");
        assert_eq!(case.ask("SELECT count(*), count(note) FROM role"), ["3|1"], "{mapping}");
        assert_eq!(case.ask("SELECT role FROM audit"), ["1"], "{mapping}");
        let of_role = moved.validation.tables.iter().find(|table| table.table == "role").unwrap();
        assert_eq!((of_role.equal, of_role.target_rows), (3, 3), "{mapping}");
        case.execute("UPDATE role SET price = 7 WHERE id = 1");
        assert!(!case.validated(false).1.is_proven(), "{mapping}: a damaged row that was there is not found");
    }
}

const ROWS: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, n INTEGER);
    INSERT INTO t VALUES (1, 'same', 1), (2, 'source', 2), (3, 'more', 3), (4, 'last', NULL);";

const TABLE: &str = "CREATE TABLE t (v text, id int PRIMARY KEY, n int, own text DEFAULT 'new');
    INSERT INTO t VALUES ('same', 1, 1, 'a'), ('other', 2, 2, 'b'), ('only', 9, 9, 'c')";

#[test]
fn rows_that_differ_are_an_obstacle_that_names_them_and_each_line_of_its_advice_works() {
    let without_clash = TABLE.replace("('other', 2, 2, 'b'), ", "");
    const DIFFERS: &str = "table t holds 3 rows: 1 has the key of a row of the source and other values (id=2: v); 1 is not in the source \
                           (id=9); seeds = \"merge\" overwrites them with the source's values, seeds = \"replace\" deletes all rows that \
                           it holds\nlines for mapping.toml:\n[tables.t]\nseeds = \"merge\"\n# or: seeds = \"replace\"";
    const OTHERS: &str = "table t holds 2 rows: 1 is not in the source (id=9); seeds = \"keep\" keeps them, seeds = \"replace\" deletes all \
                          rows that it holds\nlines for mapping.toml:\n[tables.t]\nseeds = \"keep\"\n# or: seeds = \"replace\"";
    for (mapping, target, expected) in
        [("", TABLE, DIFFERS), ("seeds = \"keep\"", TABLE, DIFFERS), ("", &without_clash, OTHERS)]
    {
        let refused = Case::planned_for_app(ROWS, target, mapping).err().unwrap_or_default();
        assert_eq!(refused, format!("no plan can be made\nbecause: {expected}"), "{mapping}");
        // The lines as they are, and with the comment in place of the line above it.
        let (_, lines) = refused.split_once("lines for mapping.toml:\n").unwrap();
        let heading = lines.lines().next().unwrap();
        let other = lines.lines().find_map(|line| line.strip_prefix("# or: ")).unwrap();
        for followed in [lines.to_owned(), format!("{heading}\n{other}")] {
            let case = Case::for_app(ROWS, target, &format!("{mapping}\n{followed}"));
            case.moved();
            assert!(case.validated(false).1.is_proven(), "{followed}");
        }
    }
}

#[test]
fn rows_are_overwritten_in_loaded_columns_or_replaced() {
    let case_with = |seeds: &str| Case::for_app(ROWS, TABLE, &format!("[tables.t]\nseeds = \"{seeds}\""));
    let rows = "SELECT id, v, n, own FROM t ORDER BY id";
    let merged = case_with("merge");
    assert_eq!(settled(&merged.moved().validation.seeds), [("t", [1, 1, 1, 0])]);
    let expected = ["1|same|1|a", "2|source|2|b", "3|more|3|new", "4|last|NULL|new", "9|only|9|c"];
    assert_eq!(merged.ask(rows), expected);
    merged.execute("DELETE FROM t WHERE id = 9");
    let (_, validation) = merged.validated(false);
    let kept = serde_json::to_string(&validation.schema).unwrap();
    assert!(kept.contains("\"missing\":1") && !validation.is_proven(), "{kept}");
    let replaced = case_with("replace");
    assert_eq!(settled(&replaced.moved().validation.seeds), [("t", [0, 0, 0, 3])]);
    assert_eq!(replaced.ask(rows), ["1|same|1|new", "2|source|2|new", "3|more|3|new", "4|last|NULL|new"]);
    replaced.execute("INSERT INTO t (id, v, n) VALUES (9, 'only', 9)");
    assert!(!replaced.validated(false).1.is_proven(), "a replaced row that is there again is not found");
}

#[test]
fn a_table_without_a_key_is_compared_as_a_multiset() {
    let source = "CREATE TABLE t (v TEXT, n INTEGER);
        INSERT INTO t VALUES ('a', 1), ('a', 1), ('a', 1), ('b', NULL), ('c', 3), ('b', NULL);
        CREATE TABLE w (a TEXT, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO w VALUES ('x', 1), ('y', 2), ('z', 3);";
    let tables = "CREATE TABLE t (id serial, n int, v text, own text); CREATE TABLE w (b int, a text);
        INSERT INTO w VALUES (2, 'y');
        INSERT INTO t (v, n, own) VALUES ('a', 1, 'first'), ('b', NULL, 'second'), ('a', 1, 'third')";
    let equal = Case::for_app(source, tables, "");
    assert_eq!(settled(&equal.moved().validation.seeds), [("t", [3, 0, 0, 0]), ("w", [1, 0, 0, 0])]);
    let rows = "SELECT v, n, own FROM t ORDER BY v, own NULLS LAST";
    let expected = ["a|1|first", "a|1|third", "a|1|NULL", "b|NULL|second", "b|NULL|NULL", "c|3|NULL"];
    assert_eq!(equal.ask(rows), expected);
    assert_eq!(equal.ask("SELECT a, b FROM w ORDER BY a"), ["x|1", "y|2", "z|3"]);

    let tables = &format!("{tables}, ('d', 4, 'own'), ('d', 4, 'own'), ('c', 3, 'own')");
    let refused = Case::planned_for_app(source, tables, "").err().unwrap_or_default();
    let words =
        "table t holds 6 rows: 2 are not in the source (ctid=(0,4); ctid=(0,5)); seeds = \"keep\" keeps them";
    assert!(refused.contains(words), "{refused}");
    for seeds in ["keep", "merge"] {
        let kept = Case::for_app(source, tables, &format!("[tables.t]\nseeds = \"{seeds}\""));
        assert_eq!(settled(&kept.moved().validation.seeds), [("t", [4, 2, 0, 0]), ("w", [1, 0, 0, 0])]);
        assert_eq!(kept.ask("SELECT count(*), count(own) FROM t"), ["8|6"]);
        // The app may move its rows about.
        kept.execute("VACUUM FULL t");
        assert!(kept.validated(false).1.is_proven());
        for damage in [
            "DELETE FROM t WHERE v = 'd' AND ctid = (SELECT max(ctid) FROM t WHERE v = 'd')",
            "UPDATE t SET n = 5 WHERE v = 'c'",
        ] {
            kept.execute(&format!("CREATE TABLE copied AS TABLE t; {damage}"));
            assert!(!kept.validated(false).1.is_proven(), "{damage}");
            kept.execute("DELETE FROM t; INSERT INTO t SELECT * FROM copied; DROP TABLE copied");
            assert!(kept.validated(false).1.is_proven());
        }
    }
    let replaced = Case::for_app(source, tables, "seeds = \"replace\"");
    replaced.moved();
    assert_eq!(replaced.ask("SELECT count(*), count(own) FROM t"), ["6|0"]);
}

#[test]
fn a_key_that_only_postgresql_has_names_the_rows() {
    let source = "CREATE TABLE t (email TEXT); INSERT INTO t VALUES ('a@x'), ('b@x');";
    let target = "CREATE TABLE t (id serial PRIMARY KEY, email text NOT NULL UNIQUE); INSERT INTO t (email) VALUES ('a@x'), ('root@x')";
    let refused = Case::planned_for_app(source, target, "").err().unwrap_or_default();
    assert!(refused.contains("1 is not in the source (id=2)"), "{refused}");
    let kept = Case::for_app(source, target, "seeds = \"keep\"");
    kept.moved();
    assert_eq!(kept.ask("SELECT id, email FROM t ORDER BY id"), ["1|a@x", "2|root@x", "3|b@x"]);
}

#[test]
fn another_unique_key_clashes_as_well() {
    let source = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO users VALUES (7, 'a'), (8, 'b'), (9, NULL);";
    let target = "CREATE TABLE users (id int PRIMARY KEY, email text CONSTRAINT one_email UNIQUE);
        INSERT INTO users VALUES (1, 'a'), (8, 'b'), (2, NULL), (3, 'c')";
    let clash = "because: table users holds rows whose values in the key one_email (email) other rows of the source have (id=7 in the source and \
         id=1 in the target); change or delete these rows in the target; seeds = \"replace\" deletes all rows that it holds\n\
         lines for mapping.toml:\n[tables.users]\nseeds = \"replace\"";
    for seeds in ["keep", "merge"] {
        let refused =
            Case::planned_for_app(source, target, &format!("seeds = \"{seeds}\"")).err().unwrap_or_default();
        assert_eq!(refused, format!("no plan can be made\n{clash}"), "{seeds}");
    }
    // Both pieces of advice.
    Case::for_app(source, target, "seeds = \"keep\"\n[tables.users]\nseeds = \"replace\"").moved();
    let changed = Case::for_app(
        source,
        &format!("{target}; UPDATE users SET email = 'z' WHERE id = 1"),
        "seeds = \"keep\"",
    );
    changed.moved();
    assert_eq!(changed.ask("SELECT count(*) FROM users"), ["6"]);
}

#[test]
fn rows_are_replaced_where_nothing_that_stays_references_them() {
    let source =
        "CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER);
        INSERT INTO a VALUES (1, 'x'); INSERT INTO b VALUES (1, 1);";
    let target = "CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE);
        CREATE TABLE outside (a int REFERENCES a ON DELETE CASCADE); INSERT INTO a VALUES (5, 'seed'); INSERT INTO b VALUES (5, 5);";
    let words = "the rows of table a cannot be replaced: foreign keys of ";
    for (more, mapping, refused) in [
        ("", "seeds = \"replace\"", None),
        ("DELETE FROM b", "seeds = \"replace\"", None),
        ("INSERT INTO outside VALUES (5)", "seeds = \"replace\"", Some("outside")),
        ("", "seeds = \"keep\"\n[tables.a]\nseeds = \"replace\"", Some("b")),
        // The row of b is the source's own.
        (
            "DELETE FROM b; INSERT INTO a VALUES (1, 'y'); INSERT INTO b VALUES (1, 1)",
            "[tables.a]\nseeds = \"replace\"",
            None,
        ),
    ] {
        match (Case::planned_for_app(source, &format!("{target}{more}"), mapping), refused) {
            (Ok(case), None) => {
                case.moved();
                assert_eq!(case.ask("SELECT a.id, v, b.id FROM a JOIN b ON b.a = a.id"), ["1|x|1"], "{more}");
            }
            (Err(found), Some(table)) => assert!(found.contains(&format!("{words}{table},")), "{found}"),
            (Ok(_), Some(_)) => panic!("not refused: {more}"),
            (Err(found), None) => panic!("{more}: {found}"),
        }
    }
}

#[test]
fn starting_over_restores_the_rows_exactly() {
    let saved = "SELECT v, id, n, own FROM migration.seeds_t ORDER BY id";
    for seeds in ["merge", "replace"] {
        for stop in ["schema begins", "schema ends", "rows begins", "moved rows of t", "constraints ends", ""]
        {
            let case = Case::for_app(ROWS, TABLE, &format!("[tables.t]\nseeds = \"{seeds}\""));
            let before = case.ask("SELECT v, id, n, own FROM t ORDER BY id");
            spawn(&case, stop).wait().unwrap();
            wait_for_its_sessions(&case);
            sqlite(&case.source, "UPDATE t SET v = 'newer' WHERE id = 3; DELETE FROM t WHERE id = 2");
            moved(run::migrate(&Request { restart: true, ..case.request() }, &Silent));
            // What the second run found is what the first one had found.
            assert_eq!(case.ask(saved), before, "{seeds}, {stop}");
            let expected: &[&str] = match seeds {
                "merge" => &["1|same|a", "2|other|b", "3|newer|new", "4|last|new", "9|only|c"],
                _ => &["1|same|new", "3|newer|new", "4|last|new"],
            };
            assert_eq!(case.ask("SELECT id, v, own FROM t ORDER BY id"), expected, "{seeds}, {stop}");
            assert!(case.validated(false).1.is_proven());
        }
    }
}

#[test]
fn rows_without_a_key_are_restored_too() {
    let source = "CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('a'), ('b');";
    let target = "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, v text, long int GENERATED ALWAYS AS (length(v)) STORED);
        INSERT INTO t (v) VALUES ('a'), ('a'), ('own')";
    for stop in ["schema ends", "moved rows of t", ""] {
        let case = Case::for_app(source, target, "seeds = \"keep\"");
        let before = case.ask("SELECT id, v, long FROM t ORDER BY id");
        spawn(&case, stop).wait().unwrap();
        wait_for_its_sessions(&case);
        sqlite(&case.source, "UPDATE t SET v = 'c' WHERE v = 'a'");
        moved(run::migrate(&Request { restart: true, ..case.request() }, &Silent));
        assert_eq!(case.ask("SELECT id, v, long FROM t WHERE id < 4 ORDER BY id"), before, "{stop}");
        assert_eq!(case.ask("SELECT v FROM t WHERE id > 3 ORDER BY v"), ["b", "c"], "{stop}");
    }
}

#[test]
fn rows_that_change_after_preflight_are_noticed_before_one_is_saved() {
    for (change, is_refused) in [
        ("UPDATE t SET v = 'changed' WHERE id = 1", true),
        ("INSERT INTO t VALUES ('late', 3, 3)", true),
        ("UPDATE t SET own = 'other column'", false),
    ] {
        let target = "CREATE TABLE t (v text, id int PRIMARY KEY, n int, own text); INSERT INTO t VALUES ('same', 1, 1)";
        let case = Case::for_app(ROWS, target, "");
        spawn(&case, "schema begins").wait().unwrap();
        wait_for_its_sessions(&case);
        case.execute(change);
        let outcome = run::migrate(&case.request(), &Silent);
        assert_eq!(outcome.is_err(), is_refused, "{change}: {outcome:?}");
        if let Err(error) = outcome {
            let words = chain(&error);
            assert!(words.contains("table t holds") && words.contains("next: Restart"), "{change}: {words}");
            assert_eq!(case.ask("SELECT to_regclass('migration.seeds_t') IS NULL"), ["t"]);
        }
    }
    // In a table that was empty.
    let case = Case::for_app(ROWS, "CREATE TABLE t (v text, id int PRIMARY KEY, n int)", "");
    spawn(&case, "schema begins").wait().unwrap();
    wait_for_its_sessions(&case);
    case.execute("INSERT INTO t VALUES ('late', 70, 3)");
    let refused = chain(&case.refused());
    assert!(refused.contains("rows were written to public.t since the plan was made"), "{refused}");
}

#[test]
fn a_source_that_changed_since_the_plan_is_compared_again() {
    let target = "CREATE TABLE t (v text, id int PRIMARY KEY, n int); INSERT INTO t VALUES ('same', 1, 1)";
    let case = Case::for_app(ROWS, target, "");
    sqlite(&case.source, "UPDATE t SET v = 'newer' WHERE id = 1");
    let before = case.target_objects();
    let refused = chain(&case.refused());
    assert!(refused.contains("(id=1: v)") && refused.contains("next: PlanAgain"), "{refused}");
    assert_eq!(case.target_objects(), before);
}

#[test]
fn keys_of_any_type_identify_rows() {
    let source = "CREATE TABLE u (id TEXT PRIMARY KEY, v TEXT); INSERT INTO u VALUES
            ('0f8fad5b-d9cb-469f-a165-70867728950e', 'x'), ('1f8fad5b-d9cb-469f-a165-70867728950e', 'y');
        CREATE TABLE c (name TEXT PRIMARY KEY, v INTEGER); INSERT INTO c VALUES ('Ab', 1), ('cd', 2);
        CREATE TABLE p (a INTEGER, b TEXT, v BLOB, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 'x', x'00'), (1, 'y', x'01');";
    let target = "CREATE TABLE u (id uuid PRIMARY KEY, v text); CREATE TABLE c (name varchar(9) PRIMARY KEY, v bigint);
        CREATE TABLE p (b text, a smallint, v bytea, PRIMARY KEY (b, a));
        INSERT INTO u VALUES ('1F8FAD5B-D9CB-469F-A165-70867728950E', 'other'), ('0f8fad5b-d9cb-469f-a165-70867728950e', 'x');
        INSERT INTO c VALUES ('Ab', 1), ('ab', 7); INSERT INTO p VALUES ('y', 1, '\\x02'), ('z', 1, NULL)";
    let case = Case::for_app(source, target, "seeds = \"merge\"");
    let moved = case.moved();
    assert_eq!(
        settled(&moved.validation.seeds),
        [("c", [1, 1, 0, 0]), ("p", [0, 1, 1, 0]), ("u", [1, 0, 1, 0])]
    );
    assert_eq!(case.ask("SELECT v FROM u ORDER BY id"), ["x", "y"]);
    assert_eq!(case.ask("SELECT a, b, v FROM p ORDER BY b"), ["1|x|\\x00", "1|y|\\x01", "1|z|NULL"]);
}

#[test]
fn what_a_row_cannot_be_merged_into_is_named() {
    let source = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 5), (2, 6);";
    let target = "CREATE TABLE t (id int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY); INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (1, 7)";
    let refused = Case::planned_for_app(source, target, "seeds = \"merge\"").err().unwrap_or_default();
    assert!(
        refused.contains("(id=1: n)")
            && refused.contains("seeds = \"replace\"")
            && !refused.contains("merge\""),
        "{refused}"
    );
    Case::for_app(source, target, "[tables.t]\nseeds = \"replace\"").moved();
}
