//! Views return the same rows in PostgreSQL as in SQLite: each body is read on both sides, and the conversions are undone here.

use migrate_core::render;
use rusqlite::types::Value;

use crate::support::{Case, plan, sqlite};

/// Rows full of edge cases: NULLs, negative numbers, letters of both cases and beyond ASCII, truth values, times, documents.
pub const TABLES: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, nick TEXT COLLATE NOCASE, age INTEGER, height REAL,
                         active BOOLEAN NOT NULL DEFAULT 1, joined INTEGER NOT NULL, boss INTEGER REFERENCES people, doc TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people, amount REAL, qty INTEGER NOT NULL, at TEXT,
                         status TEXT NOT NULL);
    CREATE TABLE tags (person INTEGER NOT NULL, tag TEXT NOT NULL, weight INTEGER, PRIMARY KEY (person, tag)) WITHOUT ROWID;
    CREATE TABLE kinds (status TEXT NOT NULL UNIQUE, label TEXT);
    CREATE TABLE short (status TEXT, gone TEXT);
    CREATE TABLE keyed (k TEXT NOT NULL, flag BOOLEAN NOT NULL);
    INSERT INTO keyed VALUES ('0b0e6ae2-50a4-4e5c-8c6e-0c1b1f0d9f11', 1), ('f47ac10b-58cc-4372-a567-0e02b2c3d479', 0);
    INSERT INTO people VALUES
        (1, 'Ann', 'annie', 41, 1.75, 1, 1700000000123, NULL, '{\"city\":\"Bern\",\"n\":3,\"deep\":{\"a\":[1,2]}}'),
        (2, 'bob', 'BOB', NULL, NULL, 0, 1600000000000, 1, NULL),
        (3, 'Zoë', NULL, -3, -0.5, 1, 1650000000999, 1, '{\"city\":\"zürich\",\"n\":null}'),
        (4, 'Ärna', 'x''y', 41, 2.25, 0, -1, 3, '[]'),
        (5, 'ann', 'Annie', 0, 0.0, 1, 1700000000123, 2, '{\"n\":\"3\"}');
    INSERT INTO orders VALUES
        (1, 1, 9.99, 2, '2024-01-31 10:00:00', 'open'), (2, 1, 0.01, -1, '2024-02-29 23:59:59', 'paid'),
        (3, 2, NULL, 0, NULL, 'open'), (4, 3, -5.5, 7, '2023-12-31 00:00:00', 'PAID'), (5, NULL, 100.0, 3, '2024-01-01 00:00:01', ''),
        (6, 3, 9.99, 2, '2024-01-31 10:00:00', 'paid');
    INSERT INTO tags VALUES (1, 'a', 1), (1, 'B', NULL), (2, 'b', 3), (3, 'ä', -2), (9, 'a', 5);
    INSERT INTO kinds VALUES ('open', 'Open!'), ('paid', NULL), ('gone', 'Gone');";

pub const MAPPING: &str = "[tables.people.columns]\njoined = { as = \"timestamptz_from_epoch_ms\" }\ndoc = { as = \"jsonb\" }\n\
     [tables.short.columns]\ngone = { skip = \"nobody reads it\" }\n[tables.keyed.columns]\nk = { as = \"uuid\" }\n";

/// Bodies of views. The order of one that begins with `=` is compared, too.
const VIEWS: &[&str] = &[
    "SELECT * FROM people",
    "SELECT p.*, o.id AS order_id FROM people p JOIN orders o ON o.person = p.id",
    "SELECT people.name, orders.* FROM people LEFT JOIN orders ON orders.person = people.id AND orders.qty > 0",
    "SELECT o.id, p.name FROM people p RIGHT JOIN orders o ON o.person = p.id",
    "SELECT o.id, p.id AS pid FROM people p FULL OUTER JOIN orders o ON o.person = p.id",
    "SELECT a.id, b.id FROM people a, people b WHERE a.age = b.age AND a.id < b.id",
    "SELECT a.name, b.name AS boss FROM people a CROSS JOIN people b WHERE a.boss = b.id",
    "SELECT * FROM orders JOIN kinds USING (status)",
    "SELECT status, orders.id, label FROM orders LEFT JOIN kinds USING (status)",
    "SELECT * FROM orders NATURAL JOIN kinds",
    "SELECT p.name, k.label FROM people p, orders o LEFT JOIN kinds k ON k.status = o.status WHERE o.person = p.id",
    "SELECT id, name || '-' || coalesce(nick, '?') AS both, age + 1 AS older, age * 2.5 AS much, -age AS less, age / 2 AS half, \
     age % 7 AS rest FROM people",
    "SELECT id, age > 10 AS is_old, active, NOT active AS gone, age IS NULL AS unknown, name LIKE 'a%' AS is_a, nick = 'ANNIE' AS n, \
     name GLOB '[a-z]*' AS small FROM people",
    "SELECT id FROM people WHERE active",
    "SELECT id FROM people WHERE NOT active OR age BETWEEN 1 AND 50",
    "SELECT id, joined FROM people WHERE joined > 1650000000000",
    "SELECT id, joined / 1000 AS seconds, datetime(joined / 1000, 'unixepoch') AS said FROM people WHERE joined > 0",
    "SELECT id, date(at) AS day, strftime('%Y-%m', at) AS month FROM orders",
    "=SELECT id, age FROM people ORDER BY age, id",
    "=SELECT id, age FROM people ORDER BY age DESC, id DESC",
    "=SELECT name AS n, id FROM people ORDER BY n",
    "=SELECT id, nick FROM people ORDER BY nick, name DESC",
    "=SELECT id, height FROM people ORDER BY 2 DESC NULLS FIRST, 1",
    "=SELECT id, joined FROM people ORDER BY joined DESC, id LIMIT 3",
    "=SELECT id FROM people ORDER BY id LIMIT 2 OFFSET 1",
    "=SELECT id FROM people ORDER BY -id LIMIT 1, 3",
    "=SELECT id FROM people ORDER BY length(name) DESC, id LIMIT -1",
    "=SELECT id, active FROM people ORDER BY active, id DESC",
    "=SELECT DISTINCT age FROM people ORDER BY age",
    "=SELECT DISTINCT status, qty FROM orders ORDER BY 2 DESC, 1",
    "SELECT DISTINCT at, amount FROM orders",
    "SELECT count(*) AS c, count(age) AS a, sum(age) AS s, total(age) AS t, avg(age) AS v, min(age) AS lo, max(height) AS hi FROM people",
    "SELECT sum(qty) AS s, avg(amount) AS a, total(amount) AS t FROM orders WHERE qty > 1000",
    "SELECT count(DISTINCT age) AS d, min(name) AS first, max(name) AS last, min(joined) AS j FROM people",
    "SELECT status, count(*) AS n, sum(amount) AS s FROM orders GROUP BY status",
    "SELECT status, count(*) AS n FROM orders GROUP BY 1 HAVING n > 1",
    "SELECT status AS st, max(qty) FROM orders GROUP BY st HAVING count(*) >= 1 AND max(qty) > 0",
    "SELECT p.name, p.age, count(o.id) AS n, coalesce(sum(o.amount), 0) AS s FROM people p LEFT JOIN orders o ON o.person = p.id \
     GROUP BY p.id",
    "SELECT o.id, p.name, k.label, count(t.tag) AS tags FROM orders o JOIN people p ON p.id = o.person JOIN kinds k \
     ON k.status = o.status LEFT JOIN tags t ON t.person = p.id GROUP BY o.id",
    "SELECT o.id, p.name, count(t.tag) AS tags FROM orders o LEFT JOIN people p ON p.id = o.person LEFT JOIN tags t \
     ON t.person = o.person GROUP BY o.id",
    "SELECT strftime('%Y', at) AS year, count(*) AS n FROM orders GROUP BY year",
    "SELECT date(at) AS day, sum(qty) AS q FROM orders GROUP BY date(at)",
    "SELECT age % 2 AS odd, count(*) AS n, upper(min(name)) AS u FROM people GROUP BY age % 2",
    "SELECT joined, count(*) AS n FROM people GROUP BY joined",
    "SELECT active, count(*) AS n, sum(active) AS s FROM people GROUP BY active",
    "=SELECT status, sum(qty) AS q FROM orders GROUP BY status ORDER BY sum(qty) DESC, status",
    "SELECT lower(nick) AS l, count(*) AS n FROM people GROUP BY lower(nick)",
    "SELECT count(*) AS n FROM people GROUP BY nick",
    "SELECT person, group_concat(tag, '') AS t FROM tags WHERE weight IS NOT NULL GROUP BY person",
    "SELECT person, group_concat(tag, '+' ORDER BY tag DESC) AS t FROM tags GROUP BY person",
    "SELECT count(*) FILTER (WHERE qty > 1) AS many, sum(qty) FILTER (WHERE status = 'paid') AS paid FROM orders",
    "SELECT id FROM people UNION SELECT person FROM orders",
    "SELECT id, name FROM people UNION ALL SELECT qty, status FROM orders",
    "=SELECT id AS x FROM people EXCEPT SELECT person FROM orders ORDER BY x",
    "SELECT person FROM orders INTERSECT SELECT id FROM people",
    "SELECT 1 AS x UNION SELECT 2 UNION ALL SELECT 2 INTERSECT SELECT 2",
    "SELECT 3 AS x UNION ALL SELECT 3 EXCEPT SELECT 4 UNION ALL SELECT NULL",
    "SELECT name, NULL AS x FROM people UNION ALL SELECT NULL, qty FROM orders",
    "SELECT joined AS at FROM people UNION ALL SELECT 5",
    "SELECT height AS x FROM people UNION ALL SELECT -height FROM people",
    "=SELECT active AS x FROM people UNION SELECT 0 ORDER BY 1 DESC",
    "VALUES (1, 'a'), (2, NULL), (NULL, 'ü')",
    "SELECT x * 2 AS y FROM (VALUES (1), (2)) AS v, (SELECT 7 AS x) AS w",
    "SELECT q.n, q.total FROM (SELECT name AS n, (SELECT sum(amount) FROM orders WHERE person = people.id) AS total FROM people) AS q",
    "SELECT s FROM (SELECT status AS s, count(*) AS n FROM orders GROUP BY status) WHERE n > 1",
    "SELECT id, (SELECT name FROM people WHERE people.id = orders.person) AS who FROM orders",
    "SELECT id, (SELECT count(*) FROM orders o WHERE o.person = p.id AND o.qty > (SELECT min(weight) FROM tags t WHERE t.person = p.id)) AS n \
     FROM people p",
    "SELECT name FROM people p WHERE EXISTS (SELECT 1 FROM orders WHERE person = p.id AND status = 'paid' LIMIT 1)",
    "SELECT name FROM people WHERE NOT EXISTS (SELECT * FROM orders WHERE person = people.id)",
    "SELECT name FROM people WHERE id IN (SELECT person FROM orders)",
    "SELECT name FROM people WHERE id NOT IN (SELECT person FROM orders)",
    "SELECT name FROM people WHERE id NOT IN (SELECT person FROM orders WHERE person IS NOT NULL)",
    "SELECT id, nick IN (SELECT name FROM people) AS known FROM people",
    "SELECT id, (SELECT status FROM orders WHERE person = people.id ORDER BY id DESC LIMIT 1) AS latest FROM people",
    "WITH big AS (SELECT * FROM orders WHERE qty > 1), named (who, n) AS (SELECT person, count(*) FROM big GROUP BY person) \
     SELECT who, n FROM named",
    "=WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT n, n * n AS square FROM c ORDER BY n",
    "WITH RECURSIVE chain (id, name, depth) AS (SELECT id, name, 0 FROM people WHERE boss IS NULL UNION ALL \
     SELECT p.id, chain.name || '/' || p.name, depth + 1 FROM people p JOIN chain ON p.boss = chain.id) SELECT * FROM chain",
    "WITH people AS (SELECT 1 AS one) SELECT one FROM people",
    "SELECT id, row_number() OVER (ORDER BY age, id) AS r, rank() OVER (ORDER BY age) AS k, dense_rank() OVER (ORDER BY age DESC) AS d \
     FROM people",
    "SELECT id, sum(qty) OVER (PARTITION BY person ORDER BY id) AS running, count(*) OVER (PARTITION BY status) AS n, \
     avg(qty) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS a, max(amount) OVER () AS m FROM orders",
    "SELECT id, lag(qty) OVER w AS before, lead(qty, 2, -1) OVER w AS after, first_value(status) OVER w AS f FROM orders \
     WINDOW w AS (ORDER BY id)",
    "SELECT id, lag(joined) OVER (ORDER BY id) AS j, ntile(2) OVER (ORDER BY id) AS t, cume_dist() OVER (ORDER BY id) AS c FROM people",
    "SELECT status, sum(sum(qty)) OVER () AS everything FROM orders GROUP BY status",
    "SELECT CASE WHEN age IS NULL THEN 'none' WHEN age < 0 THEN 'minus' ELSE 'some' END AS words, iif(active, 'on', 'off') AS s FROM people",
    "=SELECT id, CASE WHEN age > 10 THEN 'b' ELSE 'Ä' END AS w FROM people ORDER BY w, id",
    "SELECT ifnull(age, 0) AS a, nullif(age, 41) AS b, coalesce(height, -1) AS c, abs(age) AS d, round(height) AS e FROM people",
    "SELECT id, json_extract(doc, '$.city') AS city FROM people WHERE json_extract(doc, '$.city') IS NOT NULL",
    "SELECT id FROM people WHERE json_extract(doc, '$.city') = 'Bern'",
    "SELECT \"id\", [name], `age` FROM \"people\" AS [p q] WHERE \"p q\".id > 1",
    "SELECT main.people.id FROM main.people",
    "SELECT rowid AS r, name FROM people",
    "SELECT count(*), max(age) FROM people",
    "SELECT t.person, t.tag, p.id FROM tags t LEFT JOIN people p ON p.id = t.person WHERE p.id IS NULL OR p.active",
    "SELECT min(k) AS lo, max(k) AS hi, max(flag) AS f, count(DISTINCT k) AS n FROM keyed",
    "SELECT k, max(k) OVER (ORDER BY k) AS hi, max(flag) OVER () AS f, lag(k) OVER (ORDER BY k) AS before FROM keyed WHERE k <> 'x'",
    "SELECT k, count(*) AS n FROM keyed GROUP BY k HAVING k > '1'",
    "SELECT a.n FROM (SELECT count(*) AS n FROM people) a JOIN (SELECT 5 AS n) b ON a.n = b.n",
    "SELECT * FROM (people p JOIN orders o ON o.person = p.id) LEFT JOIN kinds k ON k.status = o.status",
    "SELECT id, typeof(age) AS t, length(name) AS l, substr(name, 2) AS s, hex(x'0aff') AS h, x'00' AS b FROM people",
];

#[test]
fn views_return_the_same_rows() {
    let views: String = VIEWS
        .iter()
        .enumerate()
        .map(|(number, body)| format!("CREATE VIEW v{number} AS {};\n", body.trim_start_matches('=')))
        .collect();
    let case = Case::mapped(&format!("{TABLES}\n{views}"), MAPPING);
    let left = case.plan.left_behind.iter().filter(|item| item.sql.is_some());
    let left: Vec<_> = left.map(|item| format!("{}: {:?} {}", item.name, item.sql, item.reason)).collect();
    assert!(left.is_empty(), "{}", left.join("\n"));
    case.moved();
    let source = rusqlite::Connection::open(&case.source).unwrap();
    let mut wrong = Vec::new();
    for (number, body) in VIEWS.iter().enumerate() {
        let (mut expected, mut found) = (sqlite_rows(&source, &case, number), target_rows(&case, number));
        if !body.starts_with('=') {
            expected.sort();
            found.sort();
        }
        if expected != found {
            let query = case
                .plan
                .views
                .iter()
                .find(|view| view.source == format!("v{number}"))
                .map(|view| view.query.as_str());
            wrong.push(format!(
                "{body}\n  {}\n  SQLite {expected:?}\n  PostgreSQL {found:?}",
                query.unwrap_or_default()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} views:\n{}", wrong.len(), wrong.join("\n"));
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven(), "{validation:?}");
    let tried = validation.views;
    assert_eq!((tried.compared, tried.not_compared), (VIEWS.len() as u64, Vec::new()));
}

/// The types of a view's columns in PostgreSQL.
fn types(case: &Case, number: usize) -> Vec<String> {
    case.ask(&format!(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'v{number}'::regclass AND attnum > 0 ORDER BY attnum"
    ))
}

/// Returns SQLite's rows, with each value in PostgreSQL's form of its column's type.
fn sqlite_rows(source: &rusqlite::Connection, case: &Case, number: usize) -> Vec<String> {
    let types = types(case, number);
    let mut statement = source.prepare(&format!("SELECT * FROM v{number}")).unwrap();
    assert_eq!(statement.column_count(), types.len(), "v{number}");
    let row = |row: &rusqlite::Row<'_>| {
        let shown = |(place, kind): (usize, &String)| shown(&row.get::<_, Value>(place).unwrap(), kind);
        Ok(types.iter().enumerate().map(shown).collect::<Vec<_>>().join("|"))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// Returns a value of SQLite in PostgreSQL's form of a type.
fn shown(value: &Value, kind: &str) -> String {
    match (kind, value) {
        (_, Value::Null) => "NULL".to_owned(),
        ("boolean", Value::Integer(value @ (0 | 1))) => if *value == 1 { "t" } else { "f" }.to_owned(),
        ("timestamp with time zone", Value::Integer(ms)) => {
            format!("{}", jiff::Timestamp::from_millisecond(*ms).unwrap().as_microsecond())
        }
        ("double precision" | "numeric", Value::Integer(value)) => number(&value.to_string()),
        ("double precision" | "numeric", Value::Real(value)) => number(&value.to_string()),
        ("jsonb", Value::Text(text)) => {
            document(serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::from(text.as_str())))
        }
        ("bytea", Value::Blob(bytes)) => {
            bytes.iter().fold("\\x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
        }
        ("bigint" | "integer" | "smallint", Value::Integer(value)) => value.to_string(),
        (
            "text" | "uuid" | "date" | "timestamp without time zone" | "time without time zone",
            Value::Text(text),
        ) => text.clone(),
        _ => format!("{value:?} in a column of {kind}"),
    }
}

/// Returns a document with sorted keys.
fn document(mut value: serde_json::Value) -> String {
    value.sort_all_objects();
    value.to_string()
}

/// Returns a number with the digits on which two orders of adding floats agree.
fn number(text: &str) -> String {
    text.parse::<f64>().map_or_else(|_| text.to_owned(), |value| format!("{:.9e}", value + 0.0))
}

/// Returns PostgreSQL's rows, in the forms of `shown`.
fn target_rows(case: &Case, number_of_view: usize) -> Vec<String> {
    let types = types(case, number_of_view);
    let mut session = case.session();
    let _ = session.query("SET TimeZone = 'UTC'", &[]).unwrap();
    let rows = session.query(&format!("SELECT * FROM v{number_of_view}"), &[]).unwrap();
    let shown = |(value, kind): (Option<String>, &String)| match (value, kind.as_str()) {
        (None, _) => "NULL".to_owned(),
        (Some(text), "double precision" | "numeric") => number(&text),
        (Some(text), "timestamp with time zone") => {
            let at: jiff::Timestamp = format!("{text}:00").replacen(' ', "T", 1).parse().unwrap();
            at.as_microsecond().to_string()
        }
        (Some(text), "jsonb") => document(serde_json::from_str(&text).unwrap()),
        (Some(text), _) => text,
    };
    rows.into_iter().map(|row| row.into_iter().zip(&types).map(shown).collect::<Vec<_>>().join("|")).collect()
}

/// Bodies that may mean something else in PostgreSQL, and a part of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("SELECT id FROM people LIMIT 2", "LIMIT without ORDER BY"),
    ("SELECT id FROM people ORDER BY id LIMIT abs(2)", "LIMIT or OFFSET that is not a literal"),
    (
        "SELECT id FROM (SELECT id FROM people ORDER BY id LIMIT 1, 2) ORDER BY id LIMIT 1 OFFSET 1",
        "LIMIT with a comma in one query",
    ),
    ("SELECT status, qty FROM orders GROUP BY status", "the column qty beside an aggregate"),
    ("SELECT name, max(age) FROM people", "the column name beside an aggregate"),
    ("SELECT nick, count(*) FROM people GROUP BY nick", "the column nick beside an aggregate"),
    (
        "SELECT p.name, o.status FROM people p LEFT JOIN orders o ON o.person = p.id GROUP BY p.id",
        "the column status",
    ),
    ("SELECT DISTINCT nick FROM people", "text with a collation"),
    ("SELECT DISTINCT doc FROM people", "jsonb"),
    ("SELECT nick FROM people UNION SELECT name FROM people", "collations"),
    ("SELECT name FROM people UNION ALL SELECT age FROM people", "several storage classes"),
    ("SELECT height FROM people UNION ALL SELECT age FROM people", "several storage classes"),
    ("SELECT coalesce(height, age) FROM people", "several storage classes"),
    ("SELECT (SELECT name FROM people) AS first", "may return several rows"),
    (
        "SELECT id, (SELECT status FROM orders WHERE person = people.id) AS s FROM people",
        "may return several rows",
    ),
    (
        "SELECT id, (SELECT status FROM orders WHERE person = people.id LIMIT 1) AS s FROM people",
        "LIMIT without ORDER BY",
    ),
    ("SELECT row_number() OVER () FROM people", "rows without an order"),
    ("SELECT * FROM json_each('[1]')", "the table function json_each"),
    ("SELECT name FROM people WHERE id IN orders", "IN with the name of a table"),
    ("SELECT soundex(name) FROM people", "the function soundex"),
    ("SELECT nobody FROM people", "the column nobody"),
    ("SELECT id FROM people JOIN orders ON person = people.id", "the column id, which several tables have"),
    ("SELECT * FROM elsewhere", "the table elsewhere"),
    ("SELECT * FROM refused_0", "the view refused_0, which is not migrated"),
    ("SELECT * FROM circle", "the view circle, which is not migrated"),
    ("SELECT count(DISTINCT nick) FROM people", "with a collation"),
    (
        "SELECT count(DISTINCT json_extract(doc, '$.n')) FROM people",
        "equal in PostgreSQL and different in SQLite",
    ),
    ("SELECT * FROM short NATURAL JOIN kinds", "NATURAL JOIN of a table with a column that is not migrated"),
    ("SELECT doc FROM people ORDER BY doc", "exact form"),
    (
        "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 5) SELECT n FROM c",
        "ORDER BY or LIMIT of a recursive query",
    ),
    (
        "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n || 'x' FROM c WHERE n < 9) SELECT n FROM c",
        "several storage classes",
    ),
    ("SELECT * FROM people p FULL JOIN orders o USING (id)", "USING or NATURAL with RIGHT or FULL"),
    ("SELECT (SELECT max(p.age)) FROM people p", "of columns of an outer query"),
    ("SELECT (1, 2)", "a row of several values"),
];

#[test]
fn views_with_an_uncertain_meaning_are_not_migrated_and_listed_with_their_sql() {
    let views: String = (REFUSED.iter().enumerate())
        .map(|(number, (body, _))| format!("CREATE VIEW refused_{number} AS {body};\n"))
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    sqlite(&path, &format!("{TABLES}\nCREATE VIEW circle AS SELECT * FROM circle;\n{views}"));
    let plan = plan(&path, MAPPING);
    assert!(plan.views.is_empty(), "{:?}", plan.views);
    for (number, (body, reason)) in REFUSED.iter().enumerate() {
        let name = format!("refused_{number}");
        let left = plan.left_behind.iter().find(|item| item.kind == "view" && item.name == name).unwrap();
        assert!(left.reason.contains(reason), "{body}: {}", left.reason);
        assert!(left.sql.as_ref().is_some_and(|sql| sql.contains(body)), "{left:?}");
    }
    let up = render::create_constraints(&plan).up;
    assert!(up.contains("--     CREATE VIEW refused_0 AS SELECT id FROM people LIMIT 2"), "{up}");
}

#[test]
fn views_read_views_and_keep_their_names() {
    let long = "v".repeat(80);
    let case = Case::mapped(
        &format!(
            "{TABLES}
             CREATE VIEW a_last AS SELECT total, who, \"count(*)\" FROM middle WHERE total > 0 AND is_on;
             CREATE VIEW middle AS SELECT who, coalesce(total, 0) AS total, 1 AS \"count(*)\", is_on, since FROM \"Z first\" WHERE since > 0;
             CREATE VIEW \"Z first\" (who, total, is_on, since) AS SELECT name, (SELECT sum(qty) FROM orders WHERE person = p.id), active, joined
                 FROM people p;
             CREATE VIEW {long} AS SELECT id AS ctid, count(*) OVER (), id FROM people;
             CREATE VIEW people_pkey AS SELECT 1 AS one; CREATE VIEW decided AS SELECT 1 AS one;"
        ),
        &format!("[leave_behind]\ndecided = \"nobody reads it\"\n{MAPPING}"),
    );
    let order: Vec<&str> = case.plan.views.iter().map(|view| view.source.as_str()).collect();
    assert_eq!(order, ["Z first", "middle", "people_pkey", long.as_str(), "a_last"]);
    let left: Vec<_> =
        case.plan.left_behind.iter().map(|item| (item.name.as_str(), item.reason.as_str())).collect();
    assert_eq!(left, [("short.gone", "nobody reads it"), ("decided", "nobody reads it")]);
    case.moved();
    assert_eq!(case.ask("SELECT who, total FROM a_last ORDER BY who"), ["Ann|1", "Zoë|9"]);
    assert_eq!(case.ask("SELECT one FROM people_pkey"), ["1"]);
    assert_eq!(
        case.ask("SELECT pg_typeof(since), pg_typeof(is_on), pg_typeof(total) FROM middle LIMIT 1"),
        ["timestamp with time zone|boolean|bigint"]
    );
    let notes = &case.plan.views.iter().find(|view| view.source == long).unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("is named by the text of its expression")), "{notes:?}");
    let down = render::create_constraints(&case.plan).down;
    case.execute(&down);
    assert_eq!(
        case.ask(
            "SELECT count(*) FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
        ),
        ["0"]
    );
}

#[test]
fn typical_views_in_sql() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.db");
    let typical = [
        "SELECT id, name, joined FROM people WHERE active = 1",
        "SELECT p.id, p.name, count(o.id) AS orders, coalesce(sum(o.amount), 0) AS spent FROM people p LEFT JOIN orders o \
         ON o.person = p.id GROUP BY p.id ORDER BY spent DESC",
        "SELECT status, count(*) FROM orders GROUP BY status HAVING count(*) > 1",
        "SELECT date(at) AS day, sum(qty) AS q FROM orders GROUP BY day ORDER BY day DESC LIMIT 30",
        "SELECT name FROM people WHERE nick = 'Annie' AND joined > 1650000000000",
        "SELECT id, (SELECT name FROM people WHERE people.id = orders.person) AS who FROM orders",
        "SELECT name FROM people WHERE id IN (SELECT person FROM orders WHERE status LIKE 'pa%')",
        "SELECT 'person' AS kind, id, name AS label FROM people UNION ALL SELECT 'order', id, status FROM orders",
        "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT n FROM c",
        "SELECT id, rank() OVER (PARTITION BY status ORDER BY amount DESC) AS place FROM orders",
        "SELECT * FROM orders JOIN kinds USING (status)",
        "SELECT v0.name, v6.name AS again FROM v0 JOIN v6 ON v6.name = v0.name",
    ];
    let views: String = typical
        .iter()
        .enumerate()
        .map(|(number, body)| format!("CREATE VIEW v{number} AS {body};\n"))
        .collect();
    sqlite(&path, &format!("{TABLES}\n{views}"));
    let plan = plan(&path, MAPPING);
    assert!(plan.left_behind.iter().all(|item| item.sql.is_none()), "{:?}", plan.left_behind);
    let up = render::create_constraints(&plan).up;
    insta::assert_snapshot!("typical_views", up.get(up.find("CREATE VIEW").unwrap()..).unwrap());
}
