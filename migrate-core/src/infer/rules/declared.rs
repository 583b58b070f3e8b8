//! Declared types with a known name.

use super::super::case::case;
use super::super::declared::Kind;
use super::super::form;
use super::super::rule::{Certainty, Columns, Needs, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "declared boolean",
        describes: "0 and 1 are boolean, and so are words for true and false.",
        columns: Columns::of(&[Kind::Boolean]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::BIT, &form::BOOLEAN_WORD],
        certainty: Certainty::Takes,
        cases: &[
            case("BOOLEAN", "yes", &["0", "1", "NULL"], "boolean"),
            case("TINYINT(1)", "yes", &["1"], "boolean"),
            case("BIT", "yes", &[], "boolean"),
            case("bool", "yes", &["'true'", "'f'"], "boolean_from_words"),
        ],
    },
    Rule {
        name: "declared date",
        describes: "`YYYY-MM-DD` is a date.",
        columns: Columns::of(&[Kind::Date]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::DATE],
        certainty: Certainty::Takes,
        cases: &[case("DATE", "day", &["'2024-05-06'", "NULL"], "date"), case("DATE", "day", &[], "date")],
    },
    Rule {
        name: "declared time of day",
        describes: "`HH:MM`, `HH:MM:SS` and fractions of a second are a time of day.",
        columns: Columns::of(&[Kind::Time]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::TIME],
        certainty: Certainty::Takes,
        cases: &[
            case("TIME", "opens", &["'12:34'", "'12:34:56.5'"], "time"),
            case("TIME", "opens", &[], "time"),
        ],
    },
    Rule {
        name: "declared date and time",
        describes: "Text with an offset is a point in time, text without one is `timestamp`; numbers are a point in time in the \
                    only unit in which they are from 2000 to 2100. This includes columns declared as dates or times of day.",
        columns: Columns::of(&[Kind::Timestamp, Kind::Date, Kind::Time]),
        needs: Needs::NearlyAll,
        forms: &[
            &form::WITH_OFFSET,
            &form::WITHOUT_OFFSET,
            &form::EPOCH_S,
            &form::EPOCH_MS,
            &form::EPOCH_US,
            &form::REAL_EPOCH_S,
            &form::JULIAN_DAY,
        ],
        certainty: Certainty::Takes,
        cases: &[
            case(
                "DATETIME",
                "at",
                &["'2024-05-06T07:08:09Z'", "'2024-05-06 07:08:09.5+02:00'"],
                "timestamptz_from_iso8601",
            ),
            case("DATETIME", "at", &["'2024-05-06 07:08:09'", "'2024-05-06'"], "timestamp_from_iso8601"),
            case("DATETIME(6)", "at", &["'2024-05-06 07:08:09.123456'"], "timestamp_from_iso8601"),
            case("TIMESTAMP", "at", &["1700000000", "0"], "timestamptz_from_epoch_s"),
            case("DATETIME", "at", &["1700000000123", "NULL"], "timestamptz_from_epoch_ms"),
            case("DATETIME", "at", &["1700000000123456"], "timestamptz_from_epoch_us"),
            case(
                "DATETIME",
                "at",
                &["1700000000123", "1700000000124", "0", "-1000"],
                "timestamptz_from_epoch_ms",
            ),
            case("DATETIME", "at", &["2460000.5"], "timestamptz_from_julian_day"),
            case("DATETIME", "at", &["1700000000.25", "1700000000"], "timestamptz_from_epoch_s"),
            case("DATE", "day", &["1700000000123"], "timestamptz_from_epoch_ms"),
            case("TIME", "opens", &["'2000-01-01 12:34:00'"], "timestamp_from_iso8601"),
        ],
    },
    Rule {
        name: "declared date and time, some with an offset and some without",
        describes: "Only a person knows the zone of the texts without an offset.",
        columns: Columns::of(&[Kind::Timestamp, Kind::Date, Kind::Time]),
        needs: Needs::All,
        forms: &[&form::MIXED_OFFSET],
        certainty: Certainty::Suggests,
        cases: &[case(
            "DATETIME",
            "at",
            &["'2024-05-06 07:08:09'", "'2024-05-06 07:08:09Z'"],
            "timestamptz_from_iso8601",
        )],
    },
    Rule {
        name: "a guess by its declared type, which is date and time",
        describes: "Without values, the assumption is ISO 8601 text without an offset; later values that do not fit are reported \
                    before anything is migrated.",
        columns: Columns::of(&[Kind::Timestamp]),
        needs: Needs::NoValue,
        forms: &[&form::WITHOUT_OFFSET],
        certainty: Certainty::Guesses,
        cases: &[case("DATETIME", "at", &["NULL"], "timestamp_from_iso8601")],
    },
    Rule {
        name: "declared decimal",
        describes: "Integers, floats and decimal text are numeric, which keeps every digit.",
        columns: Columns::of(&[Kind::Decimal]),
        needs: Needs::MostOrNoValue,
        forms: &[&form::DECIMAL],
        certainty: Certainty::Takes,
        cases: &[
            case("DECIMAL(10,2)", "price", &["12", "19.999", "'12345678901234567.89'"], "numeric"),
            case("MONEY", "price", &["12"], "numeric"),
            case("DECIMAL", "price", &[], "numeric"),
            case("DECIMAL(5,2)", "price", &["1.5", "2.5", "'n/a'"], "numeric"),
        ],
    },
    Rule {
        name: "declared UUID",
        describes: "Text in one case and blobs of 16 bytes are UUIDs.",
        columns: Columns::of(&[Kind::Uuid]),
        needs: Needs::NearlyAllOrNoValue,
        forms: &[&form::UUID, &form::UUID_UPPER, &form::UUID_BYTES],
        certainty: Certainty::Takes,
        cases: &[
            case("UUID", "ref", &["'0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'"], "uuid"),
            case(
                "UNIQUEIDENTIFIER",
                "ref",
                &["'0B5C0E6E-4B1A-4C52-8A7F-0D6A4F3F9A11'"],
                "uuid_from_uppercase",
            ),
            case("GUID", "ref", &["x'0b5c0e6e4b1a4c528a7f0d6a4f3f9a11'"], "uuid_from_bytes"),
            case("UUID", "ref", &[], "uuid"),
            case("UUID", "ref", &["'0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'"], "uuid").in_key(),
        ],
    },
    Rule {
        name: "declared as text of a UUID's length",
        describes: "Text of 36 characters is a UUID if every value is one.",
        columns: Columns::of(&[Kind::UuidText]),
        needs: Needs::All,
        forms: &[&form::UUID, &form::UUID_UPPER],
        certainty: Certainty::Takes,
        cases: &[case("CHAR(36)", "ref", &["'0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'"], "uuid")],
    },
    Rule {
        name: "declared JSON",
        describes: "JSON is jsonb if that keeps every value of every document, and otherwise json, for instance with repeated \
                    keys or with -0.0.",
        columns: Columns::of(&[Kind::Json]),
        needs: Needs::AllOrNoValue,
        forms: &[&form::JSONB, &form::JSON],
        certainty: Certainty::Takes,
        cases: &[
            case("JSON", "doc", &["'{\"a\": 1}'", "'[]'", "'\"text\"'", "'null'"], "jsonb"),
            case("JSON", "doc", &["'{\"b\":1,\"a\":2,\"a\":3}'"], "json"),
            case("JSON", "doc", &["'{\"a\":\"\\u0000\"}'"], "json"),
            case("JSON", "doc", &["'{\"x\":-0.0}'", "'[-0]'", "'[-0e5]'"], "json"),
            case("JSONB", "doc", &[], "jsonb"),
        ],
    },
];
