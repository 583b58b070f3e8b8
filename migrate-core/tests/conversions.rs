//! The round trip of every conversion on many random values, many of them close to what it takes. The fuzzer runs the same check
//! (docs/fuzzing.md).
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

#[path = "../../fuzz/src/conversions.rs"]
mod conversions;

use migrate_core::conversion::Conversion;
use migrate_core::value::SourceValue;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// Number of random values for each conversion.
const VALUES: usize = 100_000;

/// Forms that some conversion takes, to be changed a little.
const FORMS: [&str; 24] = [
    "2024-01-02 03:04:05",
    "2024-01-02T03:04:05.678901Z",
    "9999-12-31 23:59:59.999999+14:00",
    "0001-01-01",
    "12:34",
    "23:59:59.999999",
    "{\"a\":[1,2.50,null,true,\"\\u00e9\"],\"b\":{}}",
    "[]",
    "\"\\ud83d\\ude00\"",
    "1e400",
    "-0",
    "12345678901234567890.000100",
    "0.1",
    "true",
    "f",
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    "0F8FAD5BD9CB469FA16570867728950E",
    "{0f8fad5b-d9cb-469f-a165-70867728950e}",
    "1700000000",
    "2460000.5",
    "P1DT2H",
    "192.0.2.1",
    "\\x00ff",
    "é",
];

/// Random bytes, small numbers, and forms with a few changes.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let examples = Conversion::all().map(|conversion| match conversion.example() {
        SourceValue::Text(bytes) | SourceValue::Blob(bytes) => bytes,
        _ => &[0],
    });
    let forms: Vec<_> = FORMS.iter().map(|form| form.as_bytes()).chain(examples).collect();
    let changed = |form: &'static [u8]| {
        let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4);
        prop::collection::vec(change, 0..4).prop_map(move |changes| {
            let mut bytes = form.to_vec();
            for (at, byte, kind) in changes {
                let at = at.index(bytes.len());
                match kind {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, b" 0-:+.TZe\"{}"[usize::from(byte) % 12]),
                    2 if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            bytes
        })
    };
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..24),
        (any::<i64>(), 0_u32..64)
            .prop_map(|(number, shift): (i64, u32)| (number >> shift).to_le_bytes().to_vec()),
        prop::sample::select(forms).prop_flat_map(changed),
    ]
}

#[test]
fn every_conversion_returns_what_it_encoded() {
    let mut runner = TestRunner::deterministic();
    let (payload, all) = (payload(), Conversion::all());
    let mut taken = vec![0; all.len()];
    for count in 0..VALUES {
        let payload = payload.new_tree(&mut runner).unwrap().current();
        for (conversion, taken) in all.iter().zip(&mut taken) {
            *taken += usize::from(conversions::check_one(conversion, (count % 6) as u8, &payload));
        }
    }
    for (conversion, taken) in all.iter().zip(taken) {
        assert!(taken > 10, "{}: only {taken} values", conversion.name());
    }
}

#[test]
fn every_conversion_is_documented() {
    let page = include_str!("../../docs/types.md");
    for conversion in Conversion::all() {
        let row = format!("| `{}` | {} |", conversion.name(), conversion.describe());
        assert!(page.contains(&row), "docs/types.md has no row {row}");
    }
}
