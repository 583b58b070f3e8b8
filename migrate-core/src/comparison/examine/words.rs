//! Booleans as 0 and 1, and as words.

use super::target_value::TargetValue;
use crate::comparison::OtherForm;
use crate::value::SourceValue;

/// The form of a boolean.
pub(super) fn form(source: SourceValue<'_>, target: &TargetValue<'_>) -> Option<OtherForm> {
    let is_text = matches!(source, SourceValue::Text(_));
    if is_text && matches!(target, TargetValue::Text(_) | TargetValue::Json(_)) {
        // One word is not another, whatever boolean both may mean: `no` is a country, too.
        return None;
    }
    let (of_source, is_number) = match source {
        SourceValue::Integer(0) => (false, true),
        SourceValue::Integer(1) => (true, true),
        SourceValue::Text(word) => (meaning(str::from_utf8(word).ok()?)?, false),
        _ => return None,
    };
    let (of_target, form) = match target {
        TargetValue::Boolean(is) => {
            (*is, if is_number { OtherForm::BooleanWord } else { OtherForm::BooleanNumber })
        }
        TargetValue::Integer(0) => (false, OtherForm::BooleanNumber),
        TargetValue::Integer(1) => (true, OtherForm::BooleanNumber),
        TargetValue::Text(word) => (meaning(word)?, OtherForm::BooleanWord),
        TargetValue::Json("true") => (true, OtherForm::BooleanWord),
        TargetValue::Json("false") => (false, OtherForm::BooleanWord),
        _ => return None,
    };
    (of_source == of_target).then_some(form)
}

/// What a word means.
pub(super) fn meaning(word: &str) -> Option<bool> {
    const TRUE: [&str; 5] = ["true", "t", "yes", "y", "on"];
    const FALSE: [&str; 5] = ["false", "f", "no", "n", "off"];
    let is = |words: &[&str]| words.iter().any(|other| word.eq_ignore_ascii_case(other));
    if is(&TRUE) { Some(true) } else { is(&FALSE).then_some(false) }
}
