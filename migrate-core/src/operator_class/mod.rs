//! Operator classes, which decide for which operators an index serves (PostgreSQL manual, section 11.10): their names, and those of
//! PostgreSQL and of the extensions that come with it.
//!
//! Whether a target has a class is not known here: preflight asks it.

mod known;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::identifier::{PG_NAME_LENGTH_MAX_BYTES, qualified_pg, quote_pg};

pub(crate) use known::{JSONB_PATH_OPS, has_short_keys, methods};
pub use known::{SuppliedClass, fitting, has_default, own, supplied, supplied_fitting};

/// The schema of PostgreSQL's own objects.
const OWN_SCHEMA: &str = "pg_catalog";

/// The name of an operator class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperatorClass {
    schema: Option<String>,
    name: String,
}

/// Text that names no operator class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of an operator class, such as jsonb_path_ops or public.gin_trgm_ops")]
pub struct NotAnOperatorClass(String);

impl OperatorClass {
    /// A class of an extension.
    pub fn in_schema(schema: &str, name: &str) -> OperatorClass {
        OperatorClass { schema: Some(schema.to_owned()), name: name.to_owned() }
    }

    /// One of PostgreSQL's own classes.
    pub fn of_postgresql(name: &str) -> OperatorClass {
        OperatorClass { schema: None, name: name.to_owned() }
    }

    /// Its schema; none where the name stands alone.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Its name, without the schema.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the name means one of PostgreSQL's own classes.
    pub fn is_own(&self) -> bool {
        self.schema.as_ref().is_none_or(|schema| schema == OWN_SCHEMA)
    }

    /// The name as SQL writes it.
    pub fn sql(&self) -> String {
        match &self.schema {
            Some(schema) => qualified_pg(schema, &self.name),
            None => quote_pg(&self.name),
        }
    }
}

impl fmt::Display for OperatorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql())
    }
}

impl FromStr for OperatorClass {
    type Err = NotAnOperatorClass;

    /// Reads a name as SQL writes it: letters outside quotation marks become lowercase.
    fn from_str(text: &str) -> Result<OperatorClass, NotAnOperatorClass> {
        let refused = || NotAnOperatorClass(text.to_owned());
        let (first, rest) = identifier(text).ok_or_else(refused)?;
        if rest.is_empty() {
            return Ok(OperatorClass { schema: None, name: first });
        }
        let (name, rest) = rest.strip_prefix('.').and_then(identifier).ok_or_else(refused)?;
        if rest.is_empty() { Ok(OperatorClass { schema: Some(first), name }) } else { Err(refused()) }
    }
}

/// The identifier at the beginning of `text` (manual, section 4.1.1), and the text after it; none where there is none that PostgreSQL
/// keeps as it is.
fn identifier(text: &str) -> Option<(String, &str)> {
    let is_first = |letter: char| letter.is_alphabetic() || letter == '_' || !letter.is_ascii();
    let is_part = |letter: char| is_first(letter) || letter.is_ascii_digit() || letter == '$';
    let (name, rest) = match text.strip_prefix('"') {
        Some(quoted) => {
            let mut name = String::new();
            let mut rest = quoted;
            loop {
                let (before, behind) = rest.split_once('"')?;
                name.push_str(before);
                match behind.strip_prefix('"') {
                    Some(doubled) => {
                        name.push('"');
                        rest = doubled;
                    }
                    None => break (name, behind),
                }
            }
        }
        None => {
            let (name, rest) = text.split_at(text.find(|letter| !is_part(letter)).unwrap_or(text.len()));
            (name.starts_with(is_first)).then(|| (name.to_ascii_lowercase(), rest))?
        }
    };
    let is_kept = !name.is_empty() && name.len() <= PG_NAME_LENGTH_MAX_BYTES && !name.contains('\0');
    is_kept.then_some((name, rest))
}

impl Serialize for OperatorClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OperatorClass {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OperatorClass, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_sql_writes_it() {
        for (text, schema, name, sql) in [
            ("jsonb_path_ops", None, "jsonb_path_ops", "jsonb_path_ops"),
            ("JSONB_Path_Ops", None, "jsonb_path_ops", "jsonb_path_ops"),
            ("public.gin_trgm_ops", Some("public"), "gin_trgm_ops", "public.gin_trgm_ops"),
            ("\"My Schema\".\"A.\"\"b\"", Some("My Schema"), "A.\"b", "\"My Schema\".\"A.\"\"b\""),
            ("\"jsonb_ops\"", None, "jsonb_ops", "jsonb_ops"),
            ("größe_ops", None, "größe_ops", "\"größe_ops\""),
        ] {
            let class: OperatorClass = text.parse().unwrap();
            assert_eq!((class.schema(), class.name(), class.sql().as_str()), (schema, name, sql), "{text}");
            assert_eq!(class.sql().parse(), Ok(class), "{text}");
        }
        let long = "x".repeat(64);
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a.b.c",
            "a b",
            "a;",
            "1a",
            "\"a",
            "\"\"",
            "a.\"\"",
            "\"\0\"",
            "ops(siglen=1)",
            &long,
        ] {
            assert!(text.parse::<OperatorClass>().is_err(), "{text}");
        }
    }
}
