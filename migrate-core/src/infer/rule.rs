//! A rule: the columns that it applies to, the form of their values, and the conversion. Rules are data; their
//! meaning is defined here.

use super::case::Case;
use super::declared::Kind;
use super::facts::Facts;
use super::form::Form;
use super::names::Hint;
use crate::affinity::Affinity;
use crate::conversion::Conversion;
use crate::profile::ColumnProfile;
use crate::source_sql::Clock;

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its name, with which the reason in the plan begins.
    pub(super) name: &'static str,
    /// Its description, in one or two sentences.
    pub(super) describes: &'static str,
    /// The columns that it applies to.
    pub(super) columns: Columns,
    /// The share of values that must have one of the forms.
    pub(super) needs: Needs,
    /// The forms, the better ones first.
    pub(super) forms: &'static [&'static Form],
    /// The certainty of its type.
    pub(super) certainty: Certainty,
    /// Examples, of which the documentation shows the first.
    pub(super) cases: &'static [Case],
}

/// The columns that a rule applies to: those that match every part that is not empty.
#[derive(Debug)]
pub(super) struct Columns {
    /// The meaning of the declared type.
    pub(super) kinds: &'static [Kind],
    /// The affinity.
    pub(super) affinities: &'static [Affinity],
    /// The hint of the name.
    pub(super) hints: &'static [Hint],
    /// Hints that the name must not have.
    pub(super) unless: &'static [Hint],
    /// The form in which the default stores the clock.
    pub(super) clocks: &'static [Clock],
    /// A further condition.
    pub(super) only: Option<Only>,
}

/// A further condition of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Only {
    /// It is another name for the rowid.
    Numbered,
    /// It is part of a key.
    Key,
    /// Its default is text.
    TextDefault,
}

/// The share of values that must have a form. If several forms have enough, the first counts, unless stated otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// All, and at least one.
    All,
    /// All, or there is no value.
    AllOrNoValue,
    /// More than half. A form that all values have is preferred, then the most frequent one.
    Most,
    /// The same, or there is no value.
    MostOrNoValue,
    /// The same as `Most`, and the conversion accepts all values but [`DIRTY_MAX`] in a thousand.
    NearlyAll,
    /// The same, or there is no value.
    NearlyAllOrNoValue,
    /// The most frequent form.
    Best,
    /// There is no value.
    NoValue,
}

/// How many values in a thousand may lack the declared type: dirty data, whose rows are better rejected than taken for a sign that the
/// declaration is wrong.
const DIRTY_MAX: u64 = 5;

/// Whether a rule's type is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It is taken, and later rules are skipped.
    Takes,
    /// The same, without a value that supports it, which the plan reports.
    Guesses,
    /// It is suggested, and later rules decide.
    Suggests,
}

/// The result of a rule for a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The conversion.
    pub(super) conversion: Conversion,
    /// The number of values that have the form; `None` without values.
    pub(super) evidence: Option<(u64, &'static str)>,
}

impl Columns {
    /// All columns.
    pub(super) const ANY: Columns =
        Columns { kinds: &[], affinities: &[], hints: &[], unless: &[], clocks: &[], only: None };

    /// Columns of these kinds.
    pub(super) const fn of(kinds: &'static [Kind]) -> Columns {
        Columns { kinds, ..Columns::ANY }
    }

    /// Restricts them to names with one of these hints.
    pub(super) const fn named(self, hints: &'static [Hint]) -> Columns {
        Columns { hints, ..self }
    }

    /// Restricts them to names with none of these hints.
    pub(super) const fn unless_named(self, unless: &'static [Hint]) -> Columns {
        Columns { unless, ..self }
    }

    /// Restricts them to defaults that are the clock in one of these forms.
    pub(super) const fn with_default(self, clocks: &'static [Clock]) -> Columns {
        Columns { clocks, ..self }
    }

    /// Restricts them to these affinities.
    pub(super) const fn of_affinity(self, affinities: &'static [Affinity]) -> Columns {
        Columns { affinities, ..self }
    }

    /// Adds a further condition.
    pub(super) const fn only(self, only: Only) -> Columns {
        Columns { only: Some(only), ..self }
    }

    fn include(&self, facts: &Facts<'_>) -> bool {
        let has = |clock| self.clocks.contains(&clock);
        (self.kinds.is_empty() || self.kinds.contains(&facts.kind))
            && (self.affinities.is_empty() || self.affinities.contains(&facts.affinity))
            && (self.hints.is_empty() || self.hints.iter().any(|hint| hint.is_in(facts.column)))
            && !self.unless.iter().any(|hint| hint.is_in(facts.column))
            && (self.clocks.is_empty() || facts.clock.is_some_and(has))
            && self.only.is_none_or(|only| match only {
                Only::Numbered => facts.role.is_numbered,
                Only::Key => facts.role.is_key,
                Only::TextDefault => facts.has_text_default(),
            })
    }
}

impl Rule {
    /// Returns the result of the rule for a column; `None` if it does not apply.
    pub(super) fn answer(&self, facts: &Facts<'_>) -> Option<Answer> {
        if !self.columns.include(facts) {
            return None;
        }
        // A suggestion for one side of a foreign key would separate it from the other.
        if self.certainty == Certainty::Suggests && facts.role.is_foreign_key {
            return None;
        }
        let fitting = |form: &&&Form| facts.admits(&(form.conversion)());
        match facts.profile.filter(|seen| seen.values() > 0) {
            Some(seen) => {
                let forms = self.forms.iter().filter(fitting);
                let (count, form) = self.needs.choose(&seen, forms.copied())?;
                Some(Answer::of(form, count))
            }
            None if self.needs.holds_without_value() => {
                let form = self.forms.iter().find(fitting)?;
                Some(Answer { conversion: (form.conversion)(), evidence: None })
            }
            None => None,
        }
    }

    /// Returns what the rule suggests where too many values lack the declared type: that type if more than half of the values have it.
    pub(super) fn suggestion(&self, facts: &Facts<'_>) -> Option<Answer> {
        let is_declared = matches!(self.needs, Needs::NearlyAll | Needs::NearlyAllOrNoValue);
        if !is_declared || !self.columns.include(facts) || facts.role.is_foreign_key {
            return None;
        }
        let seen = facts.profile.filter(|seen| seen.values() > 0)?;
        let forms = self.forms.iter().filter(|form| facts.admits(&(form.conversion)()));
        let (count, form) = Needs::Most.choose(&seen, forms.copied())?;
        Some(Answer::of(form, count))
    }

    /// Returns the most frequent form of this rule, if it applies to the column.
    pub(super) fn nearest(&self, facts: &Facts<'_>) -> Option<(u64, &'static str)> {
        let seen = facts.profile.filter(|seen| seen.values() > 0 && self.columns.include(facts))?;
        let counted = self.forms.iter().map(|form| ((form.count)(&seen), form.words));
        // The first of equals, which is the better form.
        counted.reduce(|best, next| if next.0 > best.0 { next } else { best })
    }
}

impl Answer {
    fn of(form: &Form, count: u64) -> Answer {
        Answer { conversion: (form.conversion)(), evidence: Some((count, form.words)) }
    }
}

impl Needs {
    fn holds_without_value(self) -> bool {
        matches!(
            self,
            Needs::Nothing
                | Needs::AllOrNoValue
                | Needs::MostOrNoValue
                | Needs::NearlyAllOrNoValue
                | Needs::NoValue
        )
    }

    /// Returns the form that enough values have, with their number.
    fn choose(
        self,
        seen: &ColumnProfile,
        forms: impl Iterator<Item = &'static Form>,
    ) -> Option<(u64, &'static Form)> {
        let counted: Vec<(u64, &Form)> = forms.map(|form| ((form.count)(seen), form)).collect();
        let all = seen.values();
        let first = counted.iter().find(|(count, _)| *count == all);
        let best = counted.iter().copied().reduce(|best, next| if next.0 > best.0 { next } else { best });
        let is_most = |(count, _): &(u64, &Form)| count.saturating_mul(2) > all;
        match self {
            Needs::Nothing => counted.first().copied(),
            Needs::All | Needs::AllOrNoValue => first.copied(),
            Needs::Most | Needs::MostOrNoValue => first.copied().or_else(|| best.filter(is_most)),
            Needs::NearlyAll | Needs::NearlyAllOrNoValue => first.copied().or_else(|| {
                let is_dirty = |(_, form): &(u64, &Form)| {
                    let rejects = seen.rejects(&(form.conversion)());
                    rejects.saturating_mul(1000) <= all.saturating_mul(DIRTY_MAX)
                };
                best.filter(is_most).filter(is_dirty)
            }),
            Needs::Best => best,
            Needs::NoValue => None,
        }
    }

    /// Returns the requirement in words.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Needs::Nothing => "any",
            Needs::All => "all values are",
            Needs::AllOrNoValue => "all values are, or there are none:",
            Needs::Most => "more than half of the values are",
            Needs::MostOrNoValue => "more than half of the values are, or there are none:",
            Needs::NearlyAll => "more than half of the values are, and at most 5 in 1,000 do not fit:",
            Needs::NearlyAllOrNoValue => {
                "more than half of the values are, and at most 5 in 1,000 do not fit, or there are none:"
            }
            Needs::Best => "most values are",
            Needs::NoValue => "there are no values",
        }
    }
}

impl Needs {
    /// Whether it depends on the form of values.
    pub(super) fn asks_values(self) -> bool {
        !matches!(self, Needs::Nothing | Needs::NoValue)
    }
}
