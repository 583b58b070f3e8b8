//! Runs the cases of all rules, and checks the table itself.

use std::collections::BTreeSet;

use super::case::{Case, case};
use super::frameworks::FRAMEWORKS;
use super::rule::{Certainty, Rule};
use super::rules::GROUPS;
use super::words::mapping_lines;
use super::{Facts, Inference, infer};
use crate::conversion::Conversion;
use crate::mapping::Mapping;
use crate::profile::ColumnProfile;
use crate::reject::OnReject;
use crate::source_schema::SourceColumn;
use crate::value::SourceValue;

/// Counts values that are written as SQL literals.
pub(super) fn profile(literals: &[&str]) -> ColumnProfile {
    let mut profile = ColumnProfile::default();
    for literal in literals {
        let quoted = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        let digits = literal.strip_prefix("x'").and_then(|rest| rest.strip_suffix('\''));
        if let Some(digits) = digits {
            let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
            profile.count(SourceValue::Blob(&bytes));
        } else if let Some(text) = quoted {
            profile.count(SourceValue::Text(text.as_bytes()));
        } else if *literal == "NULL" {
            profile.count(SourceValue::Null);
        } else if let Ok(integer) = literal.parse() {
            profile.count(SourceValue::Integer(integer));
        } else {
            profile.count(SourceValue::Real(literal.parse().unwrap()));
        }
    }
    profile
}

/// What is inferred for a case, whose values were looked at.
pub(super) fn inferred(case: &Case) -> Inference {
    let column = SourceColumn {
        name: case.column.to_owned(),
        declared_type: case.declared.to_owned(),
        not_null: false,
        default: (!case.default.is_empty()).then(|| case.default.to_owned()),
        primary_key_position: 0,
        generated: false,
    };
    let facts = Facts {
        profile: Some(profile(case.values)),
        role: case.role,
        is_faithful: case.is_faithful,
        ..Facts::declared("t", &column, false)
    };
    infer(&facts)
}

/// What is wrong with what a case gives, if anything is.
fn wrong(case: &Case, rule: Option<&Rule>) -> Option<String> {
    let Inference { conversion, why, suggestion } = inferred(case);
    let is_right = match rule.map(|rule| (rule.name, rule.certainty)) {
        Some((_, Certainty::Suggests)) => {
            let taken = format!("as = \"{}\"", case.becomes);
            suggestion.as_ref().is_some_and(|words| words.contains(&taken))
        }
        Some((name, Certainty::Takes | Certainty::Guesses)) => {
            conversion.name() == case.becomes && why.starts_with(name)
        }
        None => conversion.name() == case.becomes,
    };
    let rule = rule.map_or("any rule", |rule| rule.name);
    (!is_right).then(|| format!("{rule}: {case:?}\n  gave {} [{why}] {suggestion:?}", conversion.name()))
}

#[test]
fn every_rule_does_what_its_cases_say() {
    let mut found = Vec::new();
    for rule in GROUPS.iter().flat_map(|group| group.rules) {
        assert!(!rule.cases.is_empty(), "{} has no case", rule.name);
        found.extend(rule.cases.iter().filter_map(|case| wrong(case, Some(rule))));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What a suggestion says can be pasted into a mapping, and then is what the rule would have.
#[test]
fn every_suggestion_can_be_taken_by_its_lines() {
    let rules = GROUPS.iter().flat_map(|group| group.rules);
    let mut taken = 0;
    for (rule, case) in rules.flat_map(|rule| rule.cases.iter().map(move |case| (rule, case))) {
        let Some(suggestion) = inferred(case).suggestion else { continue };
        let (_, lines) = suggestion.split_once('\n').unwrap();
        let text = format!("format = 1\n[tables.t.columns]\nanother = {{ secret = true }}\n\n{lines}\n");
        let mapping =
            Mapping::from_toml(&text).unwrap_or_else(|error| panic!("{}: {text}\n{error}", rule.name));
        let conversion = mapping.tables["t"].columns[case.column].conversion.clone();
        let conversion = conversion.unwrap_or_else(|| panic!("{}: {text} decides nothing", rule.name));
        if rule.certainty == Certainty::Suggests {
            assert_eq!(conversion.name(), case.becomes, "{}", rule.name);
        }
        taken += 1;
    }
    assert!(
        taken
            >= GROUPS
                .iter()
                .flat_map(|group| group.rules)
                .filter(|rule| rule.certainty == Certainty::Suggests)
                .count()
    );
}

#[test]
fn names_of_any_kind_are_keys_of_toml() {
    for name in [
        "a",
        "",
        "my col",
        "a.b",
        "q\"q",
        "back\\slash",
        "line\nbreak",
        "\u{1}",
        "имя",
        "o'clock",
        "\u{301}x",
        "\u{7f}",
    ] {
        let lines = mapping_lines(name, name, &Conversion::Jsonb);
        let mapping = Mapping::from_toml(&format!("format = 1\n{lines}")).unwrap();
        assert_eq!(mapping.tables[name].columns[name].conversion, Some(Conversion::Jsonb), "{name:?}");
    }
}

#[test]
fn what_frameworks_write_is_understood() {
    let found: Vec<String> = (FRAMEWORKS.iter())
        .flat_map(|(framework, cases)| cases.iter().map(move |case| (framework, case)))
        .filter_map(|(framework, case)| wrong(case, None).map(|wrong| format!("{framework}: {wrong}")))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn rules_have_names_and_sentences_of_their_own() {
    let mut names = BTreeSet::new();
    for rule in GROUPS.iter().flat_map(|group| group.rules) {
        assert!(names.insert(rule.name), "{} stands twice", rule.name);
        assert!(rule.describes.ends_with('.') && !rule.describes.contains("  "), "{}", rule.describes);
        assert!(!rule.forms.is_empty(), "{} has no form", rule.name);
    }
}

#[test]
fn a_default_that_does_not_fit_is_heeded() {
    let found = inferred(&case("TEXT", "body", &["'{}'", "'[]'"], "text").default("''"));
    assert_eq!(found.conversion.name(), "text");
    let expected = "2 of 2 values are JSON objects or arrays of which jsonb keeps every value; its default is no value of \
                    that type; take it with\n[tables.t.columns.body]\nas = \"jsonb\"";
    assert_eq!(found.suggestion.as_deref(), Some(expected));
    let found = inferred(&case("INTEGER", "is_admin", &["0", "1"], "bigint").default("-1"));
    assert_eq!(found.conversion.name(), "bigint");
    // A declared type is not given up for a default; that stays behind by its name.
    let found = inferred(&case("BOOLEAN", "yes", &["0", "1"], "boolean").default("'unset'"));
    assert_eq!(found.conversion.name(), "boolean");
}

#[test]
fn a_default_of_another_storage_class_is_held() {
    for (declared, default, values, becomes) in [
        ("BOOLEAN", "'FALSE'", &["0", "1"][..], "boolean_from_words"),
        ("BOOLEAN", "'FALSE'", &[], "boolean_from_words"),
        ("BOOLEAN", "0", &["0", "1"], "boolean"),
        ("BLOB", "'[]'", &["x'00'"], "bytea_from_any"),
        ("BLOB", "''", &[], "bytea_from_any"),
        ("BLOB", "x'00'", &["x'00'"], "bytea"),
        ("INTEGER", "'-1'", &["'none'"], "text_from_any"),
        ("TEXT", "0.0", &["'1.50'"], "text"),
    ] {
        let found = inferred(&case(declared, "c", values, "").default(default));
        assert_eq!(found.conversion.name(), becomes, "{declared} DEFAULT {default}: {found:?}");
    }
}

#[test]
fn what_a_plan_says_of_a_decision() {
    for (case, why) in [
        (case("INTEGER", "n", &["1", "2"], ""), "all its values are integers"),
        (case("TEXT", "n", &[], ""), "TEXT affinity"),
        (case("BOOLEAN", "n", &["0", "1", "NULL"], ""), "declared boolean: all 2 values are 0 or 1"),
        (case("BOOLEAN", "n", &[], ""), "declared boolean: there was no value to look at"),
        (
            case(
                "DATE",
                "d",
                &["'2024-05-06'", "'2024-05-07'", "'soon'", "''", "x'00'", "'2024-05-08'", "'2024-05-09'"],
                "",
            ),
            "values of several classes, and no type for all; 1 of 7 values do not fit and are rejects: 1 blob; declared date, but 4 of \
             7 values are dates",
        ),
        (
            case("BOOLEAN", "n", &["0", "2", "3"], ""),
            "all its values are integers; declared boolean, but 1 of 3 values are 0 or 1",
        ),
        (
            case("JSON", "doc", &["'{}'", "'{bad'", "''"], ""),
            "all its values are text; declared JSON, but 1 of 3 values are JSON of which jsonb keeps every value",
        ),
        (
            case("VARCHAR(5)", "name", &["'longer than five'"], ""),
            "all its values are text; the longest has 16 bytes, and SQLite never enforced VARCHAR(5)",
        ),
        (
            case("INTEGER", "n", &["1", "2", "''"], ""),
            "declared as a number; 1 of 3 values do not fit and are rejects: 1 empty text",
        ),
        (
            case("JSON", "doc", &["'{\"a\":-0.0}'", "'[1]'", "'{\"a\":1,\"a\":-0}'"], ""),
            "declared JSON: all 3 values are JSON; jsonb would drop values of repeated keys in 1 document and the sign of a zero in \
             2 documents",
        ),
        (case("", "n", &[], ""), "a guess, for it is declared without a type: there was no value to look at"),
    ] {
        assert_eq!(inferred(&case).why, why, "{case:?}");
    }
}

/// A column of 1000 values, some of which lack its type.
fn dirty(declared: &str, default: &str, good: &str, bad: &str, bad_count: usize) -> Inference {
    let column = SourceColumn {
        name: "made".to_owned(),
        declared_type: declared.to_owned(),
        not_null: false,
        default: (!default.is_empty()).then(|| default.to_owned()),
        primary_key_position: 0,
        generated: false,
    };
    let literals: Vec<&str> =
        std::iter::repeat_n(good, 1000 - bad_count).chain(vec![bad; bad_count]).collect();
    infer(&Facts { profile: Some(profile(&literals)), ..Facts::declared("t", &column, false) })
}

#[test]
fn a_declared_type_is_taken_if_a_few_values_in_a_thousand_do_not_fit() {
    let uuid = "'0b5c0e6e-4b1a-4c52-8a7f-0d6a4f3f9a11'";
    for (declared, default, good, bad, taken, holds_all) in [
        ("UUID", "", uuid, "'none'", "uuid", "text"),
        ("GUID", "", "x'0b5c0e6e4b1a4c528a7f0d6a4f3f9a11'", "'none'", "uuid_from_bytes", "bytea_from_any"),
        ("BOOLEAN", "", "1", "2", "boolean", "bigint"),
        ("BOOLEAN", "", "'true'", "'maybe'", "boolean_from_words", "text"),
        ("DATE", "", "'2024-05-06'", "'0000-00-00'", "date", "text"),
        ("TIME", "", "'12:34'", "''", "time", "text"),
        ("DATETIME", "", "'2024-05-06 07:08:09'", "'soon'", "timestamp_from_iso8601", "text"),
        ("DATETIME", "", "1700000000", "'soon'", "timestamptz_from_epoch_s", "text_from_any"),
        ("TEXT", "CURRENT_TIMESTAMP", "'2024-05-06 07:08:09'", "'soon'", "timestamptz_from_iso8601", "text"),
    ] {
        let few = dirty(declared, default, good, bad, 5);
        assert_eq!(few.conversion.name(), taken, "{declared} {few:?}");
        assert!(few.why.contains("5 of 1000 values do not fit and are rejects"), "{few:?}");
        let none = dirty(declared, default, good, bad, 0);
        assert_eq!(none.conversion.name(), taken, "{declared} {none:?}");
        for more in [6, 499] {
            let found = dirty(declared, default, good, bad, more);
            assert_eq!(found.conversion.name(), holds_all, "{declared} {more} {found:?}");
            let suggestion = found.suggestion.unwrap();
            assert!(suggestion.contains(&format!("as = \"{taken}\"")), "{declared} {more} {suggestion}");
            assert!(suggestion.contains(&format!("{more} of 1000 values do not fit")), "{suggestion}");
        }
        assert!(
            dirty(declared, default, good, bad, 501).suggestion.is_none_or(|words| !words.contains(taken)),
            "{declared}"
        );
    }
    // Every integer is a time in its unit, plausible or not: nothing is rejected.
    let sparse = dirty("DATETIME", "", "1700000000123", "-1000", 300);
    assert_eq!(sparse.conversion.name(), "timestamptz_from_epoch_ms", "{sparse:?}");
}

#[test]
fn rejects_can_become_text() {
    for (declared, values, becomes) in [
        ("INTEGER", &["1", "2", "3", "''"][..], "text_from_any"),
        ("DATE", &["'2024-05-06'", "'2024-05-07'", "'soon'"], "text"),
        ("DATE", &["'2024-05-06'", "'2024-05-07'"], "date"),
        ("BOOLEAN", &["0", "1", "1", "2"], "bigint"),
        ("TEXT", &["'a'", "'b'", "x'ff'"], "text_from_any"),
        ("DECIMAL", &["1.5", "2.5", "'n/a'"], "text_from_any"),
    ] {
        let column = SourceColumn {
            name: "c".to_owned(),
            declared_type: declared.to_owned(),
            not_null: false,
            default: None,
            primary_key_position: 0,
            generated: false,
        };
        let facts = Facts {
            profile: Some(profile(values)),
            on_reject: OnReject::Text,
            ..Facts::declared("t", &column, false)
        };
        let found = infer(&facts);
        assert_eq!(found.conversion.name(), becomes, "{declared} {values:?} {found:?}");
    }
}
