//! Bytes written as text: UTF-8, hexadecimal digits, base64 (RFC 4648, section 4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
            // Padding is required, and bits that stand for nothing are 0, so that each text has bytes of its own.
            TextEncoding::Base64 => STANDARD.decode(text).ok(),
        }
    }

    /// Appends the text that stands for bytes.
    pub(super) fn write(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            TextEncoding::Utf8 => out.extend_from_slice(bytes),
            TextEncoding::Hex => {
                let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
                out.extend(halves.map(|half| if half < 10 { b'0' + half } else { b'a' + half - 10 }));
            }
            TextEncoding::Base64 => out.extend_from_slice(STANDARD.encode(bytes).as_bytes()),
        }
    }
}

fn hex_byte(pair: &[u8]) -> Option<u8> {
    pair.iter().try_fold(0, |byte, digit| Some(byte << 4 | hex_digit(*digit)?))
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
            if let Some(bytes) = TextEncoding::Base64.bytes(text.as_bytes()) {
                let mut back = Vec::new();
                TextEncoding::Base64.write(&bytes, &mut back);
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
            TextEncoding::Base64.write(bytes.as_bytes(), &mut written);
            assert_eq!(written, text.as_bytes());
            assert_eq!(TextEncoding::Base64.bytes(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
        }
        for text in ["Z", "Zg", "Zg=", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm 9"] {
            assert_eq!(TextEncoding::Base64.bytes(text.as_bytes()), None, "{text}");
        }
        assert_eq!(TextEncoding::Hex.bytes(b"0aFF"), Some(vec![0x0a, 0xff]));
        assert_eq!(TextEncoding::Hex.bytes(b"0a0"), None);
        assert_eq!(TextEncoding::Hex.bytes(b"\\x0a"), None);
    }
}
