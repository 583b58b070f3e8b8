//! How much of a table a quick look is at.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A share of the rows of a table, above 0 % and at most 100 %.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share {
    percent: f64,
}

impl Share {
    /// So many percent; none where that is no share.
    pub fn of_percent(percent: f64) -> Option<Share> {
        (percent > 0.0 && percent <= 100.0).then_some(Share { percent })
    }

    /// The percent.
    pub fn percent(self) -> f64 {
        self.percent
    }

    /// How many of so many rows it is: at least one, where there is one.
    pub(super) fn of_rows(self, rows: u64) -> u64 {
        let share = (rows as f64 * self.percent / 100.0).ceil();
        (share as u64).clamp(u64::from(rows > 0), rows)
    }
}

/// Why a text is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoShare {
    /// It has no percent sign.
    #[error("{found} is no share of the rows: write it with a percent sign, such as {found}%")]
    NoPercentSign {
        /// What was given, which is a number.
        found: String,
    },
    /// It is no number in front of a percent sign.
    #[error("'{found}' is no share of the rows: write a number and a percent sign, such as 1% or 0.5%")]
    NoNumber {
        /// What was given.
        found: String,
    },
    /// It is nothing, or more than everything.
    #[error("{found} is no share of the rows: it must be above 0% and at most 100%")]
    OutOfRange {
        /// What was given.
        found: String,
    },
}

impl FromStr for Share {
    type Err = NoShare;

    fn from_str(text: &str) -> Result<Share, NoShare> {
        let found = text.trim().to_owned();
        let Some(number) = found.strip_suffix('%') else {
            return Err(match found.parse::<f64>() {
                Ok(number) if number.is_finite() => NoShare::NoPercentSign { found },
                _ => NoShare::NoNumber { found },
            });
        };
        match number.trim_end().parse::<f64>() {
            Ok(percent) if percent.is_finite() => {
                Share::of_percent(percent).ok_or(NoShare::OutOfRange { found })
            }
            _ => Err(NoShare::NoNumber { found }),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.percent)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_or_it_is_said_what_to_write() {
        let read = |text: &str| match text.parse::<Share>() {
            Ok(share) => share.to_string(),
            Err(error) => error.to_string(),
        };
        let out_of_range =
            |text: &str| format!("{text} is no share of the rows: it must be above 0% and at most 100%");
        let no_number = |text: &str| {
            format!("'{text}' is no share of the rows: write a number and a percent sign, such as 1% or 0.5%")
        };
        for (text, expected) in [
            ("1%", "1%".to_owned()),
            (" 0.5 % ", "0.5%".to_owned()),
            ("100%", "100%".to_owned()),
            ("1", "1 is no share of the rows: write it with a percent sign, such as 1%".to_owned()),
            ("0.01", "0.01 is no share of the rows: write it with a percent sign, such as 0.01%".to_owned()),
            ("0%", out_of_range("0%")),
            ("-1%", out_of_range("-1%")),
            ("101%", out_of_range("101%")),
            ("nan%", no_number("nan%")),
            ("inf%", no_number("inf%")),
            ("%", no_number("%")),
            ("", no_number("")),
            ("all", no_number("all")),
            ("1%%", no_number("1%%")),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_share_of_some_rows_is_some_rows() {
        let share = |percent: f64| Share::of_percent(percent).unwrap();
        for (percent, rows, expected) in
            [(1.0, 0, 0), (1.0, 1, 1), (1.0, 100, 1), (1.0, 101, 2), (0.001, 50, 1), (100.0, 7, 7)]
        {
            assert_eq!(share(percent).of_rows(rows), expected, "{percent} of {rows}");
        }
    }
}
