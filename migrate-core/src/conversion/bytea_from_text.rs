//! TEXT that stands for bytes to `bytea`, by the encoding that the mapping names. Two texts are the same when their bytes are: the case of
//! hexadecimal digits is not kept.

use super::{LongForm, Output, PgType, Refusal, Spec, TextEncoding, Undecodable, text};
use crate::value::SourceValue;

pub(super) const fn spec(encoding: &TextEncoding) -> Spec {
    let is_utf8 = matches!(encoding, TextEncoding::Utf8);
    Spec {
        faithful_type: PgType::Text,
        keeps_order: is_utf8,
        needs_decision: true,
        long_values: if is_utf8 { LongForm::Bytes } else { LongForm::Document },
        ..Spec::new(
            PgType::Bytea,
            "TEXT that stands for bytes to bytea, by the encoding that the mapping names: utf8, hex or base64",
            SourceValue::Text(b"0badcafe"),
        )
    }
}

pub(super) fn encode(
    value: SourceValue<'_>,
    out: &mut impl Output,
    encoding: &TextEncoding,
) -> Result<(), Refusal> {
    out.append(&bytes(value, *encoding)?);
    Ok(())
}

pub(super) fn decode<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
    encoding: &TextEncoding,
) -> Result<SourceValue<'a>, Undecodable> {
    scratch.clear();
    encoding.write(wire, scratch);
    Ok(SourceValue::Text(scratch))
}

pub(super) fn same(source: SourceValue<'_>, target: SourceValue<'_>, encoding: &TextEncoding) -> bool {
    matches!((bytes(source, *encoding), bytes(target, *encoding)), (Ok(source), Ok(target)) if source == target)
}

fn bytes(value: SourceValue<'_>, encoding: TextEncoding) -> Result<Vec<u8>, Refusal> {
    let SourceValue::Text(text) = value else {
        return Err(Refusal::StorageClass { found: value.storage_class(), expected: "text" });
    };
    text::check_length(text)?;
    encoding.bytes(text).ok_or(Refusal::Form {
        expected: match encoding {
            TextEncoding::Base64 => "base64 with padding",
            _ => "an even number of hexadecimal digits",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, tests::check_round_trip};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_of_bytes_comes_back(bytes: Vec<u8>) {
            for encoding in [TextEncoding::Utf8, TextEncoding::Hex, TextEncoding::Base64] {
                let mut text = Vec::new();
                encoding.write(&bytes, &mut text);
                check_round_trip(&Conversion::ByteaFromText(encoding), SourceValue::Text(&text));
            }
        }
    }

    #[test]
    fn another_form_is_refused() {
        for (encoding, text) in
            [(TextEncoding::Hex, "0"), (TextEncoding::Hex, "zz"), (TextEncoding::Base64, "Zg")]
        {
            assert!(
                encode(SourceValue::Text(text.as_bytes()), &mut Vec::new(), &encoding).is_err(),
                "{text}"
            );
        }
        assert!(encode(SourceValue::Blob(b"00"), &mut Vec::new(), &TextEncoding::Hex).is_err());
        assert!(same(SourceValue::Text(b"0A"), SourceValue::Text(b"0a"), &TextEncoding::Hex));
        assert!(!same(SourceValue::Text(b"0A"), SourceValue::Text(b"0a"), &TextEncoding::Utf8));
    }
}
