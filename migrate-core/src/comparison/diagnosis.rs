//! What happened to a value that is not the same on both sides, as far as the two values show it.

use serde::Serialize;

use super::TimeUnit;

/// How a value of the target differs from the source's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "diagnosis", rename_all = "snake_case")]
pub enum Diagnosis {
    /// A date or time was moved by whole minutes, as a wrong time zone does.
    Shifted {
        /// By how many seconds; above 0 the target is later.
        seconds: i64,
    },
    /// A date or time lost its fraction of a second, or a part of it.
    FractionLost {
        /// The digits of the second that are left.
        digits: u8,
    },
    /// A date and time lost its time.
    TimeLost,
    /// A number of time units was read in another unit than other values of the column.
    InconsistentUnit,
    /// A number of time units was read in a unit that puts all values of the column far from our time, and another one puts them into it.
    WrongUnit {
        /// The unit in which it was read.
        read: TimeUnit,
        /// The unit in which most values of the column are times of ours.
        likely: TimeUnit,
    },
    /// A value is in another form than other values of the column, such as base64 among hexadecimal digits.
    InconsistentForm,
    /// A number was rounded to significant digits, as `real` does.
    RoundedToDigits {
        /// The digits that are left.
        digits: u8,
    },
    /// A number was rounded to decimals.
    RoundedToDecimals {
        /// The decimals that are left.
        decimals: u8,
    },
    /// A number lost what is above its type's size, such as 32 bits.
    Overflowed {
        /// The bits that are left.
        bits: u8,
    },
    /// A number was multiplied by a power of ten, as a wrong unit of time does; what was behind the point may be lost.
    Scaled {
        /// The power.
        power: i8,
    },
    /// A number became the greatest or least of its type.
    Clamped,
    /// Another number than 0 and 1 became a boolean.
    BecameBoolean,
    /// The text of a number lost zeros or a plus at its beginning, such as `007`.
    LeadingZerosLost,
    /// The text of a number, time or UUID became another text of the same.
    Respelled,
    /// A value became 0.
    BecameZero,
    /// A value became an empty text.
    BecameEmpty,
    /// A value became NULL.
    BecameNull,
    /// An empty text became NULL.
    EmptyBecameNull,
    /// NULL became 0.
    NullBecameZero,
    /// NULL became an empty text.
    NullBecameEmpty,
    /// NULL became the text `NULL`, `null`, `None` or `\N`.
    NullBecameWord,
    /// NULL became another value.
    NullBecameValue,
    /// A text was cut.
    Cut {
        /// The characters that are left.
        characters: u64,
    },
    /// A text was cut at a NUL character.
    CutAtNul,
    /// NUL characters were removed or replaced.
    NulRemoved,
    /// Characters or bytes became U+FFFD or `?`.
    Replaced,
    /// A text was encoded twice, or decoded with the wrong encoding.
    WrongEncoding,
    /// White space at the ends was removed or added.
    Trimmed,
    /// Line ends changed.
    LineEnds,
    /// Only upper and lower case differ.
    CaseChanged,
    /// Escapes such as `\n` were resolved or added.
    Escapes,
    /// A text was quoted, or lost quotes.
    Quoted,
    /// Bytes were cut.
    BytesCut {
        /// The bytes that are left.
        bytes: u64,
    },
    /// Bytes became text that is not these bytes in any form.
    BytesAsOtherText,
    /// Bytes became the bytes of their hexadecimal digits or of their base64.
    DigitsAsBytes,
    /// A JSON document has other content.
    JsonContent,
    /// A value that SQLite cannot compute.
    Uncomputed,
    /// Another value.
    Other,
}
