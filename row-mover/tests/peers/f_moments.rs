//! Section F: dates and times. A time is exact to the microsecond, independent of the server's settings.

use crate::support::{Ending, PeerCase, case, check};

const MOMENT: &str = "timestamp with time zone|timestamp without time zone";
const ZONED: &str = "timestamp with time zone";

fn table(declared: &str, values: &[&str]) -> String {
    let rows: Vec<String> =
        values.iter().enumerate().map(|(row, value)| format!("({}, {value})", row + 1)).collect();
    format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, at {declared}); INSERT INTO t VALUES {};",
        rows.join(", ")
    )
}

/// Many valid dates, with these among them.
fn dates(bad: &[&str]) -> String {
    let bad: Vec<String> =
        bad.iter().enumerate().map(|(place, bad)| format!("WHEN {} THEN '{bad}'", 10_000 + place)).collect();
    format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, d DATE);
         WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 30000)
         INSERT INTO t SELECT i, CASE i {} ELSE date('2000-01-01', '+' || (i % 9000) || ' days') END FROM c;",
        bad.join(" ")
    )
}

pub fn cases() -> Vec<PeerCase> {
    let in_utc = "SELECT to_char(at AT TIME ZONE 'UTC' AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') FROM t ORDER BY id";
    let bad = ["0000-00-00", "2023-02-30", "soon", "02/03/2024"];
    vec![
        case("F1", table("DATETIME", &["1700000000123", "1700000000999", "NULL"]))
            .has("t.at", ZONED)
            .gives(
                "SELECT at FROM t ORDER BY id",
                &["2023-11-14 22:13:20.123+00", "2023-11-14 22:13:20.999+00", "NULL"],
            ),
        case("F2", table("DATETIME", &["1700000000", "1600000000"]))
            .has("t.at", ZONED)
            .tells("seconds")
            .gives("SELECT at FROM t ORDER BY id", &["2023-11-14 22:13:20+00", "2020-09-13 12:26:40+00"]),
        case("F2 mapped", table("INTEGER", &["1700000000", "-1", "0"]))
            .mapping("[tables.t.columns]\nat = { as = \"timestamptz_from_epoch_s\" }")
            .has("t.at", ZONED)
            .gives(
                "SELECT at FROM t ORDER BY id",
                &["2023-11-14 22:13:20+00", "1969-12-31 23:59:59+00", "1970-01-01 00:00:00+00"],
            ),
        case("F3", table("DATETIME", &["2460000.5", "2451545.0", "2460000.75"]))
            .has("t.at", MOMENT)
            .gives(
                "SELECT at::timestamp FROM t ORDER BY id",
                &["2023-02-25 00:00:00", "2000-01-01 12:00:00", "2023-02-25 06:00:00"],
            ),
        case("F4", table("DATETIME", &["0", "NULL"])).gives("SELECT count(at), count(*) FROM t", &["1|2"]),
        case("F4 among others", table("DATETIME", &["0", "NULL", "1700000000"]))
            .gives("SELECT count(DISTINCT at), count(*) FROM t", &["2|3"]),
        case("F5", dates(&bad))
            .ends_in(&[Ending::Stopped, Ending::Proven])
            .gives("SELECT d::text FROM t WHERE id = 10003", &["02/03/2024"]),
        case("F5 stop", dates(&bad))
            .mapping("[tables.t.columns]\nd = { as = \"date\" }")
            .ends(Ending::Stopped)
            .rejects(&[("t.d", 4)])
            .tells("id=10000"),
        case("F5 skip", dates(&bad))
            .mapping("on_reject = \"skip\"\n[tables.t.columns]\nd = { as = \"date\" }")
            .ends(Ending::Partly)
            .rejects(&[("t.d", 4)])
            .has("t.d", "date")
            .gives("SELECT count(*), count(DISTINCT d), min(d), max(d) FROM t", &["29996|9000|2000-01-01|2024-08-21"]),
        case("F6", table("DATETIME", &["'2024-07-01 12:00:00'", "'2024-01-01 12:00:00.5'"]))
            .target("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET TimeZone = %L', current_database(), 'America/New_York'); END $$")
            .has("t.at", MOMENT)
            .gives("SELECT at::timestamp FROM t ORDER BY id", &["2024-07-01 12:00:00", "2024-01-01 12:00:00.5"]),
        case("F6 zone", table("DATETIME", &["'2024-07-01 12:00:00'", "'2024-01-01 12:00:00'"]))
            .mapping("[tables.t.columns]\nat = { as = { timestamptz_from_iso8601 = \"Europe/Berlin\" } }")
            .has("t.at", ZONED)
            .gives("SELECT at FROM t ORDER BY id", &["2024-07-01 10:00:00+00", "2024-01-01 11:00:00+00"]),
        case("F7", table("DATETIME", &["'2024-01-02T03:04:05+02:00'", "'2024-01-02T03:04:05Z'", "'2024-01-02 03:04:05-0330'"]))
            .has("t.at", ZONED)
            .gives(in_utc, &["2024-01-02 01:04:05.000000", "2024-01-02 03:04:05.000000", "2024-01-02 06:34:05.000000"]),
        case("F8", table("DATETIME", &["'2024-01-02 03:04:05.678901'", "'9999-12-31 23:59:59.999999'", "'0001-01-01 00:00:00'"]))
            .has("t.at", MOMENT)
            .gives(
                "SELECT at::timestamp FROM t ORDER BY id",
                &["2024-01-02 03:04:05.678901", "9999-12-31 23:59:59.999999", "0001-01-01 00:00:00"],
            ),
        case("F8 too fine", table("DATETIME", &["'2024-01-02 03:04:05.1234567'", "'2024-01-02 03:04:05'"]))
            .ends_in(&[Ending::Proven, Ending::Stopped])
            .gives("SELECT at::text FROM t WHERE id = 1", &["2024-01-02 03:04:05.1234567"]),
        case("F9", table("TIME", &["'12:34'", "'23:59:59.999999'", "'00:00:00'"]))
            .has("t.at", "time without time zone")
            .gives("SELECT at FROM t ORDER BY id", &["12:34:00", "23:59:59.999999", "00:00:00"]),
        case("F10 dates", table("DATE", &["'2024-02-29'", "'0001-01-01'", "'9999-12-31'", "NULL"]))
            .has("t.at", "date")
            .gives("SELECT at FROM t ORDER BY id", &["2024-02-29", "0001-01-01", "9999-12-31", "NULL"]),
        case("F11 moments as text", table("TEXT", &["'2024-01-02 03:04:05'", "'2024-07-01 12:00:00'"]))
            .gives("SELECT at::text LIKE '2024-%' FROM t", &["t", "t"]),
        case("F12 numbers that are no moments", table("INTEGER", &["1700000000", "3", "-7"])).has("t.at", "bigint"),
        case("F13 a mixture", table("DATETIME", &["1700000000123", "'2024-01-02 03:04:05'", "NULL"]))
            .mapping("on_reject = \"text\"")
            .ends_in(&[Ending::Proven, Ending::Partly])
            .gives("SELECT count(at) FROM t", &["2"]),
    ]
}

#[test]
fn section_f() {
    check(&cases());
}
