//! TEXT that is a JSON document, and INTEGER and REAL as JSON's numbers, to `jsonb`: a column of NUMERIC affinity, such as one declared
//! `JSON`, makes numbers of the documents `7` and `1.5`.

use super::json_document::AcceptedLosses;
use super::text_from_any::NumberText;
use super::{LongForm, Output, PgType, Refusal, Spec, Undecodable, jsonb};
use crate::value::SourceValue;

const LOSSES: AcceptedLosses = AcceptedLosses::NONE;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        long_values: LongForm::Document,
        not_kept: Some("whether a number was a number or text is not kept"),
        normal_form: Some(canonical),
        ..Spec::new(
            PgType::Jsonb,
            "TEXT holding a JSON document, and INTEGER and REAL as numbers of JSON, to jsonb",
            SourceValue::Integer(7),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    match NumberText::of(value) {
        Some(number) => jsonb::encode(SourceValue::Text(number.bytes()), out, LOSSES),
        None => jsonb::encode(value, out, LOSSES),
    }
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    jsonb::decode(wire, scratch, LOSSES)
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    match NumberText::of(source) {
        Some(number) => jsonb::same(SourceValue::Text(number.bytes()), target, LOSSES),
        None => jsonb::same(source, target, LOSSES),
    }
}

fn canonical(value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
    match NumberText::of(value) {
        Some(number) => jsonb::canonical(SourceValue::Text(number.bytes()), out, LOSSES),
        None => jsonb::canonical(value, out, LOSSES),
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
            real in any::<f64>().prop_filter("finite, without a signed zero", |real| real.is_finite() && real.to_bits() != (-0.0_f64).to_bits()),
        ) {
            check_round_trip(&Conversion::JsonbFromAny, SourceValue::Text(document.as_bytes()));
            check_round_trip(&Conversion::JsonbFromAny, SourceValue::Integer(integer));
            check_round_trip(&Conversion::JsonbFromAny, SourceValue::Real(real));
        }
    }

    #[test]
    fn a_number_is_compared_as_jsonb_prints_it() {
        assert!(same(SourceValue::Real(1e20), SourceValue::Text(b"100000000000000000000")));
        assert!(!same(SourceValue::Integer(1), SourceValue::Text(b"\"1\"")));
        for value in [
            SourceValue::Real(f64::INFINITY),
            SourceValue::Real(-0.0),
            SourceValue::Blob(b"1"),
            SourceValue::Text(b"plain"),
        ] {
            assert!(encode(value, &mut Vec::new()).is_err(), "{value:?}");
        }
    }
}
