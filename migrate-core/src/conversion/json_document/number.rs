//! A JSON number as PostgreSQL's `numeric` reads, stores and prints it: exact decimal digits, and how many of them follow the point.
//!
//! `numeric` keeps trailing zeros of a fraction (1.50 is printed as 1.50) but no sign of zero. The limits are those of
//! `numeric.c` without a declared precision, tested on PostgreSQL 15 digit by digit.

use super::tree::Output;

/// The most digits after the point, zeros at the end included.
const SCALE_MAX: i64 = 16_383;

/// The highest power of ten: 131072 digits before the point.
const POWER_MAX: i64 = 131_071;

/// The first exponent whose size PostgreSQL refuses to read, even for a zero.
const EXPONENT_END: i64 = 1_073_741_823;

/// A number within the limits of `numeric`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number<'t> {
    /// Whether it is less than zero.
    negative: bool,
    has_sign: bool,
    /// The digits before the point.
    integer: &'t [u8],
    /// The digits after the point.
    fraction: &'t [u8],
    exponent: i64,
    /// The number of digits after the point once the exponent is applied.
    scale: i64,
    /// The powers of ten of the first and the last digit that is not zero; none for zero.
    powers: Option<(i64, i64)>,
}

impl<'t> Number<'t> {
    /// Reads a number whose grammar has been checked; none when `numeric` cannot hold it.
    pub(super) fn read(token: &'t [u8]) -> Option<Number<'t>> {
        let (negative, unsigned) = match token {
            [b'-', unsigned @ ..] => (true, unsigned),
            _ => (false, token),
        };
        let is_exponent_mark = |byte: &u8| matches!(byte, b'e' | b'E');
        let mut halves = unsigned.splitn(2, is_exponent_mark);
        let mantissa = halves.next().unwrap_or_default();
        let exponent = halves.next().map_or(0, read_exponent);
        let mut parts = mantissa.splitn(2, |&byte| byte == b'.');
        let (integer, fraction) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());

        let top_power = integer.len() as i64 - 1 + exponent;
        let powers = nonzero_ends(integer, fraction)
            .map(|(first, last)| (top_power - first as i64, top_power - last as i64));
        let scale = (fraction.len() as i64 - exponent).max(0);
        let fits = exponent.abs() < EXPONENT_END
            && scale <= SCALE_MAX
            && powers.is_none_or(|(first, _)| first <= POWER_MAX);
        fits.then_some(Number {
            negative: negative && powers.is_some(),
            has_sign: negative,
            integer,
            fraction,
            exponent,
            scale,
            powers,
        })
    }

    /// Whether it is a zero with a minus, of which `numeric` keeps only the zero.
    pub(super) fn has_sign_of_zero(&self) -> bool {
        self.has_sign && self.powers.is_none()
    }

    /// How many bytes `jsonb` stores for it, its length word included and alignment not.
    pub(super) fn stored_bytes(&self) -> u64 {
        // Digits are stored in groups of four that lie around the point.
        let (weight, groups) = self.powers.map_or((0, 0), |(first, last)| {
            let weight = first.div_euclid(4);
            (weight, weight - last.div_euclid(4) + 1)
        });
        let short = self.scale <= 63 && (-64..=63).contains(&weight);
        (if short { 6 } else { 8 }) + 2 * groups.unsigned_abs()
    }

    /// How many bytes PostgreSQL prints.
    pub(super) fn printed_bytes(&self) -> u64 {
        let point_and_fraction = if self.scale > 0 { 1 + self.scale } else { 0 };
        u64::from(self.negative) + (self.top_printed_power() + 1 + point_and_fraction).unsigned_abs()
    }

    /// Prints it as `numeric` is printed. Whether `out` wants more.
    pub(super) fn print(&self, out: &mut impl Output) -> bool {
        if self.negative && !out.put(b"-") {
            return false;
        }
        let ones = self.integer.len() as i64 - 1 + self.exponent;
        let top = self.top_printed_power();
        if !self.print_digits(ones - top, top + 1, out) {
            return false;
        }
        self.scale == 0 || (out.put(b".") && self.print_digits(ones + 1, self.scale, out))
    }

    /// Prints a form that is unique among all numbers of `numeric`, and no longer than in the document.
    pub(super) fn print_normal_form(&self, out: &mut impl Output) -> bool {
        let Some((first, last)) = self.powers else {
            return out.put(format!("0s{}", self.scale).as_bytes());
        };
        let ones = self.integer.len() as i64 - 1 + self.exponent;
        (!self.negative || out.put(b"-"))
            && self.print_digits(ones - first, first - last + 1, out)
            && out.put(format!("e{last}s{}", self.scale).as_bytes())
    }

    fn top_printed_power(&self) -> i64 {
        self.powers.map_or(0, |(first, _)| first.max(0))
    }

    /// Prints `count` digits from the one at `index` on, where 0 is the first digit of the text; beyond it there are zeros.
    fn print_digits(&self, index: i64, count: i64, out: &mut impl Output) -> bool {
        let end = index + count;
        let integer_end = self.integer.len() as i64;
        let fraction_end = integer_end + self.fraction.len() as i64;
        let zeros_before = end.min(0) - index.min(0);
        let zeros_after = end.max(fraction_end) - index.max(fraction_end);
        out.put_zeros(zeros_before)
            && out.put(part(self.integer, index, end))
            && out.put(part(self.fraction, index - integer_end, end - integer_end))
            && out.put_zeros(zeros_after)
    }
}

/// The digits of `digits` from `start` to `end`, as far as there are any.
fn part(digits: &[u8], start: i64, end: i64) -> &[u8] {
    let within = |index: i64| index.clamp(0, digits.len() as i64) as usize;
    digits.get(within(start)..within(end)).unwrap_or_default()
}

/// The indexes of the first and the last digit that is not zero, in `integer` followed by `fraction`; none if all are zero.
fn nonzero_ends(integer: &[u8], fraction: &[u8]) -> Option<(usize, usize)> {
    let nonzero = |&digit: &u8| digit != b'0';
    let in_fraction = |index: usize| integer.len() + index;
    let first =
        integer.iter().position(nonzero).or_else(|| fraction.iter().position(nonzero).map(in_fraction))?;
    let last =
        fraction.iter().rposition(nonzero).map(in_fraction).or_else(|| integer.iter().rposition(nonzero))?;
    Some((first, last))
}

/// The exponent in `text`; one too large for PostgreSQL becomes another one that is.
fn read_exponent(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, text),
    };
    let exponent = digits.iter().fold(0, |exponent: i64, &digit| {
        (exponent * 10 + i64::from(digit.wrapping_sub(b'0'))).min(EXPONENT_END)
    });
    if negative { -exponent } else { exponent }
}

#[cfg(test)]
mod tests {
    use super::super::tests::any_number;
    use super::*;
    use proptest::prelude::*;

    fn printed(token: &str) -> Option<String> {
        let number = Number::read(token.as_bytes())?;
        let mut out = Vec::new();
        assert!(number.print(&mut out));
        assert_eq!(out.len() as u64, number.printed_bytes(), "{token}");
        Some(String::from_utf8(out).unwrap())
    }

    fn normal_form(token: &str) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(Number::read(token.as_bytes()).unwrap().print_normal_form(&mut out));
        out
    }

    #[test]
    fn numbers_are_printed_as_postgresql_prints_them() {
        // All of them as PostgreSQL 15 printed them.
        for (token, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            ("0.00", "0.00"),
            ("1E2", "100"),
            ("1.50", "1.50"),
            ("1e-7", "0.0000001"),
            ("1.5e1", "15"),
            ("1.50e1", "15.0"),
            ("1.50e3", "1500"),
            ("0e5", "0"),
            ("0e-5", "0.00000"),
            ("-0e-5", "0.00000"),
            ("0.000e3", "0"),
            ("0.000e2", "0.0"),
            ("123e-2", "1.23"),
            ("-1.2e-3", "-0.0012"),
            ("1e+05", "100000"),
            ("1E-00002", "0.01"),
            ("0e1073741822", "0"),
        ] {
            assert_eq!(printed(token).as_deref(), Some(expected), "{token}");
        }
    }

    #[test]
    fn the_limits_are_those_of_numeric() {
        let zeros = |count| "0".repeat(count);
        let fits = [
            "1e131071".to_owned(),
            "9.9e131071".to_owned(),
            "0.1e131072".to_owned(),
            "1e-16383".to_owned(),
            "0e-16383".to_owned(),
            "9".repeat(131_072),
            format!("0.{}", zeros(16_383)),
            format!("0.{}1e20001", zeros(20_000)),
            format!("1.{}e3617", zeros(20_000)),
        ];
        for token in fits {
            assert!(printed(&token).is_some(), "{token}");
        }
        let refused = [
            "1e131072".to_owned(),
            "10e131071".to_owned(),
            "1e-16384".to_owned(),
            "10e-16384".to_owned(),
            "0e-16384".to_owned(),
            "0.0e-16383".to_owned(),
            "0e1073741823".to_owned(),
            "0e99999999999999999999".to_owned(),
            "1e-99999999999999999999".to_owned(),
            "9".repeat(131_073),
            format!("0.{}", zeros(16_384)),
            format!("1.{}e3616", zeros(20_000)),
        ];
        for token in refused {
            assert!(printed(&token).is_none(), "{token}");
        }
    }

    proptest! {
        #[test]
        fn printing_twice_changes_nothing_and_keeps_the_normal_form(token in any_number()) {
            let once = printed(&token).unwrap();
            prop_assert_eq!(printed(&once).unwrap(), once.clone());
            prop_assert_eq!(normal_form(&once), normal_form(&token));
        }

        #[test]
        fn normal_forms_are_equal_exactly_when_the_printed_forms_are(
            one in "-?(0|10{0,2})(\\.[05]{1,3})?(e[+-]?[0-2])?",
            other in "-?(0|10{0,2})(\\.[05]{1,3})?(e[+-]?[0-2])?",
        ) {
            let equal = printed(&one) == printed(&other);
            prop_assert_eq!(normal_form(&one) == normal_form(&other), equal);
        }
    }
}
