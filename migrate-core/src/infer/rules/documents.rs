//! JSON that only names and values indicate.

use super::super::case::case;
use super::super::declared::Kind;
use super::super::form;
use super::super::names::Hint;
use super::super::rule::{Certainty, Columns, Needs, Rule};

const TEXTS: &[Kind] = &[Kind::Text, Kind::Anything, Kind::Other];

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "only JSON objects and arrays",
        describes: "Text that is always a JSON object or array is jsonb if that keeps every value.",
        columns: Columns::of(TEXTS),
        needs: Needs::All,
        forms: &[&form::JSONB_DOCUMENT],
        certainty: Certainty::Takes,
        cases: &[
            case("TEXT", "body", &["'{\"a\": [1, 2]}'", "'[]'", "NULL"], "jsonb"),
            case("TEXT", "x", &["'{\"a\": 1}'"], "jsonb").default("'{}'"),
        ],
    },
    Rule {
        name: "named as a document",
        describes: "Text with such a name is jsonb if all of it is JSON, including objects or arrays, and jsonb keeps every value.",
        columns: Columns::of(TEXTS).named(&[Hint::Document]),
        needs: Needs::All,
        forms: &[&form::JSONB_WITH_DOCUMENTS],
        certainty: Certainty::Takes,
        cases: &[case("TEXT", "metadata", &["'{\"a\": 1}'", "'null'", "'5'"], "jsonb")],
    },
    Rule {
        name: "JSON that jsonb would change",
        describes: "Text that is always a JSON object or array may be json; jsonb would refuse some of it, or drop values of repeated keys or the sign of a zero.",
        columns: Columns::of(TEXTS),
        needs: Needs::All,
        forms: &[&form::JSON_DOCUMENT],
        certainty: Certainty::Suggests,
        cases: &[
            case("TEXT", "body", &["'{\"a\": 1, \"a\": 2}'"], "json"),
            case("TEXT", "body", &["'[1]'", "'{\"a\": -0.0}'"], "json"),
        ],
    },
    Rule {
        name: "mostly JSON",
        describes: "Text that is mostly JSON objects and arrays may be jsonb, if the rest may be rejected.",
        columns: Columns::of(TEXTS),
        needs: Needs::Most,
        forms: &[&form::SOME_JSONB_DOCUMENTS],
        certainty: Certainty::Suggests,
        cases: &[case("TEXT", "body", &["'{\"a\": 1}'", "'[]'", "''"], "jsonb")],
    },
];
