//! Bytes written as text: UTF-8, hexadecimal digits, base64 (RFC 4648, section 4).

use serde::{Deserialize, Serialize};

use super::uuid::hex_digit;

/// How text stands for bytes; only a person knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextEncoding {
    /// The bytes are the text in UTF-8.
    #[default]
    Utf8,
    /// Two hexadecimal digits for each byte.
    Hex,
    /// Base64 with padding, without line breaks.
    Base64,
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl TextEncoding {
    /// The name that `mapping.toml` uses.
    pub fn name(self) -> &'static str {
        match self {
            TextEncoding::Utf8 => "utf8",
            TextEncoding::Hex => "hex",
            TextEncoding::Base64 => "base64",
        }
    }

    /// The bytes that a text stands for; none if it is not of this form.
    pub(super) fn bytes(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            TextEncoding::Utf8 => Some(text.to_vec()),
            TextEncoding::Hex if text.len().is_multiple_of(2) => text.chunks_exact(2).map(hex_byte).collect(),
            TextEncoding::Hex => None,
            TextEncoding::Base64 => from_base64(text),
        }
    }

    /// Appends the text that stands for bytes.
    pub(super) fn write(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            TextEncoding::Utf8 => out.extend_from_slice(bytes),
            TextEncoding::Hex => {
                bytes.iter().for_each(|byte| out.extend_from_slice(format!("{byte:02x}").as_bytes()))
            }
            TextEncoding::Base64 => write_base64(bytes, out),
        }
    }
}

fn hex_byte(pair: &[u8]) -> Option<u8> {
    pair.iter().try_fold(0, |byte, digit| Some(byte << 4 | hex_digit(*digit)?))
}

fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let groups = text.len() / 4;
    for (place, group) in text.chunks_exact(4).enumerate() {
        let padding = group.iter().rev().take_while(|&&byte| byte == b'=').count();
        if padding > 2 || padding > 0 && place + 1 < groups {
            return None;
        }
        let mut bits = 0_u32;
        for &digit in group.iter().take(4 - padding) {
            let value = DIGITS.iter().position(|&known| known == digit)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        bits <<= 6 * padding;
        let all = bits.to_be_bytes();
        let (kept, dropped) = all.get(1..)?.split_at_checked(3 - padding)?;
        // Bits that stand for nothing are 0 in the text that these bytes have.
        if dropped.iter().any(|&byte| byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    Some(bytes)
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let bits =
            (0..3).fold(0_u32, |bits, place| bits << 8 | u32::from(group.get(place).copied().unwrap_or(0)));
        for place in 0..4_usize {
            let value = (bits >> (18 - 6 * place)) & 63;
            let digit = DIGITS.get(value as usize).copied().unwrap_or(b'=');
            out.push(if place <= group.len() { digit } else { b'=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_of_bytes_stands_for_them(bytes: Vec<u8>) {
            for encoding in [TextEncoding::Utf8, TextEncoding::Hex, TextEncoding::Base64] {
                let mut text = Vec::new();
                encoding.write(&bytes, &mut text);
                prop_assert_eq!(encoding.bytes(&text), Some(bytes.clone()));
            }
        }

        #[test]
        fn base64_that_is_read_is_written_again(text in "([A-Za-z0-9+/]{4}){0,3}([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?") {
            if let Some(bytes) = from_base64(text.as_bytes()) {
                let mut back = Vec::new();
                write_base64(&bytes, &mut back);
                prop_assert_eq!(back, text.as_bytes());
            }
        }
    }

    #[test]
    fn the_vectors_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut written = Vec::new();
            write_base64(bytes.as_bytes(), &mut written);
            assert_eq!(written, text.as_bytes());
            assert_eq!(from_base64(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
        }
        for text in ["Z", "Zg", "Zg=", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm 9"] {
            assert_eq!(from_base64(text.as_bytes()), None, "{text}");
        }
        assert_eq!(TextEncoding::Hex.bytes(b"0aFF"), Some(vec![0x0a, 0xff]));
        assert_eq!(TextEncoding::Hex.bytes(b"0a0"), None);
        assert_eq!(TextEncoding::Hex.bytes(b"\\x0a"), None);
    }
}
