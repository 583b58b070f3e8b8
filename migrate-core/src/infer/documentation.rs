//! Generates docs/types.md from the rules, so that the page always agrees with them.

use std::fmt::Write;

use super::case::Case;
use super::declared::{self, Kind};
use super::names::{self, Hint};
use super::rule::{Certainty, Columns, Only, Rule};
use super::rules::GROUPS;
use crate::affinity::Affinity;
use crate::conversion::Conversion;
use crate::source_sql::Clock;

const HEAD: &str = "\
# Types

The type that each column gets in PostgreSQL. This page is generated from the rules by `cargo xtask generate`.

Decisions in `mapping.toml` come first. Then the rules are applied in this order, and the first that takes a type decides;
`why` in plan.json names it, with counts from a scan of all rows. A rule that only suggests a type changes nothing: the plan
shows the suggestion and the line of `mapping.toml` that takes it. With `faithful = true` in `mapping.toml` only the first and
the last group of rules apply.

- Values that do not have the chosen type are rejects, which the plan counts; `on_reject` in `mapping.toml` determines their
  treatment. With `on_reject = \"text\"` a column that would have rejects becomes text.
- Columns of primary keys, unique constraints and foreign keys only get a type in which different values stay different.
- Columns that a foreign key joins get one type, if that accepts all their values; else all of them keep the type that holds
  their values unchanged.
- Text in an index with a collation other than BINARY stays text, unless another type is declared.
- If only name and values support a type, and the default is not a value of it, the type is suggested and not taken.
";

/// Returns the page.
pub fn types_page() -> String {
    let mut out = HEAD.to_owned();
    for group in &GROUPS {
        line(&mut out, format_args!("\n## {}\n\n{}\n", group.title, group.describes));
        line(&mut out, format_args!("| rule | columns | values | type | for example |"));
        line(&mut out, format_args!("| --- | --- | --- | --- | --- |"));
        for rule in group.rules {
            line(&mut out, format_args!("{}", row(rule)));
        }
    }
    line(&mut out, format_args!("\n## Conversions\n"));
    line(&mut out, format_args!("The names that `as` in `mapping.toml` takes.\n"));
    line(&mut out, format_args!("| name | what it does |\n| --- | --- |"));
    for conversion in Conversion::all() {
        line(&mut out, format_args!("| `{}` | {} |", conversion.name(), conversion.describe()));
    }
    line(&mut out, format_args!("\n## Declared types\n"));
    line(&mut out, format_args!("Case is ignored; `*` stands for any characters.\n"));
    line(&mut out, format_args!("| kind | declared types |\n| --- | --- |"));
    let mut kinds: Vec<Kind> = declared::NAMES.iter().map(|(kind, _)| *kind).collect();
    kinds.extend([Kind::Integer, Kind::Float, Kind::Other]);
    for kind in kinds {
        line(&mut out, format_args!("| {} | {} |", kind.in_words(), kind.examples()));
    }
    line(&mut out, format_args!("\n## Names\n"));
    line(&mut out, format_args!("`createdAt`, `CreatedAt` and `created_at` are the same name.\n"));
    line(&mut out, format_args!("| meaning | names |\n| --- | --- |"));
    for (hint, patterns) in names::NAMES {
        line(
            &mut out,
            format_args!(
                "| {} | {} |",
                hint.in_words(),
                patterns.split_whitespace().collect::<Vec<_>>().join(", ")
            ),
        );
    }
    out
}

fn row(rule: &Rule) -> String {
    let words: Vec<&str> = rule.forms.iter().map(|form| form.words).collect();
    let needs = if rule.needs.asks_values() {
        format!("{} {}", rule.needs.in_words(), words.join("; or "))
    } else {
        rule.needs.in_words().to_owned()
    };
    let mut conversions: Vec<String> = Vec::new();
    for form in rule.forms {
        let name = format!("`{}`", (form.conversion)().name());
        if !conversions.contains(&name) {
            conversions.push(name);
        }
    }
    let suggested = if rule.certainty == Certainty::Suggests { "suggested: " } else { "" };
    let example = rule.cases.first().map(example).unwrap_or_default();
    format!(
        "| **{}** {} | {} | {} | {suggested}{} | {} |",
        escaped(rule.name),
        escaped(rule.describes),
        escaped(&columns(&rule.columns)),
        escaped(&needs),
        conversions.join(", "),
        escaped(&example)
    )
}

fn columns(columns: &Columns) -> String {
    let mut parts = Vec::new();
    let listed = |words: Vec<&str>| words.join(", ");
    if !columns.kinds.is_empty() {
        parts
            .push(format!("declared {}", listed(columns.kinds.iter().map(|kind| kind.in_words()).collect())));
    }
    if !columns.affinities.is_empty() {
        let affinities = columns.affinities.iter().map(|affinity| affinity_in_words(*affinity)).collect();
        parts.push(format!("of {} affinity", listed(affinities)));
    }
    let hints = |hints: &[Hint]| hints.iter().map(|hint| hint.in_words()).collect::<Vec<_>>().join(" or ");
    if !columns.hints.is_empty() {
        parts.push(format!("named as {}", hints(columns.hints)));
    }
    if !columns.unless.is_empty() {
        parts.push(format!("not named as {}", hints(columns.unless)));
    }
    if !columns.clocks.is_empty() {
        let clocks = columns.clocks.iter().map(|clock| clock_in_words(*clock)).collect();
        parts.push(format!("whose default is {}", listed(clocks)));
    }
    if let Some(only) = columns.only {
        parts.push(
            match only {
                Only::Numbered => "INTEGER PRIMARY KEY",
                Only::Key => "in a primary key, a unique constraint or a unique index",
                Only::TextDefault => "whose default is text",
            }
            .to_owned(),
        );
    }
    if parts.is_empty() { "all".to_owned() } else { parts.join("; ") }
}

fn affinity_in_words(affinity: Affinity) -> &'static str {
    match affinity {
        Affinity::Integer => "INTEGER",
        Affinity::Text => "TEXT",
        Affinity::Blob => "BLOB",
        Affinity::Real => "REAL",
        Affinity::Numeric => "NUMERIC",
    }
}

fn clock_in_words(clock: Clock) -> &'static str {
    match clock {
        Clock::Timestamp => "the UTC clock as text",
        Clock::LocalTimestamp => "the local clock as text",
        Clock::Date => "today's date",
        Clock::Time => "the time of day",
        Clock::Seconds => "seconds since 1970",
        Clock::Milliseconds => "milliseconds since 1970",
        Clock::Microseconds => "microseconds since 1970",
        Clock::JulianDay => "the Julian day",
    }
}

/// A case in words, such as `` `created_at INTEGER` of 1700000000123: `timestamptz_from_epoch_ms` ``.
fn example(case: &Case) -> String {
    let declared = if case.declared.is_empty() { String::new() } else { format!(" {}", case.declared) };
    let default =
        if case.default.is_empty() { String::new() } else { format!(" DEFAULT ({})", case.default) };
    let values = if case.values.is_empty() {
        "without values".to_owned()
    } else {
        format!("of {}", case.values.join(", "))
    };
    let role = if case.role.is_key { " in a key" } else { "" };
    let faithful = if case.is_faithful { " with `faithful = true`" } else { "" };
    format!("`{}{declared}{default}`{role} {values}{faithful}: `{}`", case.column, case.becomes)
}

/// Escapes the text of a table cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/types.md");
        if std::env::var_os("INSTA_UPDATE").is_some_and(|how| how == "always") {
            std::fs::write(path, super::types_page()).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == super::types_page(), "docs/types.md is stale; run `cargo xtask generate`");
    }
}
