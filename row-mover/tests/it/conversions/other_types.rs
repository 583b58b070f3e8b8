//! Arrays, addresses, lengths of time, amounts and bytes in text, judged by PostgreSQL.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Judge, Value, integers, texts};

/// An array of PostgreSQL as JSON, compared as documents: `to_jsonb` writes each element by its own type.
const SAME_DOCUMENT: &str = "to_jsonb(v) = e::jsonb";

fn document<T: serde::Serialize>(elements: &T) -> Value {
    Value::Text(serde_json::to_string(elements).unwrap().into_bytes())
}

#[test]
fn arrays() {
    let mut judge = Judge::new("\"text_array_from_json\"", SAME_DOCUMENT);
    judge.table(&texts(&[
        "[]",
        "[null]",
        r#"["", "a", "NULL", "{}", "\"", "\\", ",", "é\n"]"#,
        r#"["\u00e9"]"#,
    ]));
    judge.property(vec(prop::option::of("[^\0]{0,9}"), 0..6).prop_map(|elements| document(&elements)));
    let mut judge = Judge::new("\"bigint_array_from_json\"", SAME_DOCUMENT);
    judge.property(vec(prop::option::of(any::<i64>()), 0..6).prop_map(|elements| document(&elements)));
    let mut judge = Judge::new("\"integer_array_from_json\"", SAME_DOCUMENT);
    judge.property(vec(prop::option::of(any::<i32>()), 0..6).prop_map(|elements| document(&elements)));
    let mut judge = Judge::new("\"smallint_array_from_json\"", SAME_DOCUMENT);
    judge.property(vec(any::<i16>(), 0..6).prop_map(|elements| document(&elements)));
    let mut judge = Judge::new("\"boolean_array_from_json\"", SAME_DOCUMENT);
    judge.property(vec(prop::option::of(any::<bool>()), 0..6).prop_map(|elements| document(&elements)));
    let mut judge = Judge::new("\"numeric_array_from_json\"", SAME_DOCUMENT);
    judge.property(
        "\\[-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,9})?\\]".prop_map(|text| Value::Text(text.into_bytes())),
    );
    let mut judge = Judge::new("\"double_precision_array_from_json\"", SAME_DOCUMENT);
    judge.table(&texts(&["[0.1, -2, 1e300, 5e-324, 100]"]));
    judge.property(
        vec(any::<f64>().prop_filter("finite", |float| float.is_finite() && float.abs() < 1e15), 0..6)
            .prop_map(|elements| document(&elements)),
    );
    let mut judge = Judge::new("\"uuid_array_from_json\"", SAME_DOCUMENT);
    judge.property(
        vec("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", 0..4).prop_map(|elements| document(&elements)),
    );
}

#[test]
fn addresses() {
    let addresses = ["192.0.2.1", "192.0.2.0/24", "0.0.0.0/0", "::1", "2001:DB8:0::/32", "::ffff:192.0.2.1"];
    for (conversion, verdict) in [("\"inet\"", "v = e::inet"), ("\"cidr\"", "v = e::cidr")] {
        let mut judge = Judge::new(conversion, verdict);
        judge.table(&texts(&addresses));
        judge.property(
            any::<[u8; 4]>()
                .prop_map(|bytes| Value::Text(std::net::Ipv4Addr::from(bytes).to_string().into_bytes())),
        );
        judge.property(
            any::<[u8; 16]>()
                .prop_map(|bytes| Value::Text(std::net::Ipv6Addr::from(bytes).to_string().into_bytes())),
        );
    }
    let mut judge = Judge::new("\"inet\"", "v = e::inet AND masklen(v) = masklen(e::inet)");
    judge.table(&texts(&["192.0.2.1/24", "192.0.2.1/32", "2001:db8::1/64"]));
    let mut judge = Judge::new("\"macaddr\"", "v = e::macaddr");
    judge.table(&texts(&["08:00:2b:01:02:03", "08-00-2B-01-02-03", "0800.2b01.0203", "08002b010203"]));
    judge.property(
        "[0-9a-fA-F]{12}|([0-9a-f]{2}:){5}[0-9a-f]{2}".prop_map(|text| Value::Text(text.into_bytes())),
    );
    let mut judge = Judge::new("\"macaddr8\"", "v = e::macaddr8");
    judge.property("([0-9a-f]{2}:){7}[0-9a-f]{2}".prop_map(|text| Value::Text(text.into_bytes())));
}

#[test]
fn lengths_of_time() {
    // Two intervals can be equal with other months, days and microseconds: their text tells them apart.
    let mut judge = Judge::new("\"interval\"", "v::text = e::interval::text");
    judge.table(&texts(&[
        "PT0S",
        "P1Y2M3DT4H5M6.789S",
        "P2W",
        "P1M-3DT0.000001S",
        "02:30:00",
        "-00:00:00.5",
        "100:00:00",
        "1 02:30:00",
        "1 day, 2:30:00",
        "-1 day, 23:59:59.999999",
        "1 year 2 mons 3 days 04:05:06.789",
        "-1 years -2 mons +3 days -04:05:06",
        "5 minutes",
    ]));
    judge.property(
        "P([0-9]{1,3}Y)?([0-9]{1,2}M)?[0-9]{1,3}D(T[0-9]{1,2}H[0-9]{1,2}M[0-9]{1,2}(\\.[0-9]{1,6})?S)?"
            .prop_map(|text| Value::Text(text.into_bytes())),
    );
    judge.property(
        "-?[0-9]{1,3}:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?"
            .prop_map(|text| Value::Text(text.into_bytes())),
    );
    for (conversion, unit) in
        [("\"interval_from_s\"", 1), ("\"interval_from_ms\"", 1_000), ("\"interval_from_us\"", 1_000_000)]
    {
        let verdict: &'static str = match unit {
            1 => "extract(epoch FROM v) = e::numeric AND extract(day FROM v) = 0",
            1_000 => "extract(epoch FROM v) * 1000 = e::numeric AND extract(day FROM v) = 0",
            _ => "extract(epoch FROM v) * 1000000 = e::numeric AND extract(day FROM v) = 0",
        };
        let mut judge = Judge::new(conversion, verdict);
        judge.table(&integers(&[0, 1, -1, 86_400, 90_061]));
        judge.property((-9_000_000_000_i64..9_000_000_000).prop_map(Value::Integer));
    }
}

#[test]
fn amounts() {
    let mut judge = Judge::new("\"money\"", "v = e::numeric::money AND v::numeric = e::numeric");
    judge.table(&texts(&["0", "0.01", "-12.34", "92233720368547758.07", "-92233720368547758.08", "5.5"]));
    judge.table(&integers(&[0, 1, -1, 1_000_000]));
    judge.property("-?(0|[1-9][0-9]{0,12})(\\.[0-9]{1,2})?".prop_map(|text| Value::Text(text.into_bytes())));
    let mut judge = Judge::new("\"money_from_hundredths\"", "v::numeric * 100 = e::numeric");
    judge.property((-1_000_000_000_i64..1_000_000_000).prop_map(Value::Integer));
}

#[test]
fn bytes_in_text() {
    let mut judge = Judge::new("{\"bytea_from_text\":\"hex\"}", "v = decode(e, 'hex')");
    judge.property("([0-9a-fA-F]{2}){0,20}".prop_map(|text| Value::Text(text.into_bytes())));
    let mut judge = Judge::new("{\"bytea_from_text\":\"base64\"}", "v = decode(e, 'base64')");
    judge.table(&texts(&["", "Zg==", "Zm8=", "Zm9v", "++//"]));
    judge.property("([A-Za-z0-9+/]{4}){0,9}".prop_map(|text| Value::Text(text.into_bytes())));
    let mut judge = Judge::new("{\"bytea_from_text\":\"utf8\"}", "convert_from(v, 'UTF8') = e");
    judge.property("[^\0]{0,20}".prop_map(|text| Value::Text(text.into_bytes())));
    let mut judge = Judge::new("{\"text_from_bytea\":\"hex\"}", "v = e");
    judge.property(vec(any::<u8>(), 0..20).prop_map(Value::Blob));
    let mut judge = Judge::new("{\"text_from_bytea\":\"base64\"}", "decode(v, 'base64') = decode(e, 'hex')");
    judge.property(vec(any::<u8>(), 0..20).prop_map(Value::Blob));
}

#[test]
fn times_of_go_and_digits() {
    let mut judge = Judge::new(
        "\"timestamptz_from_go\"",
        "v = regexp_replace(e, ' [A-Z+0-9]+( m=.*)?$', '')::timestamptz",
    );
    judge.table(&texts(&[
        "2024-01-02 03:04:05.678 +0000 UTC m=+0.123",
        "2024-01-02 03:04:05 -0730 MST",
        "2024-01-02 03:04:05.000001 +0300 +03",
    ]));
    judge.property("20[0-9]{2}-0[1-9]-[12][0-9] [01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})? [+-]0[0-9]00 [A-Z]{3}( m=\\+0\\.[0-9]{9})?".prop_map(|text| Value::Text(text.into_bytes())));
    let mut judge =
        Judge::new("\"timestamp_from_digits\"", "v = to_timestamp(e, 'YYYYMMDDHH24MISS')::timestamp");
    judge.table(&texts(&["20240102030405", "20000101000000", "19700101235959"]));
    judge.table(&integers(&[20_240_102_030_405]));
    let mut judge = Judge::new("\"date_from_digits\"", "v = to_date(e, 'YYYYMMDD')");
    judge.table(&texts(&["20240229", "19700101"]));
    judge.table(&integers(&[20_240_229]));
}
