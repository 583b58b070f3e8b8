//! TEXT that is a JSON document to `jsonb`, compared as `jsonb` keeps it.
//!
//! On the wire `jsonb` is a version byte and the document as text, in both directions. PostgreSQL drops spacing and the
//! order of keys, so that these are no differences; every digit of a number, and every character of a string, is kept. A document of
//! which it would drop more, the first values of a repeated key or the sign of a zero, is refused unless a human accepts that loss.

pub(super) use super::json_document::AcceptedLosses;
use super::json_document::{self, Document};
use super::{LongForm, Output, PgType, Refusal, Spec, Undecodable, text};
use crate::value::SourceValue;

/// The only version of the binary format that there is (`jsonb_send` in PostgreSQL's `jsonb.c`).
const VERSION: u8 = 1;

pub(super) const fn spec(losses: AcceptedLosses) -> Spec {
    let spec = Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        long_values: LongForm::Document,
        ..Spec::new(
            PgType::Jsonb,
            "TEXT holding a JSON document to jsonb: spacing and key order are not kept, every value is; a document with a \
             repeated key or a zero with a sign is refused",
            SourceValue::Text(json_document::EXAMPLE),
        )
    };
    match losses {
        AcceptedLosses { repeated_keys: false, zero_signs: false } => {
            Spec { normal_form: Some(|value, out| canonical(value, out, AcceptedLosses::NONE)), ..spec }
        }
        AcceptedLosses { repeated_keys: true, zero_signs: false } => Spec {
            description: "TEXT holding a JSON document to jsonb, which keeps only the last value of a repeated key",
            needs_decision: true,
            normal_form: Some(|value, out| canonical(value, out, AcceptedLosses::REPEATED_KEYS)),
            ..spec
        },
        AcceptedLosses { repeated_keys: false, zero_signs: true } => Spec {
            description: "TEXT holding a JSON document to jsonb, which keeps no sign of a zero",
            needs_decision: true,
            normal_form: Some(|value, out| canonical(value, out, AcceptedLosses::ZERO_SIGNS)),
            ..spec
        },
        AcceptedLosses { repeated_keys: true, zero_signs: true } => Spec {
            description: "TEXT holding a JSON document to jsonb, which keeps only the last value of a repeated key and no sign of \
                          a zero",
            needs_decision: true,
            normal_form: Some(|value, out| canonical(value, out, AcceptedLosses::ALL)),
            ..spec
        },
    }
}

pub(super) fn encode(
    value: SourceValue<'_>,
    out: &mut impl Output,
    losses: AcceptedLosses,
) -> Result<(), Refusal> {
    let document = text::checked(value)?;
    Document::read(document, losses)?;
    out.append(&[VERSION]);
    out.append(document.as_bytes());
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    _scratch: &'a mut Vec<u8>,
    _losses: AcceptedLosses,
) -> Result<SourceValue<'a>, Undecodable> {
    match wire {
        [VERSION, document @ ..] => Ok(SourceValue::Text(document)),
        [_, ..] => Err(Undecodable::NoSourceValue { what: "a jsonb field of another version than 1" }),
        [] => Err(Undecodable::Length { target: "jsonb", expected: "at least 1", found_bytes: 0 }),
    }
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, losses: AcceptedLosses) -> bool {
    let (SourceValue::Text(source_bytes), SourceValue::Text(target_bytes)) = (source, target) else {
        return false;
    };
    if source_bytes == target_bytes {
        return true;
    }
    match (text::checked(source), text::checked(target)) {
        (Ok(source), Ok(target)) => json_document::same(source, target, losses),
        _ => false,
    }
}

/// Appends the document's normal form: the same bytes for all documents that `jsonb` keeps alike.
pub(super) fn canonical(
    value: SourceValue<'_>,
    out: &mut Vec<u8>,
    losses: AcceptedLosses,
) -> Result<(), Refusal> {
    out.extend_from_slice(&Document::read(text::checked(value)?, losses)?.normal_form());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::json_document::tests::any_document;
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_document_comes_back(document in any_document()) {
            check_round_trip(&Conversion::Jsonb, SourceValue::Text(document.as_bytes()));
            check_round_trip(&Conversion::JsonbLastKeyWins, SourceValue::Text(document.as_bytes()));
            check_round_trip(&Conversion::JsonbUnsignedZero, SourceValue::Text(document.as_bytes()));
            check_round_trip(&Conversion::JsonbLastKeyWinsUnsignedZero, SourceValue::Text(document.as_bytes()));
        }
    }

    #[test]
    fn the_field_is_a_version_and_the_text() {
        let mut wire = Vec::new();
        Conversion::Jsonb.encode(SourceValue::Text(b"{ }"), &mut wire).unwrap();
        assert_eq!(wire, b"\x01{ }");
        for (wire, problem) in [
            (&b"\x02{}"[..], "a jsonb field of another version than 1"),
            (b"{}", "a jsonb field of another version than 1"),
            (b"", "0 bytes where jsonb has at least 1"),
        ] {
            assert_eq!(Conversion::Jsonb.decode(wire, &mut Vec::new()).unwrap_err().to_string(), problem);
        }
    }

    #[test]
    fn what_jsonb_does_not_take_is_refused() {
        let encoded = |conversion: Conversion, value| {
            conversion.encode(value, &mut Vec::new()).err().map(|refusal| refusal.to_string())
        };
        for (value, refusal) in [
            (SourceValue::Text(b"plain"), "JSON: a value is missing at byte 0"),
            (SourceValue::Text(br#""\u0000""#), "JSON: \\u0000, which jsonb cannot hold at byte 1"),
            (SourceValue::Text(b"\0"), "NUL character at byte 0, which PostgreSQL text cannot hold"),
            (SourceValue::Text(b"\"\xed\xa0\x80\""), "invalid UTF-8 at byte 1"),
            (SourceValue::Blob(b"{}"), "blob where text is expected"),
            (SourceValue::Real(1.0), "real where text is expected"),
        ] {
            assert_eq!(encoded(Conversion::Jsonb, value).as_deref(), Some(refusal));
            assert_eq!(encoded(Conversion::JsonbLastKeyWins, value).as_deref(), Some(refusal));
        }
        let twice = SourceValue::Text(br#"{"a":1,"a":1}"#);
        let refusal = "JSON: a key stands twice in an object at byte 7";
        assert_eq!(encoded(Conversion::Jsonb, twice).as_deref(), Some(refusal));
        assert_eq!(encoded(Conversion::JsonbLastKeyWins, twice), None);
    }

    #[test]
    fn spacing_and_key_order_are_free_and_nothing_else_is() {
        let same = |conversion: &Conversion, source: &str, target: &str| {
            conversion.same(SourceValue::Text(source.as_bytes()), SourceValue::Text(target.as_bytes()))
        };
        for (source, target, expected) in [
            (r#"{"b":1,"a":[1E2]}"#, r#"{"a": [100], "b": 1}"#, true),
            (r#"["\u0041"]"#, r#"["A"]"#, true),
            ("[1.50]", "[1.5]", false),
            ("[9007199254740993]", "[9007199254740992]", false),
            ("[1,2]", "[2, 1]", false),
            (r#"{"a":null}"#, "{}", false),
            (r#"["a"]"#, r#"["a "]"#, false),
            ("[\"\u{e9}\"]", "[\"e\u{301}\"]", false),
            ("1", r#""1""#, false),
            ("plain", "PLAIN", false),
            // The same bytes are not even read: this is no document.
            ("plain", "plain", true),
        ] {
            assert_eq!(same(&Conversion::Jsonb, source, target), expected, "{source} {target}");
            assert_eq!(same(&Conversion::JsonbLastKeyWins, source, target), expected, "{source} {target}");
        }
        let (source, target) = (r#"{"a":1,"a":2}"#, r#"{"a": 2}"#);
        assert!(same(&Conversion::JsonbLastKeyWins, source, target));
        assert!(!same(&Conversion::Jsonb, source, target));
        assert!(!same(&Conversion::JsonbLastKeyWins, source, r#"{"a": 1}"#));
    }

    #[test]
    fn the_sign_of_a_zero_is_a_difference_unless_it_may_be_lost() {
        let same = |conversion: &Conversion, source: &str, target: &str| {
            conversion.same(SourceValue::Text(source.as_bytes()), SourceValue::Text(target.as_bytes()))
        };
        for (source, target) in
            [("-0", "0"), (r#"{"x":-0.0}"#, r#"{"x": 0.0}"#), ("[1,-0e5]", "[1, 0]"), ("[-0.00e1]", "[0.0]")]
        {
            for conversion in [Conversion::Jsonb, Conversion::JsonbLastKeyWins] {
                assert!(!conversion.takes(SourceValue::Text(source.as_bytes())), "{source}");
                assert!(!same(&conversion, source, target), "{source} {target}");
            }
            for conversion in [Conversion::JsonbUnsignedZero, Conversion::JsonbLastKeyWinsUnsignedZero] {
                check_round_trip(&conversion, SourceValue::Text(source.as_bytes()));
                assert!(same(&conversion, source, target), "{source} {target}");
            }
        }
        assert!(!same(&Conversion::JsonbUnsignedZero, "[-0.0]", "[0]"));
        assert!(!Conversion::JsonbUnsignedZero.takes(SourceValue::Text(br#"{"a":-0,"a":1}"#)));
        assert!(same(&Conversion::JsonbLastKeyWinsUnsignedZero, r#"{"a":1,"a":-0}"#, r#"{"a": 0}"#));
    }
}
