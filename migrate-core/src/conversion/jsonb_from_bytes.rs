//! A JSON document in a BLOB, as UTF-8, to `jsonb`, compared as `jsonb` keeps it. TEXT is taken, too, since drivers write either.

use super::json_document::AcceptedLosses;
use super::json_from_bytes::as_text;
use super::{LongForm, Output, PgType, Refusal, Spec, Undecodable, json_document, jsonb};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bytea,
        description: "BLOB or TEXT holding a JSON document in UTF-8 to jsonb: spacing and key order are not kept, every value is",
        example: SourceValue::Blob(json_document::EXAMPLE),
        long_values: LongForm::AnyDocument,
        not_kept: Some("spacing and key order of a document are not kept, nor whether it was text or a blob"),
        normal_form: Some(|value, out| jsonb::canonical(as_text(value), out, AcceptedLosses::NONE)),
        ..jsonb::spec(AcceptedLosses::NONE)
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    match value {
        SourceValue::Text(_) | SourceValue::Blob(_) => {
            jsonb::encode(as_text(value), out, AcceptedLosses::NONE)
        }
        _ => Err(Refusal::StorageClass { found: value.storage_class(), expected: "blob or text" }),
    }
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    jsonb::decode(wire, scratch, AcceptedLosses::NONE)
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    jsonb::same(as_text(source), target, AcceptedLosses::NONE)
}

#[cfg(test)]
mod tests {
    use super::super::json_document::tests::any_document;
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_document_comes_back_from_both_classes(document in any_document()) {
            let (blob, text) = (SourceValue::Blob(document.as_bytes()), SourceValue::Text(document.as_bytes()));
            check_round_trip(&Conversion::JsonbFromBytes, blob);
            check_round_trip(&Conversion::JsonbFromBytes, text);
            let (mut of_blob, mut of_text) = (Vec::new(), Vec::new());
            Conversion::JsonbFromBytes.canonical(blob, &mut of_blob).unwrap();
            Conversion::JsonbFromBytes.canonical(text, &mut of_text).unwrap();
            prop_assert_eq!(of_blob, of_text);
        }
    }

    #[test]
    fn repeated_keys_and_other_bytes_are_refused() {
        for blob in [&b"{\"a\":1,\"a\":2}"[..], b"\xff", b"", b"{}\0"] {
            assert!(encode(SourceValue::Blob(blob), &mut Vec::new()).is_err());
        }
        assert!(same(SourceValue::Blob(b"{\"b\":1,\"a\":2}"), SourceValue::Text(b"{\"a\": 2, \"b\": 1}")));
    }
}
