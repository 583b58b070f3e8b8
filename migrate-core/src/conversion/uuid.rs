//! TEXT that is a UUID to `uuid`, in the canonical form with hyphens; all in small letters, or all in capitals where a conversion says
//! so, since PostgreSQL gives small ones back and the text is to come back as it was.

use super::{Output, PgType, Refusal, Spec, Undecodable, text};
use crate::value::SourceValue;

/// Which letters the source writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letters {
    Lowercase,
    Uppercase,
}

/// Where the hyphens stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// The length of the canonical form.
const LENGTH_BYTES: usize = 36;

pub(super) const fn spec(letters: Letters) -> Spec {
    let (description, example): (_, &[u8]) = match letters {
        Letters::Lowercase => (
            "TEXT holding a UUID with hyphens and lowercase letters to uuid",
            b"0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081",
        ),
        Letters::Uppercase => (
            "TEXT holding a UUID with hyphens and uppercase letters to uuid, which PostgreSQL prints in lowercase",
            b"0190D3A4-5F3E-7C1A-9B2D-3C4D5E6F7081",
        ),
    };
    Spec { faithful_type: PgType::Text, ..Spec::new(PgType::Uuid, description, SourceValue::Text(example)) }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output, letters: Letters) -> Result<(), Refusal> {
    let text = text::checked(value)?.as_bytes();
    let refused = || Refusal::Form { expected: letters.form() };
    if text.len() != LENGTH_BYTES {
        return Err(refused());
    }
    let mut bytes = [0_u8; 16];
    let mut place = 0;
    for (at, &letter) in text.iter().enumerate() {
        if HYPHENS.contains(&at) {
            if letter != b'-' {
                return Err(refused());
            }
            continue;
        }
        let digit = letters.digit(letter).ok_or_else(refused)?;
        if let Some(byte) = bytes.get_mut(place / 2) {
            *byte = *byte << 4 | digit;
        }
        place += 1;
    }
    out.append(&bytes);
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    letters: Letters,
) -> Result<SourceValue<'a>, Undecodable> {
    check_length(wire)?;
    scratch.clear();
    for (place, byte) in wire.iter().enumerate() {
        if [4, 6, 8, 10].contains(&place) {
            scratch.push(b'-');
        }
        scratch.extend([byte >> 4, byte & 15].map(|digit| letters.letter(digit)));
    }
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, _letters: Letters) -> bool {
    text::same(source, target)
}

/// Refuses a field that is no `uuid`.
pub(super) fn check_length(wire: &[u8]) -> Result<(), Undecodable> {
    match wire.len() {
        16 => Ok(()),
        found_bytes => Err(Undecodable::Length { target: "uuid", expected: "16", found_bytes }),
    }
}

impl Letters {
    fn digit(self, letter: u8) -> Option<u8> {
        match (self, letter) {
            (_, b'0'..=b'9') => Some(letter - b'0'),
            (Letters::Lowercase, b'a'..=b'f') => Some(letter - b'a' + 10),
            (Letters::Uppercase, b'A'..=b'F') => Some(letter - b'A' + 10),
            _ => None,
        }
    }

    fn letter(self, digit: u8) -> u8 {
        match (self, digit) {
            (_, 0..=9) => b'0' + digit,
            (Letters::Lowercase, _) => b'a' + digit - 10,
            (Letters::Uppercase, _) => b'A' + digit - 10,
        }
    }

    fn form(self) -> &'static str {
        match self {
            Letters::Lowercase => "a UUID with hyphens and small letters",
            Letters::Uppercase => "a UUID with hyphens and capital letters",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_uuid_comes_back(bytes: [u8; 16]) {
            let mut scratch = Vec::new();
            for (conversion, letters) in [(Conversion::Uuid, Letters::Lowercase), (Conversion::UuidFromUppercase, Letters::Uppercase)] {
                let SourceValue::Text(text) = decode(&bytes, &mut scratch, letters).unwrap() else { panic!() };
                check_round_trip(&conversion, SourceValue::Text(text));
                let mut wire = Vec::new();
                conversion.encode(SourceValue::Text(text), &mut wire).unwrap();
                prop_assert_eq!(wire, bytes);
            }
        }
    }

    #[test]
    fn only_the_canonical_form_is_taken() {
        for (text, small, capital) in [
            ("6f9619ff-8b86-d011-b42d-00c04fc964ff", true, false),
            ("6F9619FF-8B86-D011-B42D-00C04FC964FF", false, true),
            ("00000000-0000-0000-0000-000000000000", true, true),
            ("6F9619ff-8b86-d011-b42d-00c04fc964ff", false, false),
            ("6f9619ff8b86d011b42d00c04fc964ff", false, false),
            ("{6f9619ff-8b86-d011-b42d-00c04fc964ff}", false, false),
            ("6f9619ff-8b86-d011-b42d-00c04fc964f", false, false),
            ("6f9619ff-8b86-d011-b42d-00c04fc964fg", false, false),
            ("6f9619ff_8b86-d011-b42d-00c04fc964ff", false, false),
            ("", false, false),
        ] {
            let takes =
                |letters| encode(SourceValue::Text(text.as_bytes()), &mut Vec::new(), letters).is_ok();
            assert_eq!((takes(Letters::Lowercase), takes(Letters::Uppercase)), (small, capital), "{text}");
        }
        assert!(encode(SourceValue::Blob(&[0; 16]), &mut Vec::new(), Letters::Lowercase).is_err());
    }
}
