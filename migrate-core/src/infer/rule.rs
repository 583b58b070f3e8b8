//! A rule: which columns it looks at, what their values must be, and the conversion that follows. Rules are data; what they
//! mean is here, once.

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
    /// Its name, which begins what the plan says of a column.
    pub(super) name: &'static str,
    /// What it is for, in one sentence.
    pub(super) describes: &'static str,
    /// The columns that it looks at.
    pub(super) columns: Columns,
    /// How many of the values must have one of the forms.
    pub(super) needs: Needs,
    /// The forms, the better ones first, each with its conversion.
    pub(super) forms: &'static [&'static Form],
    /// Whether its type is taken.
    pub(super) certainty: Certainty,
    /// Columns and what becomes of them; the first is shown in the documentation.
    pub(super) cases: &'static [Case],
}

/// Which columns a rule looks at: those for which every part that is not empty has one that fits.
#[derive(Debug)]
pub(super) struct Columns {
    /// What the declared type asks for.
    pub(super) kinds: &'static [Kind],
    /// The affinity.
    pub(super) affinities: &'static [Affinity],
    /// What the name says.
    pub(super) hints: &'static [Hint],
    /// What the name must not say.
    pub(super) unless: &'static [Hint],
    /// The form in which the default stores the clock.
    pub(super) clocks: &'static [Clock],
    /// Something else.
    pub(super) only: Option<Only>,
}

/// Something else that a rule asks of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Only {
    /// It is another name for the rowid.
    Numbered,
    /// It is part of a key.
    Key,
    /// Its default is text.
    TextDefault,
}

/// How many of the values must have a form. Where several forms have enough, the first counts, unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// All, and at least one.
    All,
    /// All, or there is no value at all.
    AllOrNoValue,
    /// More than half. A form that all have comes first, then the one that most have.
    Most,
    /// The same, or there is no value at all.
    MostOrNoValue,
    /// The form that most have, however few.
    Best,
    /// There is no value at all.
    NoValue,
}

/// Whether a rule's type is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It is taken, and no later rule is asked.
    Takes,
    /// The same, without a value that supports it, which the plan reports.
    Guesses,
    /// It is suggested, and later rules decide.
    Suggests,
}

/// What a rule says of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The conversion.
    pub(super) conversion: Conversion,
    /// How many values have the form; none where no value was looked at.
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

    /// Those of them whose name says one of these.
    pub(super) const fn named(self, hints: &'static [Hint]) -> Columns {
        Columns { hints, ..self }
    }

    /// Those of them whose name says none of these.
    pub(super) const fn unless_named(self, unless: &'static [Hint]) -> Columns {
        Columns { unless, ..self }
    }

    /// Those of them whose default is the clock in one of these forms.
    pub(super) const fn with_default(self, clocks: &'static [Clock]) -> Columns {
        Columns { clocks, ..self }
    }

    /// Those of them with one of these affinities.
    pub(super) const fn of_affinity(self, affinities: &'static [Affinity]) -> Columns {
        Columns { affinities, ..self }
    }

    /// Those of them of which something else is true.
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
                Only::Numbered => facts.place.is_numbered,
                Only::Key => facts.place.is_key,
                Only::TextDefault => facts.has_text_default(),
            })
    }
}

impl Rule {
    /// What the rule says of a column; none where it has nothing to say.
    pub(super) fn answer(&self, facts: &Facts<'_>) -> Option<Answer> {
        if !self.columns.include(facts) {
            return None;
        }
        // A suggestion for one side of a foreign key would part it from the other.
        if self.certainty == Certainty::Suggests && facts.place.is_foreign_key {
            return None;
        }
        let fitting = |form: &&&Form| facts.admits(&(form.conversion)());
        match facts.profile.filter(|seen| seen.values() > 0) {
            Some(seen) => {
                let forms = self.forms.iter().filter(fitting);
                let (count, form) = self.needs.choose(&seen, forms.copied())?;
                Some(Answer { conversion: (form.conversion)(), evidence: Some((count, form.words)) })
            }
            None if self.needs.holds_without_value() => {
                let form = self.forms.iter().find(fitting)?;
                Some(Answer { conversion: (form.conversion)(), evidence: None })
            }
            None => None,
        }
    }

    /// The form of this rule that most values have, where it looks at the column and does not fire.
    pub(super) fn nearest(&self, facts: &Facts<'_>) -> Option<(u64, &'static str)> {
        let seen = facts.profile.filter(|seen| seen.values() > 0 && self.columns.include(facts))?;
        let counted = self.forms.iter().map(|form| ((form.count)(&seen), form.words));
        // The first of those that are equal, so that the better form is told.
        counted.reduce(|best, next| if next.0 > best.0 { next } else { best })
    }
}

impl Needs {
    fn holds_without_value(self) -> bool {
        matches!(self, Needs::Nothing | Needs::AllOrNoValue | Needs::MostOrNoValue | Needs::NoValue)
    }

    /// The form that enough values have, and how many.
    fn choose(
        self,
        seen: &ColumnProfile,
        forms: impl Iterator<Item = &'static Form>,
    ) -> Option<(u64, &'static Form)> {
        let counted: Vec<(u64, &Form)> = forms.map(|form| ((form.count)(seen), form)).collect();
        let all = seen.values();
        let first = counted.iter().find(|(count, _)| *count == all);
        let best = counted.iter().copied().reduce(|best, next| if next.0 > best.0 { next } else { best });
        match self {
            Needs::Nothing => counted.first().copied(),
            Needs::All | Needs::AllOrNoValue => first.copied(),
            Needs::Most | Needs::MostOrNoValue => {
                first.copied().or_else(|| best.filter(|(count, _)| count.saturating_mul(2) > all))
            }
            Needs::Best => best,
            Needs::NoValue => None,
        }
    }

    /// What is needed, in words.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Needs::Nothing => "whatever the values are",
            Needs::All => "all values are",
            Needs::AllOrNoValue => "all values are, or there is none:",
            Needs::Most => "more than half of the values are",
            Needs::MostOrNoValue => "more than half of the values are, or there is none:",
            Needs::Best => "most values are",
            Needs::NoValue => "there is no value",
        }
    }
}

impl Needs {
    /// Whether values are looked at.
    pub(super) fn asks_values(self) -> bool {
        !matches!(self, Needs::Nothing | Needs::NoValue)
    }
}
