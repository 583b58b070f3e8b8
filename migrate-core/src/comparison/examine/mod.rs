//! Examines two values that are not the same by the conversion of their column: whether they are equal in another form, and otherwise what
//! happened.
//!
//! A form is an equality: whoever knows the target's value and the form knows the source's. Whatever is not certain is a difference.

mod bytes;
mod conversions;
mod decimal;
mod moments;
mod normal_form;
mod numbers;
mod target_value;
mod text;
mod words;

pub use conversions::{form_of as form_of_conversion, key_conversions};
pub use moments::likely_unit;
pub use normal_form::{append_normal_form, append_normal_form_of_target};

use super::{Diagnosis, OtherForm};
use crate::plan::PlannedColumn;
use crate::value::SourceValue;
use target_value::TargetValue;

/// Examines a value of the source and what the target has in its place, in PostgreSQL's binary format; none for NULL.
///
/// # Errors
/// The [`Diagnosis`] of a value that differs.
pub fn examine(
    column: &PlannedColumn,
    source: SourceValue<'_>,
    target: Option<&[u8]>,
) -> Result<OtherForm, Diagnosis> {
    let Some(wire) = target else {
        return Err(match source {
            SourceValue::Text(b"") => Diagnosis::EmptyBecameNull,
            _ => Diagnosis::BecameNull,
        });
    };
    let form = form(column, source, Some(wire));
    form.ok_or_else(|| {
        let mut scratch = Vec::new();
        let target = TargetValue::of(column, wire, &mut scratch);
        if source.is_null() { of_null(&target) } else { diagnosis(column, source, &target) }
    })
}

/// The form in which two values are equal, if they are: as [`examine`], without a diagnosis, which takes longer.
pub fn form(column: &PlannedColumn, source: SourceValue<'_>, target: Option<&[u8]>) -> Option<OtherForm> {
    let wire = target.filter(|_| !source.is_null())?;
    let mut scratch = Vec::new();
    let target = TargetValue::of(column, wire, &mut scratch);
    conversions::form(column, source, wire).or_else(|| other_form(source, &target))
}

/// The form of a value that no conversion of the column's type produces.
fn other_form(source: SourceValue<'_>, target: &TargetValue<'_>) -> Option<OtherForm> {
    words::form(source, target)
        .or_else(|| numbers::form(source, target))
        .or_else(|| moments::form(source, target))
        .or_else(|| bytes::form(source, target))
        .or_else(|| text::form(source, target))
}

/// What happened to a value.
fn diagnosis(column: &PlannedColumn, source: SourceValue<'_>, target: &TargetValue<'_>) -> Diagnosis {
    if target.is_empty() {
        return Diagnosis::BecameEmpty;
    }
    moments::diagnosis(column, source, target)
        .or_else(|| numbers::diagnosis(column, source, target))
        .or_else(|| bytes::diagnosis(source, target))
        .or_else(|| text::diagnosis(source, target))
        .unwrap_or(Diagnosis::Other)
}

/// What NULL became.
fn of_null(target: &TargetValue<'_>) -> Diagnosis {
    const WORDS: [&str; 6] = ["null", "none", "nil", "\\n", "nan", "undefined"];
    match target {
        _ if target.is_empty() => Diagnosis::NullBecameEmpty,
        _ if target.is_zero() => Diagnosis::NullBecameZero,
        TargetValue::Text(text) if WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)) => {
            Diagnosis::NullBecameWord
        }
        TargetValue::Json("null") => Diagnosis::NullBecameWord,
        _ => Diagnosis::NullBecameValue,
    }
}

#[cfg(test)]
mod tests;
