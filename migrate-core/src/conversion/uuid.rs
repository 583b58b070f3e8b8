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
    let refused = Refusal::Form { expected: letters.form() };
    if !text.iter().all(|&byte| byte == b'-' || letters.has(byte)) {
        return Err(refused);
    }
    out.append(&hyphenated(text).ok_or(refused)?);
    Ok(())
}

/// The bytes of a UUID with hyphens, in letters of either case.
pub(super) fn hyphenated(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != LENGTH_BYTES || !HYPHENS.iter().all(|&at| text.get(at) == Some(&b'-')) {
        return None;
    }
    let mut plain = [0_u8; 32];
    let digits = text.iter().enumerate().filter(|(at, _)| !HYPHENS.contains(at));
    plain.iter_mut().zip(digits).for_each(|(place, (_, digit))| *place = *digit);
    digits_of(&plain)
}

/// The bytes of 32 hexadecimal digits, in letters of either case.
pub(super) fn digits(text: &[u8]) -> Option<[u8; 16]> {
    digits_of(text.try_into().ok()?)
}

fn digits_of(text: &[u8; 32]) -> Option<[u8; 16]> {
    let mut bytes = [0_u8; 16];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        for &digit in pair {
            *byte = *byte << 4 | hex_digit(digit)?;
        }
    }
    Some(bytes)
}

/// The value of a hexadecimal digit.
pub(super) fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
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
    fn has(self, digit: u8) -> bool {
        let letters = match self {
            Letters::Lowercase => b'a'..=b'f',
            Letters::Uppercase => b'A'..=b'F',
        };
        digit.is_ascii_digit() || letters.contains(&digit)
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
