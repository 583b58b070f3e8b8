//! Sizes, counts and times as people say them.

/// A time for people that is known only roughly.
pub(crate) fn seconds_left(seconds: f64) -> String {
    // The cast saturates: beyond some years nobody reads digits.
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0 => "less than a second".to_owned(),
        1..=99 => format!("about {whole} s"),
        100..=5969 => format!("about {} min", (whole + 30) / 60),
        _ => format!("about {} h {:02} min", (whole + 30) / 3600, (whole + 30) % 3600 / 60),
    }
}

/// A size for people, in the unit that gives it one to three digits before the point.
pub(crate) fn size(bytes: u64) -> String {
    let (unit, divisor) = unit(bytes);
    format!("{} {unit}", in_unit(bytes, divisor))
}

/// What is done of a size, both in the unit of the whole.
pub(super) fn size_of(done: u64, all: u64) -> String {
    let (unit, divisor) = unit(all);
    format!("{} of {} {unit}", in_unit(done, divisor), in_unit(all, divisor))
}

/// A number with its thousands set apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn unit(bytes: u64) -> (&'static str, f64) {
    match bytes {
        0..1_000 => ("B", 1.0),
        1_000..1_000_000 => ("kB", 1e3),
        1_000_000..1_000_000_000 => ("MB", 1e6),
        1_000_000_000..1_000_000_000_000 => ("GB", 1e9),
        _ => ("TB", 1e12),
    }
}

fn in_unit(bytes: u64, divisor: f64) -> String {
    // Far below 2^53 every size is exact, and beyond that a digit does not matter to a person.
    if divisor == 1.0 { bytes.to_string() } else { format!("{:.1}", bytes as f64 / divisor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_counts_and_times_are_said_as_people_say_them() {
        for (shown, expected) in [
            (size(0), "0 B"),
            (size(999), "999 B"),
            (size(1_000), "1.0 kB"),
            (size(236_040_000), "236.0 MB"),
            (size_of(41_200_000, 236_000_000), "41.2 of 236.0 MB"),
            (size_of(5, 900), "5 of 900 B"),
            (grouped(0), "0"),
            (grouped(999), "999"),
            (grouped(1_234_567), "1,234,567"),
            (seconds_left(0.2), "less than a second"),
            (seconds_left(4.2), "about 4 s"),
            (seconds_left(99.6), "about 2 min"),
            (seconds_left(3_599.0), "about 60 min"),
            (seconds_left(7_170.0), "about 2 h 00 min"),
            (seconds_left(f64::NAN), "less than a second"),
        ] {
            assert_eq!(shown, expected);
        }
    }
}
