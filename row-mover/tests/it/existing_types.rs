//! Types of tables that an app has made: the conversion that each gets from its values, and the decisions that a person has to make.

use row_mover::run::{self, Silent};

use crate::support::{Case, moved, sqlite};

/// Values of a source column and the type of the target's, for a table `t(id, v)`.
pub(crate) fn case(values: &[&str], target_type: &str, mapping: &str) -> Result<Case, String> {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    let rows = values.iter().enumerate().map(|(id, value)| format!("({}, {value})", id + 1));
    let rows = rows.collect::<Vec<_>>().join(", ");
    sqlite(&source, &format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES {rows}"));
    Case::into_existing(
        dir,
        source,
        mapping,
        &format!("CREATE TABLE t (id bigint PRIMARY KEY, v {target_type})"),
    )
}

/// Migrates and validates; returns the chosen conversion and what PostgreSQL holds.
#[track_caller]
fn arrives(values: &[&str], target_type: &str, mapping: &str) -> (String, Vec<String>) {
    let case = case(values, target_type, mapping).unwrap_or_else(|words| panic!("{target_type}: {words}"));
    moved(run::migrate(&case.request(), &Silent));
    let (_, validation) = case.validated(false);
    assert!(validation.is_proven(), "{target_type}: {validation:?}");
    let column = &case.plan.table("t").unwrap().columns[1];
    (column.conversion.name().to_owned(), case.ask("SELECT v::text FROM t ORDER BY id"))
}

#[test]
fn the_conversion_that_accepts_most_values_is_chosen() {
    for (values, target_type, conversion, found) in [
        (
            &["'0190d3a45f3e7c1a9b2d3c4d5e6f7081'"][..],
            "uuid",
            "uuid_from_hex",
            &["0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081"][..],
        ),
        (
            &["x'0190d3a45f3e7c1a9b2d3c4d5e6f7081'"],
            "uuid",
            "uuid_from_bytes",
            &["0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081"],
        ),
        (
            &["x'0190d3a45f3e7c1a9b2d3c4d5e6f7081'", "'0190D3A4-5f3e-7c1a-9b2d-3c4d5e6f7082'"],
            "uuid",
            "uuid_from_any",
            &["0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081", "0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7082"],
        ),
        (
            &["CAST('{\"a\": [1, 2]}' AS BLOB)", "'[]'"],
            "jsonb",
            "jsonb_from_bytes",
            &["{\"a\": [1, 2]}", "[]"],
        ),
        (&["CAST('{\"a\":1}' AS BLOB)"], "json", "json_from_bytes", &["{\"a\":1}"]),
        (
            &["'[1]'", "42", "-0.5", "'\"x\"'", "CAST('{}' AS BLOB)"],
            "jsonb",
            "jsonb_from_any",
            &["[1]", "42", "-0.5", "\"x\"", "{}"],
        ),
        (&["'[1]'", "42", "-0.5"], "json", "json_from_any", &["[1]", "42", "-0.5"]),
        (
            &["'2000-01-01 12:34:56.000001'", "'2000-01-01 00:00:00'"],
            "time",
            "time_from_datetime",
            &["12:34:56.000001", "00:00:00"],
        ),
        // An Interval of SQLAlchemy.
        (
            &["'1970-01-01 00:00:00.000001'", "'1971-12-31 05:04:03'", "'1969-12-31 00:00:01.000000'"],
            "interval",
            "interval_since_1970",
            &["00:00:00.000001", "729 days 05:04:03", "-1 days +00:00:01"],
        ),
        (&["'12'", "3", "4.0"], "bigint", "bigint_from_any", &["12", "3", "4"]),
        (&["'12'", "3", "4.0"], "integer", "integer_from_any", &["12", "3", "4"]),
        (&["'-12'", "3.0"], "smallint", "smallint_from_any", &["-12", "3"]),
        (&["1", "2"], "smallint", "smallint", &["1", "2"]),
        (&["0.10000000149011612", "0.5"], "real", "real_from_float32", &["0.1", "0.5"]),
        (&["0.1", "0.5"], "real", "real", &["0.1", "0.5"]),
        (
            &["'2024-01-02 00:00:00'", "'2024-01-03T00:00:00.000Z'", "'2024-01-04'"],
            "date",
            "date_from_midnight",
            &["2024-01-02", "2024-01-03", "2024-01-04"],
        ),
        (
            &["1704153600000", "'2024-01-03'", "-86400000"],
            "date",
            "date_from_midnight",
            &["2024-01-02", "2024-01-03", "1969-12-31"],
        ),
        (
            &["1700000000123", "'2023-11-14 22:13:20'", "0"],
            "timestamptz",
            "timestamptz_from_ms_or_iso8601",
            &["2023-11-14 22:13:20.123+00", "2023-11-14 22:13:20+00", "1970-01-01 00:00:00+00"],
        ),
        (
            &["1700000000", "'2023-11-14T22:13:20.5Z'", "1700000000.25"],
            "timestamp",
            "timestamp_from_s_or_iso8601",
            &["2023-11-14 22:13:20", "2023-11-14 22:13:20.5", "2023-11-14 22:13:20.25"],
        ),
        (
            &["1700000000123", "'2023-11-14 22:13:20'"],
            "timestamp",
            "timestamp_from_ms_or_iso8601",
            &["2023-11-14 22:13:20.123", "2023-11-14 22:13:20"],
        ),
        (
            &["1700000000", "'2023-11-14 22:13:20'"],
            "timestamptz",
            "timestamptz_from_s_or_iso8601",
            &["2023-11-14 22:13:20+00", "2023-11-14 22:13:20+00"],
        ),
        (
            &["1700000000123456", "0"],
            "timestamp",
            "timestamp_from_epoch_us",
            &["2023-11-14 22:13:20.123456", "1970-01-01 00:00:00"],
        ),
        (&["1700000000123456000"], "timestamp", "timestamp_from_epoch_ns", &["2023-11-14 22:13:20.123456"]),
        (
            &["1700000000123456"],
            "timestamptz",
            "timestamptz_from_epoch_us",
            &["2023-11-14 22:13:20.123456+00"],
        ),
        (
            &["1700000000123456000"],
            "timestamptz",
            "timestamptz_from_epoch_ns",
            &["2023-11-14 22:13:20.123456+00"],
        ),
    ] {
        let (chosen, shown) = arrives(values, target_type, "");
        assert_eq!(
            (chosen.as_str(), shown),
            (conversion, found.iter().map(|v| (*v).to_owned()).collect()),
            "{target_type}"
        );
    }
}

#[test]
fn a_plan_names_what_a_conversion_does_not_keep() {
    let case = case(&["'12'", "3"], "bigint", "").unwrap_or_else(|words| panic!("{words}"));
    let why = &case.plan.table("t").unwrap().columns[1].why;
    assert_eq!(why, "bigint in the target; whether a number was an integer, a float or text is not kept");
}

#[test]
fn numbers_of_an_unknown_unit_need_a_decision_and_the_one_that_is_offered_works() {
    for (values, target_type, problem, offered, found) in [
        // A short time after 1970 in each unit.
        (
            &["5", "60"][..],
            "timestamp",
            "nothing shows whether",
            "timestamp_from_epoch_ms",
            "1970-01-01 00:00:00.005",
        ),
        (
            &["5", "60"],
            "timestamptz",
            "nothing shows whether",
            "timestamptz_from_epoch_ms",
            "1970-01-01 00:00:00.005+00",
        ),
        // A century that is implausible, and `never` as the end of all years.
        (
            &["1700000000", "253402300799"],
            "timestamp",
            "1 of its 2 numbers",
            "timestamp_from_epoch_s",
            "2023-11-14 22:13:20",
        ),
        (
            &["1700000000000000", "-9000000000000000"],
            "timestamptz",
            "1 of its 2 numbers",
            "timestamptz_from_epoch_us",
            "2023-11-14 22:13:20+00",
        ),
    ] {
        let words = match case(values, target_type, "") {
            Err(words) => words,
            Ok(case) => panic!("{}", case.plan.table("t").unwrap().columns[1].conversion.name()),
        };
        assert!(words.contains(problem) && words.contains(&format!("\nas = \"{offered}\"")), "{words}");
        let mapping = format!("[tables.t.columns.v]\nas = \"{offered}\"");
        let (chosen, shown) = arrives(values, target_type, &mapping);
        assert_eq!((chosen.as_str(), shown[0].as_str()), (offered, found), "{target_type}");
    }
}

#[test]
fn types_that_only_postgresql_has_get_their_values() {
    for (values, target_type, conversion, found) in [
        (
            &["'[\"a\", \"b,c\", null]'", "'[]'"][..],
            "text[]",
            "text_array_from_json",
            &["{a,\"b,c\",NULL}", "{}"][..],
        ),
        (&["'[\"a\"]'"], "varchar[]", "text_array_from_json", &["{a}"]),
        (&["'[1, 2]'"], "int[]", "integer_array_from_json", &["{1,2}"]),
        (&["'[1, 2]'"], "bigint[]", "bigint_array_from_json", &["{1,2}"]),
        (&["'[1, 2]'"], "smallint[]", "smallint_array_from_json", &["{1,2}"]),
        (&["'[1.50]'"], "numeric[]", "numeric_array_from_json", &["{1.50}"]),
        (&["'[0.1]'"], "float8[]", "double_precision_array_from_json", &["{0.1}"]),
        (&["'[true,false]'"], "boolean[]", "boolean_array_from_json", &["{t,f}"]),
        (
            &["'[\"0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081\"]'"],
            "uuid[]",
            "uuid_array_from_json",
            &["{0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081}"],
        ),
        (&["'192.0.2.1'", "'2001:DB8::1/64'"], "inet", "inet", &["192.0.2.1/32", "2001:db8::1/64"]),
        (&["'192.0.2.0/24'"], "cidr", "cidr", &["192.0.2.0/24"]),
        (&["'08-00-2B-01-02-03'"], "macaddr", "macaddr", &["08:00:2b:01:02:03"]),
        (
            &["'P1DT2H'", "'02:30:00'", "'1 day, 0:00:01'"],
            "interval",
            "interval",
            &["1 day 02:00:00", "02:30:00", "1 day 00:00:01"],
        ),
        (&["12.5", "'3'", "4"], "money", "money", &["$12.50", "$3.00", "$4.00"]),
        (
            &["'2024-01-02 03:04:05.678 +0100 CET m=+0.5'"],
            "timestamptz",
            "timestamptz_from_go",
            &["2024-01-02 02:04:05.678+00"],
        ),
        (&["'20240102030405'"], "timestamp", "timestamp_from_digits", &["2024-01-02 03:04:05"]),
        (&["20240102030405"], "timestamptz", "timestamptz_from_digits", &["2024-01-02 03:04:05+00"]),
        (&["20240102", "'20240103'"], "date", "date_from_digits", &["2024-01-02", "2024-01-03"]),
    ] {
        let (chosen, shown) = arrives(values, target_type, "");
        assert_eq!(
            (chosen.as_str(), shown),
            (conversion, found.iter().map(|v| (*v).to_owned()).collect()),
            "{target_type}"
        );
    }
}

#[test]
fn what_only_a_person_knows_is_done_as_the_mapping_says() {
    for (values, target_type, decision, found) in [
        (&["90061000000"][..], "interval", "as = \"interval_from_us\"", &["25:01:01"][..]),
        (&["90.5", "60"], "interval", "as = \"interval_from_s\"", &["00:01:30.5", "00:01:00"]),
        (&["1234"], "money", "as = \"money_from_hundredths\"", &["$12.34"]),
        (&["'00ff'"], "bytea", "as = { bytea_from_text = \"hex\" }", &["\\x00ff"]),
        (&["'AP8='"], "bytea", "as = { bytea_from_text = \"base64\" }", &["\\x00ff"]),
        (&["'ab'"], "bytea", "as = { bytea_from_text = \"utf8\" }", &["\\x6162"]),
        (&["x'00ff'"], "text", "as = { text_from_bytea = \"hex\" }", &["00ff"]),
        (&["x'00ff'"], "text", "as = { text_from_bytea = \"base64\" }", &["AP8="]),
        (
            &["'2024-01-02 03:04:05.123456789Z'"],
            "timestamptz",
            "round = \"microseconds\"",
            &["2024-01-02 03:04:05.123457+00"],
        ),
        (
            &["'2024-01-02 03:04:05.123456789 +0000 UTC m=+0.1'"],
            "timestamptz",
            "round = \"microseconds\"",
            &["2024-01-02 03:04:05.123457+00"],
        ),
        (&["1704164645123456789"], "timestamp", "round = \"microseconds\"", &["2024-01-02 03:04:05.123457"]),
        (&["''", "'5'"], "bigint", "empty = \"null\"", &["", "5"]),
        (
            &["0.1 * 3", "1.005", "-0.001", "'2.345'", "7"],
            "numeric(12,2)",
            "round = \"scale\"",
            &["0.30", "1.01", "0.00", "2.35", "7.00"],
        ),
    ] {
        let (_, shown) = arrives(values, target_type, &format!("[tables.t.columns.v]\n{decision}"));
        let shown: Vec<String> =
            shown.into_iter().map(|value| if value == "NULL" { String::new() } else { value }).collect();
        assert_eq!(shown, found.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>(), "{decision}");
    }
}

#[test]
fn a_finer_fraction_is_a_reject_that_names_the_decision() {
    let case = case(&["'2024-01-02 03:04:05.123456789Z'"], "timestamptz", "").unwrap();
    let rejected = serde_json::to_string(&run::migrate(&case.request(), &Silent).unwrap()).unwrap();
    assert!(rejected.contains("round = \\\"microseconds\\\""), "{rejected}");
}

#[test]
fn numbers_in_an_interval_need_their_unit() {
    let words = match case(&["90", "60"], "interval", "") {
        Err(words) => words,
        Ok(_) => panic!("no unit was asked for"),
    };
    for unit in ["\nas = \"interval_from_s\"", "interval_from_ms", "interval_from_us"] {
        assert!(words.contains(unit), "{words}");
    }
}

#[test]
fn durations_of_django_are_microseconds() {
    let planned = |tables: &str, declared: &str, values: &str| {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.db");
        let list = "(id INTEGER PRIMARY KEY, app TEXT, name TEXT, applied datetime)";
        sqlite(
            &source,
            &format!(
                "CREATE TABLE {tables} {list}; INSERT INTO {tables} VALUES (1, 'shop', '0001_initial', '2024-01-02 03:04:05'); \
                 CREATE TABLE t (id INTEGER PRIMARY KEY, v {declared}); INSERT INTO t (v) VALUES {values}"
            ),
        );
        let target = format!(
            "CREATE TABLE {tables} (id bigint PRIMARY KEY, app text, name text, applied timestamptz); \
             CREATE TABLE t (id bigint PRIMARY KEY, v interval)"
        );
        Case::into_existing(dir, source, "", &target)
    };
    let case = planned("django_migrations", "bigint", "(90061000001), (-5), (NULL)")
        .unwrap_or_else(|words| panic!("{words}"));
    let why = case.plan.table("t").unwrap().columns[1].why.clone();
    assert_eq!(why, "interval in the target; Django's DurationField, which SQLite holds in microseconds");
    moved(run::migrate(&case.request(), &Silent));
    assert!(case.validated(false).1.is_proven());
    let found = case.ask("SELECT coalesce(v::text, 'NULL') FROM t ORDER BY id");
    assert_eq!(found, ["25:01:01.000001", "-00:00:00.000005", "NULL"]);
    for (tables, declared, values) in [
        // Another framework's list, another declaration, and numbers that Django never stores.
        ("goose_db_version", "bigint", "(90)"),
        ("django_migrations", "integer", "(90)"),
        ("django_migrations", "bigint", "(90), (1.5)"),
        ("django_migrations", "bigint", "(90), ('00:01:30')"),
    ] {
        let words = planned(tables, declared, values).err().unwrap_or_else(|| panic!("{tables} {values}"));
        assert!(words.contains("interval_from_us"), "{words}");
    }
}

#[test]
fn a_type_that_no_conversion_produces_is_read_by_its_input_function() {
    for (values, target_type, found) in [
        (&["'[1,5]'", "'empty'", "NULL"][..], "int4range", &["[1,6)", "empty", "NULL"][..]),
        (&["'(1,2)'"], "point", &["(1,2)"]),
        (&["'fat & (rat | cat)'"], "tsquery", &["'fat' & ( 'rat' | 'cat' )"]),
        (&["'B0101'", "'101'"], "varbit", &["0101", "101"]),
        (&["'{\"a\",b}'"], "varchar(5)[]", &["{a,b}"]),
        (&["'<a/>'"], "xml", &["<a/>"]),
        (&["'1 day'"], "interval(3)", &["1 day"]),
    ] {
        let words = match case(values, target_type, "") {
            Err(words) => words,
            Ok(case) => {
                panic!("{target_type}: {}", case.plan.table("t").unwrap().columns[1].conversion.name())
            }
        };
        // The lines that are offered, as they are.
        let (_, lines) = words.split_once("lines for mapping.toml:\n").unwrap_or_else(|| panic!("{words}"));
        assert!(lines.contains("as = \"text_input\""), "{lines}");
        let (chosen, shown) = arrives(values, target_type, lines);
        assert_eq!(
            (chosen.as_str(), shown),
            ("text_input", found.iter().map(|v| (*v).to_owned()).collect()),
            "{target_type}"
        );
    }
}

#[test]
fn validation_finds_another_value_behind_the_text_input() {
    let mapping = "[tables.t.columns.v]\nas = \"text_input\"";
    let case = case(&["'[1,5]'", "'[7,9)'"], "int4range", mapping).unwrap_or_else(|words| panic!("{words}"));
    moved(run::migrate(&case.request(), &Silent));
    case.execute("UPDATE t SET v = '[1,7)' WHERE id = 1");
    let (_, validation) = case.validated(false);
    let tables = serde_json::to_string(&validation.tables).unwrap();
    assert!(!validation.is_proven() && tables.contains("\"different\":1"), "{tables}");
    case.execute("UPDATE t SET v = '[1,6)' WHERE id = 1");
    assert!(case.validated(false).1.is_proven());
}

#[test]
fn a_text_that_the_type_refuses_is_named_by_its_key_and_not_logged() {
    let mapping = "[tables.t.columns.v]\nas = \"text_input\"";
    let case =
        case(&["'[1,5]'", "'five to nine'"], "int4range", mapping).unwrap_or_else(|words| panic!("{words}"));
    let refused = crate::support::chain(&case.refused());
    assert!(refused.contains("id=2") && !refused.contains("five"), "{refused}");
}

#[test]
fn texts_that_are_no_labels_are_counted_and_the_labels_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(
        &source,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'new'), (2, 'New'), (3, 'secret')",
    );
    let target = "CREATE TYPE state AS ENUM ('new', 'done'); CREATE TABLE t (id bigint PRIMARY KEY, v state)";
    let case = Case::into_existing(dir, source, "", target).unwrap();
    let why = &case.plan.table("t").unwrap().columns[1].why;
    assert!(why.contains("2 of 3 values do not fit and are rejects"), "{why}");
    let outcome = serde_json::to_string(&run::migrate(&case.request(), &Silent).unwrap()).unwrap();
    assert!(outcome.contains("not one of the labels of its enum: new, done"), "{outcome}");
    assert!(outcome.contains("id=3") && !outcome.contains("secret"), "{outcome}");
}

#[test]
fn an_empty_text_that_becomes_null_is_no_orphan() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.db");
    sqlite(
        &source,
        "CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE t (id INTEGER PRIMARY KEY, p TEXT REFERENCES p (id)); \
                     INSERT INTO p VALUES ('a'); INSERT INTO t VALUES (1, ''), (2, 'a')",
    );
    let target = "CREATE TABLE p (id text PRIMARY KEY); CREATE TABLE t (id bigint PRIMARY KEY, p text REFERENCES p (id))";
    let mapping = "[tables.t.columns.p]\nempty = \"null\"";
    let case = Case::into_existing(dir, source, mapping, target).unwrap();
    let notes = &case.plan.table("t").unwrap().columns[1].notes;
    assert_eq!(notes, &["1 empty text becomes NULL, as mapping.toml says"]);
    moved(run::migrate(&case.request(), &Silent));
    assert!(case.validated(false).1.is_proven());
    assert_eq!(case.ask("SELECT count(*) FROM t WHERE p IS NULL"), ["1"]);
}
