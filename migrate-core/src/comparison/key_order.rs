//! Keys in a form whose bytes have the order in which PostgreSQL sorts the values, so that rows of both sides can be merged.
//!
//! The form is made from PostgreSQL's binary format, whichever side the value is from: equal values have equal bytes.

use crate::conversion::PgType;

/// What a part of a key begins with: values first, then NULL, as PostgreSQL sorts by default.
const VALUE: u8 = 0;
const NULL: u8 = 1;

/// How PostgreSQL sorts the values of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrder {
    /// As the type itself does.
    Own,
    /// As text, by the collation `C`.
    Text,
}

impl KeyOrder {
    /// The order of a type; none where its values have no order that their bytes can have.
    pub fn of(pg_type: PgType) -> Option<KeyOrder> {
        match pg_type {
            PgType::Text => Some(KeyOrder::Text),
            PgType::Bigint
            | PgType::Integer
            | PgType::Smallint
            | PgType::Money
            | PgType::Boolean
            | PgType::DoublePrecision
            | PgType::Real
            | PgType::Numeric
            | PgType::Bytea
            | PgType::Uuid
            | PgType::Macaddr
            | PgType::Macaddr8
            | PgType::Date
            | PgType::Time
            | PgType::Timestamp
            | PgType::Timestamptz => Some(KeyOrder::Own),
            PgType::Json
            | PgType::Jsonb
            | PgType::Interval
            | PgType::Inet
            | PgType::Cidr
            | PgType::TextArray
            | PgType::SmallintArray
            | PgType::IntegerArray
            | PgType::BigintArray
            | PgType::BooleanArray
            | PgType::DoublePrecisionArray
            | PgType::NumericArray
            | PgType::UuidArray => None,
        }
    }
}

/// Appends NULL.
pub fn append_null(out: &mut Vec<u8>) {
    out.push(NULL);
}

/// Appends a value in PostgreSQL's binary format; false if the bytes are not of the type, or it has no order.
pub fn append_value(pg_type: PgType, wire: &[u8], out: &mut Vec<u8>) -> bool {
    out.push(VALUE);
    match pg_type {
        PgType::Text
        | PgType::Bytea
        | PgType::Boolean
        | PgType::Uuid
        | PgType::Macaddr
        | PgType::Macaddr8 => {
            out.extend_from_slice(wire);
            true
        }
        PgType::Bigint
        | PgType::Integer
        | PgType::Smallint
        | PgType::Money
        | PgType::Date
        | PgType::Time
        | PgType::Timestamp
        | PgType::Timestamptz => append_signed(wire, out),
        PgType::DoublePrecision => {
            <[u8; 8]>::try_from(wire).is_ok_and(|bytes| append_float(f64::from_be_bytes(bytes), out))
        }
        PgType::Real => {
            <[u8; 4]>::try_from(wire).is_ok_and(|bytes| append_float(f32::from_be_bytes(bytes).into(), out))
        }
        PgType::Numeric => append_numeric(wire, out),
        _ => false,
    }
}

/// A signed integer in big-endian order: its bytes sort with the sign inverted.
fn append_signed(wire: &[u8], out: &mut Vec<u8>) -> bool {
    let Some((first, rest)) = wire.split_first() else { return false };
    out.push(first ^ 0x80);
    out.extend_from_slice(rest);
    true
}

/// A float: both zeros are one value, and NaN is above all others (PostgreSQL manual, section 8.1.3).
fn append_float(float: f64, out: &mut Vec<u8>) -> bool {
    let float = if float == 0.0 { 0.0 } else { float };
    let bits = if float.is_nan() { f64::NAN.to_bits() & !(1 << 63) } else { float.to_bits() };
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    out.extend_from_slice(&ordered.to_be_bytes());
    true
}

/// A `numeric`, as `numeric_send` writes it: number of groups, weight of the first, sign, decimals; then groups of four digits. The number
/// of decimals is no part of the value.
fn append_numeric(wire: &[u8], out: &mut Vec<u8>) -> bool {
    /// The signs of negative numbers, infinities and NaN (PostgreSQL's `numeric.c`).
    const NEGATIVE: u16 = 0x4000;
    const NAN: u16 = 0xc000;
    const INFINITY: u16 = 0xd000;
    const NEGATIVE_INFINITY: u16 = 0xf000;
    let Some((header, groups)) = wire.split_first_chunk::<8>() else { return false };
    let [_, _, w0, w1, s0, s1, _, _] = *header;
    if groups.len() % 2 != 0 {
        return false;
    }
    let mut weight = i16::from_be_bytes([w0, w1]);
    // Groups of zeros at either end are no part of the value.
    let mut pairs: Vec<[u8; 2]> = groups.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
    while pairs.last() == Some(&[0, 0]) {
        pairs.pop();
    }
    let leading = pairs.iter().take_while(|pair| **pair == [0, 0]).count();
    pairs.drain(..leading);
    weight = weight.wrapping_sub(i16::try_from(leading).unwrap_or(i16::MAX));
    match u16::from_be_bytes([s0, s1]) {
        NEGATIVE_INFINITY => out.push(0),
        NEGATIVE if !pairs.is_empty() => {
            out.push(1);
            let [high, low] = weight.to_be_bytes();
            out.extend([!(high ^ 0x80), !low]);
            out.extend(
                pairs
                    .iter()
                    .flat_map(|pair| (0xfffe_u16.saturating_sub(u16::from_be_bytes(*pair))).to_be_bytes()),
            );
            // Above every group: of two negative numbers that begin alike, the one with more digits is the lower one.
            out.extend([0xff; 2]);
        }
        0 | NEGATIVE if pairs.is_empty() => out.push(2),
        0 => {
            out.push(3);
            let [high, low] = weight.to_be_bytes();
            out.extend([high ^ 0x80, low]);
            out.extend(pairs.iter().flatten());
        }
        INFINITY => out.push(4),
        NAN => out.push(5),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversion::Conversion;
    use crate::value::SourceValue;
    use proptest::prelude::*;

    fn form(conversion: &Conversion, value: SourceValue<'_>) -> Vec<u8> {
        let (mut wire, mut out) = (Vec::new(), Vec::new());
        conversion.encode(value, &mut wire).unwrap();
        assert!(append_value(conversion.target_type(), &wire, &mut out));
        out
    }

    #[test]
    fn decimals_are_ordered_as_the_numbers_that_they_are() {
        let ordered = [
            "-100000000",
            "-99999.5",
            "-99999",
            "-10000.0001",
            "-10000",
            "-9999.9999",
            "-1.5",
            "-1",
            "-0.0002",
            "-0.0001",
            "0",
            "0.00001",
            "0.0001",
            "0.0002",
            "1",
            "1.5",
            "9999.9999",
            "10000",
            "10000.0001",
            "99999",
            "99999.5",
            "100000000",
        ];
        let forms: Vec<Vec<u8>> = ordered
            .iter()
            .map(|text| form(&Conversion::Numeric, SourceValue::Text(text.as_bytes())))
            .collect();
        assert!(forms.is_sorted_by(|one, other| one < other), "{forms:?}");
        for (one, other) in [("1", "1.00"), ("0", "0.000"), ("10000", "10000.0")] {
            let [one, other] =
                [one, other].map(|text| form(&Conversion::Numeric, SourceValue::Text(text.as_bytes())));
            assert_eq!(one, other);
        }
    }

    proptest! {
        #[test]
        fn integers_and_floats_keep_their_order(one: i64, other: i64, left: f64, right: f64) {
            let forms = [one, other].map(|value| form(&Conversion::Bigint, SourceValue::Integer(value)));
            prop_assert_eq!(forms[0].cmp(&forms[1]), one.cmp(&other));
            let [mut of_left, mut of_right] = [Vec::new(), Vec::new()];
            append_value(PgType::DoublePrecision, &left.to_be_bytes(), &mut of_left);
            append_value(PgType::DoublePrecision, &right.to_be_bytes(), &mut of_right);
            prop_assert_eq!(Some(of_left.cmp(&of_right)), left.partial_cmp(&right));
        }

        #[test]
        fn any_bytes_are_taken_without_harm(wire: Vec<u8>) {
            for conversion in Conversion::all() {
                let _ = append_value(conversion.target_type(), &wire, &mut Vec::new());
            }
        }
    }
}
