//! Names as keys of TOML, for the lines of `mapping.toml` that are offered for pasting.

use std::fmt;

use crate::printable::is_deceptive;

/// A name as a key of TOML: bare where that is allowed, else a basic string (TOML 1.0, "Keys" and "String"). Characters that could
/// deceive a reader are escaped, so that a key can be shown and pasted.
#[derive(Clone, Copy, Debug)]
pub struct TomlKey<'a>(pub &'a str);

impl fmt::Display for TomlKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_bare =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if !self.0.is_empty() && is_bare(self.0) { f.write_str(self.0) } else { TomlText(self.0).fmt(f) }
    }
}

/// Text as a basic string of TOML, with the same escapes.
#[derive(Clone, Copy, Debug)]
pub struct TomlText<'a>(pub &'a str);

impl fmt::Display for TomlText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                letter if is_deceptive(letter) && u32::from(letter) > 0xffff => {
                    write!(f, "\\U{:08X}", u32::from(letter))?;
                }
                letter if is_deceptive(letter) => write!(f, "\\u{:04X}", u32::from(letter))?,
                letter => write!(f, "{letter}")?,
            }
        }
        f.write_str("\"")
    }
}
