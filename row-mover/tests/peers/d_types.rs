//! Section D, second half: types. A type name never causes an error, and a type never loses a value.

use crate::support::{Ending, PeerCase, case, check};

pub fn cases() -> Vec<PeerCase> {
    [numbers(), texts(), dirty(), used_as_text(), open()].concat()
}

fn numbers() -> Vec<PeerCase> {
    vec![
        case(
            "D5",
            "CREATE TABLE t (a UNSIGNED BIG INT, b NATIVE CHARACTER(70), c INT UNSIGNED, d DOUBLE PRECISION, e LONGVARCHAR, f, \
             g MEDIUMINT, h INT2, i VARYING CHARACTER(255), j NCHAR(55), k CLOB, l FLOATING POINT, m STRING, n MONEY, o ENUM, \
             p \"my type\", q UNSIGNED INTEGER(8), r TEXT(5), s NUMBER(10,0), t YEAR, u BIT(1), v XML, w NVARCHAR2(10));
             INSERT INTO t VALUES (1, 'b', 2, 2.5, 'e', 'f', 3, 4, 'i', 'j', 'k', 1.5, 'm', 9.75, 'a', 'p', 5, 'longer', 6, 2024, 1, '<v/>', 'w');
             CREATE TABLE empty (a UNSIGNED BIG INT, b NATIVE CHARACTER(70), f, l FLOATING POINT, m STRING, o ENUM, x JSON, y UUID, \
             z DATETIME);",
        )
        .has("t.a", "bigint")
        .has("t.b", "text")
        .has("t.d", "double precision")
        .has("t.e", "text")
        .has("t.l", "double precision")
        .gives("SELECT a, b, f, n::text, r FROM t", &["1|b|f|9.75|longer"]),
        case(
            "D6",
            "CREATE TABLE a (id INTEGER PRIMARY KEY, x GUID); INSERT INTO a VALUES (1, '0f8fad5b-d9cb-469f-a165-70867728950e'), (2, NULL);
             CREATE TABLE b (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO b VALUES (1, 'good');",
        )
        .has("a.x", "uuid|text")
        .gives("SELECT x FROM a ORDER BY id", &["0f8fad5b-d9cb-469f-a165-70867728950e", "NULL"])
        .gives("SELECT v FROM b", &["good"]),
        case(
            "D7",
            "CREATE TABLE t (g INTEGER(8), m INT, n INT); INSERT INTO t VALUES (3000592982016, 3000000000, -9223372036854775808);",
        )
        .has("t.g", "bigint")
        .has("t.m", "bigint")
        .gives("SELECT g, m, n FROM t", &["3000592982016|3000000000|-9223372036854775808"]),
        case(
            "D8",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, active INTEGER, n INTEGER); INSERT INTO t VALUES (1, 1, 5);",
        )
        .target("CREATE TABLE t (id integer PRIMARY KEY, active boolean, n integer)")
        .into_existing()
        .has("t.active", "boolean"),
        case(
            "D9",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT); INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y');",
        )
        .mapping("on_reject = \"skip\"")
        .target("CREATE TABLE t (b text, a boolean, id bigint PRIMARY KEY)")
        .into_existing()
        .ends(Ending::Partly)
        .rejects(&[("t.a", 1)]),
        case(
            "D8 mapped",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, active INTEGER, n INTEGER); INSERT INTO t VALUES (1, 1, 5), (2, 0, -2147483648);",
        )
        .mapping("[tables.t.columns]\nactive = { as = \"boolean\" }\nn = { as = \"integer\" }")
        .has("t.active", "boolean")
        .has("t.n", "integer")
        .gives("SELECT active::text, n FROM t ORDER BY id", &["true|5", "false|-2147483648"]),
        case(
            "D9 mapped",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER); INSERT INTO t VALUES (1, 1), (2, 2), (3, 0);",
        )
        .mapping("on_reject = \"skip\"\n[tables.t.columns]\na = { as = \"boolean\" }")
        .ends(Ending::Partly)
        .rejects(&[("t.a", 1)])
        .gives("SELECT id, a::text FROM t ORDER BY id", &["1|true", "3|false"]),
        case(
            "D11",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a DECIMAL(5,2), b DECIMAL(10,2), c NUMERIC); \
             INSERT INTO t VALUES (1, 1230.99, 19.999, 7), (2, 5, 0.1, '12345678901234567890');",
        )
        .has("t.a", "numeric")
        .has("t.b", "numeric")
        .gives("SELECT a::text, b::text FROM t ORDER BY id", &["1230.99|19.999", "5|0.1"]),
        case(
            "D11 text",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a DECTEXT); INSERT INTO t VALUES (1, '1230.990'), (2, '0.1');",
        )
        .gives("SELECT a::text FROM t ORDER BY id", &["1230.990", "0.1"]),
        case(
            "D12",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a REAL); INSERT INTO t VALUES (1, 123456789.123), (2, 5e-324), (3, 1.7976931348623157e308), \
             (4, 0.1), (5, -0.0), (6, 3);",
        )
        .has("t.a", "double precision")
        .gives(
            "SELECT a FROM t ORDER BY id LIMIT 4",
            &["123456789.123", "5e-324", "1.7976931348623157e+308", "0.1"],
        ),
    ]
}

fn texts() -> Vec<PeerCase> {
    vec![
        case("D10", "CREATE TABLE t (s VARCHAR(5)); INSERT INTO t VALUES ('0123456789'), ('x');")
            .has("t.s", "text")
            .gives("SELECT max(length(s)) FROM t", &["10"]),
        case(
            "D15",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a bool, b BOOLEAN, c TINYINT(1));
             INSERT INTO t VALUES (1, 0, 'true', 1), (2, 1, 'f', 0), (3, NULL, NULL, NULL);",
        )
        .has("t.a", "boolean")
        .has("t.b", "boolean")
        .has("t.c", "boolean")
        .gives("SELECT a::text, b::text, c::text FROM t ORDER BY id", &["false|true|true", "true|false|false", "NULL|NULL|NULL"]),
        case(
            "D15 stop",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a BOOLEAN); INSERT INTO t VALUES (1, 0), (2, 1), (3, 2), (4, 'true'), (5, 'f'), (6, NULL);",
        )
        .mapping("[tables.t.columns]\na = { as = \"boolean\" }")
        .ends(Ending::Stopped)
        .tells("id=3"),
        case(
            "D15 skip",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a BOOLEAN); INSERT INTO t VALUES (1, 0), (2, 1), (3, 2), (6, NULL);",
        )
        .mapping("on_reject = \"skip\"\n[tables.t.columns]\na = { as = \"boolean\" }")
        .ends(Ending::Partly)
        .rejects(&[("t.a", 1)])
        .gives("SELECT id, a::text FROM t ORDER BY id", &["1|false", "2|true", "6|NULL"]),
        case(
            "D15 no boolean",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TINYINT(1)); INSERT INTO t VALUES (1, 0), (2, 1), (3, 2), (4, 127);",
        )
        .has("t.a", "bigint|integer|smallint"),
        case(
            "D16",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, j JSON); \
             INSERT INTO t VALUES (1, '{\"a\": 1}'), (2, '{bad'), (3, '\"\\u0000\"'), (4, ''), (5, NULL);",
        )
        .has("t.j", "text")
        .gives("SELECT id, j FROM t ORDER BY id", &["1|{\"a\": 1}", "2|{bad", "3|\"\\u0000\"", "4|", "5|NULL"]),
        case(
            "D16 good",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, j JSON, k TEXT CHECK (json_valid(k))); \
             INSERT INTO t VALUES (1, '{\"a\": 1}', '[]'), (2, '[1, 2.50, null]', NULL), (3, NULL, '{\"b\":{}}');",
        )
        .has("t.j", "jsonb|json|text")
        .gives("SELECT j::jsonb -> 'a' FROM t WHERE id = 1", &["1"]),
        case(
            "D17",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, j JSON); INSERT INTO t VALUES (1, '{\"b\":1,\"a\":2,\"a\":3}'), (2, '{\"a\":1}');",
        )
        .has("t.j", "text|json")
        .gives("SELECT j::text FROM t WHERE id = 1", &["{\"b\":1,\"a\":2,\"a\":3}"]),
        case(
            "D17 asked",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, j JSON); INSERT INTO t VALUES (1, '{\"b\":1,\"a\":2,\"a\":3}'), (2, '{\"a\":1}');",
        )
        .mapping("[tables.t.columns]\nj = { as = \"jsonb_last_key_wins\" }")
        .has("t.j", "jsonb")
        .gives("SELECT j -> 'a' FROM t ORDER BY id", &["3", "1"])
        .tells("jsonb drops values of repeated keys in 1 document"),
        case("D17 the sign of a zero", SIGNED_ZEROS)
            .has("t.j", "json")
            .gives("SELECT j::text FROM t ORDER BY id", &["{\"x\":-0.0}", "[-0, 1]", "{\"a\":{\"b\":[-0e5]}}", "[1]"])
            .tells("jsonb would drop the sign of a zero in 3 documents"),
        case("D17 the sign of a zero, in text", SIGNED_ZEROS.replace("JSON", "TEXT"))
            .has("t.j", "text")
            .tells("4 of 4 values are JSON objects or arrays"),
        case("D17 the sign of a zero, stopped", SIGNED_ZEROS)
            .mapping("[tables.t.columns]\nj = { as = \"jsonb\" }")
            .ends(Ending::Stopped)
            .rejects(&[("t.j", 3)])
            .tells("a zero with a sign, which jsonb does not keep at byte 5")
            .tells("which `as = \"jsonb_unsigned_zero\"` accepts"),
        case("D17 the sign of a zero, accepted", SIGNED_ZEROS)
            .mapping("[tables.t.columns]\nj = { as = \"jsonb_unsigned_zero\" }")
            .has("t.j", "jsonb")
            .gives("SELECT j::text FROM t WHERE id = 1", &["{\"x\": 0.0}"])
            .tells("jsonb drops the sign of a zero in 3 documents"),
        case(
            "D17 both",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, j JSON); INSERT INTO t VALUES (1, '{\"a\":-0,\"a\":-0.0}'), (2, '[-0.00]'), (3, '[]');",
        )
        .mapping("[tables.t.columns]\nj = { as = \"jsonb_last_key_wins_unsigned_zero\" }")
        .has("t.j", "jsonb")
        .gives("SELECT j::text FROM t ORDER BY id", &["{\"a\": 0.0}", "[0.00]", "[]"])
        .tells("jsonb drops values of repeated keys in 1 document and the sign of a zero in 2 documents"),
        case("D17 the sign of a zero, into the app's jsonb", SIGNED_ZEROS)
            .target("CREATE TABLE t (id bigint PRIMARY KEY, j jsonb)")
            .into_existing()
            .ends(Ending::Stopped)
            .rejects(&[("t.j", 3)])
            .tells("which `as = \"jsonb_unsigned_zero\"` accepts"),
        case("D17 the sign of a zero, into the app's jsonb, accepted", SIGNED_ZEROS)
            .target("CREATE TABLE t (id bigint PRIMARY KEY, j jsonb)")
            .mapping("[tables.t.columns]\nj = { as = \"jsonb_unsigned_zero\" }")
            .into_existing()
            .gives("SELECT j::text FROM t WHERE id = 2", &["[0, 1]"]),
    ]
}

/// A column that is declared as a UUID, and of whose 1000 values so many are none.
fn uuids(others: u32) -> String {
    format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, ref UUID, at DATETIME);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO t SELECT i, CASE WHEN i <= {others} THEN 'other ' || i ELSE format('0b5c0e6e-4b1a-4c52-8a7f-%012d', i) END,
                              CASE WHEN i <= {others} THEN 'soon' ELSE '2024-05-06 07:08:09' END FROM n;"
    )
}

/// Text that looks like documents, UUIDs or times, and that the source's own SQL treats as text.
fn used_as_text() -> Vec<PeerCase> {
    let uuid = "0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11";
    vec![
        case(
            "D used as text",
            format!(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, data TEXT, user_id TEXT CHECK (user_id LIKE '0%'), created_at TEXT, other_id TEXT,
                                 meta TEXT, shout TEXT AS (upper(meta)) STORED);
                 INSERT INTO t VALUES (1, '{{\"a\": 1}}', '{uuid}', '2024-05-06 07:08:09', '{uuid}', '[1]');
                 CREATE INDEX by_data ON t (LOWER(data)); CREATE VIEW v AS SELECT created_at || '!' AS at, other_id FROM t;"
            ),
        )
        .has("t.data", "text")
        .has("t.user_id", "text")
        .has("t.created_at", "text")
        .has("t.meta", "text")
        // Nothing treats it as text.
        .has("t.other_id", "uuid")
        .gives("SELECT at FROM v", &["2024-05-06 07:08:09!"])
        .gives("SELECT shout FROM t", &["[1]"])
        .breaks(&format!("INSERT INTO t (id, user_id) VALUES (2, '9{uuid}')"), "23514"),
        case(
            "D used as documents",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, data TEXT CHECK (json_valid(data)));
             INSERT INTO t VALUES (1, '{\"a\": 1}'); CREATE INDEX by_a ON t (json_extract(data, '$.a'));",
        )
        .has("t.data", "jsonb")
        .gives("SELECT data -> 'a' FROM t", &["1"]),
    ]
}

/// Declared types that SQLite ignores, and values that do not have them.
fn dirty() -> Vec<PeerCase> {
    vec![
        case("D declared, 49 % other", uuids(490))
            .has("t.ref", "text")
            .has("t.at", "text")
            .tells("510 of 1000 values are UUIDs in small letters; with it 490 of 1000 values do not fit")
            .tells("as = \"uuid\"")
            .tells("as = \"timestamp_from_iso8601\""),
        case("D declared, a few in a thousand", uuids(3))
            .ends(Ending::Stopped)
            .rejects(&[("t.ref", 3), ("t.at", 3)]),
        case("D declared, a few in a thousand, skipped", uuids(3))
            .mapping("on_reject = \"skip\"")
            .ends(Ending::Partly)
            .rejects(&[("t.ref", 3), ("t.at", 3)])
            .has("t.ref", "uuid")
            .has("t.at", "timestamp without time zone")
            .gives("SELECT count(*) FROM t", &["997"]),
    ]
}

/// Documents with a zero that has a sign, in all spellings, and one without.
const SIGNED_ZEROS: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, j JSON); \
    INSERT INTO t VALUES (1, '{\"x\":-0.0}'), (2, '[-0, 1]'), (3, '{\"a\":{\"b\":[-0e5]}}'), (4, '[1]');";

/// Columns whose declaration does not determine their values.
fn open() -> Vec<PeerCase> {
    vec![
        case(
            "D5 numbers or text in keys",
            "CREATE TABLE p (auth TEXT NOT NULL, code INTEGER_OR_TEXT NOT NULL, PRIMARY KEY (auth, code)) WITHOUT ROWID;
             CREATE TABLE c (id INTEGER PRIMARY KEY, auth TEXT, code INTEGER_OR_TEXT, FOREIGN KEY (auth, code) REFERENCES p (auth, code));
             CREATE TABLE none (id INTEGER PRIMARY KEY, auth TEXT, code INTEGER_OR_TEXT, FOREIGN KEY (auth, code) REFERENCES p (auth, code));
             INSERT INTO p VALUES ('a', 1), ('a', 2), ('a', 3), ('a', 'x1'); INSERT INTO c VALUES (1, 'a', 1), (2, 'a', 2);",
        )
        .has("p.code", "text NOT NULL")
        .has("c.code", "text")
        .gives("SELECT code FROM c JOIN p USING (auth, code) ORDER BY c.id", &["1", "2"])
        .breaks("INSERT INTO c VALUES (3, 'a', 'x2')", "23503"),
        case(
            "D13",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'x'), (2, 7), (3, x'01');",
        )
        .ends_in(&[Ending::Proven, Ending::Refused, Ending::Stopped])
        .tells("several classes"),
        case(
            "D13 without blobs",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'x'), (2, 7), (3, 1.5), (4, NULL), (5, '7');",
        )
        .mapping("on_reject = \"text\"")
        .ends_in(&[Ending::Proven, Ending::Partly])
        .has("t.v", "text")
        .gives("SELECT v FROM t ORDER BY id", &["x", "7", "1.5", "NULL", "7"]),
        case(
            "D14",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v ANY) STRICT; INSERT INTO t VALUES (1, 'x'), (2, 7), (3, 'y'), (4, NULL);",
        )
        .mapping("on_reject = \"text\"")
        .ends_in(&[Ending::Proven, Ending::Partly])
        .has("t.v", "text")
        .tells("several classes"),
        case(
            "D14 of one kind",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v ANY, w ANY) STRICT; INSERT INTO t VALUES (1, '007', 7), (2, '8', 8);",
        )
        .has("t.v", "text")
        .has("t.w", "bigint")
        .gives("SELECT v, w FROM t ORDER BY id", &["007|7", "8|8"]),
        case(
            "D18 skipped and renamed columns",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, \"old name\" TEXT, cache BLOB); INSERT INTO t VALUES (1, 'x', x'00');",
        )
        .mapping("[tables.t.columns]\n\"old name\" = { rename = \"name\" }\ncache = { skip = \"made anew\" }")
        .leaves("column t.cache")
        .gives("SELECT id, name FROM t", &["1|x"]),
        case(
            "D19 rules by pattern",
            "CREATE TABLE a (id INTEGER PRIMARY KEY, is_on INTEGER, made_at INTEGER); CREATE TABLE b (id INTEGER PRIMARY KEY, is_off INTEGER);
             INSERT INTO a VALUES (1, 1, 1704164645678); INSERT INTO b VALUES (1, 0);",
        )
        .mapping("[[columns]]\ncolumn = \"is_*\"\nas = \"boolean\"\n[[columns]]\ntable = \"a\"\ncolumn = \"*_at\"\nas = \"timestamptz_from_epoch_ms\"")
        .has("a.is_on", "boolean")
        .has("b.is_off", "boolean")
        .gives("SELECT made_at FROM a", &["2024-01-02 03:04:05.678+00"]),
        case(
            "D20 faithful",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME, b BOOLEAN, j JSON, u TEXT, n DECIMAL(5,2));
             INSERT INTO t VALUES (1, '2024-01-02 03:04:05', 1, '{}', '0f8fad5b-d9cb-469f-a165-70867728950e', 1.5);",
        )
        .mapping("faithful = true")
        .has("t.at", "text")
        .has("t.b", "bigint")
        .has("t.j", "text")
        .has("t.u", "text")
        .has("t.n", "double precision"),
    ]
}

#[test]
fn section_d_types() {
    check(&cases());
}
