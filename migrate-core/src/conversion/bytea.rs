//! BLOB to `bytea`: the same bytes, whatever they are.

use super::text::check_length;
use super::{LongForm, Output, PgType, Refusal, Spec, Undecodable};
use crate::value::SourceValue;

pub(super) const fn spec() -> Spec {
    Spec {
        long_values: LongForm::Bytes,
        ..Spec::new(PgType::Bytea, "BLOB to bytea: the same bytes", SourceValue::Blob(&[0xa5; 256]))
    }
}

pub(super) fn encode(value: SourceValue<'_>, out: &mut impl Output) -> Result<(), Refusal> {
    let SourceValue::Blob(bytes) = value else {
        return Err(Refusal::StorageClass { found: value.storage_class(), expected: "blob" });
    };
    check_length(bytes)?;
    out.append(bytes);
    Ok(())
}

pub(super) fn decode<'a>(wire: &'a [u8], _scratch: &'a mut Vec<u8>) -> Result<SourceValue<'a>, Undecodable> {
    Ok(SourceValue::Blob(wire))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>) -> bool {
    matches!((source, target), (SourceValue::Blob(source), SourceValue::Blob(target)) if source == target)
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_blob_comes_back(bytes: Vec<u8>) {
            check_round_trip(&Conversion::Bytea, SourceValue::Blob(&bytes));
        }
    }

    #[test]
    fn other_storage_classes_are_refused() {
        for (value, refusal) in [
            (SourceValue::Text(b"ab"), "text where blob is expected"),
            (SourceValue::Integer(1), "integer where blob is expected"),
            (SourceValue::Real(1.0), "real where blob is expected"),
        ] {
            assert_eq!(encode(value, &mut Vec::new()).unwrap_err().to_string(), refusal);
        }
    }

    #[test]
    fn a_trailing_zero_byte_and_text_of_the_same_bytes_are_differences() {
        assert!(!same(SourceValue::Blob(b"a"), SourceValue::Blob(b"a\0")));
        assert!(!same(SourceValue::Blob(b"a"), SourceValue::Text(b"a")));
    }
}
