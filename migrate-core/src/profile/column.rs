//! The counts of one column, and how counts of several scans become one.
//!
//! No field holds a value or a bound of one: the profile goes into the plan, and the plan is shown.

use serde::{Deserialize, Serialize};

/// Declares the counts once: what each is, and whether two of them are added or the larger one stays.
macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident: $merge:ident,)*) => {
        /// How many values of a column are of each storage class, and of each form that could give it a better type.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct ColumnProfile {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "is_zero")] pub $name: u64,)*
        }

        impl ColumnProfile {
            /// Adds what was seen in other rows of the same column.
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
    /// Integers that 32 bits do not hold.
    integers_beyond_32_bits: sum,
    /// Integers that no float holds exactly.
    integers_inexact_as_float: sum,
    /// Integers that are a time from 2000 to 2100 in seconds since 1970.
    epoch_s: sum,
    /// The same in milliseconds.
    epoch_ms: sum,
    /// The same in microseconds.
    epoch_us: sum,
    /// Integers that are no time of timestamptz in seconds since 1970.
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
    /// The most digits behind the point of a float in its shortest form; 16 stands for 16 and more.
    real_scale_max: larger,
    /// The bytes of the longest text.
    text_bytes_max: larger,
    /// Texts without a character.
    texts_empty: sum,
    /// Texts with a NUL in them, which PostgreSQL cannot hold.
    texts_with_nul: sum,
    /// Texts that are not UTF-8.
    texts_not_utf8: sum,
    /// UUIDs with hyphens, all letters small.
    uuids: sum,
    /// UUIDs with hyphens, all letters capital; one without a letter counts as both.
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
    /// Texts that are a decimal number and come back from PostgreSQL as they are, integers among them.
    decimal_texts: sum,
    /// The most digits behind the point of such a text.
    decimal_scale_max: larger,
    /// Texts that are a word for true or false.
    boolean_words: sum,
    /// Texts that are a JSON object or array.
    json_documents: sum,
    /// Texts that are any other JSON value.
    json_scalars: sum,
    /// Texts that are JSON of which jsonb keeps every value.
    jsonb: sum,
    /// Texts that are JSON and that jsonb takes when of a repeated key only the last value is kept.
    jsonb_last_key_wins: sum,
    /// The bytes of the longest blob.
    blob_bytes_max: larger,
    /// Blobs of 16 bytes.
    blobs_of_16_bytes: sum,
    /// Blobs that are UTF-8 without a NUL.
    blobs_utf8: sum,
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
    /// The values that are not NULL.
    pub fn values(&self) -> u64 {
        self.integers + self.reals + self.texts + self.blobs
    }

    /// Texts that PostgreSQL's text can hold.
    pub fn sound_texts(&self) -> u64 {
        self.texts.saturating_sub(self.texts_with_nul + self.texts_not_utf8)
    }

    /// Texts that are JSON.
    pub fn json(&self) -> u64 {
        self.json_documents + self.json_scalars
    }
}
