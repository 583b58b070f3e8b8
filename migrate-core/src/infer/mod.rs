//! Infers the type of a column: from its declaration, its name, and the counts of a scan of all its values.
//!
//! The rules are a table, each with a name, conditions and cases; the first that takes a type decides, and the
//! plan names it. If a rule is not certain, the column keeps the type that holds its values unchanged, and the
//! plan suggests the better one. Decisions in `mapping.toml` are made before inference.

mod bookkeeping;
mod case;
mod declared;
mod documentation;
mod facts;
mod foreign_keys;
mod form;
#[cfg(test)]
mod frameworks;
mod names;
mod rule;
mod rules;
#[cfg(test)]
mod tests;
mod words;

pub use declared::{Kind, TypeSource};
pub use documentation::types_page;
pub use facts::{ColumnRole, Facts};
pub use foreign_keys::{Side, unify};
pub use words::{jsonb_losses_in_words, rejects_in_words};

use crate::conversion::Conversion;
use crate::reject::OnReject;
use rule::{Answer, Certainty, Rule};
use rules::{GROUPS, Group};

/// The inferred conversion of a column, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inference {
    /// The conversion.
    pub conversion: Conversion,
    /// The rule that took it and its evidence, in words.
    pub why: String,
    /// A better type that is not certain: the reason in one line, and then the lines of a mapping that take it.
    pub suggestion: Option<String>,
}

/// Infers the type of a column. There is always a result.
pub fn infer(facts: &Facts<'_>) -> Inference {
    let inference = with_default(facts, by_rules(facts));
    let rejects = facts.rejects(&inference.conversion);
    if facts.on_reject != OnReject::Bytea || rejects == 0 || !facts.can_be_bytes() {
        return inference;
    }
    let all = facts.values();
    let why = format!(
        "on_reject = \"bytea\", and {} does not hold {rejects} of {all} values",
        inference.conversion.target_type()
    );
    Inference { conversion: Conversion::ByteaFromAny, why, suggestion: None }
}

/// Returns the conversion to the same type that also holds the default, where the default is a value of another storage class than the
/// values: SQLite stores `DEFAULT 'FALSE'` as text, whatever the column is declared as.
fn with_default(facts: &Facts<'_>, inference: Inference) -> Inference {
    let wider = match inference.conversion {
        Conversion::Text => Conversion::TextFromAny,
        Conversion::Boolean => Conversion::BooleanFromWords,
        Conversion::Bytea => Conversion::ByteaFromAny,
        _ => return inference,
    };
    let is_needed = !facts.takes_default(&inference.conversion) && facts.takes_default(&wider);
    if !is_needed || !facts.admits(&wider) {
        return inference;
    }
    Inference {
        conversion: wider,
        why: format!("{}; its default is of another storage class", inference.why),
        ..inference
    }
}

fn by_rules(facts: &Facts<'_>) -> Inference {
    let mut suggestion: Option<(Answer, String)> = None;
    let mut missed: Option<(u64, String)> = None;
    let proves_nothing =
        facts.role.is_collated || facts.role.is_text || bookkeeping::is_bookkeeping(facts.table);
    let is_asked = |group: &&Group| {
        let is_idle = group.infers && facts.is_faithful || group.is_evidence && proves_nothing;
        !is_idle
    };
    for group in GROUPS.iter().filter(is_asked) {
        for rule in group.rules {
            let answer = rule.answer(facts);
            let loses_default = group.is_evidence
                && answer.as_ref().is_some_and(|answer| !facts.takes_default(&answer.conversion));
            match (answer, rule.certainty) {
                (Some(answer), Certainty::Takes | Certainty::Guesses) if !loses_default => {
                    let suggestion =
                        suggestion.filter(|(suggested, _)| suggested.conversion != answer.conversion);
                    return Inference {
                        why: why(facts, group, rule, &answer, missed),
                        conversion: answer.conversion,
                        suggestion: suggestion.map(|(_, words)| words),
                    };
                }
                (Some(answer), _) => {
                    let words = suggestion_in_words(facts, &answer, loses_default);
                    suggestion = suggestion.or(words.map(|words| (answer, words)));
                }
                (None, Certainty::Takes | Certainty::Guesses) => {
                    if let Some(answer) = rule.suggestion(facts) {
                        let words = suggestion_in_words(facts, &answer, false);
                        suggestion = suggestion.or(words.map(|words| (answer, words)));
                    }
                    if !group.tells_misses {
                        continue;
                    }
                    let nearest = rule
                        .nearest(facts)
                        .filter(|(count, _)| missed.as_ref().is_none_or(|(before, _)| count > before));
                    if let Some((count, form)) = nearest {
                        let words =
                            format!("{}, but {count} of {} values are {form}", rule.name, facts.values());
                        missed = Some((count, words));
                    }
                }
                (None, _) => {}
            }
        }
    }
    // The last rules apply to every column, so that this is only reached if one of them is removed.
    Inference { conversion: Conversion::TextFromAny, why: "no rule fits".to_owned(), suggestion: None }
}

/// Returns the type of a column without inference.
pub fn faithful(facts: &Facts<'_>) -> Inference {
    infer(&Facts { is_faithful: true, ..facts.clone() })
}

fn why(
    facts: &Facts<'_>,
    group: &Group,
    rule: &Rule,
    answer: &Answer,
    missed: Option<(u64, String)>,
) -> String {
    let mut why = rule.name.to_owned();
    match answer.evidence {
        Some((count, form)) if group.infers => {
            let all = facts.values();
            let counted = if count == all { format!("all {all}") } else { format!("{count} of {all}") };
            why.push_str(&format!(": {counted} values are {form}"));
        }
        None if (group.infers && facts.profile.is_some()) || rule.certainty == Certainty::Guesses => {
            why.push_str(": there was no value to look at");
        }
        _ => {}
    }
    let Some(seen) = facts.profile else { return why };
    let has_length = facts.kind == Kind::Text && facts.declared.contains('(');
    if answer.conversion == Conversion::Text && has_length && seen.texts > 0 {
        let (bytes, declared) = (seen.text_bytes_max, facts.declared);
        why.push_str(&format!("; the longest has {bytes} bytes, and SQLite never enforced {declared}"));
    }
    if let Some(rejects) = rejects_in_words(&seen, &answer.conversion) {
        why.push_str(&format!("; {rejects}"));
    }
    if let Some(losses) = jsonb_losses_in_words(&seen, &answer.conversion) {
        why.push_str(&format!("; {losses}"));
    }
    if let Some((_, missed)) = missed {
        why.push_str(&format!("; {missed}"));
    }
    why
}

fn suggestion_in_words(facts: &Facts<'_>, answer: &Answer, loses_default: bool) -> Option<String> {
    let (count, form) = answer.evidence?;
    let rejects = facts.profile.and_then(|seen| rejects_in_words(&seen, &answer.conversion));
    let rejects = rejects.map(|rejects| format!("; with it {rejects}")).unwrap_or_default();
    let lines = words::mapping_lines(facts.table, facts.column, &answer.conversion);
    let default = if loses_default { "; its default is no value of that type" } else { "" };
    Some(format!("{count} of {} values are {form}{rejects}{default}; take it with\n{lines}", facts.values()))
}
