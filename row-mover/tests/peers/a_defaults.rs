//! Section A: defaults. For an omitted column, PostgreSQL stores the same value as SQLite.

use crate::support::{PeerCase, case, check};

/// Whether a time is at most a minute from now, for any column type.
const IS_NOW: &str = "abs(extract(epoch FROM ts::text::timestamptz) - extract(epoch FROM now())) < 60";

pub fn cases() -> Vec<PeerCase> {
    [clocks(), of_another_class(), literals()].concat()
}

fn clocks() -> Vec<PeerCase> {
    let returning_now = format!("INSERT INTO t (id) VALUES (2) RETURNING {IS_NOW}");
    vec![
        case(
            "A1",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, ts DATETIME DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now')));
             INSERT INTO t VALUES (1, '2024-01-02 03:04:05.678');",
        )
        .has("t.ts", "timestamp with time zone|timestamp without time zone|text")
        .gives(&returning_now, &["t"])
        .gives("SELECT ts::text LIKE '2024-01-02 03:04:05.678%' FROM t WHERE id = 1", &["t"]),
        case(
            "A1 text",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, ts TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now')));
             INSERT INTO t VALUES (1, 'long ago');",
        )
        .has("t.ts", "text")
        .runs("SET TimeZone = 'Asia/Tokyo'")
        .gives(
            "INSERT INTO t (id) VALUES (2) RETURNING ts ~ '^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}$', \
             abs(extract(epoch FROM ts::timestamp - now() AT TIME ZONE 'UTC')) < 60",
            &["t|t"],
        ),
        case(
            "A2",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, ts INTEGER NOT NULL DEFAULT (unixepoch()*1000));
             INSERT INTO t VALUES (1, 1704164645678);",
        )
        .has("t.ts", "timestamp with time zone NOT NULL")
        .gives(&returning_now, &["t"]),
        case(
            "A2 bigint",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, ts INTEGER NOT NULL DEFAULT (unixepoch()*1000));
             INSERT INTO t VALUES (1, 1704164645678);",
        )
        .mapping("[tables.t.columns]\nts = { as = \"bigint\" }")
        .has("t.ts", "bigint NOT NULL")
        .gives(
            "INSERT INTO t (id) VALUES (2) RETURNING ts % 1000, abs(ts / 1000 - extract(epoch FROM now())) < 60",
            &["0|t"],
        ),
        case(
            "A3",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, ts DATETIME DEFAULT (datetime('now','localtime')));
             INSERT INTO t VALUES (1, '2024-01-02 03:04:05');",
        )
        .tells("own zone")
        .leaves_or("default t.ts", &["INSERT INTO t (id) VALUES (2) RETURNING ts IS NOT NULL"], &["t"]),
        case(
            "A4",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, ts TIMESTAMP DEFAULT current_timestamp);
             INSERT INTO t VALUES (1, '2024-01-02 03:04:05');",
        )
        .has("t.ts", "timestamp with time zone|timestamp without time zone")
        .gives(&returning_now, &["t"]),
        case(
            "A4 empty",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, ts TIMESTAMP DEFAULT Current_Timestamp);",
        )
        .has("t.ts", "timestamp with time zone|timestamp without time zone")
        .gives(&returning_now, &["t"]),
        case(
            "A5",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, d DATE DEFAULT CURRENT_DATE, t TIME DEFAULT CURRENT_TIME);
             INSERT INTO t VALUES (1, '2024-01-02', '12:46:15');",
        )
        .has("t.d", "date")
        .has("t.t", "time without time zone")
        .gives("SELECT d, t FROM t", &["2024-01-02|12:46:15"])
        .runs("SET TimeZone = 'Asia/Tokyo'")
        .gives(
            "INSERT INTO t (id) VALUES (2) RETURNING d = (now() AT TIME ZONE 'UTC')::date, \
             extract(epoch FROM (now() AT TIME ZONE 'UTC')::time - t) BETWEEN -1 AND 1",
            &["t|t"],
        ),
        case(
            "A12",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT CURRENT_TIMESTAMP);
             INSERT INTO t VALUES (1, 'never');",
        )
        .has("t.a", "text")
        .runs("SET TimeZone = 'Asia/Tokyo'")
        .gives(
            "INSERT INTO t (id) VALUES (2) RETURNING a ~ '^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d$', \
             abs(extract(epoch FROM a::timestamp - now() AT TIME ZONE 'UTC')) < 60",
            &["t|t"],
        ),
    ]
}

/// Defaults of another storage class than the values, each with an exact meaning.
fn of_another_class() -> Vec<PeerCase> {
    vec![
        case(
            "A of another class",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, price TEXT DEFAULT 0.0, rate TEXT DEFAULT -1.5, code INTEGER DEFAULT '-1', ok BOOLEAN DEFAULT 'FALSE',
                             raw BLOB DEFAULT '[]', none BLOB DEFAULT '', odd BLOB DEFAULT 'a\\b');
             INSERT INTO t VALUES (1, '1.50', 'x', 'none', 1, x'00', x'01', 'y'), (2, '2', 'y', 'few', 0, x'', NULL, x'ff');",
        )
        .has("t.price", "text")
        .has("t.code", "text")
        .has("t.ok", "boolean")
        .has("t.raw", "bytea")
        .gives(
            "INSERT INTO t (id) VALUES (3) RETURNING price, rate, code, ok, encode(raw, 'escape'), length(none), encode(odd, 'hex')",
            &["0.0|-1.5|-1|f|[]|0|615c62"],
        ),
        case(
            "A of another class, without values",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, price TEXT DEFAULT 0.0, ok BOOLEAN DEFAULT 'TRUE', raw BLOB DEFAULT '[]')",
        )
        .gives("INSERT INTO t (id) VALUES (3) RETURNING price, ok, encode(raw, 'escape')", &["0.0|t|[]"]),
        case(
            "A without a meaning",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, ok BOOLEAN DEFAULT 'unset', price TEXT DEFAULT 0.12345678901234567); INSERT INTO t VALUES (1, 1, 'x');",
        )
        .leaves("default t.ok: DEFAULT 'unset'")
        .leaves("default t.price: DEFAULT 0.12345678901234567")
        .has("t.ok", "boolean"),
    ]
}

fn literals() -> Vec<PeerCase> {
    let no_default = "SELECT count(*) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
                      WHERE d.adrelid = 't'::regclass AND a.attname <> 'id'";
    vec![
        case(
            "A6",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER DEFAULT null, b BLOB DEFAULT (null), c TIMESTAMP DEFAULT null);
             INSERT INTO t VALUES (1, 2, x'03', '2024-01-02 03:04:05');",
        )
        .gives(no_default, &["0"])
        .gives("INSERT INTO t (id) VALUES (2) RETURNING a, b, c", &["NULL|NULL|NULL"]),
        case(
            "A7",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a numeric DEFAULT false, b BOOLEAN DEFAULT 1);
             INSERT INTO t VALUES (1, 2.5, 0);",
        )
        .has("t.b", "boolean")
        .gives("INSERT INTO t (id) VALUES (2) RETURNING a = 0, b::text", &["t|true"]),
        case(
            "A7 empty",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a numeric DEFAULT false, b BOOLEAN DEFAULT 1, c BOOL DEFAULT FALSE);",
        )
        .has("t.b", "boolean")
        .has("t.c", "boolean")
        .gives("INSERT INTO t (id) VALUES (2) RETURNING a = 0, b::text, c::text", &["t|true|false"]),
        case(
            "A8",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT \"abc\", b TEXT DEFAULT \"\"); INSERT INTO t VALUES (1, 'x', 'y');",
        )
        .gives("INSERT INTO t (id) VALUES (2) RETURNING a, b, b IS NULL", &["abc||f"]),
        case(
            "A9",
            "CREATE TABLE t (id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))), v TEXT);
             INSERT INTO t (v) VALUES ('one'), ('two');",
        )
        .runs("INSERT INTO t (v) VALUES ('three')")
        .runs("INSERT INTO t (v) VALUES ('four')")
        .gives(
            "SELECT count(DISTINCT id::text), bool_and(replace(id::text, '-', '') ~ '^[0-9a-f]{32}$') FROM t",
            &["4|t"],
        ),
        case(
            "A9 uuid",
            "CREATE TABLE t (id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || \
             substr(hex(randomblob(2)), 2) || '-a' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))), v TEXT);
             INSERT INTO t (v) VALUES ('one');",
        )
        .runs("INSERT INTO t (v) VALUES ('two')")
        .gives(
            "SELECT count(DISTINCT id::text), bool_and(id::text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$') \
             FROM t",
            &["2|t"],
        ),
        case(
            "A10",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'it''s', b TEXT DEFAULT '', c TEXT DEFAULT 'NULL',
                             d TEXT DEFAULT 'back\\slash', e TEXT DEFAULT 'two
lines', f TEXT DEFAULT '$$');
             INSERT INTO t (id) VALUES (1);",
        )
        .gives(
            "INSERT INTO t (id) VALUES (2) RETURNING a, b = '', c, d, e = E'two\\nlines', f",
            &["it's|t|NULL|back\\slash|t|$$"],
        )
        .gives("SELECT count(*) FROM (SELECT DISTINCT a, b, c, d, e, f FROM t) AS same", &["1"]),
        case(
            "A11",
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER DEFAULT 0x10, b BLOB DEFAULT x'00ff', c REAL DEFAULT 1e3,
                             d INTEGER DEFAULT -1, e REAL DEFAULT .5, f INTEGER DEFAULT (1 + 2), g TEXT DEFAULT ('a' || 'b'));
             INSERT INTO t (id) VALUES (1);",
        )
        .has("t.b", "bytea")
        .gives("INSERT INTO t (id) VALUES (2) RETURNING a, b, c, d, e, f, g", &["16|\\x00ff|1000|-1|0.5|3|ab"])
        .gives("SELECT count(*) FROM (SELECT DISTINCT a, b, c, d, e, f, g FROM t) AS same", &["1"]),
    ]
}

#[test]
fn section_a() {
    check(&cases());
}
