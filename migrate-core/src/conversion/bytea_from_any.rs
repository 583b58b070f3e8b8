//! Every storage class to `bytea`, for columns of mixed classes: BLOB as it is, TEXT as its bytes, numbers as the bytes of their text
//! (see `text_from_any`). A value is the same where its bytes are.

pub(super) use super::bytea::decode;
use super::text_from_any::NumberText;
use super::{LongForm, Output, PgType, Refusal, Spec, text};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        keeps_order: false,
        long_values: LongForm::Bytes,
        ..Spec::new(
            PgType::Bytea,
            "every storage class to bytea: text as its bytes, numbers as the bytes of their digits",
            SourceValue::Blob(&[0xa5; 256]),
        )
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    match value {
        SourceValue::Text(bytes) | SourceValue::Blob(bytes) => {
            text::check_length(bytes)?;
            out.append(bytes);
            Ok(())
        }
        _ => match NumberText::of(value) {
            Some(number) => {
                out.append(number.bytes());
                Ok(())
            }
            None => Err(Refusal::StorageClass { found: value.storage_class(), expected: "a value" }),
        },
    }
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    let SourceValue::Blob(target) = target else { return false };
    match source {
        SourceValue::Text(source) | SourceValue::Blob(source) => source == target,
        _ => NumberText::of(source).is_some_and(|source| source.bytes() == target),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_bytes_come_back(bytes: Vec<u8>, integer: i64) {
            check_round_trip(&Conversion::ByteaFromAny, SourceValue::Blob(&bytes));
            check_round_trip(&Conversion::ByteaFromAny, SourceValue::Text(&bytes));
            check_round_trip(&Conversion::ByteaFromAny, SourceValue::Integer(integer));
        }
    }
}
