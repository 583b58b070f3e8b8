//! Numbers to `numeric`, exactly and without a limit on their digits: INTEGER as it is, REAL as the shortest decimal that reads back
//! as the same float, and TEXT that is a plain decimal with its scale (`1.50` stays `1.50`).
//!
//! PostgreSQL keeps groups of four decimal digits (manual, section 8.1.2; `numeric_send` in its `numeric.c`). It has no negative
//! zero: the float -0.0 becomes 0, and is the same. Text that PostgreSQL would write otherwise (`+1`, `01`, `1e3`) is refused.

use std::io::Write;

use super::{Output, PgType, Refusal, Spec, Undecodable};
use crate::value::SourceValue;

/// The most digits before the point that `numeric` takes.
const WHOLE_DIGITS_MAX: usize = 131_072;

/// The most digits behind the point.
const FRACTION_DIGITS_MAX: usize = 16_383;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;

/// How many decimal digits are in one group.
const GROUP_DIGITS: i32 = 4;

/// A decimal: digits, and the place of the first of them as a power of ten.
struct Decimal<'a> {
    is_negative: bool,
    /// ASCII digits and at most one point among them.
    digits: &'a [u8],
    /// Where the point stands among `digits`, if it does.
    point_at: Option<usize>,
    first_power: i32,
    scale: usize,
}

impl Decimal<'_> {
    fn digit_count(&self) -> usize {
        self.digits.len() - usize::from(self.point_at.is_some())
    }

    /// The digit at a power of ten; 0 beyond both ends.
    fn digit(&self, power: i32) -> u16 {
        let Ok(place) = usize::try_from(self.first_power - power) else { return 0 };
        let place = if self.point_at.is_some_and(|point| place >= point) { place + 1 } else { place };
        self.digits.get(place).map_or(0, |digit| u16::from(digit.wrapping_sub(b'0')))
    }

    /// Whether both are one number, whatever their scales are.
    fn is_equal(&self, other: &Decimal<'_>) -> bool {
        let last_power = |decimal: &Decimal<'_>| decimal.first_power - decimal.digit_count() as i32 + 1;
        let mut powers = last_power(self).min(last_power(other))..=self.first_power.max(other.first_power);
        self.is_negative == other.is_negative && powers.all(|power| self.digit(power) == other.digit(power))
    }

    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 8]);
        let last_power = self.first_power - self.digit_count() as i32 + 1;
        let groups = last_power.div_euclid(GROUP_DIGITS)..=self.first_power.div_euclid(GROUP_DIGITS);
        let (mut weight, mut count, mut zeros) = (0, 0_usize, 0_usize);
        for group in groups.rev() {
            let value = (0..GROUP_DIGITS)
                .rev()
                .fold(0, |value, place| value * 10 + self.digit(group * GROUP_DIGITS + place));
            match (value, count) {
                (0, 0) => continue,
                (0, _) => zeros += 1,
                (_, 0) => weight = group,
                _ => {}
            }
            if value != 0 {
                // Zeros at the end are left out, those between are not.
                out.resize(out.len() + 2 * zeros, 0);
                count += zeros + 1;
                zeros = 0;
                out.extend_from_slice(&value.to_be_bytes());
            }
        }
        let sign = if self.is_negative && count > 0 { NEGATIVE } else { 0 };
        // The limits of digits keep all of these within 16 bits.
        let header = [count as u16, weight as i16 as u16, sign, self.scale as u16];
        for (field, value) in
            out.iter_mut().skip(start).zip(header.iter().flat_map(|value| value.to_be_bytes()))
        {
            *field = value;
        }
    }
}

pub(super) const fn spec() -> Spec {
    Spec {
        keeps_order: false,
        ..Spec::new(
            PgType::Numeric,
            "INTEGER, REAL or TEXT holding a plain decimal to numeric: every digit is kept",
            SourceValue::Real(19.99),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    match value {
        SourceValue::Integer(integer) => {
            let mut text = Stack::default();
            text.write(format_args!("{integer}"));
            let decimal = plain(text.bytes())?;
            out.with(|out| decimal.write(out));
            Ok(())
        }
        SourceValue::Real(real) if real.is_infinite() => {
            let sign = if real > 0.0 { INFINITY } else { NEGATIVE_INFINITY };
            [0, 0, sign, 0].iter().for_each(|field: &u16| out.append(&field.to_be_bytes()));
            Ok(())
        }
        SourceValue::Real(real) => {
            let mut text = Stack::default();
            text.write(format_args!("{:e}", real.abs()));
            let decimal =
                scientific(text.bytes(), real < 0.0).ok_or(Refusal::Form { expected: "a number" })?;
            out.with(|out| decimal.write(out));
            Ok(())
        }
        SourceValue::Text(text) => {
            let decimal = plain(text)?;
            out.with(|out| decimal.write(out));
            Ok(())
        }
        SourceValue::Null | SourceValue::Blob(_) => {
            Err(Refusal::StorageClass { found: value.storage_class(), expected: "integer, real or text" })
        }
    }
}

/// A decimal as `numeric` writes it back: `-?(0|[1-9][0-9]*)(\.[0-9]+)?`, but not `-0`.
fn plain(text: &[u8]) -> Result<Decimal<'_>, Refusal> {
    let refused = || Refusal::Form { expected: "a plain decimal" };
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let point_at = digits.iter().position(|&byte| byte == b'.');
    let whole = digits.get(..point_at.unwrap_or(digits.len())).unwrap_or_default();
    let fraction = point_at.and_then(|point| digits.get(point + 1..)).unwrap_or_default();
    let are_digits = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    let is_plain = !whole.is_empty()
        && are_digits(whole)
        && are_digits(fraction)
        && (whole.len() == 1 || !whole.starts_with(b"0"))
        && (point_at.is_none() || !fraction.is_empty());
    let is_zero = || digits.iter().all(|byte| matches!(byte, b'0' | b'.'));
    if !is_plain || (is_negative && is_zero()) {
        return Err(refused());
    }
    if whole.len() > WHOLE_DIGITS_MAX || fraction.len() > FRACTION_DIGITS_MAX {
        return Err(Refusal::OutOfRange {
            target: "numeric",
            range: "131072 digits before the point and 16383 behind it",
        });
    }
    let first_power = whole.len() as i32 - 1;
    Ok(Decimal { is_negative, digits, point_at, first_power, scale: fraction.len() })
}

/// A float as `{:e}` writes it: `d[.d…]e[-]d…`.
fn scientific(text: &[u8], is_negative: bool) -> Option<Decimal<'_>> {
    let exponent_at = text.iter().position(|&byte| byte == b'e')?;
    let digits = text.get(..exponent_at)?;
    let exponent: i32 = std::str::from_utf8(text.get(exponent_at + 1..)?).ok()?.parse().ok()?;
    let point_at = digits.iter().position(|&byte| byte == b'.');
    let count = digits.len() - usize::from(point_at.is_some());
    let last_power = exponent - (i32::try_from(count).ok()? - 1);
    let scale = usize::try_from(-last_power).unwrap_or(0);
    Some(Decimal { is_negative, digits, point_at, first_power: exponent, scale })
}

pub(super) fn decode<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    let malformed = || Undecodable::Length {
        target: "numeric",
        expected: "8 and 2 for each group",
        found_bytes: wire.len(),
    };
    let (header, groups) = wire.split_first_chunk::<8>().ok_or_else(malformed)?;
    let [c0, c1, w0, w1, s0, s1, d0, d1] = *header;
    let count = usize::from(u16::from_be_bytes([c0, c1]));
    let weight = i32::from(i16::from_be_bytes([w0, w1]));
    let (sign, scale) = (u16::from_be_bytes([s0, s1]), i32::from(u16::from_be_bytes([d0, d1])));
    if groups.len() != 2 * count {
        return Err(malformed());
    }
    match sign {
        INFINITY => return Ok(SourceValue::Real(f64::INFINITY)),
        NEGATIVE_INFINITY => return Ok(SourceValue::Real(f64::NEG_INFINITY)),
        NAN => return Err(Undecodable::NoSourceValue { what: "NaN, which SQLite cannot hold" }),
        _ => {}
    }
    let digit = |power: i32| -> u8 {
        let group = usize::try_from(weight - power.div_euclid(GROUP_DIGITS)).ok();
        let bytes = group.and_then(|group| groups.get(2 * group..2 * group + 2));
        let value =
            bytes.map_or(0, |bytes| bytes.iter().fold(0, |value, byte| value << 8 | u16::from(*byte)));
        let place = power.rem_euclid(GROUP_DIGITS) as u32;
        b'0' + (value / 10_u16.pow(place) % 10) as u8
    };
    scratch.clear();
    if sign == NEGATIVE {
        scratch.push(b'-');
    }
    let first_power = ((weight + 1) * GROUP_DIGITS - 1).max(0);
    let mut is_leading = true;
    for power in (0..=first_power).rev() {
        let digit = digit(power);
        is_leading &= digit == b'0' && power > 0;
        if !is_leading {
            scratch.push(digit);
        }
    }
    if scale > 0 {
        scratch.push(b'.');
        scratch.extend((1..=scale).map(|place| digit(-place)));
    }
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    match (source, target) {
        (SourceValue::Real(source), SourceValue::Real(target)) => source == target,
        (SourceValue::Text(source), SourceValue::Text(target)) => source == target,
        (SourceValue::Integer(source), SourceValue::Text(target)) => {
            let mut text = Stack::default();
            text.write(format_args!("{source}"));
            text.bytes() == target
        }
        (SourceValue::Real(source), SourceValue::Text(target)) => is_float(source, target),
        _ => false,
    }
}

/// Whether a decimal is what a float becomes, to the last digit: more than one decimal reads back as the same float. Zeros at the end
/// are none of a float's; a column of `numeric(p, s)` fills up with them.
fn is_float(source: f64, target: &[u8]) -> bool {
    let mut text = Stack::default();
    text.write(format_args!("{:e}", source.abs()));
    match (scientific(text.bytes(), source < 0.0), plain(target)) {
        (Some(source), Ok(target)) => source.is_equal(&target),
        _ => false,
    }
}

/// The text of a number, on the stack.
struct Stack {
    bytes: [u8; 40],
    length: usize,
}

impl Default for Stack {
    fn default() -> Stack {
        Stack { bytes: [0; 40], length: 0 }
    }
}

impl Stack {
    fn write(&mut self, number: std::fmt::Arguments<'_>) {
        let mut rest = self.bytes.as_mut_slice();
        // A 64-bit integer has 20 characters at most, a float 24.
        let is_whole = rest.write_fmt(number).is_ok();
        let left = rest.len();
        self.length = if is_whole { self.bytes.len() - left } else { 0 };
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_comes_back(
            integer: i64,
            real in any::<f64>().prop_filter("NaN", |real| !real.is_nan()),
            text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?",
        ) {
            check_round_trip(&Conversion::Numeric, SourceValue::Integer(integer));
            check_round_trip(&Conversion::Numeric, SourceValue::Real(real));
            if encode(SourceValue::Text(text.as_bytes()), &mut Vec::new()).is_ok() {
                check_round_trip(&Conversion::Numeric, SourceValue::Text(text.as_bytes()));
            } else {
                prop_assert!(text.starts_with('-') && text.bytes().all(|byte| b"-0.".contains(&byte)), "{}", text);
            }
        }

        #[test]
        fn bytes_that_are_no_number_do_no_harm(wire: Vec<u8>) {
            let _ = decode(&wire, &mut Vec::new());
        }
    }

    #[test]
    fn a_float_is_its_shortest_decimal_and_no_other_that_reads_back_as_it() {
        for (source, target, is_same) in [
            (0.1, "0.1", true),
            (0.1, "0.10", true),
            (0.1, "0.1000000000000000000009", false),
            (0.1, "0.1000000000000000055511151231257827", false),
            (-2.5, "-2.50", true),
            (-2.5, "2.5", false),
            (1e22, "10000000000000000000000", true),
            (1e22, "10000000000000000000001", false),
            (1e23, "99999999999999991611392", false),
            (5e-324, &format!("0.{}5", "0".repeat(323)), true),
            (-0.0, "0", true),
            (0.0, "0.00", true),
            (0.0, "0.0000000000001", false),
            (f64::INFINITY, "1", false),
        ] {
            let found = same(SourceValue::Real(source), SourceValue::Text(target.as_bytes()));
            assert_eq!(found, is_same, "{source:?} {target}");
        }
    }

    #[test]
    fn decimals_are_kept_to_the_digit() {
        let mut scratch = Vec::new();
        for (value, expected) in [
            (SourceValue::Text(b"1.50"), "1.50"),
            (SourceValue::Text(b"0.00"), "0.00"),
            (SourceValue::Text(b"10000"), "10000"),
            (SourceValue::Text(b"100000000.0001"), "100000000.0001"),
            (SourceValue::Text(b"-0.00010"), "-0.00010"),
            (SourceValue::Integer(0), "0"),
            (SourceValue::Integer(i64::MIN), "-9223372036854775808"),
            (SourceValue::Real(19.999), "19.999"),
            (SourceValue::Real(-0.0), "0"),
            (SourceValue::Real(1e22), "10000000000000000000000"),
            (SourceValue::Real(1.5e-7), "0.00000015"),
        ] {
            let mut wire = Vec::new();
            encode(value, &mut wire).unwrap();
            let SourceValue::Text(text) = decode(&wire, &mut scratch).unwrap() else { panic!("{expected}") };
            assert_eq!(std::str::from_utf8(text).unwrap(), expected);
        }
        for text in [
            "", "-", ".", "1.", ".5", "+1", "01", "1e3", "-0", "-0.0", " 1", "1 ", "1,5", "NaN", "1.2.3", "٣",
        ] {
            assert!(encode(SourceValue::Text(text.as_bytes()), &mut Vec::new()).is_err(), "{text}");
        }
        assert!(encode(SourceValue::Blob(b"1"), &mut Vec::new()).is_err());
    }
}
