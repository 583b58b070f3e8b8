//! A UUID in any of its forms to `uuid`: TEXT with or without hyphens, braces or `urn:uuid:`, in letters of either case, and BLOB of 16
//! bytes. Two forms are the same when they are one UUID; which form a value had is not kept.

use super::uuid::{self, Letters};
use super::{Output, PgType, Refusal, Spec, Undecodable, text};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some("case, hyphens and braces of a UUID are not kept"),
        ..Spec::new(
            PgType::Uuid,
            "TEXT holding a UUID in any spelling, or BLOB of 16 bytes, to uuid; the spelling is not kept",
            SourceValue::Text(b"{0190D3A4-5f3e-7c1a-9b2d-3c4d5e6f7081}"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    out.append(&bytes(value)?);
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    uuid::decode(wire, scratch, Letters::Lowercase)
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((bytes(source), bytes(target)), (Ok(source), Ok(target)) if source == target)
}

/// The 128 bits of a UUID in any form.
pub(super) fn bytes(value: SourceValue<'_>) -> Result<[u8; 16], Refusal> {
    if let SourceValue::Blob(blob) = value {
        return blob.try_into().map_err(|_| Refusal::Form { expected: "a blob of 16 bytes" });
    }
    let text = text::checked(value)?.as_bytes();
    let text = text.strip_prefix(b"urn:uuid:").unwrap_or(text);
    let text = text.strip_prefix(b"{").and_then(|text| text.strip_suffix(b"}")).unwrap_or(text);
    let read = if text.len() == 32 { uuid::digits(text) } else { uuid::hyphenated(text) };
    read.ok_or(Refusal::Form { expected: "a UUID" })
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    const FORMS: [&str; 6] = [
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "6F9619FF-8b86-d011-b42d-00c04fc964ff",
        "6f9619ff8b86d011b42d00c04fc964ff",
        "6F9619FF8B86D011B42D00C04FC964FF",
        "{6f9619ff-8b86-d011-b42d-00c04fc964ff}",
        "urn:uuid:6f9619ff-8b86-d011-b42d-00c04fc964ff",
    ];

    #[test]
    fn all_forms_are_one_uuid() {
        let first = bytes(SourceValue::Text(FORMS[0].as_bytes())).unwrap();
        for form in FORMS {
            let value = SourceValue::Text(form.as_bytes());
            check_round_trip(&Conversion::UuidFromAny, value);
            assert_eq!(bytes(value), Ok(first), "{form}");
            assert!(same(value, SourceValue::Blob(&first)), "{form}");
        }
        for text in
            ["", "{6f9619ff", "6f9619ff-8b86-d011-b42d-00c04fc964fg", "6f9619ff-8b86d011b42d00c04fc964ff"]
        {
            assert!(bytes(SourceValue::Text(text.as_bytes())).is_err(), "{text}");
        }
        assert!(bytes(SourceValue::Blob(&[0; 15])).is_err());
        assert!(bytes(SourceValue::Integer(1)).is_err());
    }

    proptest! {
        #[test]
        fn every_blob_of_16_bytes_comes_back(blob: [u8; 16], other: [u8; 16]) {
            check_round_trip(&Conversion::UuidFromAny, SourceValue::Blob(&blob));
            prop_assert_eq!(same(SourceValue::Blob(&blob), SourceValue::Blob(&other)), blob == other);
        }
    }
}
