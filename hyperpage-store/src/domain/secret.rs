//! Text that is shown to nobody.

use std::fmt;

use token_cipher::Zeroizing;

/// A token in plain text. `Debug` does not show it, and its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Wraps a text that is overwritten already.
    pub(crate) const fn from_zeroizing(text: Zeroizing<String>) -> Secret {
        Secret(text)
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
