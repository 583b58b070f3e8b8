//! Forms that conversions to the column's type know: another one than the column's may have been meant.

use crate::comparison::{OtherForm, unit_of};
use crate::conversion::{Conversion, TextEncoding};
use crate::plan::PlannedColumn;
use crate::value::{SourceValue, StorageClass};

/// The form in which a conversion to the type of `column` makes the value of PostgreSQL's `wire` from `source`.
pub(super) fn form(column: &PlannedColumn, source: SourceValue<'_>, wire: &[u8]) -> Option<OtherForm> {
    let class = source.storage_class();
    candidates().find_map(|conversion| {
        if conversion.target_type() != column.target_type {
            return None;
        }
        let form = form_of(&conversion, class)?;
        makes(&conversion, source, wire).then_some(form)
    })
}

/// The conversions by which a column of a key may have got its values: that of the plan, and the others to its type that lose nothing.
pub fn key_conversions(column: &PlannedColumn) -> Vec<Conversion> {
    const CLASSES: [StorageClass; 4] =
        [StorageClass::Integer, StorageClass::Real, StorageClass::Text, StorageClass::Blob];
    if column.conversion == Conversion::TextInput {
        return vec![Conversion::TextInput];
    }
    let is_known = |conversion: &Conversion| {
        conversion.target_type() == column.target_type
            && *conversion != column.conversion
            && CLASSES.iter().any(|class| form_of(conversion, *class).is_some())
    };
    [column.conversion.clone()].into_iter().chain(candidates().filter(is_known)).collect()
}

/// The conversions, each with all of its settings that may have been meant.
fn candidates() -> impl Iterator<Item = Conversion> {
    let encodings = [TextEncoding::Hex, TextEncoding::Base64];
    let of_bytes = encodings
        .into_iter()
        .flat_map(|encoding| [Conversion::TextFromBytea(encoding), Conversion::ByteaFromText(encoding)]);
    Conversion::all().into_iter().chain(of_bytes)
}

fn makes(conversion: &Conversion, source: SourceValue<'_>, wire: &[u8]) -> bool {
    let mut made = Vec::new();
    if conversion.encode(source, &mut made).is_err() {
        return false;
    }
    let mut scratch = Vec::new();
    made == wire || conversion.decode(wire, &mut scratch).is_ok_and(|target| conversion.same(source, target))
}

/// The form that a conversion gives to a value of a class; none where it loses something or another value could have the same form.
pub fn form_of(conversion: &Conversion, class: StorageClass) -> Option<OtherForm> {
    use Conversion as C;
    let is_number = matches!(class, StorageClass::Integer | StorageClass::Real);
    if let Some(unit) = unit_of(conversion).filter(|_| is_number) {
        return Some(OtherForm::NumberAsMoment { unit });
    }
    Some(match conversion {
        C::Text | C::Bytea => return None,
        C::TextFromAny if is_number => OtherForm::NumberAsText,
        C::TextFromAny | C::TextFromBytea(TextEncoding::Utf8) => OtherForm::BytesAsText,
        C::TextFromBytea(TextEncoding::Hex) => OtherForm::BytesAsHex,
        C::TextFromBytea(TextEncoding::Base64) => OtherForm::BytesAsBase64,
        C::Bigint
        | C::Integer
        | C::Smallint
        | C::BigintFromAny
        | C::IntegerFromAny
        | C::SmallintFromAny
        | C::DoublePrecision
        | C::Real
        | C::RealFromFloat32
        | C::Numeric
        | C::Money => match is_number {
            true => OtherForm::OtherScale,
            false => OtherForm::TextAsNumber,
        },
        C::Boolean | C::BooleanFromWords => match is_number {
            true => OtherForm::BooleanWord,
            false => OtherForm::BooleanNumber,
        },
        C::ByteaFromAny if class == StorageClass::Text => OtherForm::TextAsBytes,
        C::ByteaFromAny => OtherForm::Printed,
        C::ByteaFromText(TextEncoding::Utf8) => OtherForm::TextAsBytes,
        C::ByteaFromText(TextEncoding::Hex) => OtherForm::HexAsBytes,
        C::ByteaFromText(TextEncoding::Base64) => OtherForm::Base64AsBytes,
        C::Json
        | C::Jsonb
        | C::JsonFromBytes
        | C::JsonbFromBytes
        | C::JsonFromAny
        | C::JsonbFromAny
        | C::TextArrayFromJson
        | C::SmallintArrayFromJson
        | C::IntegerArrayFromJson
        | C::BigintArrayFromJson
        | C::BooleanArrayFromJson
        | C::DoublePrecisionArrayFromJson
        | C::NumericArrayFromJson
        | C::UuidArrayFromJson => OtherForm::JsonSpelling,
        C::Uuid | C::UuidFromUppercase | C::UuidFromBytes | C::UuidFromHex | C::UuidFromAny => {
            OtherForm::UuidSpelling
        }
        C::Date
        | C::DateFromMidnight
        | C::DateFromDigits
        | C::Time
        | C::TimeFromDatetime
        | C::TimestampFromIso8601
        | C::TimestampUtcFromIso8601
        | C::TimestampFromGo
        | C::TimestampFromDigits
        | C::TimestamptzFromIso8601(_)
        | C::TimestamptzFromMsOrIso8601
        | C::TimestamptzFromSOrIso8601
        | C::TimestampFromMsOrIso8601
        | C::TimestampFromSOrIso8601
        | C::TimestamptzFromGo
        | C::TimestamptzFromDigits => OtherForm::MomentSpelling,
        C::IntervalSince1970 => OtherForm::MomentSpelling,
        C::Interval | C::Inet | C::Cidr | C::Macaddr | C::Macaddr8 => OtherForm::Printed,
        // The others lose something, or are a factor that only a person knows.
        _ => return None,
    })
}
