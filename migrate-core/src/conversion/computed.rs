//! Numbers that both databases compute by themselves: SQLite with floating point, PostgreSQL with the decimals of `numeric`.

use crate::value::SourceValue;

/// Whether `target` is what PostgreSQL computes with decimals where SQLite has computed `source` with floating point: 14 digits agree, or
/// the difference is what is lost with `scale` digits behind the point.
pub(crate) fn is_near(source: SourceValue<'_>, target: SourceValue<'_>, scale: Option<u32>) -> bool {
    /// A float has 15 digits, the last of which arithmetic may change.
    const RELATIVE: f64 = 1e-14;
    let SourceValue::Text(target) = target else { return false };
    let source = match source {
        SourceValue::Real(real) => real,
        // A cast to NUMERIC makes integers of whole floats.
        SourceValue::Integer(integer) => integer as f64,
        _ => return false,
    };
    let Some(target) = std::str::from_utf8(target).ok().and_then(|text| text.parse::<f64>().ok()) else {
        return false;
    };
    let rounded =
        scale.and_then(|scale| i32::try_from(scale).ok()).map_or(0.0, |scale| 0.5 * 10_f64.powi(-scale));
    (source - target).abs() <= rounded + source.abs().max(target.abs()) * RELATIVE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_floating_point_computes_is_near_what_decimals_give() {
        let near = |source: f64, target: &str, scale| {
            is_near(SourceValue::Real(source), SourceValue::Text(target.as_bytes()), scale)
        };
        assert!(near(59.970_000_000_000_006, "59.97", None));
        assert!(near(0.1 + 0.2 - 0.3, "0", Some(2)));
        assert!(near(2.147_483_646_997_852_7e19, "21474836469978525163.53", Some(2)));
        assert!(near(1.234_56, "1.23", Some(2)));
        assert!(!near(1.234_56, "1.24", Some(2)));
        assert!(!near(59.97, "59.98", Some(3)));
        assert!(!near(0.1 + 0.2 - 0.3, "0", None));
        let integer = SourceValue::Integer(21_474_829_999_978_524);
        assert!(is_near(integer, SourceValue::Text(b"21474829999978525.17"), Some(2)));
        assert!(!is_near(SourceValue::Integer(1), SourceValue::Text(b"2"), Some(0)));
        assert!(!is_near(SourceValue::Text(b"1"), SourceValue::Text(b"1"), None));
    }
}
