//! TEXT that is a hardware address to `macaddr` (6 bytes) or `macaddr8` (8 bytes): pairs of digits with `:` or `-` between them, groups of
//! four with `.`, or all digits without a separator. Two texts are the same when their bytes are; the spelling is not kept.

use super::uuid::hex_digit;
use super::{Output, PgType, Refusal, Spec, Undecodable, text};
use crate::value::SourceValue;

pub(super) const fn spec(length: usize) -> Spec {
    let (target_type, description, example): (_, _, &[u8]) = if length == 6 {
        (PgType::Macaddr, "TEXT holding a hardware address of 6 bytes to macaddr", b"08:00:2b:01:02:03")
    } else {
        (
            PgType::Macaddr8,
            "TEXT holding a hardware address of 8 bytes to macaddr8",
            b"08:00:2b:01:02:03:04:05",
        )
    };
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some("case and separators of a hardware address are not kept"),
        ..Spec::new(target_type, description, SourceValue::Text(example))
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output, length: usize) -> Result<(), Refusal> {
    out.append(&bytes(value, length)?);
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    length: usize,
) -> Result<SourceValue<'a>, Undecodable> {
    if wire.len() != length {
        let expected = if length == 6 { "6" } else { "8" };
        return Err(Undecodable::Length { target: "a hardware address", expected, found_bytes: wire.len() });
    }
    scratch.clear();
    for (place, byte) in wire.iter().enumerate() {
        let colon = if place == 0 { "" } else { ":" };
        scratch.extend_from_slice(format!("{colon}{byte:02x}").as_bytes());
    }
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, length: usize) -> bool {
    matches!((bytes(source, length), bytes(target, length)), (Ok(source), Ok(target)) if source == target)
}

fn bytes(value: SourceValue<'_>, length: usize) -> Result<Vec<u8>, Refusal> {
    let refused = Refusal::Form {
        expected: if length == 6 { "a hardware address of 6 bytes" } else { "a hardware address of 8 bytes" },
    };
    let text = text::checked(value)?.as_bytes();
    let separator = text.iter().copied().find(|byte| b":-.".contains(byte));
    let group = match separator {
        None => 2 * length,
        Some(b'.') => 4,
        Some(_) => 2,
    };
    let groups: Vec<&[u8]> = match separator {
        None => vec![text],
        Some(separator) => text.split(|&byte| byte == separator).collect(),
    };
    let is_even = groups.len() * group == 2 * length && groups.iter().all(|digits| digits.len() == group);
    let digits: Option<Vec<u8>> = groups.concat().iter().map(|&digit| hex_digit(digit)).collect();
    match digits.filter(|_| is_even) {
        Some(digits) => Ok(digits
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect()),
        None => Err(refused),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_address_comes_back(six: [u8; 6], eight: [u8; 8]) {
            let mut scratch = Vec::new();
            let SourceValue::Text(text) = decode(&six, &mut scratch, 6).unwrap() else { panic!() };
            check_round_trip(&Conversion::Macaddr, SourceValue::Text(text));
            prop_assert_eq!(bytes(SourceValue::Text(text), 6).unwrap(), six);
            let mut scratch = Vec::new();
            let SourceValue::Text(text) = decode(&eight, &mut scratch, 8).unwrap() else { panic!() };
            check_round_trip(&Conversion::Macaddr8, SourceValue::Text(text));
            prop_assert_eq!(bytes(SourceValue::Text(text), 8).unwrap(), eight);
        }
    }

    #[test]
    fn all_spellings_are_one_address() {
        let expected = [8, 0, 0x2b, 1, 2, 0xff];
        for text in ["08:00:2b:01:02:ff", "08-00-2B-01-02-FF", "0800.2b01.02ff", "08002b0102ff"] {
            check_round_trip(&Conversion::Macaddr, SourceValue::Text(text.as_bytes()));
            assert_eq!(bytes(SourceValue::Text(text.as_bytes()), 6).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "08:00:2b:01:02",
            "08:00:2b:01:02:ff:00",
            "08:00-2b:01:02:ff",
            "8:0:2b:1:2:ff",
            "08002b0102fg",
            "0800:2b01:02ff",
        ] {
            assert!(bytes(SourceValue::Text(text.as_bytes()), 6).is_err(), "{text}");
        }
    }
}
