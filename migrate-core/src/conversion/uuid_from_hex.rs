//! TEXT of 32 hexadecimal digits in small letters, without hyphens, to `uuid`. Such texts have the order of their bytes.

pub(super) use super::text::same;
use super::{Output, PgType, Refusal, Spec, Undecodable, text, uuid};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Text,
        ..Spec::new(
            PgType::Uuid,
            "TEXT of 32 hexadecimal digits in lowercase, without hyphens, to uuid",
            SourceValue::Text(b"0190d3a45f3e7c1a9b2d3c4d5e6f7081"),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let text = text::checked(value)?.as_bytes();
    let refused = Refusal::Form { expected: "32 hexadecimal digits in small letters" };
    if text.iter().any(u8::is_ascii_uppercase) {
        return Err(refused);
    }
    out.append(&uuid::digits(text).ok_or(refused)?);
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    uuid::check_length(wire)?;
    scratch.clear();
    for byte in wire {
        scratch.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
    }
    Ok(SourceValue::Text(scratch))
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_uuid_comes_back(bytes: [u8; 16]) {
            let (mut scratch, mut wire) = (Vec::new(), Vec::new());
            let SourceValue::Text(text) = decode(&bytes, &mut scratch).unwrap() else { panic!() };
            check_round_trip(&Conversion::UuidFromHex, SourceValue::Text(text));
            encode(SourceValue::Text(text), &mut wire).unwrap();
            prop_assert_eq!(wire, bytes);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "6F9619FF8B86D011B42D00C04FC964FF",
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "6f9619ff8b86d011b42d00c04fc964f",
            "6f9619ff8b86d011b42d00c04fc964ff0",
            "6f9619ff8b86d011b42d00c04fc964fg",
        ] {
            assert!(encode(SourceValue::Text(text.as_bytes()), &mut Vec::new()).is_err(), "{text}");
        }
        assert!(encode(SourceValue::Blob(&[0; 16]), &mut Vec::new()).is_err());
    }
}
