//! Assigns names of the source to names of the target: by the same name, else by looser forms of it, and only where one name is meant.
//! It knows nothing of tables and columns.

use std::collections::BTreeMap;

use super::name_forms::{joined, snake_case, without_number};

/// A name of the source.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    /// The name, or the one that a human gives it.
    pub(super) name: &'a str,
    /// Whether a human gives it, so that it is taken as it is.
    pub(super) is_decided: bool,
}

/// What a name of the source means; names of the target by their positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing in the target.
    Nothing,
    /// One name, found in this way.
    One(usize, Way),
    /// One of several.
    Several(Vec<usize>),
    /// A name that another one of the source has.
    Taken {
        /// The position of that other one.
        first: usize,
        /// The name.
        target: usize,
    },
}

/// How a name was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is the same but for case and separators of words.
    Same,
    /// It is the same but for underscores.
    Joined,
    /// One is the plural of the other.
    Plural,
    /// One side has a prefix or suffix that several names have.
    Affix(Affix),
}

/// What names of one side have before or after those of the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Affix {
    /// The side that has it.
    pub(super) is_targets: bool,
    /// Whether it comes first.
    pub(super) is_prefix: bool,
    /// The affix, without the underscore.
    pub(super) text: String,
}

/// Assigns each of `wanted`. `may_be` restricts which name of the target one of the source may have at all; `is_proven` says of a single
/// pair whether more than an affix speaks for it.
pub(super) fn assign(
    wanted: &[Wanted<'_>],
    targets: &[&str],
    may_be: &dyn Fn(usize, usize) -> bool,
    is_proven: &dyn Fn(usize, usize) -> bool,
) -> Vec<Meaning> {
    let meanings = vec![Meaning::Nothing; wanted.len()];
    let mut assignment = Assignment { wanted, targets, may_be, owners: vec![None; targets.len()], meanings };
    assignment.strictly(&str::to_owned);
    assignment.strictly(&str::to_ascii_lowercase);
    assignment.strictly(&snake_case);
    assignment.loosely(&joined, &Way::Joined);
    assignment.loosely(&without_number, &Way::Plural);
    assignment.by_affix(is_proven);
    assignment.meanings
}

struct Assignment<'a> {
    wanted: &'a [Wanted<'a>],
    targets: &'a [&'a str],
    may_be: &'a dyn Fn(usize, usize) -> bool,
    owners: Vec<Option<usize>>,
    meanings: Vec<Meaning>,
}

impl Assignment<'_> {
    /// The names of the source that mean nothing yet.
    fn open(&self) -> Vec<usize> {
        (0..self.wanted.len()).filter(|&place| self.meanings[place] == Meaning::Nothing).collect()
    }

    /// The names of the target that one of the source may have and no other has.
    fn free(&self, source: usize) -> impl Iterator<Item = usize> {
        (0..self.targets.len())
            .filter(move |&target| self.owners[target].is_none() && (self.may_be)(source, target))
    }

    fn take(&mut self, source: usize, target: usize, way: Way) {
        self.owners[target] = Some(source);
        self.meanings[source] = Meaning::One(target, way);
    }

    /// The names of the target by a form of theirs.
    fn by_form(&self, form: &dyn Fn(&str) -> String) -> BTreeMap<String, Vec<usize>> {
        let mut by_form: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, name) in self.targets.iter().enumerate() {
            by_form.entry(form(name)).or_default().push(place);
        }
        by_form
    }

    /// By a form that makes names the same, whether another one has the name already or not.
    fn strictly(&mut self, form: &dyn Fn(&str) -> String) {
        let by_form = self.by_form(form);
        for source in self.open() {
            let found = by_form.get(&form(self.wanted[source].name)).map_or(&[][..], Vec::as_slice);
            let found: Vec<usize> =
                found.iter().copied().filter(|&target| (self.may_be)(source, target)).collect();
            let free: Vec<usize> =
                found.iter().copied().filter(|&target| self.owners[target].is_none()).collect();
            match (free.as_slice(), found.as_slice()) {
                ([target], _) => self.take(source, *target, Way::Same),
                ([], []) => {}
                ([], [target, ..]) => {
                    let first = self.owners[*target].unwrap_or_default();
                    self.meanings[source] = Meaning::Taken { first, target: *target };
                }
                (several, _) => self.meanings[source] = Meaning::Several(several.to_vec()),
            }
        }
    }

    /// By a form of the name that only one name of either side has.
    fn loosely(&mut self, form: &dyn Fn(&str) -> String, way: &Way) {
        let open: Vec<usize> =
            self.open().into_iter().filter(|&source| !self.wanted[source].is_decided).collect();
        let by_form = self.by_form(form);
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for &source in &open {
            let own = form(self.wanted[source].name);
            let found = by_form.get(&own).filter(|_| !own.is_empty()).map_or(&[][..], Vec::as_slice);
            let is_free = |&&target: &&usize| self.owners[target].is_none() && (self.may_be)(source, target);
            pairs.extend(found.iter().filter(is_free).map(|&target| (source, target)));
        }
        self.take_unambiguous(&pairs, &|_| way.clone());
    }

    /// By an affix that two or more pairs have, or one pair that is proven.
    fn by_affix(&mut self, is_proven: &dyn Fn(usize, usize) -> bool) {
        let mut by_affix: BTreeMap<Affix, Vec<(usize, usize)>> = BTreeMap::new();
        let forms: Vec<String> = self.targets.iter().map(|name| without_number(name)).collect();
        for source in self.open().into_iter().filter(|&source| !self.wanted[source].is_decided) {
            let own = without_number(self.wanted[source].name);
            for target in self.free(source) {
                if let Some(affix) = affix_of_forms(&own, &forms[target]) {
                    by_affix.entry(affix).or_default().push((source, target));
                }
            }
        }
        let mut pairs = Vec::new();
        let mut affixes = BTreeMap::new();
        for (affix, found) in by_affix {
            let is_common = found.len() > 1;
            for pair in found.into_iter().filter(|&(source, target)| is_common || is_proven(source, target)) {
                affixes.insert(pair, affix.clone());
                pairs.push(pair);
            }
        }
        self.take_unambiguous(&pairs, &|pair| {
            affixes.get(&pair).map_or(Way::Plural, |affix| Way::Affix(affix.clone()))
        });
    }

    fn take_unambiguous(&mut self, pairs: &[(usize, usize)], way: &dyn Fn((usize, usize)) -> Way) {
        for &(source, target) in pairs {
            let targets: Vec<usize> =
                pairs.iter().filter(|pair| pair.0 == source).map(|pair| pair.1).collect();
            let sources = pairs.iter().filter(|pair| pair.1 == target).count();
            match targets.len() {
                1 if sources == 1 => self.take(source, target, way((source, target))),
                1 => {}
                _ => self.meanings[source] = Meaning::Several(targets),
            }
        }
    }
}

/// What one of the two names has before or after the other, whether these are singular or plural.
pub(super) fn affix(source: &str, target: &str) -> Option<Affix> {
    affix_of_forms(&without_number(source), &without_number(target))
}

fn affix_of_forms(source: &str, target: &str) -> Option<Affix> {
    let rest = |long: &str, short: &str| {
        let is_word = !short.is_empty();
        let before = long.strip_suffix(short).and_then(|rest| rest.strip_suffix('_'));
        let after = long.strip_prefix(short).and_then(|rest| rest.strip_prefix('_'));
        let found = before.map(|text| (true, text)).or_else(|| after.map(|text| (false, text)));
        found
            .filter(|(_, text)| is_word && !text.is_empty())
            .map(|(is_prefix, text)| (is_prefix, text.to_owned()))
    };
    let affix = |is_targets: bool| move |(is_prefix, text)| Affix { is_targets, is_prefix, text };
    rest(target, source).map(affix(true)).or_else(|| rest(source, target).map(affix(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(names: &[&str], targets: &[&str]) -> Vec<String> {
        let wanted: Vec<Wanted<'_>> = names.iter().map(|name| Wanted { name, is_decided: false }).collect();
        let shown = |meaning: &Meaning| match meaning {
            Meaning::Nothing => "-".to_owned(),
            Meaning::One(target, _) => targets[*target].to_owned(),
            Meaning::Several(several) => {
                several.iter().map(|&target| targets[target]).collect::<Vec<_>>().join("|")
            }
            Meaning::Taken { first, target } => format!("{} of {}", targets[*target], names[*first]),
        };
        assign(&wanted, targets, &|_, _| true, &|_, _| false).iter().map(shown).collect()
    }

    #[test]
    fn the_nearer_way_counts_and_one_of_several_must_be_named() {
        for (names, targets, expected) in [
            (&["Id"][..], &["id", "Id", "ID"][..], &["Id"][..]),
            (&["Id"], &["id", "i_d"], &["id"]),
            (&["userId"], &["user_id", "user"], &["user_id"]),
            (&["user_id"], &["userId"], &["userId"]),
            (&["Id"], &["id", "ID"], &["id|ID"]),
            (&["userid"], &["user_id", "user"], &["user_id"]),
            (&["user", "users"], &["users"], &["-", "users"]),
            (&["user_id", "userId"], &["user_id"], &["user_id", "user_id of user_id"]),
            (&["category", "person"], &["people", "Categories"], &["Categories", "people"]),
            (&["box"], &["boxes", "BOXES"], &["boxes|BOXES"]),
            (&["key", "keys"], &["keyss"], &["-", "-"]),
        ] {
            assert_eq!(assigned(names, targets), expected, "{names:?} in {targets:?}");
        }
    }

    #[test]
    fn an_affix_counts_where_several_names_have_it() {
        for (names, targets, expected) in [
            (&["user", "post"][..], &["app_users", "app_posts", "log"][..], &["app_users", "app_posts"][..]),
            (&["tbl_user", "tbl_post"], &["users", "posts"], &["users", "posts"]),
            (&["user_t", "post_t"], &["user", "post"], &["user", "post"]),
            (&["user"], &["app_user"], &["-"]),
            (
                &["user", "post"],
                &["a_user", "a_post", "b_user", "b_post"],
                &["a_user|b_user", "a_post|b_post"],
            ),
            (&["user", "post"], &["a_user", "b_post"], &["-", "-"]),
            (&["user", "post"], &["user", "x_user", "x_post"], &["user", "-"]),
        ] {
            assert_eq!(assigned(names, targets), expected, "{names:?} in {targets:?}");
        }
    }

    #[test]
    fn a_name_that_a_human_gives_is_taken_as_it_is() {
        let wanted = [Wanted { name: "user", is_decided: true }];
        assert_eq!(assign(&wanted, &["users"], &|_, _| true, &|_, _| true), [Meaning::Nothing]);
        let wanted = [Wanted { name: "user", is_decided: false }];
        assert_eq!(assign(&wanted, &["x_user"], &|_, _| true, &|_, _| true).len(), 1);
        assert!(matches!(
            assign(&wanted, &["x_user"], &|_, _| true, &|_, _| true)[0],
            Meaning::One(0, Way::Affix(_))
        ));
    }
}
