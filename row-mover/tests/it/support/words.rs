//! The findings of a validation in the words that people read.

use report::words;
use row_mover::run::Validation;
use row_mover::validate::CheckResult;

pub fn schema(validation: &Validation) -> Vec<String> {
    validation.schema.iter().map(words::schema).collect()
}

pub fn sequences(validation: &Validation) -> Vec<String> {
    validation.sequences.differences.iter().map(words::sequence).collect()
}

pub fn views(validation: &Validation) -> Vec<String> {
    validation.views.differences.iter().map(words::view).collect()
}

pub fn defaults(validation: &Validation) -> Vec<String> {
    validation.defaults.differences.iter().map(words::default).collect()
}

pub fn constraints(validation: &Validation) -> Vec<String> {
    validation.behaviour.differences.iter().map(words::constraint).collect()
}

pub fn not_compared<D>(result: &CheckResult<D>) -> Vec<String> {
    let left = result.not_compared.iter();
    left.map(|left| format!("{}: {}", words::subject(&left.subject), words::reason(&left.reason))).collect()
}
