//! What is counted of which value, how counts add up, and that they agree with the conversions.

use proptest::prelude::*;

use super::ColumnProfile;
use crate::conversion::Conversion;
use crate::value::SourceValue;

/// The counts of one value.
fn counted(value: SourceValue<'_>) -> ColumnProfile {
    let mut profile = ColumnProfile::default();
    profile.count(value);
    profile
}

/// The names and counts of a profile that are not 0, as JSON has them.
fn shown(profile: &ColumnProfile) -> String {
    serde_json::to_string(profile).unwrap().replace('"', "")
}

#[test]
fn a_value_counts_for_each_form_that_it_has() {
    use SourceValue::{Blob, Integer, Null, Real, Text};
    for (value, expected) in [
        (Null, "{nulls:1}"),
        (Integer(0), "{integers:1,zeros:1}"),
        (Integer(1), "{integers:1,ones:1}"),
        (Integer(-1), "{integers:1}"),
        (Integer(946_684_799), "{integers:1}"),
        (Integer(946_684_800), "{integers:1,epoch_s:1}"),
        (Integer(4_102_444_799), "{integers:1,integers_beyond_32_bits:1,epoch_s:1}"),
        (Integer(4_102_444_800), "{integers:1,integers_beyond_32_bits:1}"),
        (Integer(1_700_000_000_123), "{integers:1,integers_beyond_32_bits:1,epoch_ms:1}"),
        (
            Integer(1_700_000_000_123_456),
            "{integers:1,integers_beyond_32_bits:1,epoch_us:1,beyond_epoch_s:1}",
        ),
        (
            Integer(i64::MAX),
            "{integers:1,integers_beyond_32_bits:1,integers_inexact_as_float:1,beyond_epoch_s:1,beyond_epoch_ms:1}",
        ),
        (
            Integer(i64::MIN),
            "{integers:1,integers_beyond_32_bits:1,beyond_epoch_s:1,beyond_epoch_ms:1,beyond_epoch_us:1}",
        ),
        (Real(2_460_000.5), "{reals:1,julian_days:1,real_scale_max:1}"),
        (Real(1_700_000_000.25), "{reals:1,real_epoch_s:1,real_scale_max:2}"),
        (Real(1.0), "{reals:1,reals_whole:1,reals_zero_or_one:1}"),
        (Real(19.99), "{reals:1,real_scale_max:2}"),
        (Real(-3.0), "{reals:1,reals_whole:1}"),
        (Real(f64::INFINITY), "{reals:1,reals_infinite:1}"),
        (Text(b""), "{texts:1,texts_empty:1}"),
        (Text(b"a\0b"), "{texts:1,text_bytes_max:3,texts_with_nul:1}"),
        (Text(b"a\xff"), "{texts:1,text_bytes_max:2,texts_not_utf8:1}"),
        (Text(b"some words"), "{texts:1,text_bytes_max:10}"),
        (Text(b"0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11"), "{texts:1,text_bytes_max:36,uuids:1}"),
        (Text(b"0B5C0E6E-4B1A-4C52-8A7F-0D6A4F3F9A11"), "{texts:1,text_bytes_max:36,uuids_upper:1}"),
        (Text(b"0B5C0E6E-4B1A-4C52-8A7F-0d6a4f3f9a11"), "{texts:1,text_bytes_max:36}"),
        (Text(b"00000000-0000-0000-0000-000000000000"), "{texts:1,text_bytes_max:36,uuids:1,uuids_upper:1}"),
        (Text(b"{0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a1}"), "{texts:1,text_bytes_max:37}"),
        (Text(b"0b5c0e6e4b1a4c528a7f0d6a4f3f9a11"), "{texts:1,text_bytes_max:32,hex_of_32_digits:1}"),
        (Text(b"2024-05-06"), "{texts:1,text_bytes_max:10,dates:1}"),
        (Text(b"2024-02-30"), "{texts:1,text_bytes_max:10}"),
        (Text(b"12:34"), "{texts:1,text_bytes_max:5,times:1}"),
        (Text(b"12:34:56.789"), "{texts:1,text_bytes_max:12,times:1}"),
        (Text(b"25:00"), "{texts:1,text_bytes_max:5}"),
        (Text(b"2024-05-06 07:08"), "{texts:1,text_bytes_max:16,timestamps:1}"),
        (Text(b"2024-05-06T07:08:09.5"), "{texts:1,text_bytes_max:21,timestamps:1}"),
        (Text(b"2024-05-06T07:08:09Z"), "{texts:1,text_bytes_max:20,timestamps_with_offset:1}"),
        (Text(b"2024-05-06 07:08:09 -03:30"), "{texts:1,text_bytes_max:26,timestamps_with_offset:1}"),
        (Text(b"2024-05-06 07:08:09.1234567"), "{texts:1,text_bytes_max:27}"),
        (Text(b"soon"), "{texts:1,text_bytes_max:4}"),
        (Text(b"Yes"), "{texts:1,text_bytes_max:3,boolean_words:1}"),
        (Text(b"true"), "{texts:1,text_bytes_max:4,boolean_words:1,json_scalars:1,jsonb:1}"),
        (Text(b"{\"a\": [1]}"), "{texts:1,text_bytes_max:10,json_documents:1,jsonb:1}"),
        (Text(b" [] "), "{texts:1,text_bytes_max:4,json_documents:1,jsonb:1}"),
        (Text(b"{\"a\":1,\"a\":2}"), "{texts:1,text_bytes_max:13,json_documents:1,jsonb_last_key_wins:1}"),
        (Text(b"[-0.0]"), "{texts:1,text_bytes_max:6,json_documents:1,jsonb_unsigned_zero:1}"),
        (Text(b"-0e5"), "{texts:1,text_bytes_max:4,json_scalars:1,jsonb_unsigned_zero:1}"),
        (
            Text(b"{\"a\":-0,\"a\":2}"),
            "{texts:1,text_bytes_max:14,json_documents:1,jsonb_last_key_wins_unsigned_zero:1}",
        ),
        (Text(b"[\"\\u0000\"]"), "{texts:1,text_bytes_max:10,json_documents:1}"),
        (Text(b"\"text\""), "{texts:1,text_bytes_max:6,json_scalars:1,jsonb:1}"),
        (Text(b"{bad}"), "{texts:1,text_bytes_max:5}"),
        (Text(b"[[wiki]]"), "{texts:1,text_bytes_max:8}"),
        (Blob(&[]), "{blobs:1,blobs_utf8:1}"),
        (Blob(b"{\"a\": 1}"), "{blobs:1,blob_bytes_max:8,blobs_utf8:1,blobs_json:1}"),
        (Blob(b" [] "), "{blobs:1,blob_bytes_max:4,blobs_utf8:1,blobs_json:1}"),
        // Binary JSON to SQLite: the array of "" and "12]".
        (Blob(b"[\n712]"), "{blobs:1,blob_bytes_max:6,blobs_utf8:1}"),
        (Blob(b"[ 712]"), "{blobs:1,blob_bytes_max:6,blobs_utf8:1,blobs_json:1}"),
        // A number in binary JSON: 123.
        (Blob(b"3123"), "{blobs:1,blob_bytes_max:4,blobs_utf8:1}"),
        (Blob(b"{\"a\":1,\"a\":2}"), "{blobs:1,blob_bytes_max:13,blobs_utf8:1}"),
        (Blob(b"{a:1}"), "{blobs:1,blob_bytes_max:5,blobs_utf8:1}"),
        (Blob(b"\xff\x00"), "{blobs:1,blob_bytes_max:2}"),
        (Blob(&[0xff; 16]), "{blobs:1,blob_bytes_max:16,blobs_of_16_bytes:1}"),
    ] {
        let profile = counted(value);
        let text = if let Text(text) = value { String::from_utf8_lossy(text) } else { "".into() };
        assert_eq!(shown(&profile), expected, "{value:?} {text}");
    }
}

#[test]
fn numbers_as_text_are_counted_where_they_come_back() {
    for (text, integers, decimals, scale) in [
        ("0", 1, 1, 0),
        ("-5", 1, 1, 0),
        ("12.50", 0, 1, 2),
        ("9223372036854775808", 0, 1, 0),
        ("007", 0, 0, 0),
        ("+5", 0, 0, 0),
        ("-0", 0, 0, 0),
        (".5", 0, 0, 0),
        ("5.", 0, 0, 0),
        ("1e3", 0, 0, 0),
        ("-", 0, 0, 0),
    ] {
        let seen = counted(SourceValue::Text(text.as_bytes()));
        let found = (seen.integer_texts, seen.decimal_texts, seen.decimal_scale_max);
        assert_eq!(found, (integers, decimals, scale), "{text}");
    }
}

#[test]
fn counts_of_an_older_plan_are_read() {
    let old = r#"{"nulls":1,"integers":2,"reals":0,"texts":3,"blobs":0}"#;
    let profile: ColumnProfile = serde_json::from_str(old).unwrap();
    assert_eq!((profile.nulls, profile.integers, profile.texts, profile.epoch_ms), (1, 2, 3, 0));
    assert_eq!(profile.in_words(), "2 integer, 3 text, 1 null");
}

#[test]
fn words_tell_what_most_values_are() {
    let mut seen = ColumnProfile::default();
    assert_eq!(seen.in_words(), "no rows");
    for text in ["2024-05-06", "2024-05-07", "", "soon", "2024-05-08"] {
        seen.count(SourceValue::Text(text.as_bytes()));
    }
    seen.count(SourceValue::Null);
    seen.count(SourceValue::Integer(1_700_000_000_123));
    assert_eq!(
        seen.in_words(),
        "1 integer (1 epoch ms, 1 beyond 32 bits), 5 text (10 bytes at most, 3 date, 1 empty), 1 null"
    );
}

/// Values of all classes, with a good share of those that have a form.
fn any_value() -> impl Strategy<Value = Owned> {
    let integers = prop_oneof![-3_i64..4, any::<i64>(), 900_000_000_i64..5_000_000_000];
    let reals = prop_oneof![any::<f64>(), (-1_000_000_i64..1_000_000).prop_map(|cents| cents as f64 / 100.0)]
        .prop_filter("SQLite has no NaN", |real| !real.is_nan());
    let texts = prop_oneof![
        ".{0,12}",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\\.[0-9]{1,7})?)?( ?([+-][01][0-9]:?[0-6][0-9]|Z))?)?",
        "[0-2][0-9]:[0-6][0-9](:[0-6][0-9](\\.[0-9]{1,7})?)?",
        "[+-]?[0-9]{0,20}(\\.[0-9]{0,5})?(e[0-9])?",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}",
        "[0-9a-fA-F]{32}",
        "(true|false|TRUE|t|f|T|F|yes|no|Yes|y|n|on|off|ON|1|0|null)",
        "[ \n]?(\\{\"a\": ?[0-9.e-]{1,6}(,\"[ab]\":null)?\\}|\\[[0-9,]{0,5}\\]|\"[a-z\\\\u0]{0,8}\")[ \n]?",
    ];
    prop_oneof![
        integers.prop_map(Owned::Integer),
        reals.prop_map(Owned::Real),
        texts.prop_map(|text| Owned::Text(text.into_bytes())),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Owned::Text),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Owned::Blob),
        prop::collection::vec(any::<u8>(), 16).prop_map(Owned::Blob),
    ]
}

/// A value that owns its bytes.
#[derive(Clone, Debug)]
enum Owned {
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl Owned {
    fn value(&self) -> SourceValue<'_> {
        match self {
            Owned::Integer(integer) => SourceValue::Integer(*integer),
            Owned::Real(real) => SourceValue::Real(*real),
            Owned::Text(bytes) => SourceValue::Text(bytes),
            Owned::Blob(bytes) => SourceValue::Blob(bytes),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_counted_is_what_conversions_take(value in any_value()) {
        let value = value.value();
        let seen = counted(value);
        for name in Conversion::ALL_NAMES {
            let conversion: Conversion = serde_json::from_value(name.into()).unwrap();
            let Some(taken) = seen.taken(&conversion) else { continue };
            let takes = conversion.takes(value);
            prop_assert_eq!(taken.all() == 1, takes, "{} {:?} {:?}", name, value, seen);
        }
    }

    #[test]
    fn parts_add_up(values in prop::collection::vec(any_value(), 0..12), cut in 0_usize..12) {
        let (mut all, mut left, mut right) = (ColumnProfile::default(), ColumnProfile::default(), ColumnProfile::default());
        for (place, value) in values.iter().enumerate() {
            all.count(value.value());
            if place < cut { left.count(value.value()) } else { right.count(value.value()) }
        }
        left.merge(&right);
        prop_assert_eq!(all, left);
    }
}

#[test]
fn a_long_value_is_counted_as_the_whole_is() {
    use crate::conversion::TextCheck;
    let sound = "long ".repeat(1000);
    for bytes in
        [sound.as_bytes(), &[sound.as_bytes(), b"\0"].concat(), &[sound.as_bytes(), b"\xff"].concat()]
    {
        let mut check = TextCheck::default();
        let checked = check.feed(bytes).and_then(|()| check.finish());
        for value in [SourceValue::Text(bytes), SourceValue::Blob(bytes)] {
            let (mut whole, mut long) = (ColumnProfile::default(), ColumnProfile::default());
            whole.count(value);
            long.count_long(value.storage_class(), bytes.len() as u64, &checked);
            assert_eq!(whole, long);
        }
    }
}
