//! Bytes as text and text as bytes, UUIDs in their spellings, and what happens to bytes.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::target_value::TargetValue;
use crate::comparison::{Diagnosis, OtherForm};
use crate::conversion::Conversion;
use crate::value::SourceValue;

/// The form of bytes, or of a UUID.
pub(super) fn form(source: SourceValue<'_>, target: &TargetValue<'_>) -> Option<OtherForm> {
    match (source, target) {
        (SourceValue::Blob(bytes), TargetValue::Text(text)) => as_text(bytes, text),
        (SourceValue::Text(text), TargetValue::Bytes(bytes)) => {
            if text == *bytes {
                return Some(OtherForm::TextAsBytes);
            }
            let text = str::from_utf8(text).ok()?;
            if hex(text).is_some_and(|own| own == *bytes) {
                return Some(OtherForm::HexAsBytes);
            }
            base64(text).is_some_and(|own| own == *bytes).then_some(OtherForm::Base64AsBytes)
        }
        (SourceValue::Text(_), TargetValue::Uuid(uuid_of_target)) => {
            (uuid(source)? == *uuid_of_target).then_some(OtherForm::UuidSpelling)
        }
        _ => None,
    }
}

fn as_text(bytes: &[u8], text: &str) -> Option<OtherForm> {
    if text.as_bytes() == bytes {
        return Some(OtherForm::BytesAsText);
    }
    if hex(text).is_some_and(|found| found == bytes) {
        return Some(OtherForm::BytesAsHex);
    }
    if bytes.len() == 16 && uuid(SourceValue::Text(text.as_bytes())).is_some_and(|uuid| uuid == bytes) {
        return Some(OtherForm::UuidSpelling);
    }
    base64(text).is_some_and(|found| found == bytes).then_some(OtherForm::BytesAsBase64)
}

/// The bytes that these are in an encoding; none where they are none, or not in one.
pub(super) fn decoded(encoded: &[u8]) -> Option<Vec<u8>> {
    if encoded.is_empty() {
        return None;
    }
    if let Some(uuid) = uuid(SourceValue::Text(encoded)) {
        return Some(uuid.to_vec());
    }
    let text = str::from_utf8(encoded).ok()?;
    hex(text).or_else(|| base64(text))
}

/// The bytes of hexadecimal digits of either case, alone or as `\x…`, `0x…` or `X'…'`.
fn hex(text: &str) -> Option<Vec<u8>> {
    let quoted = |text: &'_ str| -> Option<String> {
        let rest = text.strip_prefix(['X', 'x'])?.strip_prefix('\'')?.strip_suffix('\'')?;
        Some(rest.to_owned())
    };
    let plain = text.strip_prefix("\\x").or_else(|| text.strip_prefix("0x")).unwrap_or(text);
    let digits = quoted(text).unwrap_or_else(|| plain.to_owned());
    if digits.len() % 2 != 0 {
        return None;
    }
    let byte = |pair: &[u8]| {
        pair.iter().try_fold(0_u8, |byte, digit| {
            let value = char::from(*digit).to_digit(16)?;
            Some(byte << 4 | u8::try_from(value).ok()?)
        })
    };
    digits.as_bytes().chunks_exact(2).map(byte).collect()
}

/// The bytes of base64, with or without padding and line breaks, in either alphabet.
fn base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let joined: String = text.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
    let alphabets = [&base64::alphabet::STANDARD, &base64::alphabet::URL_SAFE];
    alphabets.into_iter().find_map(|alphabet| GeneralPurpose::new(alphabet, LENIENT).decode(&joined).ok())
}

fn uuid(value: SourceValue<'_>) -> Option<[u8; 16]> {
    let mut wire = Vec::new();
    Conversion::UuidFromAny.encode(value, &mut wire).ok()?;
    wire.try_into().ok()
}

/// What happened to bytes.
pub(super) fn diagnosis(source: SourceValue<'_>, target: &TargetValue<'_>) -> Option<Diagnosis> {
    match (source, target) {
        (SourceValue::Blob(bytes) | SourceValue::Text(bytes), TargetValue::Bytes(found)) => {
            Some(of_bytes(bytes, found))
        }
        (SourceValue::Blob(bytes), TargetValue::Text(text)) => Some(of_text(bytes, text)),
        // Who looks for the text as it was does not find the other spelling.
        (SourceValue::Text(text), TargetValue::Text(other))
            if !text.eq_ignore_ascii_case(other.as_bytes()) =>
        {
            let (one, other) = (uuid(source)?, uuid(SourceValue::Text(other.as_bytes()))?);
            (one == other).then_some(Diagnosis::Respelled)
        }
        _ => None,
    }
}

fn of_bytes(bytes: &[u8], found: &[u8]) -> Diagnosis {
    let until_nul = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    if until_nul.len() < bytes.len() && until_nul == found {
        return Diagnosis::CutAtNul;
    }
    if found.len() < bytes.len() && bytes.starts_with(found) {
        return Diagnosis::BytesCut { bytes: found.len() as u64 };
    }
    let Ok(text) = str::from_utf8(found) else { return Diagnosis::Other };
    if hex(text).is_some_and(|own| own == bytes) || base64(text).is_some_and(|own| own == bytes) {
        return Diagnosis::DigitsAsBytes;
    }
    of_text(bytes, text)
}

fn of_text(bytes: &[u8], text: &str) -> Diagnosis {
    if String::from_utf8_lossy(bytes) == text {
        return Diagnosis::Replaced;
    }
    if bytes.iter().map(|byte| char::from(*byte)).eq(text.chars()) {
        return Diagnosis::WrongEncoding;
    }
    let until_nul = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    if until_nul.len() < bytes.len() && until_nul == text.as_bytes() {
        return Diagnosis::CutAtNul;
    }
    if hex(text).is_some_and(|own| !own.is_empty() && bytes.starts_with(&own)) {
        return Diagnosis::BytesCut { bytes: hex(text).map_or(0, |own| own.len() as u64) };
    }
    Diagnosis::BytesAsOtherText
}
