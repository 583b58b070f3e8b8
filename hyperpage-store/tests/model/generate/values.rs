//! Values of the columns: ordinary ones that are often equal, and the limits of what the databases hold.

use hyperpage_store::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::model::{DEPTH_MAX, INDEXED_TEXT_MAX_BYTES, MOMENTS};

/// 2024-01-15T10:00:00Z.
const START: i64 = 1_705_312_800_000;

/// One of these texts.
pub fn one_of(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    select(texts).prop_map(str::to_owned).boxed()
}

/// One of these ids, rarely one that does not exist, and more rarely one that must be refused.
pub fn name(ids: &'static [&'static str]) -> BoxedStrategy<String> {
    prop_oneof![
        150 => one_of(ids),
        8 => one_of(&["nowhere", "' OR 1=1 --", "%", "\u{1D11E}"]),
        2 => select(vec![INDEXED_TEXT_MAX_BYTES, INDEXED_TEXT_MAX_BYTES + 1])
            .prop_map(|bytes| format!("{}{}", "é".repeat(bytes / 2), "e".repeat(bytes % 2))),
        4 => Just("nul\0".to_owned()),
    ]
    .boxed()
}

/// Texts that careless code changes, and rarely one that must be refused.
pub fn text() -> BoxedStrategy<String> {
    prop_oneof![
        20 => one_of(&["", " ", "plain", "null", "it's \"quoted\" \\ `so`", "\u{1D11E} клю́ч \u{202E}", "a\r\n\tb\u{1}"]),
        10 => "[a-c]{1,3}",
        5 => any::<String>().prop_map(|text| text.replace('\0', "0")),
        1 => Just("a\0b".to_owned()),
    ].boxed()
}

/// A number with 32 bits.
pub fn number() -> BoxedStrategy<i32> {
    prop_oneof![4 => -1..5, 1 => any::<i32>(), 1 => select(vec![i32::MIN, i32::MAX])].boxed()
}

/// Moments that are often equal.
pub fn ordinary_moment() -> BoxedStrategy<Timestamp> {
    (START..START + 12).prop_map(Timestamp::from_epoch_ms).boxed()
}

/// Moments of a clock that is not monotonic: mostly few ones, some at the limits, and rarely one that PostgreSQL cannot hold.
pub fn moment() -> BoxedStrategy<Timestamp> {
    let (first, last) = (*MOMENTS.start(), *MOMENTS.end());
    let epoch_ms = prop_oneof![
        160 => START..START + 12,
        20 => START - 100_000_000_000..START + 100_000_000_000,
        10 => select(vec![-1_i64, 0, 1, -14_182_940_001, first, first + 1, last - 1, last]),
        5 => MOMENTS,
        7 => select(vec![first - 1, last + 1, i64::MIN, i64::MAX]),
    ];
    epoch_ms.prop_map(Timestamp::from_epoch_ms).boxed()
}

/// Documents of few shapes, so that they often contain each other, and any others.
pub fn document() -> BoxedStrategy<Value> {
    let deep = select(vec![DEPTH_MAX, DEPTH_MAX + 1]).prop_map(|depth| {
        (0..depth)
            .fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
    });
    prop_oneof![
        40 => select(known_documents()),
        40 => nested(),
        10 => select(known_patterns()),
        2 => deep,
    ]
    .boxed()
}

/// Patterns that documents often contain.
pub fn pattern() -> BoxedStrategy<Value> {
    prop_oneof![4 => select(known_patterns()), 2 => nested(), 1 => document()].boxed()
}

/// Members to merge.
pub fn members() -> BoxedStrategy<Map<String, Value>> {
    vec((key(), nested()), 0..4).prop_map(|members| members.into_iter().collect()).boxed()
}

fn known_documents() -> Vec<Value> {
    vec![
        json!({"tool": "github", "n": 1, "tags": ["a", "b", ["c"]]}),
        json!({"tool": "gitlab", "n": 1.0, "tags": ["b", "a", "a"], "nested": {"tool": "github", "n": null}}),
        json!({"n": 1000, "nested": {"n": 1e3, "list": [{"a": 1, "b": 2}, {"a": 2}]}}),
        json!(["a", 1, null, {"a": 1}, [1, 2]]),
        json!({"large": u64::MAX, "small": i64::MIN, "odd": 9_007_199_254_740_993_i64, "0": -0.0}),
        json!({"huge": 1e300, "tiny": 5e-324, "third": 0.1 + 0.2, "power": 1e16, "more": 1e21}),
        json!({"": "", "it's": "\"quoted\" \\u0000 \\", "\u{1D11E}": "\u{202E}\r\n\t\u{1}"}),
        json!({}),
        json!([]),
        json!(null),
        json!(null),
    ]
}

fn known_patterns() -> Vec<Value> {
    vec![
        json!({"tool": "github"}),
        json!({"tags": ["a"]}),
        json!({"tags": "a"}),
        json!({"tags": [["c"]]}),
        json!({"n": 1}),
        json!({"n": 1000.0}),
        json!({"nested": {}}),
        json!({"nested": {"list": [{"a": 1}, {"b": 2}]}}),
        json!({"power": 10_000_000_000_000_000_i64}),
        json!({"odd": 9_007_199_254_740_992_i64}),
        json!({"0": 0}),
        json!({}),
        json!([]),
        json!([[]]),
        json!("a"),
        json!(1.0),
        json!(null),
        json!({"a\0": 1}),
        json!(["\0"]),
    ]
}

fn key() -> BoxedStrategy<String> {
    prop_oneof![10 => one_of(&["a", "b", "n", "tool", "tags", ""]), 1 => text()].boxed()
}

fn nested() -> BoxedStrategy<Value> {
    let finite = any::<f64>().prop_filter("JSON has no infinity", |number| number.is_finite());
    // Most of them have other digits in their shortest form than as integers.
    let large_whole = (9.1e15..1.9e19, any::<bool>()).prop_map(|(number, is_negative)| {
        json!(if is_negative { -f64::trunc(number) } else { f64::trunc(number) })
    });
    let leaf = prop_oneof![
        2 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        4 => (0..3_i64).prop_map(Value::from),
        2 => select(vec![json!(1.0), json!(1e3), json!(1000), json!(-0.0), json!(0.5), json!(1e16), json!(-1e19)]),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => finite.prop_map(Value::from),
        1 => large_whole,
        4 => text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
    .boxed()
}
