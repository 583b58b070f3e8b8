//! The encryption of stored OAuth tokens, exactly as Hyperpage does it.
//!
//! AES-256-GCM with a 16-byte initialisation vector. The app stores the ciphertext in hex (`access_token`, `refresh_token`) and
//! `hex(iv):hex(tag)` (`iv_access`, `iv_refresh`). The crate stores nothing, and no error or `Debug` contains a key or a token.

use std::fmt;

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::rand_core::RngCore;
use aes_gcm::aead::{AeadInPlace, KeyInit, OsRng};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce, Tag};

pub use zeroize::Zeroizing;

/// The cipher as Node's `aes-256-gcm` with a 16-byte vector.
type Cipher = AesGcm<Aes256, U16>;

/// Bytes of an initialisation vector.
pub const IV_BYTES: usize = 16;

/// Bytes of an authentication tag.
const TAG_BYTES: usize = 16;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// The key of the app, `OAUTH_ENCRYPTION_KEY`. It is overwritten in memory when it is dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct EncryptionKey(Zeroizing<[u8; KEY_BYTES]>);

impl EncryptionKey {
    /// Reads a key of 64 hex digits.
    ///
    /// # Errors
    /// [`TokenError::Key`] for anything else.
    pub fn from_hex(hex: &str) -> Result<EncryptionKey, TokenError> {
        let bytes = Zeroizing::new(from_hex(hex).ok_or(TokenError::Key)?);
        let mut key = EncryptionKey(Zeroizing::new([0; KEY_BYTES]));
        if bytes.len() != KEY_BYTES {
            return Err(TokenError::Key);
        }
        key.0.copy_from_slice(&bytes);
        Ok(key)
    }

    fn cipher(&self) -> Cipher {
        Cipher::new((&*self.0).into())
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(…)")
    }
}

/// One token as the app stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedToken {
    /// The ciphertext in lower-case hex, as in `oauth_tokens.access_token`.
    pub ciphertext_hex: String,
    /// `hex(iv):hex(tag)`, as in `oauth_tokens.iv_access`.
    pub iv_and_tag: String,
}

/// Why a token was not encrypted or decrypted. No message holds the key, the token or the ciphertext.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// The key is not 64 hex digits.
    #[error("the encryption key (OAUTH_ENCRYPTION_KEY) must be 64 hex digits")]
    Key,
    /// The ciphertext is not hex.
    #[error("the ciphertext must be an even number of hex digits")]
    Ciphertext,
    /// The vector and tag are not two hex numbers of 16 bytes with a colon between them.
    #[error("the initialisation vector and tag must be 32 hex digits, a colon and 32 hex digits")]
    IvAndTag,
    /// The cipher refused the text: it is longer than AES-GCM permits.
    #[error("the token is too long for AES-256-GCM")]
    TooLong,
    /// The system has no random numbers.
    #[error("the system has no random numbers for an initialisation vector")]
    Random,
    /// The tag does not fit: another key, or a changed ciphertext, vector or tag.
    #[error("the token does not decrypt: the key is another one, or the stored value was changed")]
    Authentication,
    /// The decrypted bytes are not text.
    #[error("the decrypted token is not valid UTF-8")]
    NotText,
}

/// Encrypts a token as the app does, with a random initialisation vector.
///
/// # Errors
/// [`TokenError::TooLong`] beyond the cipher's limit (64 GiB), [`TokenError::Random`] if the system has no random numbers.
pub fn encrypt(key: &EncryptionKey, plain: &str) -> Result<EncryptedToken, TokenError> {
    let mut iv = [0; IV_BYTES];
    OsRng.try_fill_bytes(&mut iv).map_err(|_| TokenError::Random)?;
    encrypt_with_iv(key, &iv, plain)
}

/// Encrypts a token with a given initialisation vector. No vector may be used twice with one key.
///
/// # Errors
/// [`TokenError::TooLong`] beyond the cipher's limit (64 GiB).
pub fn encrypt_with_iv(
    key: &EncryptionKey,
    iv: &[u8; IV_BYTES],
    plain: &str,
) -> Result<EncryptedToken, TokenError> {
    let mut buffer = plain.as_bytes().to_vec();
    let tag = key
        .cipher()
        .encrypt_in_place_detached(Nonce::from_slice(iv), b"", &mut buffer)
        .map_err(|_| TokenError::TooLong)?;
    let iv_and_tag = format!("{}:{}", to_hex(iv), to_hex(&tag));
    Ok(EncryptedToken { ciphertext_hex: to_hex(&buffer), iv_and_tag })
}

/// Decrypts a token as the app does.
///
/// # Errors
/// One of [`TokenError`]; [`TokenError::Authentication`] if the stored value was changed.
pub fn decrypt(
    key: &EncryptionKey,
    ciphertext_hex: &str,
    iv_and_tag: &str,
) -> Result<Zeroizing<String>, TokenError> {
    let (iv_hex, tag_hex) = iv_and_tag.split_once(':').ok_or(TokenError::IvAndTag)?;
    let iv: [u8; IV_BYTES] = fixed_from_hex(iv_hex).ok_or(TokenError::IvAndTag)?;
    let tag: [u8; TAG_BYTES] = fixed_from_hex(tag_hex).ok_or(TokenError::IvAndTag)?;
    let mut buffer = Zeroizing::new(from_hex(ciphertext_hex).ok_or(TokenError::Ciphertext)?);
    key.cipher()
        .decrypt_in_place_detached(Nonce::from_slice(&iv), b"", &mut buffer, Tag::from_slice(&tag))
        .map_err(|_| TokenError::Authentication)?;
    let plain = str::from_utf8(&buffer).map_err(|_| TokenError::NotText)?;
    Ok(Zeroizing::new(plain.to_owned()))
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0f)]])
        .map(char::from)
        .collect()
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn fixed_from_hex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    from_hex(hex)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";
    const IV: [u8; IV_BYTES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    fn key() -> EncryptionKey {
        EncryptionKey::from_hex(KEY).unwrap()
    }

    #[test]
    fn round_trip() {
        let key = key();
        for plain in ["", "x", "gho_16charactersss", "\u{1D11E} клю́ч \u{202E}\r\n\t", &"t".repeat(5_000)]
        {
            let (token, again) = (encrypt(&key, plain).unwrap(), encrypt(&key, plain).unwrap());
            assert_eq!(token.ciphertext_hex.len(), plain.len() * 2);
            assert_ne!(token.iv_and_tag, again.iv_and_tag, "each token has a vector of its own");
            assert_eq!(*decrypt(&key, &token.ciphertext_hex, &token.iv_and_tag).unwrap(), plain);
        }
    }

    /// The output of Node's `createCipheriv('aes-256-gcm', key, iv)`, with this key and 16-byte vector.
    #[test]
    fn known_answers_of_the_app() {
        let iv_hex = "000102030405060708090a0b0c0d0e0f";
        for (plain, ciphertext, tag) in [
            (
                "gho_sampleAccessToken-0123456789",
                "ba1c82809cecab3a3ade3f36148adaaf003fad0dd3e587e1b814e778f1359aa0",
                "1377b50cf40c6dad6ff53ee6fb63dbed",
            ),
            ("\u{1D11E} ключ", "2de96941cf5d7c9aed6af084f0", "9c2e41f500ea13ff08f40e38cabd7c3b"),
            ("", "", "ee982f86ce062844b659c3ce961996a0"),
        ] {
            let token = encrypt_with_iv(&key(), &IV, plain).unwrap();
            assert_eq!(token.ciphertext_hex, ciphertext);
            assert_eq!(token.iv_and_tag, format!("{iv_hex}:{tag}"));
            assert_eq!(*decrypt(&key(), ciphertext, &token.iv_and_tag).unwrap(), plain);
        }
    }

    #[test]
    fn wrong_input_is_refused() {
        let token = encrypt_with_iv(&key(), &IV, "secret").unwrap();
        let (text, iv) = (token.ciphertext_hex.as_str(), token.iv_and_tag.as_str());
        let other_key = "f".repeat(64);
        let swapped_iv = iv.split_once(':').map(|(iv, tag)| format!("{tag}:{iv}")).unwrap();
        for (key, text, iv, expected) in [
            ("", text, iv, TokenError::Key),
            (&KEY[2..], text, iv, TokenError::Key),
            (KEY, "0", iv, TokenError::Ciphertext),
            (KEY, "0g", iv, TokenError::Ciphertext),
            (KEY, "é", iv, TokenError::Ciphertext),
            (KEY, text, "", TokenError::IvAndTag),
            (KEY, text, "00:11", TokenError::IvAndTag),
            (KEY, "", iv, TokenError::Authentication),
            (KEY, text, &swapped_iv, TokenError::Authentication),
            (&other_key, text, iv, TokenError::Authentication),
        ] {
            let decrypted = EncryptionKey::from_hex(key).and_then(|key| decrypt(&key, text, iv));
            assert_eq!(decrypted.unwrap_err(), expected);
        }
    }

    #[test]
    fn every_changed_digit_is_noticed() {
        let token = encrypt(&key(), "secret").unwrap();
        let changed = |text: &str, at: usize| {
            let mut digits: Vec<char> = text.chars().collect();
            digits[at] = if digits[at] == '0' { '1' } else { '0' };
            digits.into_iter().collect::<String>()
        };
        for at in 0..token.ciphertext_hex.len() {
            let text = changed(&token.ciphertext_hex, at);
            let decrypted = decrypt(&key(), &text, &token.iv_and_tag);
            assert_eq!(decrypted.unwrap_err(), TokenError::Authentication, "ciphertext, digit {at}");
        }
        for at in (0..token.iv_and_tag.len()).filter(|at| *at != IV_BYTES * 2) {
            let iv_and_tag = changed(&token.iv_and_tag, at);
            let decrypted = decrypt(&key(), &token.ciphertext_hex, &iv_and_tag);
            assert_eq!(decrypted.unwrap_err(), TokenError::Authentication, "vector and tag, digit {at}");
        }
    }

    #[test]
    fn nothing_that_is_printed_contains_the_key() {
        assert_eq!(format!("{:?}", key()), "EncryptionKey(…)");
        let error = EncryptionKey::from_hex(&KEY[1..]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(&KEY[1..9]));
    }
}
