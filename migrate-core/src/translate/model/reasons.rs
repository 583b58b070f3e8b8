//! Why an expression, a view or a trigger has no translation.

/// An expression that has no translation that is sure to mean the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Untranslatable {
    /// What stands in the way, by the names of functions and operators.
    pub reason: String,
}

pub(crate) type Result<T> = std::result::Result<T, Untranslatable>;

pub(crate) fn untranslatable<T>(reason: impl Into<String>) -> Result<T> {
    Err(Untranslatable { reason: reason.into() })
}
