//! The sentences about rows that an app's tables hold, and about the effect of each decision about them.

use super::seeds::{SeedComparison, SeedKeyClash, UndecidedSeeds};
use crate::plan::Seeds;

/// Rows that differ from the source's, and the decisions that are possible.
pub(super) fn seeds(undecided: &UndecidedSeeds) -> String {
    let UndecidedSeeds { target, found, choices } = undecided;
    let SeedComparison { counts, differing, only_target, .. } = found;
    let mut parts = Vec::new();
    if counts.differing > 0 {
        let of = if counts.differing == 1 { "has the key of a row" } else { "have keys of rows" };
        let rows: Vec<String> =
            differing.iter().map(|row| format!("{}: {}", row.key, row.columns.join(", "))).collect();
        parts.push(format!(
            "{} {of} of the source and other values ({})",
            counts.differing,
            listed(&rows, counts.differing)
        ));
    }
    if counts.only_target > 0 {
        let is = if counts.only_target == 1 { "is" } else { "are" };
        let listed = listed(only_target, counts.only_target);
        parts.push(format!("{} {is} not in the source ({listed})", counts.only_target));
    }
    let effects: Vec<String> = choices.iter().map(|choice| effect(*choice)).collect();
    let remedy = match effects.is_empty() {
        true => "change or delete these rows in the target".to_owned(),
        false => effects.join(", "),
    };
    format!("table {target} holds {}: {}; {remedy}", rows(counts.rows()), parts.join("; "))
}

/// Rows of the table and other ones of the source that share a key.
pub(super) fn seed_key(found: &SeedKeyClash) -> String {
    let SeedKeyClash { target, clash, can_replace, .. } = found;
    let pairs: Vec<String> = (clash.first.iter())
        .map(|[of_source, of_target]| format!("{of_source} in the source and {of_target} in the target"))
        .collect();
    let replace = if *can_replace { format!("; {}", effect(Seeds::Replace)) } else { String::new() };
    format!(
        "table {target} holds rows whose values in the key {} ({}) other rows of the source have ({}); change or delete these rows in the \
         target{replace}",
        clash.key,
        clash.columns.join(", "),
        listed(&pairs, clash.rows)
    )
}

/// A decision and its effect.
fn effect(seeds: Seeds) -> String {
    let effect = match seeds {
        Seeds::Replace => "deletes all rows that it holds",
        Seeds::Merge => "overwrites them with the source's values",
        Seeds::Keep | Seeds::Stop => "keeps them",
    };
    format!("seeds = \"{}\" {effect}", seeds.name())
}

fn listed(first: &[String], all: u64) -> String {
    let more = all.saturating_sub(first.len() as u64);
    let mut text = first.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

fn rows(count: u64) -> String {
    format!("{count} row{}", if count == 1 { "" } else { "s" })
}
