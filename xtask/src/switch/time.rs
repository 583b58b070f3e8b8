//! Reads a time such as `30s`, `5m` or `1h` of the command line.

use std::time::Duration;

/// Reads a whole number with its unit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("not a time such as 30s, 5m or 1h; the units are s, m, h and d".to_owned()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "not a time such as 30s, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, seconds) in [
            ("30s", Some(30)),
            ("5m", Some(300)),
            ("1h", Some(3600)),
            ("7d", Some(604_800)),
            ("0s", Some(0)),
            ("5", None),
            ("m", None),
            ("5 m", None),
            ("-5m", None),
            ("1.5h", None),
            ("5ms", None),
            ("99999999999999999999s", None),
            ("9999999999999999d", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
