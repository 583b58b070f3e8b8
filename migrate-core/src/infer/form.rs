//! The forms of values that rules look for: how many values of a column have one, and the conversion that fits it.

use crate::conversion::{Conversion, NaiveZone};
use crate::profile::ColumnProfile;

/// A form of values.
#[derive(Debug)]
pub(super) struct Form {
    /// What such values are, in words.
    pub(super) words: &'static str,
    /// How many of a column's values count for it; 0 where others rule it out.
    pub(super) count: fn(&ColumnProfile) -> u64,
    /// The conversion for it.
    pub(super) conversion: fn() -> Conversion,
}

fn timestamptz() -> Conversion {
    Conversion::TimestamptzFromIso8601(NaiveZone::default())
}

pub(super) static BIT: Form =
    Form { words: "0 or 1", count: |seen| seen.zeros + seen.ones, conversion: || Conversion::Boolean };

/// Both are there: a column of nothing but 0 may be anything.
pub(super) static BOTH_BITS: Form = Form {
    words: "0 or 1",
    count: |seen| if seen.zeros > 0 && seen.ones > 0 { seen.zeros + seen.ones } else { 0 },
    conversion: || Conversion::Boolean,
};

pub(super) static BOOLEAN_WORD: Form = Form {
    words: "0, 1 or a word for true or false",
    count: |seen| if seen.boolean_words > 0 { seen.boolean_words + seen.zeros + seen.ones } else { 0 },
    conversion: || Conversion::BooleanFromWords,
};

pub(super) static EPOCH_S: Form = Form {
    words: "seconds since 1970 that lie from 2000 to 2100",
    count: |seen| in_unit(seen, seen.epoch_s),
    conversion: || Conversion::TimestamptzFromEpochS,
};

pub(super) static EPOCH_MS: Form = Form {
    words: "milliseconds since 1970 that lie from 2000 to 2100",
    count: |seen| in_unit(seen, seen.epoch_ms),
    conversion: || Conversion::TimestamptzFromEpochMs,
};

pub(super) static EPOCH_US: Form = Form {
    words: "microseconds since 1970 that lie from 2000 to 2100",
    count: |seen| in_unit(seen, seen.epoch_us),
    conversion: || Conversion::TimestamptzFromEpochUs,
};

/// The integers that are plausible in a unit, with the zeros, which say nothing of a unit; 0 where another unit is there, too.
fn in_unit(seen: &ColumnProfile, plausible: u64) -> u64 {
    let in_any = seen.epoch_s + seen.epoch_ms + seen.epoch_us;
    if plausible > 0 && plausible == in_any { plausible + seen.zeros } else { 0 }
}

/// Integers, where the default has said in which unit they are.
pub(super) static SECONDS: Form =
    Form { words: "integers", count: |seen| seen.integers, conversion: || Conversion::TimestamptzFromEpochS };

pub(super) static MILLISECONDS: Form = Form {
    words: "integers",
    count: |seen| seen.integers,
    conversion: || Conversion::TimestamptzFromEpochMs,
};

pub(super) static MICROSECONDS: Form = Form {
    words: "integers",
    count: |seen| seen.integers,
    conversion: || Conversion::TimestamptzFromEpochUs,
};

pub(super) static JULIAN_DAY: Form = Form {
    words: "Julian days that lie from 2000 to 2100",
    count: |seen| seen.julian_days,
    conversion: || Conversion::TimestamptzFromJulianDay,
};

/// Texts with an offset, where none is without one.
pub(super) static WITH_OFFSET: Form = Form {
    words: "ISO 8601 with `Z` or an offset",
    count: |seen| if seen.timestamps + seen.dates == 0 { seen.timestamps_with_offset } else { 0 },
    conversion: timestamptz,
};

/// Texts without an offset, where none has one.
pub(super) static WITHOUT_OFFSET: Form = Form {
    words: "ISO 8601 without an offset",
    count: |seen| if seen.timestamps_with_offset == 0 { seen.timestamps + seen.dates } else { 0 },
    conversion: || Conversion::TimestampFromIso8601,
};

/// The same, but not dates alone.
pub(super) static WITHOUT_OFFSET_WITH_TIME: Form = Form {
    words: "ISO 8601 without an offset",
    count: |seen| if seen.timestamps > 0 { (WITHOUT_OFFSET.count)(seen) } else { 0 },
    conversion: || Conversion::TimestampFromIso8601,
};

/// Texts of which some have an offset and some have none.
pub(super) static MIXED_OFFSET: Form = Form {
    words: "ISO 8601, some with an offset and some without",
    count: |seen| {
        let without = seen.timestamps + seen.dates;
        if without > 0 && seen.timestamps_with_offset > 0 { without + seen.timestamps_with_offset } else { 0 }
    },
    conversion: timestamptz,
};

/// Texts of date and time that the UTC clock writes, or that say their offset.
pub(super) static ISO_8601_IN_UTC: Form = Form {
    words: "ISO 8601, read as UTC where they have no offset",
    count: |seen| seen.timestamps + seen.dates + seen.timestamps_with_offset,
    conversion: timestamptz,
};

pub(super) static DATE: Form =
    Form { words: "dates", count: |seen| seen.dates, conversion: || Conversion::Date };

pub(super) static TIME: Form =
    Form { words: "times of day", count: |seen| seen.times, conversion: || Conversion::Time };

pub(super) static UUID: Form =
    Form { words: "UUIDs in small letters", count: |seen| seen.uuids, conversion: || Conversion::Uuid };

pub(super) static UUID_UPPER: Form = Form {
    words: "UUIDs in capitals",
    count: |seen| seen.uuids_upper,
    conversion: || Conversion::UuidFromUppercase,
};

pub(super) static UUID_BYTES: Form = Form {
    words: "blobs of 16 bytes",
    count: |seen| seen.blobs_of_16_bytes,
    conversion: || Conversion::UuidFromBytes,
};

pub(super) static JSONB: Form = Form {
    words: "JSON of which jsonb keeps every value",
    count: |seen| seen.jsonb,
    conversion: || Conversion::Jsonb,
};

/// The same, where it is no column of plain numbers or words that happen to be JSON, too.
pub(super) static JSONB_WITH_DOCUMENTS: Form = Form {
    words: "JSON of which jsonb keeps every value",
    count: |seen| if seen.json_documents > 0 { seen.jsonb } else { 0 },
    conversion: || Conversion::Jsonb,
};

/// The same, whatever else is there.
pub(super) static SOME_JSONB_DOCUMENTS: Form = Form {
    words: "JSON of which jsonb keeps every value",
    count: |seen| seen.jsonb.min(seen.json_documents),
    conversion: || Conversion::Jsonb,
};

/// Objects and arrays alone.
pub(super) static JSONB_DOCUMENT: Form = Form {
    words: "JSON objects or arrays of which jsonb keeps every value",
    count: |seen| if seen.json_scalars == 0 { seen.jsonb } else { 0 },
    conversion: || Conversion::Jsonb,
};

pub(super) static JSON: Form =
    Form { words: "JSON", count: |seen| seen.json(), conversion: || Conversion::Json };

pub(super) static JSON_DOCUMENT: Form = Form {
    words: "JSON objects or arrays",
    count: |seen| seen.json_documents,
    conversion: || Conversion::Json,
};

/// Numbers of any class and texts that are numbers.
pub(super) static DECIMAL: Form = Form {
    words: "numbers or decimal text",
    count: |seen| seen.integers + seen.reals - seen.reals_infinite.min(seen.reals) + seen.decimal_texts,
    conversion: || Conversion::Numeric,
};

pub(super) static DECIMAL_TEXT: Form = Form {
    words: "decimal numbers",
    // Digits alone may be a code or a telephone number.
    count: |seen| if seen.decimal_scale_max > 0 { seen.decimal_texts } else { 0 },
    conversion: || Conversion::Numeric,
};

pub(super) static INTEGER: Form =
    Form { words: "integers", count: |seen| seen.integers, conversion: || Conversion::Bigint };

pub(super) static REAL: Form =
    Form { words: "floats", count: |seen| seen.reals, conversion: || Conversion::DoublePrecision };

/// Numbers that a float holds, all of them.
pub(super) static FLOAT: Form = Form {
    words: "numbers that double precision holds exactly",
    count: |seen| if seen.integers_inexact_as_float == 0 { seen.integers + seen.reals } else { 0 },
    conversion: || Conversion::DoublePrecision,
};

pub(super) static NUMBER: Form = Form {
    words: "numbers that numeric holds exactly",
    count: |seen| seen.integers + seen.reals - seen.reals_infinite.min(seen.reals),
    conversion: || Conversion::Numeric,
};

pub(super) static TEXT: Form =
    Form { words: "text", count: |seen| seen.texts, conversion: || Conversion::Text };

pub(super) static BLOB: Form =
    Form { words: "blobs", count: |seen| seen.blobs, conversion: || Conversion::Bytea };

/// What a column of bytes holds.
pub(super) static BLOB_OR_TEXT: Form = Form {
    words: "blobs or text",
    count: |seen| seen.blobs + seen.texts,
    conversion: || Conversion::ByteaFromAny,
};

pub(super) static ANY_AS_TEXT: Form = Form {
    words: "numbers, text, or blobs that are UTF-8",
    count: |seen| seen.integers + seen.reals + seen.sound_texts() + seen.blobs_utf8,
    conversion: || Conversion::TextFromAny,
};

pub(super) static ANY_AS_BYTES: Form = Form {
    words: "values of any class",
    count: |seen| seen.values(),
    conversion: || Conversion::ByteaFromAny,
};
