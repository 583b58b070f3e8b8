//! The meaning of declared types, as people and frameworks use them.
//!
//! SQLite only derives an affinity from a declared type; its name shows what the app means.

use crate::affinity::{Affinity, affinity};
use crate::conversion::Conversion;

/// The meaning of a declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// Date and time.
    Timestamp,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// An exact decimal number.
    Decimal,
    /// NUMERIC without digits, SQLite's name for numbers of any kind.
    Numeric,
    /// A UUID.
    Uuid,
    /// Text of the length of a UUID.
    UuidText,
    /// A JSON document.
    Json,
    /// Bytes.
    Bytes,
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A floating-point number.
    Float,
    /// Nothing: no type, or ANY.
    Anything,
    /// A name without a known meaning.
    Other,
}

/// The names of each kind, as patterns: `*` stands for any characters. The first match counts; other types are classified
/// by affinity.
pub(super) const NAMES: [(Kind, &[&str]); 12] = [
    (Kind::Boolean, &["BOOL", "BOOLEAN", "TINYINT(1)", "BIT", "BIT(1)", "LOGICAL"]),
    (
        Kind::Timestamp,
        &["DATETIME*", "TIMESTAMP*", "SMALLDATETIME", "NAIVE_DATETIME*", "UTC_DATETIME*", "TEXT_DATETIME*"],
    ),
    (Kind::Date, &["DATE"]),
    (Kind::Time, &["TIME", "TIME(*)", "TIME WITHOUT TIME ZONE"]),
    (Kind::Numeric, &["NUMERIC"]),
    (
        Kind::Decimal,
        &[
            "DECIMAL*",
            "NUMERIC(*)",
            "DEC",
            "DEC(*)",
            "NUMBER",
            "NUMBER(*)",
            "MONEY",
            "SMALLMONEY",
            "CURRENCY",
        ],
    ),
    (Kind::Uuid, &["UUID", "GUID", "UNIQUEIDENTIFIER"]),
    (Kind::UuidText, &["CHAR(36)", "CHARACTER(36)", "VARCHAR(36)", "NCHAR(36)", "NVARCHAR(36)"]),
    (Kind::Json, &["JSON", "JSONB"]),
    (Kind::Bytes, &["BYTEA", "BINARY", "BINARY(*)", "VARBINARY*", "IMAGE", "BYTES"]),
    (Kind::Text, &["STRING", "STRING(*)", "ENUM*", "SET(*)", "XML"]),
    (Kind::Anything, &["", "ANY"]),
];

impl Kind {
    /// Returns the meaning of a declared type.
    pub(super) fn of(declared_type: &str) -> Kind {
        let declared = normal(declared_type);
        let named =
            NAMES.iter().find(|(_, patterns)| patterns.iter().any(|pattern| fits(pattern, &declared)));
        if let Some((kind, _)) = named {
            return *kind;
        }
        match affinity(&declared) {
            Affinity::Integer if is_integer_or_text(&declared) => Kind::Other,
            Affinity::Integer => Kind::Integer,
            Affinity::Text => Kind::Text,
            Affinity::Real => Kind::Float,
            Affinity::Blob => Kind::Bytes,
            Affinity::Numeric => Kind::Other,
        }
    }

    /// Returns its name in explanations.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Kind::Boolean => "boolean",
            Kind::Timestamp => "date and time",
            Kind::Date => "date",
            Kind::Time => "time of day",
            Kind::Decimal => "decimal",
            Kind::Numeric => "NUMERIC",
            Kind::Uuid => "UUID",
            Kind::UuidText => "text of 36 characters",
            Kind::Json => "JSON",
            Kind::Bytes => "bytes",
            Kind::Text => "text",
            Kind::Integer => "integer",
            Kind::Float => "float",
            Kind::Anything => "no type",
            Kind::Other => "another type",
        }
    }

    /// Returns the declared types of this kind, for the documentation.
    pub(super) fn examples(self) -> String {
        let named = NAMES.iter().find(|(kind, _)| *kind == self).map(|(_, patterns)| patterns);
        let by_affinity = match self {
            Kind::Integer => "INTEGER affinity",
            Kind::Text => "TEXT affinity",
            Kind::Float => "REAL affinity",
            Kind::Bytes => "BLOB",
            Kind::Other => "any other",
            _ => "",
        };
        let named = named.into_iter().flat_map(|patterns| patterns.iter());
        let shown = named.map(|pattern| if pattern.is_empty() { "no type" } else { pattern });
        let mut shown: Vec<String> = shown.map(str::to_owned).collect();
        shown.extend((!by_affinity.is_empty()).then(|| by_affinity.to_owned()));
        shown.join(", ")
    }
}

/// What the type of a column follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeSource {
    /// The declared type alone.
    Declaration,
    /// The storage classes of the values, which are not what the declared type asks for.
    StorageClasses,
    /// Names and values, which say more than the declared type.
    Inference,
}

impl TypeSource {
    /// Returns what a conversion follows from, where no person decided it.
    pub fn of(declared_type: &str, conversion: &Conversion) -> TypeSource {
        use Conversion as C;
        let kind = Kind::of(declared_type);
        let asks_for_more = matches!(
            kind,
            Kind::Boolean | Kind::Timestamp | Kind::Date | Kind::Time | Kind::Json | Kind::Uuid
        );
        let declared = match conversion {
            C::TextFromAny => affinity(declared_type) == Affinity::Text || kind == Kind::Anything,
            C::Text | C::Bigint | C::Integer | C::Smallint | C::DoublePrecision | C::Real => !asks_for_more,
            C::Numeric | C::Bytea | C::ByteaFromAny => !asks_for_more,
            C::Boolean | C::BooleanFromWords => kind == Kind::Boolean,
            C::Json
            | C::Jsonb
            | C::JsonbLastKeyWins
            | C::JsonbUnsignedZero
            | C::JsonbLastKeyWinsUnsignedZero => kind == Kind::Json,
            C::Uuid | C::UuidFromUppercase | C::UuidFromBytes => kind == Kind::Uuid,
            C::Date => kind == Kind::Date,
            C::Time => kind == Kind::Time,
            _ => matches!(kind, Kind::Timestamp | Kind::Date),
        };
        let is_plain = matches!(
            conversion,
            C::TextFromAny
                | C::Text
                | C::Bigint
                | C::Integer
                | C::Smallint
                | C::DoublePrecision
                | C::Real
                | C::Numeric
                | C::Bytea
                | C::ByteaFromAny
        );
        match (declared, is_plain) {
            (true, _) => TypeSource::Declaration,
            (false, true) => TypeSource::StorageClasses,
            (false, false) => TypeSource::Inference,
        }
    }
}

/// Whether a declared type names both, such as INTEGER_OR_TEXT, which SQLite treats as a number.
pub(super) fn is_integer_or_text(declared_type: &str) -> bool {
    let declared = declared_type.to_ascii_uppercase();
    declared.contains("INT") && (declared.contains("TEXT") || declared.contains("CHAR"))
}

/// Returns the declared type in upper case, with single spaces and none around brackets and commas.
fn normal(declared_type: &str) -> String {
    let mut normal = String::with_capacity(declared_type.len());
    for letter in declared_type.trim().chars() {
        let after_blank = normal.ends_with(' ');
        match letter {
            letter if letter.is_whitespace() => {
                if !after_blank && !normal.ends_with(['(', ',']) {
                    normal.push(' ');
                }
            }
            '(' | ')' | ',' => {
                if after_blank {
                    normal.pop();
                }
                normal.push(letter);
            }
            letter => normal.push(letter.to_ascii_uppercase()),
        }
    }
    normal
}

/// Whether `text` matches a pattern in which `*` stands for any characters.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(before) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let Some(last) = parts.pop() else { return true };
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = text.get(at + part.len()..).unwrap_or_default();
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_are_known_by_name_or_by_affinity() {
        for (declared, kind) in [
            ("bool", Kind::Boolean),
            ("TinyInt( 1 )", Kind::Boolean),
            ("tinyint", Kind::Integer),
            ("TINYINT(4)", Kind::Integer),
            ("bit", Kind::Boolean),
            ("datetime", Kind::Timestamp),
            ("DATETIME (6)", Kind::Timestamp),
            ("timestamp  with time\nzone", Kind::Timestamp),
            ("DATETIMEOFFSET", Kind::Timestamp),
            ("date", Kind::Date),
            ("TIME(6)", Kind::Time),
            ("time without time zone", Kind::Time),
            ("DECIMAL(10, 2)", Kind::Decimal),
            ("numeric", Kind::Numeric),
            ("numeric(5)", Kind::Decimal),
            ("Money", Kind::Decimal),
            ("uuid", Kind::Uuid),
            ("char(36)", Kind::UuidText),
            ("char(32)", Kind::Text),
            ("jsonb", Kind::Json),
            ("BLOB", Kind::Bytes),
            ("varbinary(16)", Kind::Bytes),
            ("VARCHAR(255)", Kind::Text),
            ("STRING", Kind::Text),
            ("NATIVE CHARACTER(70)", Kind::Text),
            ("INTEGER", Kind::Integer),
            ("UNSIGNED BIG INT", Kind::Integer),
            ("integer unsigned", Kind::Integer),
            ("INT8", Kind::Integer),
            ("DOUBLE PRECISION", Kind::Float),
            ("", Kind::Anything),
            ("any", Kind::Anything),
            ("INET", Kind::Other),
            ("YEAR", Kind::Other),
        ] {
            assert_eq!(Kind::of(declared), kind, "{declared}");
        }
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "a", true),
            ("*_at", "created_at", true),
            ("*_at", "_at", true),
            ("*_at", "at", false),
            ("a*b*c", "axbxc", true),
            ("a*b*c", "axbx", false),
            ("a*b", "ab", true),
            ("ab*b", "ab", false),
            ("*é*", "xéy", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
