//! What is demanded of the validator and not yet met: the one place to switch a demand on, by taking its line out.

/// A part of the demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coming {
    /// In a table without a key each row that only one side has is counted and named.
    NamesWithoutKey,
    /// A key of the target that no source can have is an extra row, and no reason to stop.
    ImpossibleKeys,
    /// What stands in the target's schemas and is not in the plan is named.
    NothingUnplanned,
}

/// The demands that are not made yet, each with the reason.
pub const COMING: &[(Coming, &str)] = &[(
    Coming::ImpossibleKeys,
    "the merge ends with an error at a key that it cannot decode, or that is NULL",
)];

/// Whether a demand is not made yet.
pub fn is_coming(coming: Coming) -> bool {
    COMING.iter().any(|(other, _)| *other == coming)
}
