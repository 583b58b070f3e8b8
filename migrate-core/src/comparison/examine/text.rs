//! Text and documents in other spellings, and what tools do to text.

use super::target_value::TargetValue;
use crate::comparison::{Diagnosis, OtherForm};
use crate::conversion::Conversion;
use crate::value::SourceValue;

/// The form of a document.
pub(super) fn form(source: SourceValue<'_>, target: &TargetValue<'_>) -> Option<OtherForm> {
    let (SourceValue::Text(source) | SourceValue::Blob(source)) = source else { return None };
    match target {
        // A text that happens to be a number or a quoted string is a text: only objects and arrays are documents.
        TargetValue::Text(text) if is_container(source) => {
            let (source, text) = (SourceValue::Text(source), SourceValue::Text(text.as_bytes()));
            Conversion::Jsonb.same(source, text).then_some(OtherForm::JsonSpelling)
        }
        TargetValue::Json(document) => {
            let text: String = serde_json::from_str(document).ok()?;
            (text.as_bytes() == source).then_some(OtherForm::JsonSpelling)
        }
        _ => None,
    }
}

pub(super) fn is_container(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// What happened to a text.
pub(super) fn diagnosis(source: SourceValue<'_>, target: &TargetValue<'_>) -> Option<Diagnosis> {
    let SourceValue::Text(source) = source else { return None };
    let found = match target {
        TargetValue::Text(text) => *text,
        TargetValue::Json(_) => {
            let is_document = serde_json::from_slice::<serde::de::IgnoredAny>(source).is_ok();
            return is_document.then_some(Diagnosis::JsonContent);
        }
        _ => return None,
    };
    if found.is_empty() {
        return Some(Diagnosis::BecameEmpty);
    }
    let Ok(text) = str::from_utf8(source) else { return Some(of_invalid(source, found)) };
    of_nul(text, found)
        .or_else(|| of_characters(text, found))
        .or_else(|| of_ends(text, found))
        .or_else(|| is_container(source).then_some(Diagnosis::JsonContent))
}

/// A text that is not UTF-8.
fn of_invalid(source: &[u8], found: &str) -> Diagnosis {
    let replaced = String::from_utf8_lossy(source);
    if replaced == found || replaced.replace(char::REPLACEMENT_CHARACTER, "?") == found {
        return Diagnosis::Replaced;
    }
    if replaced.replace(char::REPLACEMENT_CHARACTER, "") == found {
        return Diagnosis::Replaced;
    }
    if source.iter().map(|byte| char::from(*byte)).eq(found.chars()) {
        return Diagnosis::WrongEncoding;
    }
    if source.starts_with(found.as_bytes()) {
        return Diagnosis::Cut { characters: found.chars().count() as u64 };
    }
    Diagnosis::Other
}

fn of_nul(text: &str, found: &str) -> Option<Diagnosis> {
    let (until, _) = text.split_once('\0')?;
    if until == found {
        return Some(Diagnosis::CutAtNul);
    }
    let others = ["", " ", "?", "\u{fffd}", "\\0", "\\u0000", "\\x00", "␀"];
    others.iter().any(|other| text.replace('\0', other) == found).then_some(Diagnosis::NulRemoved)
}

/// Changes of single characters.
fn of_characters(text: &str, found: &str) -> Option<Diagnosis> {
    if is_replaced(text, found) {
        return Some(Diagnosis::Replaced);
    }
    if is_recoded(text, found) || is_recoded(found, text) {
        return Some(Diagnosis::WrongEncoding);
    }
    let unix = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    if unix(text) == unix(found) {
        return Some(Diagnosis::LineEnds);
    }
    if text.to_lowercase() == found.to_lowercase() {
        return Some(Diagnosis::CaseChanged);
    }
    let escaped = |text: &str| {
        text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
    };
    let is_escaped = |one: &str, other: &str| {
        escaped(one) == other || one.replace('\\', "\\\\") == other || one.replace('\n', "\\n") == other
    };
    (is_escaped(text, found) || is_escaped(found, text)).then_some(Diagnosis::Escapes)
}

/// Whether some characters became U+FFFD or `?`, and no other changed.
fn is_replaced(text: &str, found: &str) -> bool {
    let mut left = found.chars();
    let mut has_replaced = false;
    for letter in text.chars() {
        match left.next() {
            Some(other) if other == letter => {}
            Some('?' | char::REPLACEMENT_CHARACTER) if !letter.is_ascii() => has_replaced = true,
            _ => return false,
        }
    }
    has_replaced && left.next().is_none()
}

/// Whether `found` is what the bytes of `text` in UTF-8 are in Latin-1 or Windows-1252.
fn is_recoded(text: &str, found: &str) -> bool {
    /// Windows-1252 from 0x80 to 0x9f; 0 where it has nothing (Unicode's table CP1252).
    const WINDOWS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    if text.is_ascii() {
        return false;
    }
    let mut letters = found.chars();
    let is_same = text.bytes().all(|byte| {
        let letter = letters.next();
        let windows = usize::from(byte).checked_sub(0x80).and_then(|place| WINDOWS.get(place));
        letter == Some(char::from(byte)) || letter.is_some() && letter == windows.copied()
    });
    is_same && letters.next().is_none()
}

/// Changes at the ends of a text.
fn of_ends(text: &str, found: &str) -> Option<Diagnosis> {
    if text.trim() == found.trim() {
        return Some(Diagnosis::Trimmed);
    }
    let unquoted = |text: &str, quote: char| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(inner.to_owned())
    };
    let is_quoted = |one: &str, other: &str| {
        ['"', '\''].iter().any(|&quote| unquoted(one, quote).is_some_and(|inner| inner == other))
    };
    if is_quoted(text, found) || is_quoted(found, text) {
        return Some(Diagnosis::Quoted);
    }
    let is_cut = text.starts_with(found) || text.starts_with(found.trim_end()) && found.len() < text.len();
    is_cut.then(|| Diagnosis::Cut { characters: found.chars().count() as u64 })
}
