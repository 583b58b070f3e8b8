//! Times that only names and values indicate.

use super::super::case::case;
use super::super::declared::Kind;
use super::super::form;
use super::super::names::Hint;
use super::super::rule::{Certainty, Columns, Needs, Rule};

const NUMBERS: &[Kind] = &[Kind::Integer, Kind::Numeric, Kind::Anything, Kind::Other];
const FLOATS: &[Kind] = &[Kind::Float, Kind::Numeric, Kind::Anything, Kind::Other];
const TEXTS: &[Kind] = &[Kind::Text, Kind::Anything, Kind::Other];

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "named as a time",
        describes: "Integers with such a name are a point in time if all of them are from 2000 to 2100 in one unit; 0 has the \
                    unit of the others.",
        columns: Columns::of(NUMBERS).named(&[Hint::Moment]),
        needs: Needs::All,
        forms: &[&form::EPOCH_S, &form::EPOCH_MS, &form::EPOCH_US],
        certainty: Certainty::Takes,
        cases: &[
            case("INTEGER", "createdAt", &["1700000000123", "0", "NULL"], "timestamptz_from_epoch_ms"),
            case("BIGINT", "expires", &["1700000000"], "timestamptz_from_epoch_s"),
            case("", "last_seen", &["1700000000123456"], "timestamptz_from_epoch_us"),
        ],
    },
    Rule {
        name: "named as a time, and in range as one",
        describes: "The same for most of the integers.",
        columns: Columns::of(NUMBERS).named(&[Hint::Moment]),
        needs: Needs::Most,
        forms: &[&form::EPOCH_S, &form::EPOCH_MS, &form::EPOCH_US],
        certainty: Certainty::Suggests,
        cases: &[case(
            "INTEGER",
            "expires_at",
            &["1700000000", "1700000001", "-1"],
            "timestamptz_from_epoch_s",
        )],
    },
    Rule {
        name: "in range as a time",
        describes: "Integers that are all from 2000 to 2100 in one unit may be a point in time.",
        columns: Columns::of(NUMBERS).unless_named(&[Hint::Identifier]),
        needs: Needs::All,
        forms: &[&form::EPOCH_S, &form::EPOCH_MS, &form::EPOCH_US],
        certainty: Certainty::Suggests,
        cases: &[case("INTEGER", "moment", &["1700000000123", "1700000000124"], "timestamptz_from_epoch_ms")],
    },
    Rule {
        name: "named as a time, and Julian days",
        describes: "Floats with such a name are a point in time if all of them are Julian days from 2000 to 2100.",
        columns: Columns::of(FLOATS).named(&[Hint::Moment]),
        needs: Needs::All,
        forms: &[&form::JULIAN_DAY],
        certainty: Certainty::Takes,
        cases: &[case("REAL", "created_at", &["2460000.5"], "timestamptz_from_julian_day")],
    },
    Rule {
        name: "named as a time, with parts of a second",
        describes: "Floats with such a name are a point in time if all of them are from 2000 to 2100 in seconds since 1970.",
        columns: Columns::of(FLOATS).named(&[Hint::Moment]),
        needs: Needs::All,
        forms: &[&form::REAL_EPOCH_S],
        certainty: Certainty::Takes,
        cases: &[case("REAL", "started_at", &["1700000000.25", "1700000001.0"], "timestamptz_from_epoch_s")],
    },
    Rule {
        name: "floats in range as a time",
        describes: "Floats that are all Julian days from 2000 to 2100, or seconds since 1970, may be a point in time.",
        columns: Columns::of(FLOATS),
        needs: Needs::All,
        forms: &[&form::JULIAN_DAY, &form::REAL_EPOCH_S],
        certainty: Certainty::Suggests,
        cases: &[case("REAL", "moment", &["2460000.5"], "timestamptz_from_julian_day")],
    },
    Rule {
        name: "named as a date",
        describes: "Text with such a name is a date if all of it is `YYYY-MM-DD`.",
        columns: Columns::of(TEXTS).named(&[Hint::Date, Hint::Moment]),
        needs: Needs::All,
        forms: &[&form::DATE],
        certainty: Certainty::Takes,
        cases: &[
            case("TEXT", "birth_date", &["'1970-02-28'", "NULL"], "date"),
            case("TEXT", "validFrom", &["'2024-05-06'"], "date"),
        ],
    },
    Rule {
        name: "named as a time, and ISO 8601",
        describes: "Text with such a name is a point in time if all of it has an offset, and `timestamp` if none has.",
        columns: Columns::of(TEXTS).named(&[Hint::Moment, Hint::Date]),
        needs: Needs::All,
        forms: &[&form::WITH_OFFSET, &form::WITHOUT_OFFSET_WITH_TIME],
        certainty: Certainty::Takes,
        cases: &[
            case("TEXT", "created_at", &["'2024-05-06T07:08:09.123Z'", "NULL"], "timestamptz_from_iso8601"),
            case("TEXT", "inserted_at", &["'2024-05-06T07:08:09'"], "timestamp_from_iso8601"),
            case("VARCHAR(30)", "UpdatedAt", &["'2024-05-06 07:08:09'"], "timestamp_from_iso8601"),
        ],
    },
    Rule {
        name: "named as a time of day",
        describes: "Text with such a name is a time of day if all of it is `HH:MM[:SS]`.",
        columns: Columns::of(TEXTS).named(&[Hint::Time]),
        needs: Needs::All,
        forms: &[&form::TIME],
        certainty: Certainty::Takes,
        cases: &[case("TEXT", "opening_time", &["'07:30'", "'08:00:00'"], "time")],
    },
    Rule {
        name: "ISO 8601",
        describes: "Text that is always a date, a time of day, or both may be one; if only some of it has an offset, the rest \
                    would be read as UTC.",
        columns: Columns::of(TEXTS),
        needs: Needs::All,
        forms: &[
            &form::DATE,
            &form::WITH_OFFSET,
            &form::WITHOUT_OFFSET_WITH_TIME,
            &form::MIXED_OFFSET,
            &form::TIME,
        ],
        certainty: Certainty::Suggests,
        cases: &[
            case("TEXT", "stamp", &["'2024-05-06T07:08:09Z'"], "timestamptz_from_iso8601"),
            case("TEXT", "stamp", &["'2024-05-06 07:08:09'"], "timestamp_from_iso8601"),
            case("TEXT", "stamp", &["'2024-05-06'"], "date"),
            case("TEXT", "stamp", &["'07:08'"], "time"),
            case(
                "TEXT",
                "created_at",
                &["'2024-05-06 07:08:09'", "'2024-05-06 07:08:09Z'"],
                "timestamptz_from_iso8601",
            ),
        ],
    },
];
