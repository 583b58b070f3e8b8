//! Pairs of values, and what they are to each other.

use super::*;
use crate::conversion::{Conversion, PgType};
use crate::value::SourceValue::{self, Blob, Integer, Null, Real, Text};

/// A column whose conversion takes little, so that everything else is examined.
fn column(target_type: PgType) -> PlannedColumn {
    let conversion = match target_type {
        PgType::Text => Conversion::Text,
        PgType::Bytea => Conversion::Bytea,
        PgType::Timestamptz => Conversion::TimestamptzFromEpochMs,
        other => Conversion::all().into_iter().find(|known| known.target_type() == other).unwrap(),
    };
    serde_json::from_value(serde_json::json!({
        "source": "c", "target": "c", "declared": "", "type": target_type, "conversion": conversion,
        "not_null": false, "source_not_null": false, "why": "a test"
    }))
    .unwrap()
}

fn wire(target_type: PgType, text: &str) -> Vec<u8> {
    match target_type {
        PgType::Text | PgType::Json => text.as_bytes().to_vec(),
        PgType::Jsonb => [&[1], text.as_bytes()].concat(),
        PgType::Bytea => text.as_bytes().to_vec(),
        PgType::Boolean => vec![u8::from(text == "t")],
        PgType::Bigint => text.parse::<i64>().unwrap().to_be_bytes().to_vec(),
        PgType::Integer => text.parse::<i32>().unwrap().to_be_bytes().to_vec(),
        PgType::Smallint => text.parse::<i16>().unwrap().to_be_bytes().to_vec(),
        PgType::Real => text.parse::<f32>().unwrap().to_be_bytes().to_vec(),
        PgType::DoublePrecision => text.parse::<f64>().unwrap().to_be_bytes().to_vec(),
        _ => {
            let conversion = match target_type {
                PgType::Numeric => Conversion::Numeric,
                PgType::Uuid => Conversion::UuidFromAny,
                PgType::Date => Conversion::Date,
                PgType::Timestamp => Conversion::TimestampFromIso8601,
                _ => Conversion::TimestamptzFromIso8601(Default::default()),
            };
            let mut wire = Vec::new();
            conversion.encode(Text(text.as_bytes()), &mut wire).unwrap();
            wire
        }
    }
}

#[track_caller]
fn check(source: SourceValue<'_>, target_type: PgType, target: &str, expected: &str) {
    let found = match examine(&column(target_type), source, Some(&wire(target_type, target))) {
        Ok(form) => format!("= {form:?}"),
        Err(diagnosis) => format!("{diagnosis:?}"),
    };
    assert_eq!(found, expected, "{target_type} {target}");
}

#[test]
fn equal_values_in_another_form() {
    use PgType as T;
    let hex = "00ff41";
    for (source, target_type, target, form) in [
        (Integer(1), T::Text, "true", "BooleanWord"),
        (Integer(0), T::Text, "f", "BooleanWord"),
        (Text(b"yes"), T::Boolean, "t", "BooleanNumber"),
        (Text(b"true"), T::Bigint, "1", "BooleanNumber"),
        (Integer(17), T::Text, "17", "NumberAsText"),
        (Integer(17), T::Text, "17.0", "NumberAsText"),
        (Real(1e20), T::Text, "1e+20", "NumberAsText"),
        (Real(0.1), T::Text, "0.10", "NumberAsText"),
        (Text(b"17"), T::Bigint, "17", "TextAsNumber"),
        (Text(b"1.50"), T::DoublePrecision, "1.5", "TextAsNumber"),
        (Real(2.0), T::Bigint, "2", "OtherScale"),
        (Integer(2), T::Numeric, "2.00", "OtherScale"),
        (Real(2.0), T::Numeric, "2.00", "OtherScale"),
        (Integer(1_700_000_000), T::Timestamptz, "2023-11-14 22:13:20Z", "NumberAsMoment { unit: Seconds }"),
        (
            Integer(1_700_000_000_123),
            T::Timestamptz,
            "2023-11-14 22:13:20.123Z",
            "NumberAsMoment { unit: Milliseconds }",
        ),
        (Real(1_700_000_000.5), T::Timestamptz, "2023-11-14 22:13:20.5Z", "NumberAsMoment { unit: Seconds }"),
        (
            Integer(1_700_000_000_000),
            T::Text,
            "2023-11-14T22:13:20Z",
            "NumberAsMoment { unit: Milliseconds }",
        ),
        (Text(b"2023-11-14 22:13:20"), T::Bigint, "1700000000000", "MomentAsNumber { unit: Milliseconds }"),
        (Text(b"2023-11-14 22:13:20"), T::Timestamptz, "2023-11-14 22:13:20Z", "MomentSpelling"),
        (Text(b"2023-11-14T22:13:20Z"), T::Text, "2023-11-14 22:13:20+00", "MomentSpelling"),
        (Text(b"2023-11-14T22:13:20+02:00"), T::Timestamp, "2023-11-14 20:13:20", "MomentSpelling"),
        (Text(b"{\"b\": 1, \"a\": [1.0]}"), T::Text, "{\"a\":[1.0],\"b\":1}", "JsonSpelling"),
        (Text(b"{\"b\": 1}"), T::Jsonb, "{\"b\":1}", "JsonSpelling"),
        (Blob(b"\x00\xff\x41"), T::Text, hex, "BytesAsHex"),
        (Blob(b"\x00\xff\x41"), T::Text, "\\x00FF41", "BytesAsHex"),
        (Blob(b"\x00\xff\x41"), T::Text, "AP9B", "BytesAsBase64"),
        (Blob(b"plain"), T::Text, "plain", "BytesAsText"),
        (Text(b"plain"), T::Bytea, "plain", "TextAsBytes"),
        (Text(b"706c61696e"), T::Bytea, "plain", "HexAsBytes"),
        (Text(b"cGxhaW4="), T::Bytea, "plain", "Base64AsBytes"),
        (
            Blob(b"\x6f\x96\x19\xff\x8b\x86\xd0\x11\xb4\x2d\x00\xc0\x4f\xc9\x64\xff"),
            T::Text,
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "UuidSpelling",
        ),
        (
            Blob(b"\x6f\x96\x19\xff\x8b\x86\xd0\x11\xb4\x2d\x00\xc0\x4f\xc9\x64\xff"),
            T::Text,
            "6F9619FF8B86D011B42D00C04FC964FF",
            "BytesAsHex",
        ),
        (
            Text(b"{6F9619FF-8B86-D011-B42D-00C04FC964FF}"),
            T::Uuid,
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "UuidSpelling",
        ),
    ] {
        check(source, target_type, target, &format!("= {form}"));
        // Among many rows they are found by this.
        let mut column = column(target_type);
        let blobs = u64::from(matches!(source, Blob(_)));
        column.profile = Some(crate::profile::ColumnProfile { blobs, ..Default::default() });
        let (mut of_source, mut of_target) = (Vec::new(), Vec::new());
        append_normal_form(&column, source, &mut of_source);
        append_normal_form_of_target(&column, &wire(target_type, target), &mut of_target);
        assert_eq!(of_source, of_target, "{form} {target_type} {target}");
    }
}

#[test]
fn what_happened_to_a_value() {
    use PgType as T;
    for (source, target_type, target, diagnosis) in [
        (Integer(1_700_000_000_123), T::Timestamptz, "2023-11-14 23:13:20.123Z", "Shifted { seconds: 3600 }"),
        (Integer(1_700_000_000_123), T::Timestamptz, "2023-11-14 22:13:20Z", "FractionLost { digits: 0 }"),
        (Integer(1_700_000_000_123), T::Timestamptz, "2023-11-14 20:13:20Z", "Shifted { seconds: -7200 }"),
        (Integer(1_700_000_000_123), T::Timestamptz, "2023-11-14 00:00:00Z", "TimeLost"),
        (Integer(1_700_000_000_123), T::Date, "2023-11-14", "TimeLost"),
        (Integer(1_700_000_000_123), T::Timestamptz, "1970-01-01 00:00:00Z", "BecameZero"),
        (Text(b"2023-11-14 22:13:20.5"), T::Text, "2023-11-14 23:13:20.5", "Shifted { seconds: 3600 }"),
        (
            Text(b"2023-11-14 22:13:20.123456"),
            T::Timestamp,
            "2023-11-14 22:13:20.123",
            "FractionLost { digits: 3 }",
        ),
        (Integer(1_700_000_000_123), T::Bigint, "1700000000", "Scaled { power: -3 }"),
        (Integer(5_000_000_000), T::Integer, "705032704", "Overflowed { bits: 32 }"),
        (Integer(5_000_000_000), T::Integer, "2147483647", "Clamped"),
        (Integer(70_000), T::Smallint, "4464", "Overflowed { bits: 16 }"),
        (Integer(2), T::Boolean, "t", "BecameBoolean"),
        (Real(1.0 / 3.0), T::Real, "0.33333334", "RoundedToDigits { digits: 7 }"),
        (Real(1.0 / 3.0), T::Text, "0.333333333333333", "RoundedToDigits { digits: 15 }"),
        (Real(9.999), T::Numeric, "10.00", "RoundedToDecimals { decimals: 0 }"),
        (Real(1.239), T::Numeric, "1.24", "RoundedToDecimals { decimals: 2 }"),
        (Real(2.75), T::Bigint, "3", "RoundedToDecimals { decimals: 0 }"),
        (Text(b"007"), T::Bigint, "7", "LeadingZerosLost"),
        (Text(b"1.0"), T::Text, "1", "Respelled"),
        (Real(0.0), T::DoublePrecision, "-0", "Respelled"),
        (Real(-0.0), T::Text, "0", "Respelled"),
        (Text(b"twelve"), T::Bigint, "0", "BecameZero"),
        (Text(b"a\0b"), T::Text, "a", "CutAtNul"),
        (Text(b"a\0b"), T::Text, "ab", "NulRemoved"),
        (Text(b"a\xffb"), T::Text, "a\u{fffd}b", "Replaced"),
        (Text(b"a\xe9b"), T::Text, "a\u{e9}b", "WrongEncoding"),
        (Text("Zoë".as_bytes()), T::Text, "Zo?", "Replaced"),
        (Text("Zoë".as_bytes()), T::Text, "ZoÃ«", "WrongEncoding"),
        (Text("a €".as_bytes()), T::Text, "a â‚¬", "WrongEncoding"),
        (Text(b"long text"), T::Text, "long", "Cut { characters: 4 }"),
        (Text(b" a "), T::Text, "a", "Trimmed"),
        (Text(b"a\r\nb"), T::Text, "a\nb", "LineEnds"),
        (Text(b"Ab"), T::Text, "ab", "CaseChanged"),
        // A text is compared with texts: another word for a boolean and another spelling of a UUID are other texts.
        (Text(b"NO"), T::Text, "false", "Other"),
        (Text(b"yes"), T::Text, "y", "Cut { characters: 1 }"),
        (Text(b"no"), T::Text, "No", "CaseChanged"),
        (Text(b"F"), T::Jsonb, "false", "Other"),
        (
            Text(b"6F9619FF8B86D011B42D00C04FC964FF"),
            T::Text,
            "6f9619ff8b86d011b42d00c04fc964ff",
            "CaseChanged",
        ),
        (
            Text(b"6F9619FF8B86D011B42D00C04FC964FF"),
            T::Text,
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "Respelled",
        ),
        (Text(b"a\nb"), T::Text, "a\\nb", "Escapes"),
        (Text(b"a\\nb"), T::Text, "a\nb", "Escapes"),
        (Text(b"a"), T::Text, "\"a\"", "Quoted"),
        (Text(b"a"), T::Text, "b", "Other"),
        (Text(b"a"), T::Text, "", "BecameEmpty"),
        (Text(b"{\"a\": 1}"), T::Text, "{\"a\": 2}", "JsonContent"),
        (Text(b"{\"a\": 1, \"a\": 2}"), T::Jsonb, "{\"a\": 2}", "JsonContent"),
        (Blob(b"a\0b"), T::Bytea, "a", "CutAtNul"),
        (Blob(b"abc"), T::Bytea, "ab", "BytesCut { bytes: 2 }"),
        (Blob(b"abc"), T::Bytea, "616263", "DigitsAsBytes"),
        (Blob(b"a\xff"), T::Text, "a\u{fffd}", "Replaced"),
        (Blob(b"abc"), T::Text, "6162", "BytesCut { bytes: 2 }"),
        (Blob(b"\xff\xfe"), T::Text, "b'..'", "BytesAsOtherText"),
        (Null, T::Bigint, "0", "NullBecameZero"),
        (Null, T::Text, "", "NullBecameEmpty"),
        (Null, T::Text, "NULL", "NullBecameWord"),
        (Null, T::Text, "x", "NullBecameValue"),
    ] {
        check(source, target_type, target, diagnosis);
    }
    assert_eq!(examine(&column(PgType::Text), Text(b""), None), Err(Diagnosis::EmptyBecameNull));
    assert_eq!(examine(&column(PgType::Text), Text(b"a"), None), Err(Diagnosis::BecameNull));
}
