//! Why a key of an index cannot have an operator class, and which classes it can have.

use crate::conversion::PgType;
use crate::operator_class::{OperatorClass, fitting, has_default, supplied_fitting};
use crate::terms::IndexMethod;

/// What is wrong with an operator class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassProblem {
    /// PostgreSQL has it, for other types.
    OtherType,
    /// PostgreSQL does not have it for the method.
    Unknown,
    /// An extension may find values equal that SQLite does not, so that its class is none for a unique index.
    Unique,
}

impl ClassProblem {
    /// What is wrong with a class for a key of this type, and which classes fit, in words that follow the key's name.
    pub(super) fn in_words(self, class: &OperatorClass, method: IndexMethod, kind: Option<PgType>) -> String {
        let is = kind.map(|kind| format!(", which is {kind}")).unwrap_or_default();
        let others = kind.map(|kind| classes(method, kind)).unwrap_or_default();
        let method = method.sql();
        match self {
            ClassProblem::OtherType => {
                format!("{is}, and the operator class {class} is for other types{others}")
            }
            ClassProblem::Unknown => format!(
                "{is}, and PostgreSQL has no operator class {class} for the method {method}{others}; write the class of an \
                 extension with its schema, such as public.{class}"
            ),
            ClassProblem::Unique => format!(
                "{is}, and in a unique index the operator class {class} of an extension may find values equal that SQLite does \
                 not{others}"
            ),
        }
    }
}

/// The classes for a method and a type, in words.
fn classes(method: IndexMethod, kind: PgType) -> String {
    let own = fitting(method, kind);
    let mut names: Vec<String> = own.iter().map(|name| (*name).to_owned()).collect();
    if let Some(first) = names.first_mut().filter(|_| has_default(method, kind)) {
        first.push_str(" (the default)");
    }
    let of_extension = |class: &crate::operator_class::SuppliedClass| {
        format!("public.{} (extension {})", class.name, class.extension)
    };
    names.extend(supplied_fitting(method, kind).map(of_extension));
    match names.is_empty() {
        true => format!("; PostgreSQL has none for it and the method {}", method.sql()),
        false => format!("; for the method {} it can have {}", method.sql(), names.join(", ")),
    }
}
