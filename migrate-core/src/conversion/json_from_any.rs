//! TEXT that is a JSON document, and INTEGER and REAL as JSON's numbers, to `json`: a column of NUMERIC affinity, such as one declared
//! `JSON`, makes numbers of the documents `7` and `1.5`.

pub(super) use super::text::decode;
use super::text_from_any::NumberText;
use super::{LongForm, Output, PgType, Refusal, Spec, json, text};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        long_values: LongForm::Document,
        not_kept: Some("whether a number was a number or text is not kept"),
        ..Spec::new(
            PgType::Json,
            "TEXT holding a JSON document, and INTEGER and REAL as numbers of JSON, to json",
            SourceValue::Integer(7),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    match NumberText::of(value) {
        Some(number) => json::encode(SourceValue::Text(number.bytes()), out),
        None => json::encode(value, out),
    }
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    match NumberText::of(source) {
        Some(number) => text::same(SourceValue::Text(number.bytes()), target),
        None => text::same(source, target),
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
        fn every_document_and_number_comes_back(
            document in any_document(),
            integer: i64,
            real in any::<f64>().prop_filter("finite", |real| real.is_finite()),
        ) {
            check_round_trip(&Conversion::JsonFromAny, SourceValue::Text(document.as_bytes()));
            check_round_trip(&Conversion::JsonFromAny, SourceValue::Integer(integer));
            check_round_trip(&Conversion::JsonFromAny, SourceValue::Real(real));
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for value in [SourceValue::Real(f64::INFINITY), SourceValue::Blob(b"1"), SourceValue::Text(b"plain")]
        {
            assert!(encode(value, &mut Vec::new()).is_err(), "{value:?}");
        }
        assert!(!same(SourceValue::Integer(1), SourceValue::Text(b"1.0")));
    }
}
