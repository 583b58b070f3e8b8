//! TEXT that is an IP address or network to `inet` or `cidr`: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::1/64`.
//!
//! Two texts are the same when address and length of the prefix are: the many spellings of an IPv6 address are not kept, nor a prefix of
//! full length. `cidr` refuses a network with bits behind its prefix, as PostgreSQL does. Forms that only PostgreSQL reads, such as
//! `10.1/16`, are refused.

use std::net::IpAddr;

use super::{Output, PgType, Refusal, Spec, Undecodable, text};
use crate::value::SourceValue;

/// The type that is produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Inet,
    Cidr,
}

/// The address families of the binary format (`network_send` in PostgreSQL's `network.c`): `PGSQL_AF_INET` and `PGSQL_AF_INET6`.
const FAMILY_4: u8 = 2;
const FAMILY_6: u8 = 3;

pub(super) const fn spec(kind: Kind) -> Spec {
    let (target_type, description, example): (_, _, &[u8]) = match kind {
        Kind::Inet => (
            PgType::Inet,
            "TEXT holding an IP address, with or without a prefix, to inet; the spelling of an IPv6 address is not kept",
            b"2001:db8::1",
        ),
        Kind::Cidr => (
            PgType::Cidr,
            "TEXT holding an IP network to cidr; the spelling of an IPv6 address is not kept",
            b"192.0.2.0/24",
        ),
    };
    Spec {
        faithful_type: PgType::Text,
        keeps_order: false,
        not_kept: Some("the spelling of an IPv6 address is not kept"),
        ..Spec::new(target_type, description, SourceValue::Text(example))
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output, kind: Kind) -> Result<(), Refusal> {
    let (address, prefix) = read(text::checked(value)?, kind)?;
    let is_cidr = u8::from(kind == Kind::Cidr);
    match address {
        IpAddr::V4(address) => {
            out.append(&[FAMILY_4, prefix, is_cidr, 4]);
            out.append(&address.octets());
        }
        IpAddr::V6(address) => {
            out.append(&[FAMILY_6, prefix, is_cidr, 16]);
            out.append(&address.octets());
        }
    }
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    kind: Kind,
) -> Result<SourceValue<'a>, Undecodable> {
    let strange = || Undecodable::NoSourceValue { what: "an address of an unknown family" };
    let [family, prefix, _, _, bytes @ ..] = wire else { return Err(strange()) };
    let address = match (*family, bytes.len()) {
        (FAMILY_4, 4) => <[u8; 4]>::try_from(bytes).map(IpAddr::from),
        (FAMILY_6, 16) => <[u8; 16]>::try_from(bytes).map(IpAddr::from),
        _ => return Err(strange()),
    };
    let address = address.map_err(|_| strange())?;
    scratch.clear();
    scratch.extend_from_slice(address.to_string().as_bytes());
    if kind == Kind::Cidr || *prefix != bits(&address) {
        scratch.extend_from_slice(format!("/{prefix}").as_bytes());
    }
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, kind: Kind) -> bool {
    let read = |value| text::checked(value).and_then(|text| read(text, kind));
    matches!((read(source), read(target)), (Ok(source), Ok(target)) if source == target)
}

/// An address and the length of its prefix.
fn read(text: &str, kind: Kind) -> Result<(IpAddr, u8), Refusal> {
    let refused = Refusal::Form {
        expected: match kind {
            Kind::Inet => "an IP address",
            Kind::Cidr => "an IP network without bits behind its prefix",
        },
    };
    let (address, prefix) =
        text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().map_err(|_| refused.clone())?;
    let most = bits(&address);
    let prefix = match prefix {
        None => most,
        Some(digits) => {
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit())
                && (digits == "0" || !digits.starts_with('0'));
            let prefix = digits.parse().ok().filter(|prefix| is_plain && *prefix <= most);
            prefix.ok_or_else(|| refused.clone())?
        }
    };
    let number = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    let behind = u32::from(most - prefix);
    let has_host_bits = number.trailing_zeros() < behind && number != 0;
    if kind == Kind::Cidr && has_host_bits { Err(refused) } else { Ok((address, prefix)) }
}

fn bits(address: &IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_address_comes_back(four: [u8; 4], six: [u8; 16], prefix in 0_u8..=32) {
            for address in [IpAddr::from(four), IpAddr::from(six)] {
                for text in [address.to_string(), format!("{address}/{prefix}")] {
                    check_round_trip(&Conversion::Inet, SourceValue::Text(text.as_bytes()));
                    if encode(SourceValue::Text(text.as_bytes()), &mut Vec::new(), Kind::Cidr).is_ok() {
                        check_round_trip(&Conversion::Cidr, SourceValue::Text(text.as_bytes()));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, is_inet, is_cidr) in [
            ("192.0.2.1", true, true),
            ("192.0.2.1/24", true, false),
            ("192.0.2.0/24", true, true),
            ("0.0.0.0/0", true, true),
            ("::/0", true, true),
            ("2001:DB8:0::1", true, true),
            ("::ffff:192.0.2.1", true, true),
            ("2001:db8::/32", true, true),
            ("2001:db8::1/32", true, false),
            ("192.0.2.1/33", false, false),
            ("192.0.2.1/024", false, false),
            ("192.0.2.1/", false, false),
            ("192.0.2.1/+4", false, false),
            ("192.0.2", false, false),
            ("192.0.02.1", false, false),
            ("fe80::1%eth0", false, false),
            (" 192.0.2.1", false, false),
            ("", false, false),
        ] {
            let takes = |kind| encode(SourceValue::Text(text.as_bytes()), &mut Vec::new(), kind).is_ok();
            assert_eq!((takes(Kind::Inet), takes(Kind::Cidr)), (is_inet, is_cidr), "{text}");
        }
        let same = |left: &str, right: &str| {
            same(SourceValue::Text(left.as_bytes()), SourceValue::Text(right.as_bytes()), Kind::Inet)
        };
        assert!(same("2001:DB8:0::1", "2001:db8::1/128"));
        assert!(!same("192.0.2.1", "192.0.2.1/24"));
    }
}
