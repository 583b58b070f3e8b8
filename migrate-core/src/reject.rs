//! The policies for values that PostgreSQL cannot hold as planned, and the limit of rejected rows.
//!
//! This module only decides; rows are counted and saved where they are moved.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The policy for a row with a value that PostgreSQL cannot hold in the planned type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReject {
    /// The migration stops, and names the values before anything is created.
    #[default]
    Stop,
    /// The row is skipped, and saved in full with the reason.
    Skip,
    /// The value becomes NULL if the column is nullable (else the row is skipped), and the row is saved as it was.
    Null,
    /// The column becomes text when the plan is made, so that nothing is rejected that text can hold; a value that text cannot
    /// hold stops the migration.
    Text,
    /// The column becomes bytea when the plan is made, with the bytes of every value, so that nothing is rejected: not even text that is
    /// not valid UTF-8.
    Bytea,
}

/// Number of rejected rows above which the migration stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectLimit {
    /// Number of rows, in all tables together.
    Rows(u64),
    /// Thousandths of a percent of each table's rows.
    MilliPercent(u32),
}

/// Text that is no reject limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reject limit is a number of rows, such as 100, or a share of each table's rows, such as 0.5%")]
pub struct NoRejectLimit;

impl OnReject {
    /// All policies.
    pub const ALL: [OnReject; 5] =
        [OnReject::Stop, OnReject::Skip, OnReject::Null, OnReject::Text, OnReject::Bytea];

    /// Whether it is `stop`.
    pub fn is_stop(&self) -> bool {
        *self == OnReject::Stop
    }

    /// The name that the command line, `mapping.toml` and `plan.json` use.
    pub fn name(self) -> &'static str {
        match self {
            OnReject::Stop => "stop",
            OnReject::Skip => "skip",
            OnReject::Null => "null",
            OnReject::Text => "text",
            OnReject::Bytea => "bytea",
        }
    }

    /// A description of what happens to a value that does not fit.
    pub fn in_words(self) -> &'static str {
        match self {
            OnReject::Stop => "stops the migration before anything is created",
            OnReject::Skip => "skips its row, which is written to the rejects file",
            OnReject::Null => {
                "becomes NULL if the column is nullable, and its row is written to the rejects file"
            }
            OnReject::Bytea => "makes its column bytea, with the bytes of every value",
            OnReject::Text => "makes its column text; a value that text cannot hold stops the migration",
        }
    }
}

impl fmt::Display for OnReject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl RejectLimit {
    /// Whether `rejected` of a table's `rows` rows are too many, where `rejected_in_all` rows are rejected in all tables.
    pub fn is_exceeded(self, rejected: u64, rows: u64, rejected_in_all: u64) -> bool {
        match self {
            RejectLimit::Rows(limit) => rejected_in_all > limit,
            RejectLimit::MilliPercent(limit) => {
                u128::from(rejected) * 100_000 > u128::from(limit) * u128::from(rows)
            }
        }
    }
}

impl FromStr for RejectLimit {
    type Err = NoRejectLimit;

    fn from_str(text: &str) -> Result<RejectLimit, NoRejectLimit> {
        let Some(percent) = text.strip_suffix('%') else {
            return text.parse().map(RejectLimit::Rows).map_err(|_| NoRejectLimit);
        };
        let (whole, fraction) = percent.split_once('.').unwrap_or((percent, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > 3 {
            return Err(NoRejectLimit);
        }
        let thousandths: u32 = format!("{whole}{fraction:0<3}").parse().map_err(|_| NoRejectLimit)?;
        if thousandths > 100_000 { Err(NoRejectLimit) } else { Ok(RejectLimit::MilliPercent(thousandths)) }
    }
}

impl fmt::Display for RejectLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RejectLimit::Rows(rows) => write!(f, "{rows}"),
            RejectLimit::MilliPercent(thousandths) => {
                let fraction = format!("{:03}", thousandths % 1000);
                let fraction = fraction.trim_end_matches('0');
                let point = if fraction.is_empty() { "" } else { "." };
                write!(f, "{}{point}{fraction}%", thousandths / 1000)
            }
        }
    }
}

impl Serialize for RejectLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RejectLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RejectLimit, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_rows_or_a_share() {
        for (text, limit, shown) in [
            ("0", Ok(RejectLimit::Rows(0)), "0"),
            ("100", Ok(RejectLimit::Rows(100)), "100"),
            ("1%", Ok(RejectLimit::MilliPercent(1000)), "1%"),
            ("0.5%", Ok(RejectLimit::MilliPercent(500)), "0.5%"),
            ("0.001%", Ok(RejectLimit::MilliPercent(1)), "0.001%"),
            ("100%", Ok(RejectLimit::MilliPercent(100_000)), "100%"),
            ("101%", Err(NoRejectLimit), ""),
            ("0.0001%", Err(NoRejectLimit), ""),
            ("%", Err(NoRejectLimit), ""),
            (".5%", Err(NoRejectLimit), ""),
            ("-1", Err(NoRejectLimit), ""),
            ("99999999999%", Err(NoRejectLimit), ""),
        ] {
            let found: Result<RejectLimit, _> = text.parse();
            assert_eq!(found, limit, "{text}");
            if let Ok(limit) = found {
                assert_eq!(limit.to_string(), shown);
            }
        }
    }

    #[test]
    fn a_share_is_of_the_table_and_a_number_of_all() {
        let share = RejectLimit::MilliPercent(1000);
        assert!(!share.is_exceeded(1, 100, 50));
        assert!(share.is_exceeded(2, 100, 2));
        assert!(share.is_exceeded(1, 99, 1));
        assert!(!share.is_exceeded(0, 0, 0));
        assert!(RejectLimit::Rows(3).is_exceeded(1, 100, 4));
        assert!(!RejectLimit::Rows(3).is_exceeded(3, 3, 3));
    }
}
