//! The conversions: how one SQLite value becomes one PostgreSQL value, and how it is converted back.
//!
//! One file for each conversion, with its `spec`, `encode`, `decode` and `same` side by side. A new one needs its file and one line of
//! the list below; from the list come the enum, the names, and the tests and benchmarks that hold for all.
//!
//! - `spec` returns the facts: the PostgreSQL type, the description, an example, whether order is kept;
//! - `encode` appends the value in PostgreSQL's binary format (the bytes of one COPY field, without its length), or returns
//!   a refusal; it never alters a value to make it fit;
//! - `decode` turns PostgreSQL's bytes back into the SQLite value that they represent;
//! - `same` compares the decoded value with the source value, and allows only the differences that the conversion names.
//!
//! Conversions do not handle NULL, which is the same in both databases: rows do. No I/O, no clock, no time zone of a session: a
//! conversion returns the same bytes on every machine.

mod array_from_json;
mod bigint;
mod boolean;
mod boolean_from_words;
mod bytea;
mod bytea_from_any;
mod bytea_from_text;
mod civil;
pub(crate) mod computed;
mod date;
mod date_from_midnight;
mod double_precision;
mod integer;
mod integer_from_any;
mod interval;
mod interval_from_number;
mod interval_since_1970;
mod json;
mod json_document;
mod json_from_any;
mod json_from_bytes;
mod jsonb;
mod jsonb_from_any;
mod jsonb_from_bytes;
mod limit;
mod macaddr;
mod moment_from_digits;
mod moment_from_go;
mod moment_from_mixed;
mod money;
mod network_address;
mod numeric;
mod pg_type;
mod pieces;
mod real;
mod real_from_float32;
mod refusal;
pub(crate) mod rounding;
mod smallint;
mod spec;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod text_encoding;
mod text_from_any;
mod text_from_bytea;
mod text_input;
mod time;
mod time_from_datetime;
mod timestamp_from_epoch_ms;
mod timestamp_from_epoch_ns;
mod timestamp_from_epoch_s;
mod timestamp_from_epoch_us;
mod timestamp_from_iso8601;
mod timestamp_utc_from_iso8601;
mod timestamptz_from_epoch_ms;
mod timestamptz_from_epoch_ns;
mod timestamptz_from_epoch_s;
mod timestamptz_from_epoch_us;
mod timestamptz_from_iso8601;
mod timestamptz_from_julian_day;
mod uuid;
mod uuid_from_any;
mod uuid_from_bytes;
mod uuid_from_hex;

pub use json_document::{JsonEvent, walk_json};
pub use limit::Limit;
pub use pg_type::PgType;
pub use pieces::{LongValue, TextCheck};
pub use refusal::{Refusal, Undecodable};
pub use text_encoding::TextEncoding;
pub use timestamptz_from_iso8601::{NaiveZone, UnknownZone};

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::SourceValue;
use array_from_json::Of;
use integer_from_any::Width;
use interval_from_number::Unit;
use json_document::AcceptedLosses;
use moment_from_mixed::Of as MixedWith;
use money::Counts;
use network_address::Kind;
use spec::{Discard, LongForm, Output, Spec};
use uuid::Letters;

/// Declares the conversions: the enum, its names, and the calls of each file's functions. A line of the list reads
/// `Variant(setting: Type) = "name" in file [arguments of the file's functions]`.
macro_rules! conversions {
    ($($variant:ident $(($setting:ident: $kind:ty))? = $name:literal in $file:ident $([$($argument:expr),*])?;)*) => {
        /// A conversion that the plan can name, by the name that `mapping.toml` and `plan.json` use.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, remote = "Self")]
        pub enum Conversion {
            $(#[doc = concat!("`", $name, "`: see [`Conversion::describe`].")] #[serde(rename = $name)] $variant $(($kind))?,)*
        }

        impl Conversion {
            /// The names of all conversions, in the order of [`Conversion::all`].
            pub const ALL_NAMES: [&'static str; [$($name),*].len()] = [$($name),*];

            /// All conversions, each with the default of its setting.
            pub fn all() -> [Conversion; Conversion::ALL_NAMES.len()] {
                [$(Conversion::$variant $((<$kind>::default()))?),*]
            }

            /// The name that `mapping.toml` and `plan.json` use.
            pub fn name(&self) -> &'static str {
                match self { $(Conversion::$variant { .. } => $name),* }
            }

            #[inline(always)]
            fn spec(&self) -> Spec {
                match self { $(Conversion::$variant $(($setting))? => $file::spec($($($argument),*)?)),* }
            }

            fn encode_to(&self, value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
                match self {
                    $(Conversion::$variant $(($setting))? => $file::encode(value, out $($(, $argument)*)?)),*
                }
            }

            /// Returns the SQLite value that PostgreSQL's binary form `wire` stands for. `scratch` is the buffer for a value that is
            /// not part of `wire`.
            ///
            /// # Errors
            /// [`Undecodable`] when the bytes are not of the planned type, or stand for no value that this conversion can have sent.
            pub fn decode<'a>(&self, wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
                match self {
                    $(Conversion::$variant $(($setting))? => $file::decode(wire, scratch $($(, $argument)*)?)),*
                }
            }

            /// Whether `target`, a value that [`Conversion::decode`] returned, equals `source`, except for the differences that this
            /// conversion allows.
            pub fn same(&self, source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
                match self {
                    $(Conversion::$variant $(($setting))? => $file::same(source, target $($(, $argument)*)?)),*
                }
            }
        }
    };
}

// Of several conversions to one type, the one that keeps most comes first.
conversions! {
    Text = "text" in text;
    TextFromAny = "text_from_any" in text_from_any;
    TextInput = "text_input" in text_input;
    TextFromBytea(encoding: TextEncoding) = "text_from_bytea" in text_from_bytea [encoding];
    Bigint = "bigint" in bigint;
    Integer = "integer" in integer;
    Smallint = "smallint" in smallint;
    BigintFromAny = "bigint_from_any" in integer_from_any [Width::Bigint];
    IntegerFromAny = "integer_from_any" in integer_from_any [Width::Integer];
    SmallintFromAny = "smallint_from_any" in integer_from_any [Width::Smallint];
    Boolean = "boolean" in boolean;
    BooleanFromWords = "boolean_from_words" in boolean_from_words;
    DoublePrecision = "double_precision" in double_precision;
    Real = "real" in real;
    RealFromFloat32 = "real_from_float32" in real_from_float32;
    Numeric = "numeric" in numeric;
    Bytea = "bytea" in bytea;
    ByteaFromAny = "bytea_from_any" in bytea_from_any;
    ByteaFromText(encoding: TextEncoding) = "bytea_from_text" in bytea_from_text [encoding];
    Json = "json" in json;
    Jsonb = "jsonb" in jsonb [AcceptedLosses::NONE];
    JsonbLastKeyWins = "jsonb_last_key_wins" in jsonb [AcceptedLosses::REPEATED_KEYS];
    JsonbUnsignedZero = "jsonb_unsigned_zero" in jsonb [AcceptedLosses::ZERO_SIGNS];
    JsonbLastKeyWinsUnsignedZero = "jsonb_last_key_wins_unsigned_zero" in jsonb [AcceptedLosses::ALL];
    JsonFromBytes = "json_from_bytes" in json_from_bytes;
    JsonbFromBytes = "jsonb_from_bytes" in jsonb_from_bytes;
    JsonFromAny = "json_from_any" in json_from_any;
    JsonbFromAny = "jsonb_from_any" in jsonb_from_any;
    Uuid = "uuid" in uuid [Letters::Lowercase];
    UuidFromUppercase = "uuid_from_uppercase" in uuid [Letters::Uppercase];
    UuidFromBytes = "uuid_from_bytes" in uuid_from_bytes;
    UuidFromHex = "uuid_from_hex" in uuid_from_hex;
    UuidFromAny = "uuid_from_any" in uuid_from_any;
    Date = "date" in date;
    DateFromMidnight = "date_from_midnight" in date_from_midnight;
    DateFromDigits = "date_from_digits" in moment_from_digits [PgType::Date];
    Time = "time" in time;
    TimeFromDatetime = "time_from_datetime" in time_from_datetime;
    TimestampFromIso8601 = "timestamp_from_iso8601" in timestamp_from_iso8601;
    TimestampUtcFromIso8601 = "timestamp_utc_from_iso8601" in timestamp_utc_from_iso8601;
    TimestampFromEpochMs = "timestamp_from_epoch_ms" in timestamp_from_epoch_ms;
    TimestampFromEpochS = "timestamp_from_epoch_s" in timestamp_from_epoch_s;
    TimestampFromEpochUs = "timestamp_from_epoch_us" in timestamp_from_epoch_us;
    TimestampFromEpochNs = "timestamp_from_epoch_ns" in timestamp_from_epoch_ns;
    TimestampFromMsOrIso8601 = "timestamp_from_ms_or_iso8601" in moment_from_mixed [MixedWith::Milliseconds, PgType::Timestamp];
    TimestampFromSOrIso8601 = "timestamp_from_s_or_iso8601" in moment_from_mixed [MixedWith::Seconds, PgType::Timestamp];
    TimestampFromGo = "timestamp_from_go" in moment_from_go [PgType::Timestamp];
    TimestampFromDigits = "timestamp_from_digits" in moment_from_digits [PgType::Timestamp];
    TimestamptzFromIso8601(zone: NaiveZone) = "timestamptz_from_iso8601" in timestamptz_from_iso8601 [zone];
    TimestamptzFromEpochMs = "timestamptz_from_epoch_ms" in timestamptz_from_epoch_ms;
    TimestamptzFromEpochS = "timestamptz_from_epoch_s" in timestamptz_from_epoch_s;
    TimestamptzFromEpochUs = "timestamptz_from_epoch_us" in timestamptz_from_epoch_us;
    TimestamptzFromEpochNs = "timestamptz_from_epoch_ns" in timestamptz_from_epoch_ns;
    TimestamptzFromJulianDay = "timestamptz_from_julian_day" in timestamptz_from_julian_day;
    TimestamptzFromMsOrIso8601 = "timestamptz_from_ms_or_iso8601" in moment_from_mixed [MixedWith::Milliseconds, PgType::Timestamptz];
    TimestamptzFromSOrIso8601 = "timestamptz_from_s_or_iso8601" in moment_from_mixed [MixedWith::Seconds, PgType::Timestamptz];
    TimestamptzFromGo = "timestamptz_from_go" in moment_from_go [PgType::Timestamptz];
    TimestamptzFromDigits = "timestamptz_from_digits" in moment_from_digits [PgType::Timestamptz];
    Interval = "interval" in interval;
    IntervalSince1970 = "interval_since_1970" in interval_since_1970;
    IntervalFromS = "interval_from_s" in interval_from_number [Unit::SECOND];
    IntervalFromMs = "interval_from_ms" in interval_from_number [Unit::MILLISECOND];
    IntervalFromUs = "interval_from_us" in interval_from_number [Unit::MICROSECOND];
    Money = "money" in money [Counts::Units];
    MoneyFromHundredths = "money_from_hundredths" in money [Counts::Hundredths];
    Inet = "inet" in network_address [Kind::Inet];
    Cidr = "cidr" in network_address [Kind::Cidr];
    Macaddr = "macaddr" in macaddr [6];
    Macaddr8 = "macaddr8" in macaddr [8];
    TextArrayFromJson = "text_array_from_json" in array_from_json [Of::Text];
    SmallintArrayFromJson = "smallint_array_from_json" in array_from_json [Of::Smallint];
    IntegerArrayFromJson = "integer_array_from_json" in array_from_json [Of::Integer];
    BigintArrayFromJson = "bigint_array_from_json" in array_from_json [Of::Bigint];
    BooleanArrayFromJson = "boolean_array_from_json" in array_from_json [Of::Boolean];
    DoublePrecisionArrayFromJson = "double_precision_array_from_json" in array_from_json [Of::DoublePrecision];
    NumericArrayFromJson = "numeric_array_from_json" in array_from_json [Of::Numeric];
    UuidArrayFromJson = "uuid_array_from_json" in array_from_json [Of::Uuid];
}

impl Serialize for Conversion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Conversion::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Conversion {
    /// A conversion with a setting can be named without it, and then has the setting's default.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Conversion, D::Error> {
        struct Named;
        impl<'de> Visitor<'de> for Named {
            type Value = Conversion;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a conversion, or a table of one name and its setting")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Conversion, E> {
                match Conversion::all().into_iter().find(|conversion| conversion.name() == name) {
                    Some(conversion) => Ok(conversion),
                    None => Conversion::deserialize(name.into_deserializer()),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Conversion, A::Error> {
                Conversion::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Named)
    }
}

impl Conversion {
    /// A sentence that describes it to people who read or write a mapping.
    pub fn describe(&self) -> &'static str {
        self.spec().description
    }

    /// The PostgreSQL type that it produces.
    pub fn target_type(&self) -> PgType {
        self.spec().target_type
    }

    /// The type that the same values get where nothing is inferred.
    pub(crate) fn faithful_type(&self) -> PgType {
        self.spec().faithful_type
    }

    /// A value that a column with this conversion typically holds.
    pub fn example(&self) -> SourceValue<'static> {
        self.spec().example
    }

    /// Whether only a human may choose it, because it loses something.
    pub(crate) fn needs_decision(&self) -> bool {
        self.spec().needs_decision
    }

    /// What of a value does not come back, for a reviewer.
    pub(crate) fn not_kept(&self) -> Option<&'static str> {
        self.spec().not_kept
    }

    /// Appends `value`, which is not NULL, to `out` in PostgreSQL's binary format.
    ///
    /// # Errors
    /// A [`Refusal`] when PostgreSQL cannot hold the value exactly in the planned type; `out` may then hold part of it.
    pub fn encode(&self, value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        self.encode_to(value, out)
    }

    /// Checks that [`Conversion::encode`] would succeed, without writing anything.
    ///
    /// # Errors
    /// The [`Refusal`] of [`Conversion::encode`].
    pub fn check(&self, value: SourceValue<'_>) -> Result<(), Refusal> {
        self.encode_to(value, &mut Discard)
    }

    /// Whether [`Conversion::encode`] would succeed.
    pub fn takes(&self, value: SourceValue<'_>) -> bool {
        self.check(value).is_ok()
    }

    /// Whether the bytes of a TEXT or BLOB value are sent as they are.
    pub(crate) fn sends_source_bytes(&self) -> bool {
        matches!(self.spec().long_values, LongForm::Bytes | LongForm::Text)
    }

    /// Appends a form of `value`, which is not NULL, in which two values have the same bytes exactly where they are
    /// [`Conversion::same`].
    ///
    /// # Errors
    /// The [`Refusal`] of [`Conversion::encode`].
    pub fn canonical(&self, value: SourceValue<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        match self.spec().normal_form {
            Some(append) => append(value, out),
            None => self.encode(value, out),
        }
    }

    /// Whether ordering the source column by SQLite's BINARY collation, and the target column by its type (text by
    /// `COLLATE "C"`), gives one and the same order: what a merge of both sides needs of a key.
    pub fn keeps_order(&self) -> bool {
        self.spec().keeps_order
    }

    /// Whether different values of SQLite are always different values of PostgreSQL, as a key requires.
    pub fn is_injective(&self) -> bool {
        // The order is lost exactly where several forms of a value become one; `json` cannot be compared at all.
        self.keeps_order()
    }
}
