//! What the schema proves: rowid keys, and defaults that are the clock.

use super::super::case::case;
use super::super::declared::Kind;
use super::super::form;
use super::super::rule::{Certainty, Columns, Needs, Only, Rule};
use crate::source_sql::Clock;

pub(super) static NUMBERED: &[Rule] = &[Rule {
    name: "INTEGER PRIMARY KEY, which numbers its rows by itself",
    describes: "An alias of the rowid only holds 64-bit integers.",
    columns: Columns::ANY.only(Only::Numbered),
    needs: Needs::Nothing,
    forms: &[&form::INTEGER],
    certainty: Certainty::Takes,
    cases: &[
        case("INTEGER", "id", &["1", "2"], "bigint").numbered(),
        case("INTEGER", "created_at", &["1700000000"], "bigint").numbered(),
        case("INTEGER", "id", &[], "bigint").numbered(),
    ],
}];

/// Kinds whose columns store an integer as an integer.
const KEEPS_INTEGERS: &[Kind] =
    &[Kind::Integer, Kind::Numeric, Kind::Decimal, Kind::Timestamp, Kind::Date, Kind::Anything, Kind::Other];

/// Kinds whose columns store text that is not a number as text.
const KEEPS_TEXT: &[Kind] = &[
    Kind::Text,
    Kind::UuidText,
    Kind::Timestamp,
    Kind::Date,
    Kind::Time,
    Kind::Numeric,
    Kind::Anything,
    Kind::Other,
];

pub(super) static CLOCKS: &[Rule] = &[
    Rule {
        name: "its default is the clock in milliseconds",
        describes: "An integer whose default is `unixepoch() * 1000` or similar is a time in milliseconds.",
        columns: Columns::of(KEEPS_INTEGERS).with_default(&[Clock::Milliseconds]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::MILLISECONDS],
        certainty: Certainty::Takes,
        cases: &[
            case("INTEGER", "made", &["1700000000123", "0"], "timestamptz_from_epoch_ms")
                .default("unixepoch() * 1000"),
            case("INTEGER", "made", &[], "timestamptz_from_epoch_ms")
                .default("CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"),
        ],
    },
    Rule {
        name: "its default is the clock in seconds",
        describes: "An integer whose default is `unixepoch()`, `strftime('%s')` or similar is a time in seconds.",
        columns: Columns::of(KEEPS_INTEGERS).with_default(&[Clock::Seconds]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::SECONDS],
        certainty: Certainty::Takes,
        cases: &[
            case("INTEGER", "made", &["1700000000"], "timestamptz_from_epoch_s").default("unixepoch()"),
            case("INTEGER", "made", &[], "timestamptz_from_epoch_s").default("strftime('%s', 'now')"),
        ],
    },
    Rule {
        name: "its default is the clock in microseconds",
        describes: "An integer whose default is `unixepoch() * 1000000` or similar is a time in microseconds.",
        columns: Columns::of(KEEPS_INTEGERS).with_default(&[Clock::Microseconds]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::MICROSECONDS],
        certainty: Certainty::Takes,
        cases: &[case("INTEGER", "made", &["1700000000000000"], "timestamptz_from_epoch_us")
            .default("unixepoch() * 1000000")],
    },
    Rule {
        name: "its default is the clock as a Julian day",
        describes: "A float whose default is `julianday('now')` is a time.",
        columns: Columns::of(&[
            Kind::Float,
            Kind::Numeric,
            Kind::Decimal,
            Kind::Timestamp,
            Kind::Anything,
            Kind::Other,
        ])
        .with_default(&[Clock::JulianDay]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::JULIAN_DAY],
        certainty: Certainty::Takes,
        cases: &[
            case("REAL", "made", &["2460000.5"], "timestamptz_from_julian_day").default("julianday('now')")
        ],
    },
    Rule {
        name: "its default is the clock in UTC",
        describes: "Text of date and time whose default is the clock is UTC unless it has an offset, because SQLite's clock \
                    is UTC.",
        columns: Columns::of(KEEPS_TEXT).with_default(&[Clock::Timestamp]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::ISO_8601_IN_UTC],
        certainty: Certainty::Takes,
        cases: &[
            case("DATETIME", "made", &["'2024-05-06 07:08:09'"], "timestamptz_from_iso8601")
                .default("CURRENT_TIMESTAMP"),
            case(
                "TEXT",
                "made",
                &["'2024-05-06 07:08:09'", "'2024-05-06T07:08:09+02:00'"],
                "timestamptz_from_iso8601",
            )
            .default("datetime('now')"),
            case("TEXT", "made", &[], "timestamptz_from_iso8601")
                .default("strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"),
        ],
    },
    Rule {
        name: "its default is the clock of the app's own zone",
        describes: "Text whose default is the local clock has no offset and is read without a zone.",
        columns: Columns::of(KEEPS_TEXT).with_default(&[Clock::LocalTimestamp]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::WITHOUT_OFFSET],
        certainty: Certainty::Takes,
        cases: &[
            case("DATETIME", "made", &["'2024-05-06 07:08:09'"], "timestamp_from_iso8601")
                .default("datetime('now', 'localtime')"),
            case("TEXT", "made", &[], "timestamp_from_iso8601").default("datetime('now', 'localtime')"),
        ],
    },
    Rule {
        name: "its default is today",
        describes: "Text whose default is `CURRENT_DATE` or `date('now')` is a date.",
        columns: Columns::of(KEEPS_TEXT).with_default(&[Clock::Date]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::DATE],
        certainty: Certainty::Takes,
        cases: &[
            case("DATE", "day", &["'2024-05-06'"], "date").default("CURRENT_DATE"),
            case("TEXT", "day", &[], "date").default("date('now')"),
        ],
    },
    Rule {
        name: "its default is the time of day",
        describes: "Text whose default is `CURRENT_TIME` or `time('now')` is a time of day.",
        columns: Columns::of(KEEPS_TEXT).with_default(&[Clock::Time]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::TIME],
        certainty: Certainty::Takes,
        cases: &[
            case("TIME", "opens", &["'07:08:09'"], "time").default("CURRENT_TIME"),
            case("TEXT", "opens", &[], "time").default("time('now')"),
        ],
    },
];
