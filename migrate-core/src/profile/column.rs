//! The counts of one column, and how counts of several scans are merged.
//!
//! No field holds a value or a bound: the profile is part of the plan, which is public.

use serde::{Deserialize, Serialize};

/// Declares each count once: its meaning, and whether two of them are added or the larger one is kept.
macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident: $merge:ident,)*) => {
        /// The numbers of values of a column by storage class, and by forms that may lead to a better type.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct ColumnProfile {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "is_zero")] pub $name: u64,)*
        }

        impl ColumnProfile {
            /// Adds the counts of other rows of the same column.
            pub fn merge(&mut self, other: &ColumnProfile) {
                $(self.$name = $merge(self.$name, other.$name);)*
            }
        }
    };
}

counts! {
    /// NULLs.
    nulls: sum,
    /// Integers.
    integers: sum,
    /// Floats.
    reals: sum,
    /// Texts.
    texts: sum,
    /// Blobs.
    blobs: sum,
    /// Integers that are 0.
    zeros: sum,
    /// Integers that are 1.
    ones: sum,
    /// Integers that do not fit in 32 bits.
    integers_beyond_32_bits: sum,
    /// Integers that no float represents exactly.
    integers_inexact_as_float: sum,
    /// Integers that are a time from 2000 to 2100 in seconds since 1970.
    epoch_s: sum,
    /// The same in milliseconds.
    epoch_ms: sum,
    /// The same in microseconds.
    epoch_us: sum,
    /// Integers outside the range of timestamptz in seconds since 1970.
    beyond_epoch_s: sum,
    /// The same in milliseconds.
    beyond_epoch_ms: sum,
    /// The same in microseconds.
    beyond_epoch_us: sum,
    /// Floats without a fraction.
    reals_whole: sum,
    /// Floats that are infinite.
    reals_infinite: sum,
    /// Floats that are a time from 2000 to 2100 as a Julian day, to the millisecond.
    julian_days: sum,
    /// Floats that are 0 or 1.
    reals_zero_or_one: sum,
    /// Floats that are a time from 2000 to 2100 in seconds since 1970, to the microsecond.
    real_epoch_s: sum,
    /// The most decimals of a float in its shortest form; 16 means 16 or more.
    real_scale_max: larger,
    /// The bytes of the longest text.
    text_bytes_max: larger,
    /// Empty texts.
    texts_empty: sum,
    /// Texts with a NUL, which PostgreSQL cannot store.
    texts_with_nul: sum,
    /// Texts that are not UTF-8.
    texts_not_utf8: sum,
    /// UUIDs with hyphens in lower case.
    uuids: sum,
    /// UUIDs with hyphens in upper case; one without a letter counts as both.
    uuids_upper: sum,
    /// Texts of 32 hexadecimal digits.
    hex_of_32_digits: sum,
    /// Texts that are a date, `YYYY-MM-DD`.
    dates: sum,
    /// Texts that are a time of day.
    times: sum,
    /// Texts that are an ISO 8601 date and time without an offset.
    timestamps: sum,
    /// Texts that are an ISO 8601 date and time with `Z` or an offset.
    timestamps_with_offset: sum,
    /// Texts that are an integer of 64 bits as SQLite would write it.
    integer_texts: sum,
    /// Texts that are a decimal number, also an integer, that PostgreSQL returns unchanged.
    decimal_texts: sum,
    /// The most decimals of such a text.
    decimal_scale_max: larger,
    /// Texts that are a word for true or false.
    boolean_words: sum,
    /// Texts that are a JSON object or array.
    json_documents: sum,
    /// Texts that are any other JSON value.
    json_scalars: sum,
    /// Texts that are JSON of which jsonb keeps every value.
    jsonb: sum,
    /// Texts that are JSON and that jsonb accepts if only the last value of a repeated key is kept.
    jsonb_last_key_wins: sum,
    /// Texts that are JSON and that jsonb accepts if a zero loses its sign.
    jsonb_unsigned_zero: sum,
    /// Texts that are JSON and that jsonb accepts if both is lost: values of a repeated key, and the sign of a zero.
    jsonb_last_key_wins_unsigned_zero: sum,
    /// The bytes of the longest blob.
    blob_bytes_max: larger,
    /// Blobs of 16 bytes.
    blobs_of_16_bytes: sum,
    /// Blobs that are UTF-8 without a NUL.
    blobs_utf8: sum,
    /// Blobs that are a JSON object or array in UTF-8 of which jsonb keeps every value, and that SQLite's functions read as such.
    blobs_json: sum,
    /// Blobs in a database in UTF-16, which SQLite's functions read as UTF-16.
    blobs_utf16: sum,
    /// Values of a generated column that SQLite cannot compute.
    uncomputed: sum,
}

fn sum(left: u64, right: u64) -> u64 {
    left.saturating_add(right)
}

fn larger(left: u64, right: u64) -> u64 {
    left.max(right)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ColumnProfile {
    /// Returns the number of values that are not NULL.
    pub fn values(&self) -> u64 {
        self.integers + self.reals + self.texts + self.blobs
    }

    /// Returns the number of texts that PostgreSQL can store.
    pub fn sound_texts(&self) -> u64 {
        self.texts.saturating_sub(self.texts_with_nul + self.texts_not_utf8)
    }

    /// Returns the number of texts that are JSON.
    pub fn json(&self) -> u64 {
        self.json_documents + self.json_scalars
    }
}
