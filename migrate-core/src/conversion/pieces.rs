//! Values that are too long to be held in memory: which conversions send them piece by piece, and whether PostgreSQL can hold them.
//!
//! The pieces are the bytes of the field, so that nothing is encoded here. Values that cannot be split (JSON, or text within the limit
//! of an enum) are left to [`Conversion::encode`].

use super::spec::LongForm;
use super::{Conversion, Limit, Refusal, text};
use crate::value::{SourceValue, StorageClass};

/// How a conversion sends a long value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LongValue {
    /// As it is, whatever its bytes are.
    Bytes,
    /// As it is, once all its pieces are known to be sound text.
    Text(TextCheck),
    /// Only in one piece.
    Unsplit,
}

impl LongValue {
    /// Decides how `conversion` sends a value of `class`, TEXT or BLOB, which has more than `length` bytes and more than any form of a number, a
    /// time or a UUID has.
    ///
    /// # Errors
    /// A [`Refusal`] if PostgreSQL cannot hold any value of this class or length.
    pub fn of(
        conversion: &Conversion,
        limit: Option<&Limit>,
        class: StorageClass,
        length: u64,
    ) -> Result<LongValue, Refusal> {
        let sample =
            if class == StorageClass::Text { SourceValue::Text(SAMPLE) } else { SourceValue::Blob(SAMPLE) };
        let is_text = class == StorageClass::Text;
        let form = conversion.spec().long_values;
        if form == LongForm::AnyDocument || form == LongForm::Document && is_text {
            return Ok(LongValue::Unsplit);
        }
        // No form that is refused here is as long as this; neither is the sample, so that the reason is the same.
        conversion.check(sample)?;
        if matches!(form, LongForm::Refused | LongForm::Document | LongForm::AnyDocument) {
            return Ok(LongValue::Unsplit);
        }
        text::check_length_bytes(length)?;
        match (form, limit) {
            (
                _,
                Some(Limit::Labels(_) | Limit::Padded(_) | Limit::Digits { .. } | Limit::SecondDigits(_)),
            ) => Ok(LongValue::Unsplit),
            (LongForm::Bytes, _) => Ok(LongValue::Bytes),
            (_, Some(Limit::Characters(max))) => Ok(LongValue::Text(TextCheck::within(*max))),
            (_, None | Some(Limit::FoldedCase)) => Ok(LongValue::Text(TextCheck::default())),
        }
    }
}

/// What stands for a long value where only its class counts, or that it has no short form.
const SAMPLE: &[u8] = b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

/// Checks text in pieces, cut anywhere, as `text` checks it in one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextCheck {
    /// The bytes of a character that the last piece began and did not end.
    begun: [u8; 4],
    begun_bytes: usize,
    /// How many bytes stand before the next piece.
    bytes: usize,
    first_nul: Option<usize>,
    characters: u64,
    characters_max: Option<u32>,
}

impl TextCheck {
    /// Creates the check for a column of at most this many characters.
    pub fn within(characters_max: u32) -> TextCheck {
        TextCheck { characters_max: Some(characters_max), ..TextCheck::default() }
    }

    /// Checks the next piece.
    ///
    /// # Errors
    /// [`Refusal::InvalidUtf8`] as soon as no further piece could make it sound.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        if self.first_nul.is_none() {
            let nul = memchr::memchr(0, piece);
            self.first_nul = nul.map(|place| self.bytes + place);
        }
        if self.characters_max.is_some() {
            // Every character of UTF-8 has one byte that continues none.
            self.characters += piece.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() as u64;
        }
        let from = self.bytes;
        self.bytes += piece.len();
        let rest = self.end_begun(piece, from)?;
        let rest_at = self.bytes - rest.len();
        let Err(error) = std::str::from_utf8(rest) else { return Ok(()) };
        let valid = error.valid_up_to();
        if error.error_len().is_some() {
            return Err(Refusal::InvalidUtf8 { at_byte: rest_at + valid });
        }
        // At most three bytes: a character has four, and one that has all is sound or is none.
        for &byte in rest.get(valid..).unwrap_or_default() {
            self.push_begun(byte);
        }
        Ok(())
    }

    /// Completes the character that earlier pieces began; what is left of the piece behind it.
    fn end_begun<'a>(&mut self, piece: &'a [u8], piece_at: usize) -> Result<&'a [u8], Refusal> {
        let mut rest = piece;
        while self.begun_bytes > 0 {
            let [byte, behind @ ..] = rest else { break };
            let at_byte = piece_at + (piece.len() - rest.len()) - self.begun_bytes;
            self.push_begun(*byte);
            rest = behind;
            match std::str::from_utf8(self.begun.get(..self.begun_bytes).unwrap_or_default()) {
                Ok(_) => self.begun_bytes = 0,
                Err(error) if error.error_len().is_some() => return Err(Refusal::InvalidUtf8 { at_byte }),
                Err(_) => {}
            }
        }
        Ok(rest)
    }

    fn push_begun(&mut self, byte: u8) {
        if let Some(place) = self.begun.get_mut(self.begun_bytes) {
            *place = byte;
            self.begun_bytes += 1;
        }
    }

    /// Checks that all pieces together were valid text within the column's limit.
    ///
    /// # Errors
    /// The [`Refusal`] that the complete text would have.
    pub fn finish(&self) -> Result<(), Refusal> {
        if self.begun_bytes > 0 {
            return Err(Refusal::InvalidUtf8 { at_byte: self.bytes - self.begun_bytes });
        }
        if let Some(at_byte) = self.first_nul {
            return Err(Refusal::NulInText { at_byte });
        }
        match self.characters_max {
            Some(max) if self.characters > u64::from(max) => Err(Refusal::TooManyCharacters { max }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_pieces(bytes: &[u8], cuts: &[usize], mut check: TextCheck) -> Result<(), Refusal> {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        for pair in places.windows(2) {
            check.feed(&bytes[pair[0]..pair[1]])?;
        }
        check.finish()
    }

    fn whole(bytes: &[u8]) -> Result<(), Refusal> {
        Conversion::Text.encode(SourceValue::Text(bytes), &mut Vec::new())
    }

    /// Text that is nearly sound: characters of every length, and now and then a byte that fits nowhere.
    fn nearly_text() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            6 => "[a-zé€😀\u{10ffff}]{1,4}".prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 1..3),
            1 => Just(vec![0]),
            1 => prop::sample::select(vec![
                vec![0xc0, 0x80], vec![0xed, 0xa0, 0x80], vec![0xf4, 0x90, 0x80, 0x80], vec![0xe2, 0x82], vec![0xf0, 0x9f, 0x98],
            ]),
        ];
        prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn pieces_are_checked_like_the_complete_text(bytes in nearly_text(), cuts in prop::collection::vec(any::<usize>(), 0..6)) {
            prop_assert_eq!(in_pieces(&bytes, &cuts, TextCheck::default()), whole(&bytes));
        }

        #[test]
        fn any_bytes_are_checked_like_the_complete_text(bytes: Vec<u8>, cuts in prop::collection::vec(any::<usize>(), 0..6)) {
            prop_assert_eq!(in_pieces(&bytes, &cuts, TextCheck::default()), whole(&bytes));
        }

        #[test]
        fn byte_by_byte_is_the_same(bytes in nearly_text()) {
            let every: Vec<usize> = (0..=bytes.len()).collect();
            prop_assert_eq!(in_pieces(&bytes, &every, TextCheck::default()), whole(&bytes));
        }

        #[test]
        fn characters_are_counted(text in "[a-zé€😀]{0,9}", cut: usize, max in 0_u32..9) {
            let fits = text.chars().count() <= max as usize;
            let found = in_pieces(text.as_bytes(), &[cut], TextCheck::within(max));
            prop_assert_eq!(found.is_ok(), fits);
        }
    }

    #[test]
    fn every_way_of_cutting_a_text_in_three() {
        for text in ["aé€😀z", "\u{7ff}\u{800}\u{ffff}\u{10000}", "a\u{0}é"] {
            for bytes in [text.as_bytes(), &text.as_bytes()[..text.len() - 1], &text.as_bytes()[1..]] {
                for first in 0..=bytes.len() {
                    for second in first..=bytes.len() {
                        assert_eq!(in_pieces(bytes, &[first, second], TextCheck::default()), whole(bytes));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_sent_in_pieces_is_what_is_sent_as_it_is() {
        let long = 1 << 21;
        for name in Conversion::ALL_NAMES {
            let conversion: Conversion = serde_json::from_value(serde_json::json!(name)).unwrap();
            for (class, value) in [
                (StorageClass::Text, SourceValue::Text(&b"x".repeat(300_000))),
                (StorageClass::Blob, SourceValue::Blob(&b"x".repeat(300_000))),
            ] {
                let (mut out, how) = (Vec::new(), LongValue::of(&conversion, None, class, long));
                let encoded = conversion.encode(value, &mut out);
                match how {
                    Ok(LongValue::Bytes | LongValue::Text(_)) => {
                        assert_eq!(encoded, Ok(()), "{name} {class}");
                        assert_eq!(out, b"x".repeat(300_000), "{name} {class}");
                    }
                    Ok(LongValue::Unsplit) => {
                        let form = conversion.spec().long_values;
                        assert!(matches!(form, LongForm::Document | LongForm::AnyDocument), "{name} {class}");
                    }
                    Err(refusal) => assert_eq!(encoded, Err(refusal), "{name} {class}"),
                }
            }
        }
        let too_long = LongValue::of(&Conversion::Bytea, None, StorageClass::Blob, 1 << 30);
        assert_eq!(too_long, Err(Refusal::TooLong { bytes: 1 << 30 }));
    }
}
