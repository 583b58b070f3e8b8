//! BLOB of 16 bytes to `uuid`: the same bytes.

pub(super) use super::bytea::same;
use super::{Output, PgType, Refusal, Spec, Undecodable, uuid};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        faithful_type: PgType::Bytea,
        ..Spec::new(PgType::Uuid, "BLOB of 16 bytes to uuid", SourceValue::Blob(&[0x5a; 16]))
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    match value {
        SourceValue::Blob(bytes) if bytes.len() == 16 => {
            out.append(bytes);
            Ok(())
        }
        SourceValue::Blob(_) => Err(Refusal::Form { expected: "a blob of 16 bytes" }),
        _ => Err(Refusal::StorageClass { found: value.storage_class(), expected: "blob" }),
    }
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    uuid::check_length(wire)?;
    Ok(SourceValue::Blob(wire))
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sixteen_bytes_come_back_and_others_are_refused(bytes: Vec<u8>, sixteen: [u8; 16]) {
            check_round_trip(&Conversion::UuidFromBytes, SourceValue::Blob(&sixteen));
            prop_assert_eq!(encode(SourceValue::Blob(&bytes), &mut Vec::new()).is_ok(), bytes.len() == 16);
        }
    }
}
