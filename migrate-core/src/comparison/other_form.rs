//! Equal values in another form: the same value, written in another type or spelling.

use serde::Serialize;

use crate::conversion::Conversion;

/// How a value of the target is the source's value in another form. What the value means is kept in each of them; the spelling of a text
/// is not: a number, a date or bytes have one spelling, so that `1.10` and `1.1` become the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum OtherForm {
    /// A word for 0 or 1, such as `true` or `f`.
    BooleanWord,
    /// 0 or 1 for a word such as `true`.
    BooleanNumber,
    /// A number as text.
    NumberAsText,
    /// Text as a number.
    TextAsNumber,
    /// The same number in another type or scale, such as 1.0 for 1.
    OtherScale,
    /// A number of time units as a date or time.
    NumberAsMoment {
        /// The unit of the number.
        unit: TimeUnit,
    },
    /// A date or time as a number of time units.
    MomentAsNumber {
        /// The unit of the number.
        unit: TimeUnit,
    },
    /// A date or time in another spelling; text without an offset is read as UTC.
    MomentSpelling,
    /// A JSON document with other spacing, order of members or escapes.
    JsonSpelling,
    /// Bytes as text in hexadecimal digits, with or without `\x`.
    BytesAsHex,
    /// Bytes as text in base64.
    BytesAsBase64,
    /// Text in hexadecimal digits as bytes.
    HexAsBytes,
    /// Text in base64 as bytes.
    Base64AsBytes,
    /// Text as its bytes.
    TextAsBytes,
    /// Bytes as the text that they are in UTF-8.
    BytesAsText,
    /// A UUID in another spelling, or as 16 bytes.
    UuidSpelling,
    /// As the type of the target prints the value.
    Printed,
}

/// Forms of which a column has one: in another one a value is not what its neighbours are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FormFamily {
    /// Units of time.
    Units,
    /// Encodings of bytes as text.
    BytesAsText,
    /// Encodings of text as bytes.
    TextAsBytes,
}

impl OtherForm {
    /// The forms that it excludes from its column.
    pub fn family(self) -> Option<FormFamily> {
        match self {
            OtherForm::NumberAsMoment { .. } | OtherForm::MomentAsNumber { .. } => Some(FormFamily::Units),
            OtherForm::BytesAsHex
            | OtherForm::BytesAsBase64
            | OtherForm::BytesAsText
            | OtherForm::UuidSpelling => Some(FormFamily::BytesAsText),
            OtherForm::HexAsBytes | OtherForm::Base64AsBytes | OtherForm::TextAsBytes => {
                Some(FormFamily::TextAsBytes)
            }
            _ => None,
        }
    }

    /// The unit in which it reads numbers as times.
    pub fn unit(self) -> Option<TimeUnit> {
        match self {
            OtherForm::NumberAsMoment { unit } => Some(unit),
            _ => None,
        }
    }
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// Nanoseconds since 1970.
    Nanoseconds,
    /// Days of the Julian calendar.
    JulianDays,
}

/// The unit of time in which a conversion reads numbers, if it reads them as times.
pub fn unit_of(conversion: &Conversion) -> Option<TimeUnit> {
    Some(match conversion {
        Conversion::TimestamptzFromEpochS
        | Conversion::TimestampFromEpochS
        | Conversion::TimestamptzFromSOrIso8601
        | Conversion::TimestampFromSOrIso8601
        | Conversion::IntervalFromS => TimeUnit::Seconds,
        Conversion::TimestamptzFromEpochMs
        | Conversion::TimestampFromEpochMs
        | Conversion::TimestamptzFromMsOrIso8601
        | Conversion::TimestampFromMsOrIso8601
        | Conversion::IntervalFromMs => TimeUnit::Milliseconds,
        Conversion::TimestamptzFromEpochUs
        | Conversion::TimestampFromEpochUs
        | Conversion::IntervalFromUs => TimeUnit::Microseconds,
        Conversion::TimestamptzFromEpochNs | Conversion::TimestampFromEpochNs => TimeUnit::Nanoseconds,
        Conversion::TimestamptzFromJulianDay => TimeUnit::JulianDays,
        _ => return None,
    })
}
