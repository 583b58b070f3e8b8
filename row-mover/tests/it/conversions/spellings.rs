//! UUIDs, documents and dates in the spellings and classes that apps use, judged by PostgreSQL.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Judge, Value, integers, texts};

#[test]
fn uuids() {
    let mut judge = Judge::new("\"uuid_from_hex\"", "replace(v::text, '-', '') = e");
    judge.table(&texts(&["00000000000000000000000000000000", "0190d3a45f3e7c1a9b2d3c4d5e6f7081"]));
    judge.property("[0-9a-f]{32}".prop_map(|text| Value::Text(text.into_bytes())));
    let mut judge = Judge::new("\"uuid_from_any\"", "v = replace(e, 'urn:uuid:', '')::uuid");
    judge.table(&texts(&[
        "0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081",
        "0190D3A4-5F3E-7C1A-9B2D-3C4D5E6F7081",
        "0190D3A45f3e7c1a9b2d3c4d5e6f7081",
        "{0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081}",
        "urn:uuid:0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081",
    ]));
    judge.property(
        "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9A-F]{12}|[0-9a-fA-F]{32}"
            .prop_map(|text| Value::Text(text.into_bytes())),
    );
    judge.property(vec(any::<u8>(), 16).prop_map(Value::Blob));
}

#[test]
fn documents_in_blobs() {
    let documents = [r#"{"a": 1, "b": [1.50, null, "é"]}"#, "[]", "null", " [ 1 ] "];
    let blobs: Vec<Value> = documents.iter().map(|text| Value::Blob(text.as_bytes().to_vec())).collect();
    let mut judge = Judge::new("\"json_from_bytes\"", "v::text = convert_from(decode(e, 'hex'), 'UTF8')");
    judge.table(&blobs);
    judge.verdict = "v::text = e";
    judge.table(&texts(&documents));
    let mut judge = Judge::new("\"jsonb_from_bytes\"", "v = convert_from(decode(e, 'hex'), 'UTF8')::jsonb");
    judge.table(&blobs);
    judge.verdict = "v = e::jsonb";
    judge.table(&texts(&documents));
}

#[test]
fn dates_written_as_midnight() {
    let mut judge = Judge::new("\"date_from_midnight\"", "v = e::date");
    judge.table(&texts(&[
        "2024-01-02",
        "2024-01-02 00:00:00",
        "2024-01-02T00:00:00.000Z",
        "2024-01-02 00:00:00.000 +00:00",
        "2024-01-02 00:00:00+00:00",
        "0001-01-01 00:00",
        "9999-12-31T00:00:00",
    ]));
    judge.property(
        "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([ T]00:00(:00(\\.0{1,6})?)?(Z|\\+00:00)?)?"
            .prop_map(|text| Value::Text(text.into_bytes())),
    );
}

#[test]
fn documents_that_are_numbers() {
    const FLOAT: &str = "float8send(v::text::float8) = decode(e, 'hex')";
    let floats: Vec<Value> = [0.1, 1e300, 5e-324, -1.5, f64::MAX].map(Value::Real).into();
    for conversion in ["\"json_from_any\"", "\"jsonb_from_any\""] {
        let mut judge = Judge::new(conversion, "v::text = e");
        judge.table(&integers(&[0, -1, i64::MIN, i64::MAX]));
        judge.verdict = FLOAT;
        judge.table(&floats);
        judge.property(any::<f64>().prop_map(Value::Real));
    }
    let mut judge = Judge::new("\"jsonb_from_any\"", "v = e::jsonb");
    judge.table(&texts(&[r#"{"a": 1, "b": [1.50, null, "é"]}"#, "[]", "null", " [ 1 ] "]));
}

#[test]
fn times_on_a_day_that_stands_for_none() {
    let mut judge = Judge::new("\"time_from_datetime\"", "v = e::timestamp::time");
    judge.table(&texts(&[
        "2000-01-01 00:00:00",
        "2000-01-01 23:59:59.999999",
        "1970-01-01T12:34:56.789Z",
        "0001-01-01 01:02:03+00:00",
    ]));
    judge.verdict = "v = e::time";
    judge.table(&texts(&["12:34", "12:34:56.5"]));
}
