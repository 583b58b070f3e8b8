//! The conversions of JSON documents, judged by PostgreSQL.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Judge, Value, any_text, texts};
use crate::support::ask;

/// Documents that keep every digit, escape and shade, or do not.
const NASTY_DOCUMENTS: &[&str] = &[
    "null",
    "true",
    "0",
    "1.0",
    "1.50",
    "0.000",
    "1e400",
    "-1E+400",
    "1e-400",
    "1.5e-10",
    "1E2",
    "100000000000000000000000000000000000000000000001",
    "123456789012345678901234567890.123456789012345678901234567890",
    "9007199254740993",
    "0.1000000000000000055511151231257827021181583404541015625",
    "\"\"",
    "\" \"",
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\u0041\u00e9\u65e5\ud834\udd1e\u007f\u0001""#,
    r#""\\u0000""#,
    "\"\u{7f}\u{2028}\u{2029}\u{feff}👩‍👩‍👧‍👦\"",
    "[]",
    "{}",
    " \t\r\n[ 1 , 2 ]\n",
    "[1, 1.0, 1.00, 10e-1]",
    r#"{"b": 1, "a": 2, "aa": 3, "": 4, "A": 5}"#,
    r#"{"a": {"b": [{"c": null}, [], {}, [[[]]]]}}"#,
    r#"{"a": null, "A": false, "\u0061b": "x"}"#,
    r#"[{"id": 1}, {"id": 1}, "1", 1, true, "true"]"#,
];

/// Documents with a zero that has a sign, which `jsonb` drops.
const SIGNED_ZEROS: &[&str] = &["-0", "-0.0", "[1, -0e5]", r#"{"a": {"b": -0.00E-2}}"#];

#[derive(Clone, Debug)]
struct Document(String);

fn any_document() -> impl Strategy<Value = Document> {
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?",
    ];
    let string = prop_oneof![
        any_text().prop_map(|text| serde_json::Value::String(text).to_string()),
        "\"([a-z ]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-f]{4}){0,10}\"",
    ];
    let leaf = prop_oneof![Just("null".to_owned()), Just("true".to_owned()), number, string.clone()];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let pair = (string.clone(), inner.clone()).prop_map(|(key, value)| format!("{key} : {value}"));
        prop_oneof![
            vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(" ,"))),
            vec(pair, 0..6).prop_map(|pairs| format!("{{{}}}", pairs.join(",\n"))),
        ]
    })
    .prop_map(Document)
}

/// Texts that are JSON but for a character or two.
fn nearly_json() -> impl Strategy<Value = Document> {
    (any_document(), any::<prop::sample::Index>(), "[\\[\\]{}\",:0-9.eE+\\-\\\\u a]{0,2}").prop_map(
        |(Document(text), at, spoil)| {
            let mut letters: Vec<char> = text.chars().collect();
            let at = at.index(letters.len());
            letters.splice(at..(at + 1).min(letters.len()), spoil.chars());
            Document(letters.into_iter().collect())
        },
    )
}

#[test]
fn json() {
    let mut judge = Judge::new("\"json\"", "v::text = e COLLATE \"C\" AND v::text = e::json::text");
    judge.table(&texts(NASTY_DOCUMENTS));
    judge.table(&texts(SIGNED_ZEROS));
    judge.table(&texts(&[r#"{"a":1,"a":2}"#, r#""\u0000""#, r#""\ud800""#, "1e99999999"]));
    judge.property(prop_oneof![any_document(), nearly_json()].prop_map(|it| Value::Text(it.0.into_bytes())));
}

#[test]
fn jsonb() {
    let mut judge = Judge::new("\"jsonb\"", "v::text = e::jsonb::text AND v = e::jsonb");
    judge.table(&texts(NASTY_DOCUMENTS));
    let shown = ask(&mut judge.judge, "SELECT v::text FROM t WHERE e IN ('1e400', '1.50') ORDER BY n");
    assert_eq!(shown, ["1.50", &format!("1{}", "0".repeat(400))]);
    judge.property(prop_oneof![any_document(), nearly_json()].prop_map(|it| Value::Text(it.0.into_bytes())));
}

#[test]
fn jsonb_last_key_wins() {
    let mut judge = Judge::new("\"jsonb_last_key_wins\"", "v::text = e::jsonb::text AND v = e::jsonb");
    judge.table(&texts(NASTY_DOCUMENTS));
    judge.table(&texts(&[r#"{"a":1,"a":2}"#, r#"{"a":{"b":1,"b":[]},"\u0061":{"c":1,"c":1.0}}"#]));
    judge.property(prop_oneof![any_document(), nearly_json()].prop_map(|it| Value::Text(it.0.into_bytes())));
}

#[test]
fn jsonb_unsigned_zero() {
    let mut judge = Judge::new("\"jsonb_unsigned_zero\"", "v::text = e::jsonb::text AND v = e::jsonb");
    judge.table(&texts(NASTY_DOCUMENTS));
    judge.table(&texts(SIGNED_ZEROS));
    // PostgreSQL's numeric has no negative zero, and keeps its scale.
    assert_eq!(ask(&mut judge.judge, "SELECT v::text FROM t WHERE e = '-0.0'"), ["0.0"]);
    judge.property(prop_oneof![any_document(), nearly_json()].prop_map(|it| Value::Text(it.0.into_bytes())));
}

#[test]
fn jsonb_last_key_wins_unsigned_zero() {
    let mut judge =
        Judge::new("\"jsonb_last_key_wins_unsigned_zero\"", "v::text = e::jsonb::text AND v = e::jsonb");
    judge.table(&texts(NASTY_DOCUMENTS));
    judge.table(&texts(SIGNED_ZEROS));
    judge.table(&texts(&[r#"{"a":1,"a":-0}"#, r#"{"a":{"b":-0,"b":[-0.0]},"\u0061":-0}"#]));
    judge.property(prop_oneof![any_document(), nearly_json()].prop_map(|it| Value::Text(it.0.into_bytes())));
}
