//! A value as SQLite stores it: one of the five storage classes, borrowed from whoever read it.
//!
//! Knows nothing of columns or declared types: SQLite types values, not columns (SQLite manual, "Datatypes In SQLite",
//! section 2). Its `Debug` form never shows the value itself, because debug output ends up in logs.

use std::fmt;

/// A value of one of SQLite's five storage classes.
#[derive(Clone, Copy, PartialEq)]
pub enum SourceValue<'a> {
    /// NULL.
    Null,
    /// A signed 64-bit integer.
    Integer(i64),
    /// A 64-bit IEEE float; never NaN, which SQLite stores as NULL.
    Real(f64),
    /// Text in the bytes that SQLite holds, which need not be valid UTF-8.
    Text(&'a [u8]),
    /// A blob.
    Blob(&'a [u8]),
}

/// The name of a storage class, as `typeof()` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageClass {
    /// NULL.
    Null,
    /// INTEGER.
    Integer,
    /// REAL.
    Real,
    /// TEXT.
    Text,
    /// BLOB.
    Blob,
}

impl SourceValue<'_> {
    /// The storage class of this value.
    pub fn storage_class(&self) -> StorageClass {
        match self {
            SourceValue::Null => StorageClass::Null,
            SourceValue::Integer(_) => StorageClass::Integer,
            SourceValue::Real(_) => StorageClass::Real,
            SourceValue::Text(_) => StorageClass::Text,
            SourceValue::Blob(_) => StorageClass::Blob,
        }
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, SourceValue::Null)
    }
}

impl fmt::Debug for SourceValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceValue::Text(bytes) | SourceValue::Blob(bytes) => {
                write!(f, "{} of {} bytes", self.storage_class(), bytes.len())
            }
            _ => write!(f, "{}", self.storage_class()),
        }
    }
}

impl fmt::Display for StorageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StorageClass::Null => "null",
            StorageClass::Integer => "integer",
            StorageClass::Real => "real",
            StorageClass::Text => "text",
            StorageClass::Blob => "blob",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_class_and_never_the_value() {
        let shown = format!("{:?} {:?}", SourceValue::Text(b"secret"), SourceValue::Integer(424_242));
        assert_eq!(shown, "text of 6 bytes integer");
    }
}
