//! Flags, UUIDs and numbers that only names and values indicate.

use super::super::case::case;
use super::super::declared::Kind;
use super::super::form;
use super::super::names::Hint;
use super::super::rule::{Certainty, Columns, Needs, Only, Rule};

const NUMBERS: &[Kind] = &[Kind::Integer, Kind::Numeric, Kind::Anything, Kind::Other];
const TEXTS: &[Kind] = &[Kind::Text, Kind::Anything, Kind::Other];
const BYTES: &[Kind] = &[Kind::Bytes, Kind::Anything];

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "named as true or false",
        describes: "Integers with such a name are boolean if all of them are 0 or 1.",
        columns: Columns::of(NUMBERS).named(&[Hint::Flag]),
        needs: Needs::All,
        forms: &[&form::BIT],
        certainty: Certainty::Takes,
        cases: &[
            case("INTEGER", "is_admin", &["0", "1", "NULL"], "boolean"),
            case("INTEGER", "enabled", &["1"], "boolean").default("1"),
            case("numeric", "IsActive", &["0"], "boolean").default("false"),
        ],
    },
    Rule {
        name: "only 0 and 1",
        describes: "Integers that are all 0 or 1, with both values, may be boolean.",
        columns: Columns::of(NUMBERS).unless_named(&[Hint::Identifier]),
        needs: Needs::All,
        forms: &[&form::BOTH_BITS],
        certainty: Certainty::Suggests,
        cases: &[case("INTEGER", "kind", &["0", "1", "0"], "boolean")],
    },
    Rule {
        name: "only words for true and false",
        describes: "Text that is always a word for true or false may be boolean.",
        columns: Columns::of(TEXTS),
        needs: Needs::All,
        forms: &[&form::BOOLEAN_WORD],
        certainty: Certainty::Suggests,
        cases: &[case("TEXT", "subscribed", &["'yes'", "'no'"], "boolean_from_words")],
    },
    Rule {
        name: "named as an identifier",
        describes: "Text with such a name is a UUID if every value is one.",
        columns: Columns::of(TEXTS).named(&[Hint::Identifier, Hint::Uuid]),
        needs: Needs::All,
        forms: &[&form::UUID, &form::UUID_UPPER],
        certainty: Certainty::Takes,
        cases: &[
            case("TEXT", "user_id", &["'0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'", "NULL"], "uuid"),
            case("TEXT", "Id", &["'0B5C0E6E-4B1A-4C52-8A7F-0D6A4F3F9A11'"], "uuid_from_uppercase").in_key(),
        ],
    },
    Rule {
        name: "a key of UUIDs",
        describes: "Text in a key is a UUID if every value is one.",
        columns: Columns::of(TEXTS).only(Only::Key),
        needs: Needs::All,
        forms: &[&form::UUID, &form::UUID_UPPER],
        certainty: Certainty::Takes,
        cases: &[case("TEXT", "code", &["'0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'"], "uuid").in_key()],
    },
    Rule {
        name: "only UUIDs",
        describes: "Text that is always a UUID may be one.",
        columns: Columns::of(TEXTS),
        needs: Needs::All,
        forms: &[&form::UUID, &form::UUID_UPPER],
        certainty: Certainty::Suggests,
        cases: &[case("TEXT", "trace", &["'0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'"], "uuid")],
    },
    Rule {
        name: "named as a UUID",
        describes: "Blobs with such a name are UUIDs if all of them have 16 bytes.",
        columns: Columns::of(BYTES).named(&[Hint::Uuid]),
        needs: Needs::All,
        forms: &[&form::UUID_BYTES],
        certainty: Certainty::Takes,
        cases: &[case("BLOB", "uuid", &["x'0b5c0e6e4b1a4c528a7f0d6a4f3f9a11'"], "uuid_from_bytes").in_key()],
    },
    Rule {
        name: "named as an identifier, and of 16 bytes",
        describes: "Blobs with such a name may be UUIDs if all of them have 16 bytes; so may hashes.",
        columns: Columns::of(BYTES).named(&[Hint::Identifier]),
        needs: Needs::All,
        forms: &[&form::UUID_BYTES],
        certainty: Certainty::Suggests,
        cases: &[case("BLOB", "id", &["x'0b5c0e6e4b1a4c528a7f0d6a4f3f9a11'"], "uuid_from_bytes").in_key()],
    },
    Rule {
        name: "declared NUMERIC",
        describes: "Integers, floats and decimal text are numeric, which keeps every digit.",
        columns: Columns::of(&[Kind::Numeric]),
        needs: Needs::MostOrNoValue,
        forms: &[&form::DECIMAL],
        certainty: Certainty::Takes,
        cases: &[
            case("NUMERIC", "amount", &["1", "2.5"], "numeric"),
            case("NUMERIC", "amount", &[], "numeric"),
        ],
    },
    Rule {
        name: "only decimal numbers",
        describes: "Text that is always a decimal number, some with a point, may be numeric.",
        columns: Columns::of(TEXTS),
        needs: Needs::All,
        forms: &[&form::DECIMAL_TEXT],
        certainty: Certainty::Suggests,
        cases: &[case("TEXT", "price", &["'10.0'", "'12.55'"], "numeric")],
    },
];
