//! A JSON document of any storage class to `json`: TEXT and BLOB as their text, and numbers as documents of their own. SQLite makes a
//! number of a document such as `42` or `1.5e3` where a column is declared JSON, which has NUMERIC affinity.
//!
//! How such a number was written is not known; its value is kept.

pub(super) use super::text::decode;
use super::text_from_any::NumberText;
use super::{LongForm, Output, PgType, Refusal, Spec, json_from_bytes, text};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some("whether a document was a number, text or a blob is not kept"),
        long_values: LongForm::AnyDocument,
        ..Spec::new(
            PgType::Json,
            "a number, or TEXT or BLOB holding a JSON document in UTF-8, to json, which keeps the text as it is",
            SourceValue::Integer(42),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    with_text(value, |text| json_from_bytes::encode(text, out))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    with_text(source, |source| text::same(source, target))
}

/// Calls `f` with the text of a document.
pub(super) fn with_text<T>(value: SourceValue<'_>, f: impl FnOnce(SourceValue<'_>) -> T) -> T {
    match NumberText::of(value) {
        Some(number) => f(SourceValue::Text(number.bytes())),
        None => f(json_from_bytes::as_text(value)),
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
        fn every_document_comes_back(document in any_document(), integer: i64, real in any::<f64>().prop_filter("a number", |real| real.is_finite())) {
            for value in [
                SourceValue::Blob(document.as_bytes()),
                SourceValue::Text(document.as_bytes()),
                SourceValue::Integer(integer),
                SourceValue::Real(real),
            ] {
                check_round_trip(&Conversion::JsonFromAny, value);
            }
        }
    }

    #[test]
    fn numbers_are_documents() {
        for (value, expected) in [
            (SourceValue::Integer(-42), "-42"),
            (SourceValue::Real(0.1), "0.1"),
            (SourceValue::Real(1e300), "1e300"),
            (SourceValue::Real(-0.0), "-0.0"),
        ] {
            let mut wire = Vec::new();
            encode(value, &mut wire).unwrap();
            assert_eq!(wire, expected.as_bytes());
        }
        assert!(encode(SourceValue::Real(f64::INFINITY), &mut Vec::new()).is_err());
        assert!(encode(SourceValue::Text(b"plain"), &mut Vec::new()).is_err());
        assert!(!same(SourceValue::Integer(1), SourceValue::Text(b"1.0")));
    }
}
