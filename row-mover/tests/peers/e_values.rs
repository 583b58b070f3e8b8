//! Section E: values. Each arrives as it is, or is named with its row, and the others arrive where that is asked for.

use crate::support::{Ending, PeerCase, case, check};

pub fn cases() -> Vec<PeerCase> {
    [texts(), as_bytes(), numbers(), blobs(), empties()].concat()
}

/// Text that PostgreSQL's text cannot hold, of each kind, beside text that it can.
const NO_TEXT: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'new', kept TEXT, tag TEXT UNIQUE);
    INSERT INTO t VALUES (1, CAST(x'61ff' AS TEXT), 'a', 'x'), (2, 'b' || char(0), 'b', CAST(x'ff' AS TEXT)), (3, NULL, 'c', NULL),
                         (4, replace(hex(zeroblob(1200000)), '00', 'y') || CAST(x'c3' AS TEXT), '', 'y');
    CREATE INDEX by_lower ON t (lower(name));";

/// Columns that hold bytes, because text cannot.
fn as_bytes() -> Vec<PeerCase> {
    let gives = |case: PeerCase| {
        case.has("t.name", "bytea")
            .has("t.kept", "text")
            .has("t.tag", "bytea")
            .leaves("index by_lower")
            .gives(
                "SELECT id, encode(name, 'hex'), encode(tag, 'hex') FROM t WHERE id < 4 ORDER BY id",
                &["1|61ff|78", "2|6200|ff", "3|NULL|NULL"],
            )
            .gives("SELECT length(name) FROM t WHERE id = 4", &["1200001"])
            .tells("on_reject = \"bytea\", and text does not hold 3 of 3 values")
            .breaks("INSERT INTO t (id, tag) VALUES (9, '\\x78')", "23505")
    };
    vec![
        gives(case("E bytes, the whole database", NO_TEXT).mapping("on_reject = \"bytea\"")),
        gives(
            case("E bytes, by column", NO_TEXT)
                .mapping("[tables.t.columns]\nname = { on_reject = \"bytea\" }\ntag = { on_reject = \"bytea\" }"),
        ),
        case(
            "E bytes, not in a foreign key",
            "CREATE TABLE p (k TEXT PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, k TEXT REFERENCES p (k));
             INSERT INTO p VALUES (CAST(x'61ff' AS TEXT)); INSERT INTO c VALUES (1, CAST(x'61ff' AS TEXT));",
        )
        .mapping("on_reject = \"bytea\"")
        .ends(Ending::Stopped),
    ]
}

/// A table of `rows` rows, one of whose INTEGERs is not one.
fn one_bad_of(rows: u32, bad: &str) -> String {
    format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);
         WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {rows})
         INSERT INTO t SELECT i, CASE WHEN i = 15000 THEN {bad} ELSE i * 3 END FROM c;"
    )
}

fn texts() -> Vec<PeerCase> {
    let nul = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'a' || char(0) || 'b'), (3, 'c');";
    let bytes = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
                 INSERT INTO t VALUES (1, 'one'), (2, CAST(x'6162ff63' AS TEXT)), (3, CAST(x'c3' AS TEXT)), (4, 'four');";
    let hazards = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
        INSERT INTO t VALUES (1, '\\N'), (2, '\\.'), (3, char(9)), (4, char(13, 10)), (5, '\\\\'), (6, char(65279) || 'bom'), (7, char(119070)),
        (8, 'e' || char(769)), (9, 'é'), (10, ''), (11, NULL), (12, 'NULL'), (13, ' lead and trail '), (14, '\"quoted\", ''too'''),
        (15, char(1, 31, 127)), (16, '\\x41'), (17, '{\"a\":1}'), (18, char(8232, 8203, 8238)), (19, '%s $1 {}');";
    vec![
        case("E1", nul).ends(Ending::Stopped).rejects(&[("t.v", 1)]).tells("id=2"),
        case("E1 skip", nul)
            .mapping("on_reject = \"skip\"")
            .ends(Ending::Partly)
            .rejects(&[("t.v", 1)])
            .tells("id=2")
            .gives("SELECT id, v FROM t ORDER BY id", &["1|a", "3|c"]),
        case("E1 null", nul)
            .mapping("on_reject = \"null\"")
            .ends(Ending::Partly)
            .rejects(&[("t.v", 1)])
            .gives("SELECT id, v FROM t ORDER BY id", &["1|a", "2|NULL", "3|c"]),
        case("E1 bytea", nul)
            .mapping("[tables.t.columns]\nv = { as = \"bytea_from_any\" }")
            .has("t.v", "bytea")
            .gives("SELECT v FROM t WHERE id = 2", &["\\x610062"]),
        case("E2", bytes).ends(Ending::Stopped).rejects(&[("t.v", 2)]).tells("id=2").tells("UTF-8"),
        case("E2 skip", bytes)
            .mapping("on_reject = \"skip\"")
            .ends(Ending::Partly)
            .rejects(&[("t.v", 2)])
            .gives("SELECT id, v FROM t ORDER BY id", &["1|one", "4|four"]),
        case("E13", hazards).has("t.v", "text").gives("SELECT count(*), count(v) FROM t", &["19|18"]),
        case("E13 UTF-16", format!("PRAGMA encoding = 'UTF-16le'; {hazards}"))
            .gives("SELECT count(*), count(v) FROM t", &["19|18"]),
        case("E12", one_bad_of(60_001, "NULL")).gives(
            "SELECT count(*), count(n), sum(n), min(id), max(id) FROM t",
            &["60001|60000|5400225003|1|60001"],
        ),
    ]
}

fn numbers() -> Vec<PeerCase> {
    vec![
        case("E3", one_bad_of(30_000, "''")).ends(Ending::Stopped).rejects(&[("t.n", 1)]).tells("id=15000"),
        case("E3 skip", one_bad_of(30_000, "''"))
            .mapping("on_reject = \"skip\"")
            .ends(Ending::Partly)
            .rejects(&[("t.n", 1)])
            .tells("id=15000")
            .has("t.n", "bigint")
            .gives("SELECT count(*), count(*) FILTER (WHERE id = 15000) FROM t", &["29999|0"]),
        case("E3 null", one_bad_of(30_000, "''"))
            .mapping("on_reject = \"null\"")
            .ends(Ending::Partly)
            .rejects(&[("t.n", 1)])
            .has("t.n", "bigint")
            .gives("SELECT count(*), count(n) FROM t", &["30000|29999"]),
        case("E3 text", one_bad_of(30_000, "''"))
            .mapping("on_reject = \"text\"")
            .ends_in(&[Ending::Proven, Ending::Partly])
            .has("t.n", "text")
            .gives("SELECT count(*), count(*) FILTER (WHERE n = '') FROM t", &["30000|1"]),
        case(
            "E4",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 5), (2, 'abc'), (3, '12x'), (4, 7);",
        )
        .mapping("on_reject = \"skip\"\n[tables.t.columns]\nn = { as = \"bigint\" }")
        .ends(Ending::Partly)
        .rejects(&[("t.n", 2)])
        .gives("SELECT id, n FROM t ORDER BY id", &["1|5", "4|7"]),
        case(
            "E5",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 9223372036854775808), (2, 1.5), (3, 1e300);",
        )
        .has("t.n", "double precision|numeric")
        .gives("SELECT n::float8 FROM t ORDER BY id", &["9.223372036854776e+18", "1.5", "1e+300"]),
        case(
            "E5 mixed",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 9223372036854775808), (2, 1.5), (3, 7);",
        )
        .has("t.n", "double precision|numeric")
        .gives("SELECT n::float8 FROM t ORDER BY id", &["9.223372036854776e+18", "1.5", "7"]),
        case(
            "E6",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL); INSERT INTO t VALUES (1, 9e999), (2, -9e999), (3, 0.5), (4, NULL), (5, 9e999 - 9e999);",
        )
        .has("t.r", "double precision")
        .gives("SELECT r FROM t ORDER BY id", &["Infinity", "-Infinity", "0.5", "NULL", "NULL"]),
    ]
}

fn blobs() -> Vec<PeerCase> {
    vec![
        case(
            "E7",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB); INSERT INTO t VALUES (1, '-----BEGIN X-----' || char(10) || 'aGk='), (2, 'aGVsbG8='), \
             (3, 'deadbeef'), (4, x'00ff'), (5, '\\x41');",
        )
        .has("t.b", "bytea")
        .gives(
            "SELECT convert_from(b, 'UTF8') FROM t WHERE id IN (2, 3, 5) ORDER BY id",
            &["aGVsbG8=", "deadbeef", "\\x41"],
        )
        .gives("SELECT b FROM t WHERE id = 4", &["\\x00ff"]),
        case(
            "E7 text alone",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB); INSERT INTO t VALUES (1, 'aGVsbG8='), (2, 'deadbeef');",
        )
        .has("t.b", "bytea|text"),
        case(
            "E8",
            "CREATE TABLE t (k BLOB PRIMARY KEY, b BLOB); INSERT INTO t VALUES (x'00ff', x''), (x'', x'00ff'), (x'ff', zeroblob(300000));",
        )
        .has("t.k", "bytea NOT NULL")
        .gives("SELECT k, length(b) FROM t ORDER BY k", &["\\x|2", "\\x00ff|0", "\\xff|300000"]),
        case(
            "E9",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'plain'), (2, x'68c3a9'), (3, x'ff00fe');",
        )
        .mapping("[tables.t.columns]\nv = { as = \"bytea_from_any\" }")
        .gives("SELECT v FROM t ORDER BY id", &["\\x706c61696e", "\\x68c3a9", "\\xff00fe"]),
        case(
            "E9 skip",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'plain'), (2, x'68c3a9'), (3, x'ff00fe');",
        )
        .mapping("on_reject = \"skip\"")
        .ends_in(&[Ending::Partly, Ending::Proven])
        .gives("SELECT count(*) FILTER (WHERE id = 1), count(*) >= 1 FROM t", &["1|t"]),
    ]
}

fn empties() -> Vec<PeerCase> {
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, d DATE, r REAL, b BOOLEAN, s TEXT);
               INSERT INTO t VALUES (1, '', '', '', ''), (2, NULL, NULL, NULL, NULL), (3, 0, 0, 0, 0), (4, '2024-01-02', 1.5, 1, 'x');";
    vec![
        case("E11", sql).ends_in(&[Ending::Stopped, Ending::Proven, Ending::Refused]).gives(
            "SELECT count(DISTINCT coalesce(d::text, 'NULL')), count(DISTINCT coalesce(s, 'NULL')) FROM t",
            &["4|4"],
        ),
        case("E11 text", sql)
            .mapping("on_reject = \"text\"")
            .ends_in(&[Ending::Proven, Ending::Partly])
            .gives("SELECT count(DISTINCT d), count(DISTINCT r), count(DISTINCT b), count(DISTINCT s) FROM t", &["3|3|3|3"])
            .gives("SELECT d, r, b, s FROM t WHERE id = 2", &["NULL|NULL|NULL|NULL"]),
        case("E11 null", sql)
            .mapping("on_reject = \"null\"\n[tables.t.columns]\nr = { as = \"double_precision\" }")
            .ends(Ending::Partly)
            .has("t.r", "double precision")
            .gives("SELECT r, s FROM t ORDER BY id", &["NULL|", "NULL|NULL", "0|0", "1.5|x"]),
        case(
            "E14",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, b BOOLEAN, at TIMESTAMP); INSERT INTO t VALUES (1, 0, 1700000000), (2, 1, 1600000000);",
        )
        .has("t.b", "boolean")
        .has("t.at", "timestamp with time zone|timestamp without time zone")
        .gives("SELECT b::text, at::timestamp FROM t ORDER BY id", &["false|2023-11-14 22:13:20", "true|2020-09-13 12:26:40"]),
    ]
}

#[test]
fn section_e() {
    check(&cases());
}
