//! Why a key of an index cannot have an operator class, and which classes it can have.

use crate::conversion::PgType;
use crate::operator_class::{OperatorClass, fitting, has_default, methods, supplied_fitting};
use crate::terms::IndexMethod;

/// What is wrong with an operator class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassProblem {
    /// PostgreSQL has it, for other types.
    OtherType,
    /// PostgreSQL or an extension that comes with it has it, for other methods.
    OtherMethod,
    /// PostgreSQL does not have it.
    Unknown,
    /// The list of this program does not have it, so that it may find values equal in a unique index that SQLite distinguishes.
    Unique,
}

impl ClassProblem {
    /// What is wrong with a class for a key of this type, and which classes fit, in words that follow the key's name.
    pub(super) fn in_words(self, class: &OperatorClass, method: IndexMethod, kind: Option<PgType>) -> String {
        let is = kind.map(|kind| format!(", which is {kind}")).unwrap_or_default();
        let others = kind.map(|kind| classes(method, kind)).unwrap_or_default();
        let method = method.sql();
        match self {
            ClassProblem::OtherMethod => {
                format!("{is}, and {class} is a class of the {}{others}", methods_in_words(class.name()))
            }
            ClassProblem::OtherType => {
                format!("{is}, and the operator class {class} is for other types{others}")
            }
            ClassProblem::Unknown => format!(
                "{is}, and PostgreSQL has no operator class {class} for the method {method}{others}; write the class of an \
                 extension with its schema, such as public.{class}"
            ),
            ClassProblem::Unique => format!(
                "{is}, and in a unique index the operator class {class}, which this program does not know for the method {method}, \
                 may find values equal that SQLite distinguishes{others}"
            ),
        }
    }
}

/// The methods that have a class of this name, in words.
fn methods_in_words(class: &str) -> String {
    let names: Vec<&str> = methods(class).into_iter().map(IndexMethod::sql).collect();
    let noun = if names.len() == 1 { "method" } else { "methods" };
    format!("{noun} {}", names.join(" and "))
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
