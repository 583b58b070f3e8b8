//! The results table: the number of mutations made, found and named, for each kind of damage.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::demand::Verdict;

/// Counts for all kinds.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    kinds: BTreeMap<&'static str, Count>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    made: u64,
    found: u64,
    named: u64,
    void: u64,
}

impl Counts {
    /// Counts a mutation, and the preceding attempts that changed nothing or that PostgreSQL refused.
    pub fn count(&mut self, kind: &'static str, verdict: &Verdict, void: u64) {
        let count = self.kinds.entry(kind).or_default();
        count.made += 1;
        count.found += u64::from(!matches!(verdict, Verdict::Survived(_)));
        count.named += u64::from(*verdict == Verdict::Named);
        count.void += void;
    }

    /// Counts attempts that damaged nothing.
    pub fn count_void(&mut self, kind: &'static str, void: u64) {
        self.kinds.entry(kind).or_default().void += void;
    }

    /// Returns the kinds without a mutation.
    pub fn unmade(&self) -> Vec<&'static str> {
        self.kinds.iter().filter(|(_, count)| count.made == 0).map(|(kind, _)| *kind).collect()
    }

    pub fn made(&self) -> u64 {
        self.kinds.values().map(|count| count.made).sum()
    }

    /// Formats the counts as Markdown.
    pub fn markdown(&self) -> String {
        let mut out =
            "| damage | made | found | named | void |\n| --- | ---: | ---: | ---: | ---: |\n".to_owned();
        let mut all = Count::default();
        for (kind, count) in &self.kinds {
            row(&mut out, kind, *count);
            all.made += count.made;
            all.found += count.found;
            all.named += count.named;
            all.void += count.void;
        }
        row(&mut out, "all", all);
        out
    }
}

fn row(out: &mut String, kind: &str, count: Count) {
    let Count { made, found, named, void } = count;
    writeln!(out, "| {kind} | {made} | {found} | {named} | {void} |").unwrap();
}
