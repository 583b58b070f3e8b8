//! Constraints that the data breaks already: every row arrives, the constraint comes NOT VALID or weaker, and is named.

use crate::support::Case;

/// Moves a source and gives what its plan says of broken constraints.
#[track_caller]
fn broken(sql: &str) -> (Case, Vec<(String, u64, Vec<String>)>) {
    let case = Case::new(sql);
    case.moved();
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven(), "{validation:?}");
    let breaches = case.plan.breaches.iter();
    let named =
        breaches.map(|breach| (breach.constraint.clone(), breach.rows, breach.first.clone())).collect();
    (case, named)
}

#[test]
fn orphans_are_found_byte_by_byte_and_arrive() {
    let (case, named) = broken(
        "CREATE TABLE folded (code TEXT PRIMARY KEY COLLATE NOCASE); INSERT INTO folded VALUES ('a'), ('B');
         CREATE TABLE pair (x INTEGER, y TEXT, UNIQUE (x, y)); INSERT INTO pair VALUES (1, 'x'), (NULL, 'y'), (2, NULL);
         CREATE TABLE child (k TEXT PRIMARY KEY, code TEXT COLLATE NOCASE REFERENCES folded, px INTEGER, py TEXT,
                             FOREIGN KEY (py, px) REFERENCES pair (y, x) ON DELETE CASCADE) WITHOUT ROWID;
         INSERT INTO child VALUES ('good', 'a', 1, 'x'), ('folded', 'b', NULL, NULL), ('half', NULL, 2, NULL), ('bad', NULL, 2, 'x');",
    );
    assert_eq!(
        named,
        [
            ("foreign key (code) to folded".to_owned(), 1, vec!["k='folded'".to_owned()]),
            ("foreign key (py, px) to pair".to_owned(), 1, vec!["k='bad'".to_owned()]),
        ]
    );
    assert_eq!(case.ask("SELECT count(*) FROM child"), ["4"]);
    assert_eq!(
        case.ask("SELECT convalidated FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"),
        ["f", "f"]
    );
    // What the plan prints, word for word: it lists the rows, repairs them, and validates.
    let remedies: Vec<(&str, &str)> =
        case.plan.breaches.iter().map(|breach| breach.remedy.split_once("; ").unwrap()).collect();
    for (list, _) in &remedies {
        assert_eq!(case.ask(list).len(), 1, "{list}");
    }
    for (_, repair) in remedies {
        case.execute(repair);
    }
    assert_eq!(case.ask("SELECT count(*), count(code), count(px) FROM child"), ["4|1|3"]);
    assert_eq!(
        case.ask("SELECT convalidated FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"),
        ["t", "t"]
    );
}

#[test]
fn nulls_in_a_primary_key_arrive_under_a_unique_constraint() {
    let (case, named) = broken(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER); INSERT INTO t VALUES ('a', 1), (NULL, 2), (NULL, 3);
         CREATE TABLE c (k TEXT REFERENCES t (k)); INSERT INTO c VALUES ('a'), (NULL);",
    );
    assert_eq!(named.len(), 1);
    assert_eq!((named[0].0.as_str(), named[0].1), ("primary key (k)", 2));
    assert_eq!(case.ask("SELECT coalesce(k, 'none'), v FROM t ORDER BY v"), ["a|1", "none|2", "none|3"]);
    assert_eq!(
        case.ask(
            "SELECT contype FROM pg_constraint WHERE conrelid = 't'::regclass AND contype IN ('p', 'u')"
        ),
        ["u"]
    );
    let (list, primary) = case.plan.breaches[0].remedy.split_once("; ").unwrap();
    assert_eq!(case.ask(list).len(), 2);
    case.execute(primary);
    assert_eq!(case.ask("SELECT k FROM t"), ["a"]);
    // The same source goes on being what the plan was made for.
    case.moved_already();
}

#[test]
fn a_null_in_a_key_is_no_reject_whatever_becomes_of_rejects() {
    for policy in ["skip", "null", "text"] {
        let case = Case::mapped(
            "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER); INSERT INTO t VALUES ('a', 1), (NULL, 2), (NULL, 'bad'), ('b', 4);",
            &format!("on_reject = \"{policy}\"\n[tables.t.columns]\nk = {{ on_reject = \"{policy}\" }}"),
        );
        let moved = case.moved();
        let breach = &case.plan.breaches[0];
        // The row that has something else that PostgreSQL cannot hold may go; the others may not.
        let rows = if policy == "skip" { 1 } else { 2 };
        assert_eq!((breach.constraint.as_str(), breach.rows), ("primary key (k)", rows), "{policy}");
        let skipped: u64 = moved.rejected.iter().map(|table| table.skipped).sum();
        assert_eq!(skipped, 2 - rows, "{policy}");
        assert_eq!(case.ask("SELECT count(*) FROM t WHERE k IS NULL"), [rows.to_string()], "{policy}");
    }
}

#[test]
fn rows_that_are_older_than_a_check_arrive_and_new_ones_are_refused() {
    let (case, named) = broken(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, age INTEGER, CHECK (age < 150), CONSTRAINT named CHECK (age > 0));
         PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES (1, 33), (2, 200), (3, 151), (4, NULL), (5, -1);",
    );
    assert_eq!(
        named,
        [
            ("CHECK (age < 150)".to_owned(), 2, vec!["id=2".to_owned(), "id=3".to_owned()]),
            ("CHECK (age > 0)".to_owned(), 1, vec!["id=5".to_owned()]),
        ]
    );
    assert_eq!(case.ask("SELECT count(*) FROM t"), ["5"]);
    for refused in ["INSERT INTO t (age) VALUES (150)", "INSERT INTO t (age) VALUES (0)"] {
        assert!(
            diesel::connection::SimpleConnection::batch_execute(&mut case.diesel(), refused).is_err(),
            "{refused}"
        );
    }
    case.execute("INSERT INTO t (age) VALUES (149), (NULL)");
    for breach in &case.plan.breaches {
        case.execute(&breach.remedy);
    }
    assert_eq!(
        case.ask("SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND NOT convalidated"),
        ["0"]
    );
    assert_eq!(case.ask("SELECT id FROM t WHERE id <= 5 ORDER BY id"), ["1", "4"]);
}

#[test]
fn nulls_in_a_column_that_is_not_null_arrive() {
    let (case, named) = broken(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER); INSERT INTO t VALUES (1, 'x', 1), (2, NULL, 2), (3, NULL, 3);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INTEGER NOT NULL)' WHERE name = 't';",
    );
    assert_eq!(named, [("not null (a)".to_owned(), 2, vec!["id=2".to_owned(), "id=3".to_owned()])]);
    assert_eq!(case.ask("SELECT count(*), count(a) FROM t"), ["3|1"]);
    let (list, mend) = case.plan.breaches[0].remedy.split_once("; ").unwrap();
    assert_eq!(case.ask(list).len(), 2);
    case.execute(mend);
    assert_eq!(case.ask("SELECT id FROM t"), ["1"]);
    case.moved_already();
}

/// Makes `column` of `t` compare by NOCASE after its rows were written, as a change of the stored schema does.
fn made_nocase(declaration: &str) -> String {
    format!(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE t ({declaration})' WHERE name = 't';"
    )
}

#[test]
fn duplicates_under_nocase_arrive_under_an_index_that_is_not_unique() {
    let (case, named) = broken(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE); INSERT INTO t VALUES (1, 'Bob'), (2, 'ann'), (3, 'bob'), (4, 'BOB'), (5, NULL);
         {}",
        made_nocase("id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE")
    ));
    assert_eq!(
        named,
        [("unique index t_name_nocase_key".to_owned(), 2, vec!["id=3".to_owned(), "id=4".to_owned()])]
    );
    assert_eq!(case.ask("SELECT count(*) FROM t"), ["5"]);
    assert_eq!(
        case.ask("SELECT indisunique FROM pg_index WHERE indexrelid = 't_name_nocase_key'::regclass"),
        ["f"]
    );
    let (list, mend) = case.plan.breaches[0].remedy.split_once("; ").unwrap();
    assert_eq!(case.ask(list), ["bob|3"]);
    case.execute(mend);
    assert_eq!(case.ask("SELECT count(*), count(DISTINCT lower(name)) FROM t"), ["3|2"]);
    case.moved_already();
}

#[test]
fn values_of_which_a_chosen_type_makes_one_cost_the_key_and_no_row() {
    let case = Case::mapped(
        "CREATE TABLE p (code TEXT PRIMARY KEY, also TEXT UNIQUE); INSERT INTO p VALUES ('1.0', 'yes'), ('1.00', 'no'), ('2', 'true');
         CREATE TABLE c (id INTEGER PRIMARY KEY, code TEXT REFERENCES p (code)); INSERT INTO c VALUES (1, '1.0'), (2, '2');",
        "[tables.p.columns]\ncode = { as = \"numeric\" }\nalso = { as = \"boolean_from_words\" }\n[tables.c.columns]\ncode = { as = \"numeric\" }",
    );
    case.moved();
    let named: Vec<(&str, u64)> =
        case.plan.breaches.iter().map(|breach| (breach.constraint.as_str(), breach.rows)).collect();
    assert_eq!(named, [("primary key (code)", 1), ("unique (also)", 1)]);
    assert_eq!(case.ask("SELECT count(*), count(DISTINCT code) FROM p"), ["3|2"]);
    let left: Vec<&str> = case.plan.left_behind.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(left, ["c(code) to p"]);
    case.execute("DELETE FROM p WHERE also IS FALSE; UPDATE p SET also = NULL WHERE code = 2;");
    for breach in &case.plan.breaches {
        let (_, mend) = breach.remedy.split_once("; ").unwrap();
        case.execute(mend);
    }
}

#[test]
fn rows_whose_parent_is_skipped_move_and_their_foreign_key_is_not_valid() {
    let sql =
        "CREATE TABLE p (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO p VALUES (1, 5), (2, 'bad'), (3, 7);
               CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p (id), n INTEGER);
               INSERT INTO c VALUES (1, 1, 1), (2, 2, 2), (3, NULL, 3), (4, 2, 'bad'), (5, 9, 'bad');";
    let typed = "[tables.p.columns]\nn = { as = \"bigint\" }\n[tables.c.columns]\nn = { as = \"bigint\" }";
    let case = Case::mapped(sql, &format!("on_reject = \"skip\"\n{typed}"));
    let moved = case.moved();
    let skipped: Vec<(&str, u64)> =
        moved.rejected.iter().map(|table| (table.table.as_str(), table.skipped)).collect();
    assert_eq!(skipped, [("c", 2), ("p", 1)]);
    // The rows of c that stay behind themselves break nothing.
    let named: Vec<_> = case.plan.breaches.iter().map(|breach| (breach.rows, breach.first.clone())).collect();
    assert_eq!(named, [(1, vec!["id=2".to_owned()])]);
    assert_eq!(case.ask("SELECT id, p FROM c ORDER BY id"), ["1|1", "2|2", "3|NULL"]);
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven(), "{validation:?}");

    // A plan that was made without knowing of it does not begin.
    let mut case = Case::mapped(sql.replace("(5, 9, 'bad')", "(5, 1, 'bad')").as_str(), typed);
    case.plan.on_reject = migrate_core::reject::OnReject::Skip;
    let Ok(row_mover::run::Outcome::Rejected { findings, .. }) =
        row_mover::run::migrate(&case.request(), &row_mover::observer::Silent)
    else {
        panic!("it moved")
    };
    let found: Vec<_> = findings.tables.iter().flat_map(|table| &table.offenders).collect();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].count, found[0].first[0].key.as_str()), (1, "id=2"));
    assert!(found[0].first[0].reason.contains("would be skipped"), "{found:?}");
    assert_eq!(case.target_objects(), [] as [&str; 0]);
}
