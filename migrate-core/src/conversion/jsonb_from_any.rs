//! A JSON document of any storage class to `jsonb`, compared as `jsonb` keeps it: TEXT and BLOB as their text, and numbers as documents
//! of their own, which SQLite makes of a document such as `42` where a column is declared JSON.

use super::json_document::AcceptedLosses;
use super::json_from_any::with_text;
use super::{Output, PgType, Refusal, Spec, Undecodable, jsonb, jsonb_from_bytes};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        description: "a number, or TEXT or BLOB holding a JSON document in UTF-8, to jsonb: spacing and key order are not kept, \
                      every value is",
        example: SourceValue::Integer(42),
        not_kept: Some(
            "spacing and key order of a document are not kept, nor whether it was a number, text or a blob",
        ),
        normal_form: Some(|value, out| {
            with_text(value, |text| jsonb::canonical(text, out, AcceptedLosses::NONE))
        }),
        ..jsonb_from_bytes::spec()
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    with_text(value, |text| jsonb_from_bytes::encode(text, out))
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    jsonb::decode(wire, scratch, AcceptedLosses::NONE)
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    with_text(source, |source| jsonb::same(source, target, AcceptedLosses::NONE))
}

#[cfg(test)]
mod tests {
    use super::super::json_document::tests::any_document;
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_document_comes_back(document in any_document(), integer: i64, real in any::<f64>().prop_filter("a number", |real| real.is_finite() && *real != 0.0)) {
            for value in [
                SourceValue::Blob(document.as_bytes()),
                SourceValue::Text(document.as_bytes()),
                SourceValue::Integer(integer),
                SourceValue::Real(real),
            ] {
                check_round_trip(&Conversion::JsonbFromAny, value);
            }
        }
    }

    #[test]
    fn a_number_is_what_jsonb_prints() {
        for (value, printed) in [
            (SourceValue::Integer(42), "42"),
            (SourceValue::Real(2e3), "2000.0"),
            (SourceValue::Real(1e20), "100000000000000000000"),
            (SourceValue::Real(1e-7), "0.0000001"),
        ] {
            assert!(same(value, SourceValue::Text(printed.as_bytes())), "{printed}");
        }
        for value in [SourceValue::Real(-0.0), SourceValue::Real(f64::INFINITY), SourceValue::Blob(b"\xff")] {
            assert!(encode(value, &mut Vec::new()).is_err());
        }
        assert!(!same(SourceValue::Integer(1), SourceValue::Text(b"\"1\"")));
    }
}
