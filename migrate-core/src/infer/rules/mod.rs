//! All rules, in the order in which they are asked: what the schema proves, what is declared, what names and values say
//! together, and last what the storage classes prove, which always has an answer.

mod classes;
mod declared;
mod defaults;
mod documents;
mod moments;
mod values;

use super::rule::Rule;

/// Rules that belong together.
#[derive(Debug)]
pub(super) struct Group {
    /// What they go by, for the documentation.
    pub(super) title: &'static str,
    /// What they have in common, for the documentation.
    pub(super) describes: &'static str,
    /// Whether they infer, and so are not asked where nothing is to be inferred.
    pub(super) infers: bool,
    /// Whether the plan says of a column that it misses their type.
    pub(super) tells_misses: bool,
    /// Whether names and values alone speak for their types: a default that such a type cannot hold, and text that is compared by
    /// another collation than BINARY, speak against it.
    pub(super) is_evidence: bool,
    /// The rules.
    pub(super) rules: &'static [Rule],
}

/// All rules, in their order.
pub(super) static GROUPS: [Group; 7] = [
    Group {
        title: "Keys that number themselves",
        describes: "They come before everything, and hold where nothing is inferred.",
        infers: false,
        tells_misses: false,
        is_evidence: false,
        rules: defaults::NUMBERED,
    },
    Group {
        title: "Defaults that are the clock",
        describes: "What an app lets SQLite fill in is a time in the form of the default.",
        infers: true,
        tells_misses: false,
        is_evidence: false,
        rules: defaults::CLOCKS,
    },
    Group {
        title: "Declared types",
        describes: "SQLite ignores them, apps and frameworks mean them. Values that are not of the declared type are rejects as \
                    long as they are less than half.",
        infers: true,
        tells_misses: true,
        is_evidence: false,
        rules: declared::RULES,
    },
    Group {
        title: "Names and values: times",
        describes: "A type is taken where name and values agree, and suggested where the values alone say so.",
        infers: true,
        tells_misses: false,
        is_evidence: true,
        rules: moments::RULES,
    },
    Group {
        title: "Names and values: flags, UUIDs, numbers",
        describes: "The same for other values.",
        infers: true,
        tells_misses: false,
        is_evidence: true,
        rules: values::RULES,
    },
    Group {
        title: "Names and values: documents",
        describes: "The same for JSON.",
        infers: true,
        tells_misses: false,
        is_evidence: true,
        rules: documents::RULES,
    },
    Group {
        title: "Storage classes",
        describes: "What holds the values as they are. These rules alone decide where `faithful = true`.",
        infers: false,
        tells_misses: false,
        is_evidence: false,
        rules: classes::RULES,
    },
];
