//! The forms of values that rules count, each with its conversion.

use crate::conversion::{Conversion, NaiveZone};
use crate::profile::ColumnProfile;

/// A form of values.
#[derive(Debug)]
pub(super) struct Form {
    /// What such values are, in words.
    pub(super) words: &'static str,
    /// The number of a column's values that have it; 0 if others exclude it.
    pub(super) count: fn(&ColumnProfile) -> u64,
    /// The conversion of the form.
    pub(super) conversion: fn() -> Conversion,
}

const fn form(words: &'static str, count: fn(&ColumnProfile) -> u64, conversion: fn() -> Conversion) -> Form {
    Form { words, count, conversion }
}

fn timestamptz() -> Conversion {
    Conversion::TimestamptzFromIso8601(NaiveZone::default())
}

pub(super) static BIT: Form = form("0 or 1", |seen| seen.zeros + seen.ones, || Conversion::Boolean);

/// Both occur: a column with only 0 may be anything.
pub(super) static BOTH_BITS: Form = form(
    "0 or 1",
    |seen| if seen.zeros > 0 && seen.ones > 0 { seen.zeros + seen.ones } else { 0 },
    || Conversion::Boolean,
);

pub(super) static BOOLEAN_WORD: Form = form(
    "0, 1 or a word for true or false",
    |seen| if seen.boolean_words > 0 { seen.boolean_words + seen.zeros + seen.ones } else { 0 },
    || Conversion::BooleanFromWords,
);

pub(super) static EPOCH_S: Form = form(
    "seconds since 1970 that lie from 2000 to 2100",
    |seen| in_unit(seen, seen.epoch_s),
    || Conversion::TimestamptzFromEpochS,
);

/// Floats with fractions of a second, and integers.
pub(super) static REAL_EPOCH_S: Form = form(
    "seconds since 1970 that lie from 2000 to 2100",
    |seen| if seen.real_epoch_s > 0 { seen.real_epoch_s + seen.epoch_s + seen.zeros } else { 0 },
    || Conversion::TimestamptzFromEpochS,
);

pub(super) static EPOCH_MS: Form = form(
    "milliseconds since 1970 that lie from 2000 to 2100",
    |seen| in_unit(seen, seen.epoch_ms),
    || Conversion::TimestamptzFromEpochMs,
);

pub(super) static EPOCH_US: Form = form(
    "microseconds since 1970 that lie from 2000 to 2100",
    |seen| in_unit(seen, seen.epoch_us),
    || Conversion::TimestamptzFromEpochUs,
);

/// Returns the integers that are plausible in a unit, and the zeros; 0 if another unit occurs, too.
fn in_unit(seen: &ColumnProfile, plausible: u64) -> u64 {
    let in_any = seen.epoch_s + seen.epoch_ms + seen.epoch_us;
    if plausible > 0 && plausible == in_any { plausible + seen.zeros } else { 0 }
}

/// Integers, if the default determines their unit.
pub(super) static SECONDS: Form =
    form("integers", |seen| seen.integers, || Conversion::TimestamptzFromEpochS);

pub(super) static MILLISECONDS: Form =
    form("integers", |seen| seen.integers, || Conversion::TimestamptzFromEpochMs);

pub(super) static MICROSECONDS: Form =
    form("integers", |seen| seen.integers, || Conversion::TimestamptzFromEpochUs);

pub(super) static JULIAN_DAY: Form = form(
    "Julian days that lie from 2000 to 2100",
    |seen| seen.julian_days,
    || Conversion::TimestamptzFromJulianDay,
);

/// Texts with an offset, if all have one.
pub(super) static WITH_OFFSET: Form = form(
    "ISO 8601 with `Z` or an offset",
    |seen| if seen.timestamps + seen.dates == 0 { seen.timestamps_with_offset } else { 0 },
    timestamptz,
);

/// Texts without an offset, if none has one.
pub(super) static WITHOUT_OFFSET: Form = form(
    "ISO 8601 without an offset",
    |seen| if seen.timestamps_with_offset == 0 { seen.timestamps + seen.dates } else { 0 },
    || Conversion::TimestampFromIso8601,
);

/// The same, but not only dates.
pub(super) static WITHOUT_OFFSET_WITH_TIME: Form = form(
    "ISO 8601 without an offset",
    |seen| if seen.timestamps > 0 { (WITHOUT_OFFSET.count)(seen) } else { 0 },
    || Conversion::TimestampFromIso8601,
);

/// Texts of which only some have an offset.
pub(super) static MIXED_OFFSET: Form = form(
    "ISO 8601, some with an offset and some without",
    |seen| {
        let without = seen.timestamps + seen.dates;
        if without > 0 && seen.timestamps_with_offset > 0 { without + seen.timestamps_with_offset } else { 0 }
    },
    timestamptz,
);

/// Texts of date and time in UTC, or with an offset.
pub(super) static ISO_8601_IN_UTC: Form = form(
    "ISO 8601, read as UTC where they have no offset",
    |seen| seen.timestamps + seen.dates + seen.timestamps_with_offset,
    timestamptz,
);

pub(super) static DATE: Form = form("dates", |seen| seen.dates, || Conversion::Date);

pub(super) static TIME: Form = form("times of day", |seen| seen.times, || Conversion::Time);

pub(super) static UUID: Form = form("UUIDs in small letters", |seen| seen.uuids, || Conversion::Uuid);

pub(super) static UUID_UPPER: Form =
    form("UUIDs in capitals", |seen| seen.uuids_upper, || Conversion::UuidFromUppercase);

pub(super) static UUID_BYTES: Form =
    form("blobs of 16 bytes", |seen| seen.blobs_of_16_bytes, || Conversion::UuidFromBytes);

pub(super) static JSONB: Form =
    form("JSON of which jsonb keeps every value", |seen| seen.jsonb, || Conversion::Jsonb);

/// The same, unless all are plain numbers or words that happen to be JSON.
pub(super) static JSONB_WITH_DOCUMENTS: Form = form(
    "JSON of which jsonb keeps every value",
    |seen| if seen.json_documents > 0 { seen.jsonb } else { 0 },
    || Conversion::Jsonb,
);

/// The same, whatever other values occur.
pub(super) static SOME_JSONB_DOCUMENTS: Form = form(
    "JSON of which jsonb keeps every value",
    |seen| seen.jsonb.min(seen.json_documents),
    || Conversion::Jsonb,
);

/// Only objects and arrays.
pub(super) static JSONB_DOCUMENT: Form = form(
    "JSON objects or arrays of which jsonb keeps every value",
    |seen| if seen.json_scalars == 0 { seen.jsonb } else { 0 },
    || Conversion::Jsonb,
);

pub(super) static JSON: Form = form("JSON", |seen| seen.json(), || Conversion::Json);

pub(super) static JSON_DOCUMENT: Form =
    form("JSON objects or arrays", |seen| seen.json_documents, || Conversion::Json);

/// Numbers of any storage class, and texts that are numbers.
pub(super) static DECIMAL: Form = form(
    "numbers or decimal text",
    |seen| seen.integers + seen.reals + seen.decimal_texts,
    || Conversion::Numeric,
);

/// Digits alone may be a code or a telephone number.
pub(super) static DECIMAL_TEXT: Form = form(
    "decimal numbers",
    |seen| if seen.decimal_scale_max > 0 { seen.decimal_texts } else { 0 },
    || Conversion::Numeric,
);

pub(super) static INTEGER: Form = form("integers", |seen| seen.integers, || Conversion::Bigint);

pub(super) static REAL: Form = form("floats", |seen| seen.reals, || Conversion::DoublePrecision);

/// Numbers, if a float represents all of them.
pub(super) static FLOAT: Form = form(
    "numbers that double precision holds exactly",
    |seen| if seen.integers_inexact_as_float == 0 { seen.integers + seen.reals } else { 0 },
    || Conversion::DoublePrecision,
);

pub(super) static NUMBER: Form =
    form("numbers that numeric holds exactly", |seen| seen.integers + seen.reals, || Conversion::Numeric);

pub(super) static TEXT: Form = form("text", |seen| seen.texts, || Conversion::Text);

pub(super) static BLOB: Form = form("blobs", |seen| seen.blobs, || Conversion::Bytea);

/// The values of a column of bytes.
pub(super) static BLOB_OR_TEXT: Form =
    form("blobs or text", |seen| seen.blobs + seen.texts, || Conversion::ByteaFromAny);

pub(super) static ANY_AS_TEXT: Form = form(
    "numbers, text, or blobs that are UTF-8",
    |seen| seen.integers + seen.reals + seen.sound_texts() + seen.blobs_utf8,
    || Conversion::TextFromAny,
);

pub(super) static ANY_AS_BYTES: Form =
    form("values of any class", |seen| seen.values(), || Conversion::ByteaFromAny);
