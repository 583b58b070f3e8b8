//! All rules, in order: what the schema proves, declared types, names and values
//! together, and finally storage classes, which always have a result.

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
    /// The heading, for the documentation.
    pub(super) title: &'static str,
    /// Their description, for the documentation.
    pub(super) describes: &'static str,
    /// Whether they infer, and are skipped where inference is off.
    pub(super) infers: bool,
    /// Whether the plan reports a column that does not have their type.
    pub(super) tells_misses: bool,
    /// Whether only names and values support their types, so that a default that does not fit, text that is compared by a collation
    /// other than BINARY, and text that an index, a CHECK or a view treats as text exclude them.
    pub(super) is_evidence: bool,
    /// The rules.
    pub(super) rules: &'static [Rule],
}

/// All rules, in their order.
pub(super) static GROUPS: [Group; 7] = [
    Group {
        title: "Keys that number themselves",
        describes: "They come first, and also apply with `faithful = true`.",
        infers: false,
        tells_misses: false,
        is_evidence: false,
        rules: defaults::NUMBERED,
    },
    Group {
        title: "Defaults that are the clock",
        describes: "A column whose default is the clock is a time in the form of the default.",
        infers: true,
        tells_misses: false,
        is_evidence: false,
        rules: defaults::CLOCKS,
    },
    Group {
        title: "Declared types",
        describes: "SQLite ignores them, but apps and frameworks rely on them. Values that do not have the declared type are rejects \
                    if they are at most 5 in 1,000 (numbers: less than half). If they are more, the column gets a type that holds all \
                    values, and the declared one is suggested.",
        infers: true,
        tells_misses: true,
        is_evidence: false,
        rules: declared::RULES,
    },
    Group {
        title: "Names and values: times",
        describes: "A type is taken if name and values agree, and suggested if only the values support it; neither, and the same \
                    below, where an index, a CHECK, a generated column or a view treats the column as text (`lower(x)`, `x LIKE …`, \
                    `||`).",
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
        describes: "Types that hold the values unchanged. With `faithful = true` only these rules and the first ones apply.",
        infers: false,
        tells_misses: false,
        is_evidence: false,
        rules: classes::RULES,
    },
];
