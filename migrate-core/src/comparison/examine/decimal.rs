//! Decimal numbers of any length, to compare numbers of different types without floats.

/// The greatest power of ten that is read: beyond it a text is no number that a column holds.
const EXPONENT_MAX: i64 = 400;

/// A decimal number: sign, digits without zeros at either end, and the power of ten of the last digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Reads digits with an optional sign, point and exponent; nothing else may be there.
    pub(super) fn read(text: &str) -> Option<Decimal> {
        let (is_negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] | rest => (false, rest),
        };
        let (mantissa, exponent) = match rest.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (rest.get(..at)?, str::from_utf8(rest.get(at + 1..)?).ok()?.parse().ok()?),
            None => (rest, 0_i64),
        };
        let mut parts = mantissa.splitn(2, |byte| *byte == b'.');
        let (whole, fraction) = (parts.next()?, parts.next().unwrap_or_default());
        let digits: Vec<u8> = whole.iter().chain(fraction).copied().collect();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || exponent.abs() > EXPONENT_MAX {
            return None;
        }
        Some(Decimal::new(is_negative, digits, exponent - i64::try_from(fraction.len()).ok()?))
    }

    /// An integer, of which the last digits are decimals.
    pub(super) fn scaled(integer: i64, decimals: u32) -> Decimal {
        let digits = integer.unsigned_abs().to_string().into_bytes();
        Decimal::new(integer < 0, digits, -i64::from(decimals))
    }

    /// The shortest decimal that reads back as a float; none for infinities.
    pub(super) fn of_float(float: f64) -> Option<Decimal> {
        Decimal::read(&format!("{float:e}"))
    }

    /// The shortest decimal that reads back as a float of 32 bits.
    pub(super) fn of_single(float: f32) -> Option<Decimal> {
        Decimal::read(&format!("{float:e}"))
    }

    fn new(is_negative: bool, mut digits: Vec<u8>, mut exponent: i64) -> Decimal {
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent += 1;
        }
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..leading);
        match digits.is_empty() {
            true => Decimal { is_negative: false, digits, exponent: 0 },
            false => Decimal { is_negative, digits, exponent },
        }
    }

    /// It as an integer, if it is one.
    pub(super) fn as_integer(&self) -> Option<i64> {
        let zeros = u32::try_from(self.exponent).ok()?;
        let digits: i64 = match self.digits.is_empty() {
            true => 0,
            false => str::from_utf8(&self.digits).ok()?.parse().ok()?,
        };
        let number = digits.checked_mul(10_i64.checked_pow(zeros)?)?;
        Some(if self.is_negative { -number } else { number })
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The number times a power of ten.
    pub(super) fn times_power_of_ten(&self, power: i64) -> Decimal {
        let exponent = if self.is_zero() { 0 } else { self.exponent + power };
        Decimal { exponent, ..self.clone() }
    }

    /// Its significant digits.
    pub(super) fn length(&self) -> usize {
        self.digits.len()
    }

    /// Its digits behind the point.
    pub(super) fn decimals(&self) -> u32 {
        u32::try_from(-self.exponent.min(0)).unwrap_or(u32::MAX)
    }

    /// Rounded to this many digits behind the point, half away from zero; or cut there.
    pub(super) fn to_decimals(&self, decimals: u32, is_cut: bool) -> Decimal {
        let dropped = -self.exponent - i64::from(decimals);
        self.without(usize::try_from(dropped).unwrap_or(0), is_cut)
    }

    /// Rounded to this many significant digits, half away from zero; or cut there.
    pub(super) fn to_digits(&self, digits: usize, is_cut: bool) -> Decimal {
        self.without(self.digits.len().saturating_sub(digits), is_cut)
    }

    /// Without so many of its last digits.
    fn without(&self, dropped: usize, is_cut: bool) -> Decimal {
        if dropped == 0 {
            return self.clone();
        }
        let kept = self.digits.len().saturating_sub(dropped);
        let mut digits = self.digits.get(..kept).unwrap_or_default().to_vec();
        // A digit before the first one is 0.
        let first_dropped =
            if dropped > self.digits.len() { b'0' } else { self.digits.get(kept).copied().unwrap_or(b'0') };
        if !is_cut && first_dropped >= b'5' {
            add_one(&mut digits);
        }
        let exponent = self.exponent + i64::try_from(dropped).unwrap_or(0);
        Decimal::new(self.is_negative, digits, exponent)
    }
}

/// Adds 1 to the last digit; an empty number becomes 1.
fn add_one(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Decimal {
        Decimal::read(text).unwrap()
    }

    #[test]
    fn numbers_are_equal_whatever_their_form() {
        for (one, other) in [
            ("1", "1.0"),
            ("0", "-0.00"),
            ("1e3", "1000"),
            ("0.5", ".5"),
            ("-12.30", "-1.23e1"),
            ("+7", "007"),
        ] {
            assert_eq!(read(one), read(other), "{one} {other}");
        }
        for text in ["", "-", "1.2.3", "1e", "0x1", " 1", "1 ", "1e999", "NaN", "."] {
            assert_eq!(Decimal::read(text), None, "{text}");
        }
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        for (text, decimals, rounded, cut) in [
            ("1.235", 2, "1.24", "1.23"),
            ("9.999", 2, "10", "9.99"),
            ("-0.5", 0, "-1", "0"),
            ("0.04", 1, "0", "0"),
            ("0.06", 1, "0.1", "0"),
            ("12", 3, "12", "12"),
        ] {
            assert_eq!(read(text).to_decimals(decimals, false), read(rounded), "{text}");
            assert_eq!(read(text).to_decimals(decimals, true), read(cut), "{text}");
        }
        assert_eq!(read("123456789").to_digits(6, false), read("123457000"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text: String) {
            let _ = Decimal::read(&text);
        }
    }
}
