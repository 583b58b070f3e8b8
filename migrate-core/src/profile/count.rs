//! Counts one value by its storage class and its forms.
//!
//! The first byte and the length exclude nearly every form, so that only candidates are parsed. The conversion of a form
//! decides whether a value has it.

use super::ColumnProfile;
use super::forms;
use crate::conversion::{Conversion, Refusal};
use crate::value::{SourceValue, StorageClass};

/// 2000-01-01 and 2100-01-01 in seconds since 1970.
const PLAUSIBLE_S: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// Seconds, milliseconds and microseconds that are certainly in the range of timestamptz.
const ALWAYS_A_TIME: std::ops::Range<i64> = -200_000_000_000..9_000_000_000_000;

/// The same as floats.
const PLAUSIBLE_REAL_S: std::ops::Range<f64> = 946_684_800.0..4_102_444_800.0;

/// The same as Julian days.
const PLAUSIBLE_JULIAN: std::ops::Range<f64> = 2_451_544.5..2_488_069.5;

impl ColumnProfile {
    /// Counts one value.
    pub fn count(&mut self, value: SourceValue<'_>) {
        match value {
            SourceValue::Null => self.nulls += 1,
            SourceValue::Integer(integer) => self.count_integer(integer),
            SourceValue::Real(real) => self.count_real(real),
            SourceValue::Text(text) => self.count_text(text),
            SourceValue::Blob(blob) => self.count_blob(blob),
        }
    }

    /// Counts a value that is too long for any form but text; `check` is the result of the text conversion for its bytes.
    pub fn count_long(&mut self, class: StorageClass, bytes: u64, check: &Result<(), Refusal>) {
        if class == StorageClass::Blob {
            self.blobs += 1;
            self.blob_bytes_max = self.blob_bytes_max.max(bytes);
            self.blobs_utf8 += u64::from(check.is_ok());
            return;
        }
        self.texts += 1;
        self.text_bytes_max = self.text_bytes_max.max(bytes);
        match check {
            Ok(()) => {}
            Err(Refusal::NulInText { .. }) => self.texts_with_nul += 1,
            Err(_) => self.texts_not_utf8 += 1,
        }
    }

    fn count_integer(&mut self, integer: i64) {
        self.integers += 1;
        self.zeros += u64::from(integer == 0);
        self.ones += u64::from(integer == 1);
        self.integers_beyond_32_bits += u64::from(i32::try_from(integer).is_err());
        self.integers_inexact_as_float += u64::from(!forms::is_exact_as_float(integer));
        // The three ranges are disjoint, so that an integer is plausible in one unit at most.
        self.epoch_s += u64::from(PLAUSIBLE_S.contains(&integer));
        self.epoch_ms += u64::from(PLAUSIBLE_S.contains(&integer.div_euclid(1_000)));
        self.epoch_us += u64::from(PLAUSIBLE_S.contains(&integer.div_euclid(1_000_000)));
        if !ALWAYS_A_TIME.contains(&integer) {
            let value = SourceValue::Integer(integer);
            self.beyond_epoch_s += u64::from(!Conversion::TimestamptzFromEpochS.takes(value));
            self.beyond_epoch_ms += u64::from(!Conversion::TimestamptzFromEpochMs.takes(value));
            self.beyond_epoch_us += u64::from(!Conversion::TimestamptzFromEpochUs.takes(value));
        }
    }

    fn count_real(&mut self, real: f64) {
        self.reals += 1;
        self.reals_zero_or_one += u64::from(real == 0.0 || real == 1.0);
        if !real.is_finite() {
            self.reals_infinite += 1;
            return;
        }
        self.reals_whole += u64::from(real.fract() == 0.0);
        let takes = |conversion: Conversion| u64::from(conversion.takes(SourceValue::Real(real)));
        if PLAUSIBLE_JULIAN.contains(&real) {
            self.julian_days += takes(Conversion::TimestamptzFromJulianDay);
        }
        if PLAUSIBLE_REAL_S.contains(&real) {
            self.real_epoch_s += takes(Conversion::TimestamptzFromEpochS);
        }
        self.real_scale_max = forms::raise_scale(self.real_scale_max, real);
    }

    fn count_text(&mut self, text: &[u8]) {
        self.texts += 1;
        self.text_bytes_max = self.text_bytes_max.max(text.len() as u64);
        let Some(first) = text.first() else {
            self.texts_empty += 1;
            return;
        };
        let Ok(sound) = std::str::from_utf8(text) else {
            self.texts_not_utf8 += 1;
            return;
        };
        if text.contains(&0) {
            self.texts_with_nul += 1;
            return;
        }
        match first {
            b'0'..=b'9' | b'-' | b'+' | b'.' => self.count_digits_first(sound),
            b'a'..=b'f' | b'A'..=b'F' => self.count_hexadecimal(text),
            _ => {}
        }
        // The longest word is `false`.
        if text.len() <= 5 {
            self.boolean_words += u64::from(forms::takes(&Conversion::BooleanFromWords, text));
        }
        self.count_json(sound);
    }

    /// Counts texts that begin like numbers, dates and times.
    fn count_digits_first(&mut self, text: &str) {
        self.count_hexadecimal(text.as_bytes());
        if let Some(scale) = forms::decimal_scale(text) {
            self.decimal_texts += 1;
            self.decimal_scale_max = self.decimal_scale_max.max(scale);
            self.integer_texts += u64::from(forms::is_integer(text));
            return;
        }
        match forms::date_or_time(text.as_bytes()) {
            Some(forms::DateOrTime::Date) => self.dates += 1,
            Some(forms::DateOrTime::Time) => self.times += 1,
            Some(forms::DateOrTime::Naive) => self.timestamps += 1,
            Some(forms::DateOrTime::WithOffset) => self.timestamps_with_offset += 1,
            None => {}
        }
    }

    fn count_hexadecimal(&mut self, text: &[u8]) {
        match text.len() {
            32 => self.hex_of_32_digits += u64::from(text.iter().all(u8::is_ascii_hexdigit)),
            36 => {
                self.uuids += u64::from(forms::takes(&Conversion::Uuid, text));
                self.uuids_upper += u64::from(forms::takes(&Conversion::UuidFromUppercase, text));
            }
            _ => {}
        }
    }

    fn count_json(&mut self, text: &str) {
        let start = text.trim_start_matches([' ', '\t', '\n', '\r']);
        let end = text.trim_end_matches([' ', '\t', '\n', '\r']);
        let is_document = match (start.as_bytes().first(), end.as_bytes().last()) {
            (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => true,
            (Some(b'"'), Some(b'"')) => false,
            (Some(b'-' | b'0'..=b'9'), Some(b'0'..=b'9')) => false,
            (Some(b't' | b'f'), Some(b'e')) | (Some(b'n'), Some(b'l')) => false,
            _ => return,
        };
        let Some(json) = forms::json(text) else { return };
        self.json_documents += u64::from(is_document);
        self.json_scalars += u64::from(!is_document);
        self.jsonb += u64::from(json == forms::Json::KeptByJsonb);
        self.jsonb_last_key_wins += u64::from(json == forms::Json::RepeatsKeys);
        self.jsonb_unsigned_zero += u64::from(json == forms::Json::SignsZero);
        self.jsonb_last_key_wins_unsigned_zero += u64::from(json == forms::Json::RepeatsKeysAndSignsZero);
    }

    fn count_blob(&mut self, blob: &[u8]) {
        self.blobs += 1;
        self.blob_bytes_max = self.blob_bytes_max.max(blob.len() as u64);
        self.blobs_of_16_bytes += u64::from(blob.len() == 16);
        if std::str::from_utf8(blob).is_ok() && !blob.contains(&0) {
            self.blobs_utf8 += 1;
            self.blobs_json += u64::from(forms::is_json_blob(blob));
        }
    }
}
