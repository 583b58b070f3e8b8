//! The number of counted values that a conversion accepts; the others are rejects.
//!
//! A test compares these numbers with the conversions, value by value.

use super::ColumnProfile;
use crate::conversion::{Conversion, NaiveZone};

/// Values by storage class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Integers.
    pub integers: u64,
    /// Floats.
    pub reals: u64,
    /// Texts.
    pub texts: u64,
    /// Blobs.
    pub blobs: u64,
}

impl Taken {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.integers + self.reals + self.texts + self.blobs
    }
}

impl ColumnProfile {
    /// Returns the number of values that `conversion` does not accept; 0 if the counts do not show it.
    pub fn rejects(&self, conversion: &Conversion) -> u64 {
        self.taken(conversion).map_or(0, |taken| self.values().saturating_sub(taken.all()))
    }

    /// Returns the values that `conversion` accepts; `None` if the counts do not show it.
    pub fn taken(&self, conversion: &Conversion) -> Option<Taken> {
        let none = Taken::default();
        let sound_texts = self.sound_texts();
        Some(match conversion {
            Conversion::Text => Taken { texts: sound_texts, ..none },
            Conversion::Bigint => Taken { integers: self.integers, ..none },
            Conversion::Integer => self.integers_but(self.integers_beyond_32_bits),
            Conversion::Boolean => Taken { integers: self.zeros + self.ones, ..none },
            Conversion::BooleanFromWords => Taken {
                integers: self.zeros + self.ones,
                reals: self.reals_zero_or_one,
                texts: self.boolean_words,
                ..none
            },
            Conversion::DoublePrecision => Taken {
                integers: self.integers.saturating_sub(self.integers_inexact_as_float),
                reals: self.reals,
                ..none
            },
            Conversion::Numeric => {
                Taken { integers: self.integers, reals: self.reals, texts: self.decimal_texts, ..none }
            }
            Conversion::Bytea => Taken { blobs: self.blobs, ..none },
            Conversion::Json => Taken { texts: self.json(), ..none },
            Conversion::Jsonb => Taken { texts: self.jsonb, ..none },
            Conversion::JsonbLastKeyWins => Taken { texts: self.jsonb + self.jsonb_last_key_wins, ..none },
            Conversion::JsonbUnsignedZero => Taken { texts: self.jsonb + self.jsonb_unsigned_zero, ..none },
            Conversion::JsonbLastKeyWinsUnsignedZero => Taken {
                texts: self.jsonb
                    + self.jsonb_last_key_wins
                    + self.jsonb_unsigned_zero
                    + self.jsonb_last_key_wins_unsigned_zero,
                ..none
            },
            Conversion::Uuid => Taken { texts: self.uuids, ..none },
            Conversion::UuidFromUppercase => Taken { texts: self.uuids_upper, ..none },
            Conversion::UuidFromBytes => Taken { blobs: self.blobs_of_16_bytes, ..none },
            Conversion::Date => Taken { texts: self.dates, ..none },
            Conversion::Time => Taken { texts: self.times, ..none },
            Conversion::TimestampFromIso8601 => Taken { texts: self.timestamps + self.dates, ..none },
            Conversion::TimestampUtcFromIso8601 => {
                Taken { texts: self.timestamps + self.dates + self.timestamps_with_offset, ..none }
            }
            Conversion::TimestamptzFromIso8601(zone) if *zone == NaiveZone::default() => {
                Taken { texts: self.timestamps + self.dates + self.timestamps_with_offset, ..none }
            }
            Conversion::TextFromAny => Taken {
                integers: self.integers,
                reals: self.reals,
                texts: sound_texts,
                blobs: self.blobs_utf8,
            },
            Conversion::ByteaFromAny => {
                Taken { integers: self.integers, reals: self.reals, texts: self.texts, blobs: self.blobs }
            }
            // What is plausible is counted; of other floats the counts do not tell which are times.
            Conversion::TimestamptzFromEpochS | Conversion::TimestampFromEpochS
                if self.reals == self.real_epoch_s =>
            {
                Taken { reals: self.reals, ..self.integers_but(self.beyond_epoch_s) }
            }
            Conversion::TimestamptzFromJulianDay if self.integers == 0 && self.reals == self.julian_days => {
                Taken { reals: self.reals, ..none }
            }
            Conversion::TimestamptzFromEpochMs | Conversion::TimestampFromEpochMs => {
                self.integers_but(self.beyond_epoch_ms)
            }
            Conversion::TimestamptzFromEpochUs => self.integers_but(self.beyond_epoch_us),
            _ => return None,
        })
    }

    /// The integers but for some.
    fn integers_but(&self, refused: u64) -> Taken {
        Taken { integers: self.integers.saturating_sub(refused), ..Taken::default() }
    }
}
