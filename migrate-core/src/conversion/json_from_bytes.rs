//! A JSON document in a BLOB, as UTF-8, to `json`: the same bytes as text. TEXT is taken, too, since drivers write either.

pub(super) use super::text::decode;
use super::{LongForm, Output, PgType, Refusal, Spec, json_document, text};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bytea,
        keeps_order: false,
        not_kept: Some("whether a document was text or a blob is not kept"),
        long_values: LongForm::AnyDocument,
        ..Spec::new(
            PgType::Json,
            "BLOB or TEXT holding a JSON document in UTF-8 to json, which keeps the text as it is",
            SourceValue::Blob(json_document::EXAMPLE),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let document = document(value)?;
    json_document::check(document)?;
    out.append(document.as_bytes());
    Ok(())
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    text::same(as_text(source), target)
}

/// The text of a BLOB; any other value as it is.
pub(super) fn as_text(value: SourceValue<'_>) -> SourceValue<'_> {
    match value {
        SourceValue::Blob(bytes) => SourceValue::Text(bytes),
        value => value,
    }
}

fn document(value: SourceValue<'_>) -> Result<&str, Refusal> {
    match value {
        SourceValue::Text(_) | SourceValue::Blob(_) => text::checked(as_text(value)),
        _ => Err(Refusal::StorageClass { found: value.storage_class(), expected: "blob or text" }),
    }
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
            check_round_trip(&Conversion::JsonFromBytes, SourceValue::Blob(document.as_bytes()));
            check_round_trip(&Conversion::JsonFromBytes, SourceValue::Text(document.as_bytes()));
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for (value, refusal) in [
            (SourceValue::Blob(b""), "JSON: a value is missing at byte 0"),
            (SourceValue::Blob(b"\x00"), "NUL character at byte 0, which PostgreSQL text cannot hold"),
            (SourceValue::Blob(b"\"\xc3\""), "invalid UTF-8 at byte 1"),
            (SourceValue::Integer(1), "integer where blob or text is expected"),
        ] {
            assert_eq!(encode(value, &mut Vec::new()).unwrap_err().to_string(), refusal);
        }
        assert!(!same(SourceValue::Blob(b"[1,2]"), SourceValue::Text(b"[1, 2]")));
    }
}
