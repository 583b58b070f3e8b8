//! Counts, sizes, times and rates for people.

/// A number with its thousands set apart.
pub fn count(number: u64) -> String {
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

/// A number and its unit, a word whose plural ends with `s`: `1 row`, `2 rows`.
pub fn counted(number: u64, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {word}{plural}", count(number))
}

/// The skipped rows and the values that become NULL, in a trial run.
pub fn rejects(skipped: u64, nulled: u64) -> String {
    let rows = || format!("{} to be skipped", counted(skipped, "row"));
    let values = || format!("{} to become NULL", counted(nulled, "value"));
    match (skipped, nulled) {
        (0, 0) => "every value can move".to_owned(),
        (_, 0) => rows(),
        (0, _) => values(),
        _ => format!("{}, {}", rows(), values()),
    }
}

/// A size, in the unit with one to three digits before the point.
pub fn size(bytes: u64) -> String {
    if bytes < 1_000 { format!("{bytes} B") } else { scaled(bytes as f64, "B") }
}

/// A time, as exact as it matters.
pub fn seconds(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    // The cast saturates: beyond some years nobody reads digits.
    let whole = seconds.round() as u64;
    if seconds < 0.0005 {
        "0 s".to_owned()
    } else if seconds < 0.9995 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 9.995 {
        format!("{seconds:.2} s")
    } else if seconds < 59.95 {
        format!("{seconds:.1} s")
    } else if whole < 3_600 {
        format!("{} min {} s", whole / 60, whole % 60)
    } else {
        format!("{} h {} min", count(whole / 3_600), whole % 3_600 / 60)
    }
}

/// Rows per second; none if no time passed.
pub fn row_rate(rows: u64, seconds: f64) -> Option<String> {
    // The cast saturates, and a rate needs no more than a float holds.
    rate(rows, seconds).map(|rate| format!("{} rows/s", count(rate.round() as u64)))
}

/// Bytes per second; none if no time passed.
pub fn byte_rate(bytes: u64, seconds: f64) -> Option<String> {
    rate(bytes, seconds).map(|rate| match rate {
        0.0..1_000.0 => format!("{rate:.0} B/s"),
        _ => scaled(rate, "B/s"),
    })
}

/// A part of a total in percent; 0 if there is no total.
pub fn percent(part: f64, whole: f64) -> f64 {
    let percent = part / whole * 100.0;
    if percent.is_finite() { percent.clamp(0.0, 100.0) } else { 0.0 }
}

fn rate(amount: u64, seconds: f64) -> Option<f64> {
    (seconds.is_finite() && seconds > 0.0 && amount > 0).then(|| amount as f64 / seconds)
}

fn scaled(amount: f64, unit: &str) -> String {
    let (prefix, divisor) = match amount {
        ..999_950.0 => ("k", 1e3),
        ..999_950_000.0 => ("M", 1e6),
        ..999_950_000_000.0 => ("G", 1e9),
        _ => ("T", 1e12),
    };
    format!("{:.1} {prefix}{unit}", amount / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        for (number, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), shown);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!((counted(1, "row").as_str(), counted(0, "row").as_str()), ("1 row", "0 rows"));
    }

    #[test]
    fn sizes_have_one_to_three_digits_before_the_point() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (12_300_000, "12.3 MB"),
            (5_000_000_000_000, "5.0 TB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn times_are_as_exact_as_it_matters() {
        for (time, shown) in [
            (0.0, "0 s"),
            (-1.0, "0 s"),
            (f64::NAN, "0 s"),
            (f64::INFINITY, "0 s"),
            (0.0042, "4 ms"),
            (0.9996, "1.00 s"),
            (1.234, "1.23 s"),
            (12.34, "12.3 s"),
            (59.96, "1 min 0 s"),
            (64.0, "1 min 4 s"),
            (3_599.6, "1 h 0 min"),
            (7_500.0, "2 h 5 min"),
        ] {
            assert_eq!(seconds(time), shown, "{time}");
        }
    }

    #[test]
    fn rates_need_time() {
        assert_eq!(row_rate(1_000_000, 2.0).as_deref(), Some("500,000 rows/s"));
        assert_eq!(byte_rate(12_300_000, 1.0).as_deref(), Some("12.3 MB/s"));
        assert_eq!(byte_rate(500, 1.0).as_deref(), Some("500 B/s"));
        assert_eq!((row_rate(5, 0.0), row_rate(5, f64::NAN), byte_rate(0, 1.0)), (None, None, None));
    }

    #[test]
    fn a_part_of_nothing_is_nothing() {
        assert!((percent(1.0, 4.0) - 25.0).abs() < 1e-9);
        assert_eq!(percent(1.0, 0.0), 0.0);
        assert_eq!((percent(0.0, 0.0), percent(f64::NAN, 1.0)), (0.0, 0.0));
    }
}
