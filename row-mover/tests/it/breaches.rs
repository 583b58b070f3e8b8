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
    // What the plan says mends it: the statement that lists the rows, and the one that validates once they are gone.
    let remedies: Vec<(&str, &str)> =
        case.plan.breaches.iter().map(|breach| breach.remedy.split_once("; ").unwrap()).collect();
    for (list, _) in &remedies {
        assert_eq!(case.ask(list).len(), 1, "{list}");
    }
    case.execute("DELETE FROM child WHERE k IN ('bad', 'folded')");
    for (_, validate) in remedies {
        case.execute(validate);
    }
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
    case.execute("DELETE FROM t WHERE k IS NULL");
    case.execute(primary);
    // The same source goes on being what the plan was made for.
    case.moved_already();
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
}
