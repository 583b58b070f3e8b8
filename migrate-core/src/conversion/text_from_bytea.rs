//! BLOB to `text`, written by the encoding that the mapping names: an exact inverse of `bytea_from_text`.

use super::{LongForm, Output, PgType, Refusal, Spec, TextEncoding, Undecodable, bytea, text};
use crate::value::SourceValue;

pub(super) const fn spec(encoding: &TextEncoding) -> Spec {
    let is_utf8 = matches!(encoding, TextEncoding::Utf8);
    Spec {
        faithful_type: PgType::Bytea,
        keeps_order: is_utf8,
        needs_decision: true,
        long_values: if is_utf8 { LongForm::Text } else { LongForm::AnyDocument },
        ..Spec::new(
            PgType::Text,
            "BLOB to text, in the encoding that the mapping names: utf8, hex or base64",
            SourceValue::Blob(b"plain text"),
        )
    }
}

pub(super) fn encode(
    value: SourceValue<'_>,
    out: &mut impl Output,
    encoding: &TextEncoding,
) -> Result<(), Refusal> {
    let SourceValue::Blob(bytes) = value else {
        return Err(Refusal::StorageClass { found: value.storage_class(), expected: "blob" });
    };
    if *encoding == TextEncoding::Utf8 {
        return text::encode(SourceValue::Text(bytes), out);
    }
    let mut written = Vec::new();
    encoding.write(bytes, &mut written);
    text::check_length(&written)?;
    out.append(&written);
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    encoding: &TextEncoding,
) -> Result<SourceValue<'a>, Undecodable> {
    let strange = Undecodable::NoSourceValue { what: "text that is not in the encoding of its column" };
    *scratch = encoding.bytes(wire).ok_or(strange.clone())?;
    // Another spelling of the same bytes, such as capital letters, was not sent.
    let mut written = Vec::new();
    encoding.write(scratch, &mut written);
    if written == wire { Ok(SourceValue::Blob(scratch)) } else { Err(strange) }
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, _: &TextEncoding) -> bool {
    bytea::same(source, target)
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_blob_comes_back(bytes: Vec<u8>, text in "[^\0]*") {
            check_round_trip(&Conversion::TextFromBytea(TextEncoding::Hex), SourceValue::Blob(&bytes));
            check_round_trip(&Conversion::TextFromBytea(TextEncoding::Base64), SourceValue::Blob(&bytes));
            check_round_trip(&Conversion::TextFromBytea(TextEncoding::Utf8), SourceValue::Blob(text.as_bytes()));
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(encode(SourceValue::Blob(b"\xff"), &mut Vec::new(), &TextEncoding::Utf8).is_err());
        assert!(encode(SourceValue::Text(b"a"), &mut Vec::new(), &TextEncoding::Hex).is_err());
        assert!(decode(b"0A", &mut Vec::new(), &TextEncoding::Hex).is_err());
        assert!(decode(b"0", &mut Vec::new(), &TextEncoding::Hex).is_err());
    }
}
