//! TEXT that is a JSON document to `json`, which keeps the text byte by byte.
//!
//! PostgreSQL checks the grammar of a `json` value and nothing more (measured on PostgreSQL 15): `\u0000`, lone surrogates,
//! repeated keys and numbers of any size are all kept. What jsonb refuses besides is jsonb.rs's business.

pub(super) use super::text::{decode, same};
use super::{LongForm, Output, PgType, Refusal, Spec, json_document, text};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        long_values: LongForm::Document,
        ..Spec::new(
            PgType::Json,
            "TEXT holding a JSON document to json, which keeps the text as it is",
            SourceValue::Text(json_document::EXAMPLE),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let document = text::checked(value)?;
    json_document::check(document)?;
    out.append(document.as_bytes());
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
            check_round_trip(&Conversion::Json, SourceValue::Text(document.as_bytes()));
        }
    }

    #[test]
    fn the_text_is_sent_as_it_stands() {
        // Each was accepted by PostgreSQL 15 as `json`.
        for document in [
            "\t{ \"b\" : 1 , \"a\" : 1.50 }\r\n",
            r#"{"a": 1, "a": 2}"#,
            r#""\u0000""#,
            r#""\ud800""#,
            r#""\udc00\ud800""#,
            "1e99999999999999999999",
            "-0",
        ] {
            let mut wire = Vec::new();
            encode(SourceValue::Text(document.as_bytes()), &mut wire).unwrap();
            assert_eq!(wire, document.as_bytes());
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for (value, refusal) in [
            (SourceValue::Text(b""), "JSON: a value is missing at byte 0"),
            (SourceValue::Text(b"{\"a\":1,}"), "JSON: a key in double quotes is missing at byte 7"),
            (SourceValue::Text(b"[1]\0"), "NUL character at byte 3, which PostgreSQL text cannot hold"),
            (SourceValue::Text(b"\"\xc3\""), "invalid UTF-8 at byte 1"),
            (SourceValue::Blob(b"{}"), "blob where text is expected"),
            (SourceValue::Integer(1), "integer where text is expected"),
        ] {
            assert_eq!(encode(value, &mut Vec::new()).unwrap_err().to_string(), refusal);
        }
    }

    #[test]
    fn spacing_is_a_difference() {
        assert!(!same(SourceValue::Text(b"[1,2]"), SourceValue::Text(b"[1, 2]")));
    }
}
