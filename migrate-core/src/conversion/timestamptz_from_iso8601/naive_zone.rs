//! The time zone in which date and time text without an offset is read.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use super::super::civil::{Civil, read_offset};

/// The time zone of date and time text that names no offset: UTC, a fixed offset such as `+02:00`, or an IANA name such as
/// `Europe/Berlin`. Written, also in a plan, by that name.
///
/// IANA names are looked up in the database that is compiled in, so that a plan means the same on every machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NaiveZone {
    name: String,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Fixed { offset_s: i32 },
    Iana(TimeZone),
}

/// A name that is no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown time zone {name:?}; expected UTC, an offset such as +02:00 or an IANA name such as Europe/Berlin"
)]
pub struct UnknownZone {
    /// The name as it was given.
    pub name: String,
}

impl NaiveZone {
    /// The name: `UTC`, an offset as `+02:00`, or the IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far the zone's clocks are ahead of UTC when they show `civil`, in seconds; or why that is not one moment.
    pub(super) fn offset_s(&self, civil: &Civil) -> Result<i32, &'static str> {
        let zone = match &self.rule {
            Rule::Fixed { offset_s } => return Ok(*offset_s),
            Rule::Iana(zone) => zone,
        };
        let Some(local) = civil.to_jiff() else { return Err("a date that does not exist") };
        match zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => Ok(offset.seconds()),
            AmbiguousOffset::Gap { .. } => Err("a local time that a change of clocks skips"),
            AmbiguousOffset::Fold { .. } => Err("a local time that a change of clocks repeats"),
        }
    }
}

impl Default for NaiveZone {
    fn default() -> NaiveZone {
        NaiveZone { name: "UTC".to_owned(), rule: Rule::Fixed { offset_s: 0 } }
    }
}

impl FromStr for NaiveZone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<NaiveZone, UnknownZone> {
        if name.eq_ignore_ascii_case("UTC") || name == "Z" {
            return Ok(NaiveZone::default());
        }
        if let Ok(offset_s) = read_offset(name.as_bytes()) {
            let minutes = offset_s.abs() / 60;
            let sign = if offset_s < 0 { '-' } else { '+' };
            let name = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
            return Ok(NaiveZone { name, rule: Rule::Fixed { offset_s } });
        }
        let unknown = || UnknownZone { name: name.to_owned() };
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| unknown())?;
        // A zone without an IANA name is jiff's stand-in for one that is unknown.
        let name = zone.iana_name().filter(|_| !zone.is_unknown()).ok_or_else(unknown)?.to_owned();
        Ok(NaiveZone { name, rule: Rule::Iana(zone) })
    }
}

impl TryFrom<String> for NaiveZone {
    type Error = UnknownZone;

    fn try_from(name: String) -> Result<NaiveZone, UnknownZone> {
        name.parse()
    }
}

impl From<NaiveZone> for String {
    fn from(zone: NaiveZone) -> String {
        zone.name
    }
}

impl fmt::Display for NaiveZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_a_plain_string() {
        for (given, written) in [
            ("UTC", "UTC"),
            ("utc", "UTC"),
            ("Z", "UTC"),
            ("+02:00", "+02:00"),
            ("-0330", "-03:30"),
            ("+05", "+05:00"),
            ("-00:00", "+00:00"),
            ("Europe/Berlin", "Europe/Berlin"),
            ("europe/berlin", "Europe/Berlin"),
            ("Etc/GMT+5", "Etc/GMT+5"),
        ] {
            let zone: NaiveZone = serde_json::from_str(&format!("{given:?}")).unwrap();
            assert_eq!(serde_json::to_string(&zone).unwrap(), format!("{written:?}"));
            assert_eq!(zone, written.parse().unwrap());
        }
    }

    #[test]
    fn an_unknown_zone_is_named() {
        for name in [
            "",
            "Europe/Berln",
            "CEST",
            "local",
            "+16:00",
            "+2",
            "02:00",
            "+02:00:00",
            "Etc/Unknown",
            "../UTC",
        ] {
            let error = serde_json::from_str::<NaiveZone>(&format!("{name:?}")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("unknown time zone {name:?}; expected UTC")), "{error}");
        }
    }
}
