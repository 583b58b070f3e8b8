//! `mapping.toml`: what a human decided, apart from what is generated, so that it survives every regeneration.
//!
//! Only the file's form is checked here; whether its names exist is checked where it meets a schema, in the planner.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conversion::Conversion;
use crate::plan::{Numbering, Seeds};
use crate::reject::{OnReject, RejectLimit};
use crate::source_schema::SourceSchema;

/// The version of the file format that this reads.
pub const MAPPING_FORMAT: u32 = 1;

/// The content of `mapping.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The version of the file format.
    pub format: u32,
    /// Whether nothing is inferred: every column keeps the type that its declaration and its storage classes prove.
    #[serde(default)]
    pub faithful: bool,
    /// Whether rows are loaded into tables that an app has made in the target; the others are made.
    #[serde(default)]
    pub into_existing: bool,
    /// What becomes of rows that such tables hold already.
    #[serde(default)]
    pub seeds: Seeds,
    /// How tables number their rows in PostgreSQL; identity columns where nothing is said.
    pub autoincrement: Option<Numbering>,
    /// What becomes of rows with values that PostgreSQL cannot hold, where their column says nothing else.
    #[serde(default)]
    pub on_reject: OnReject,
    /// How many rows may be rejected before the migration stops.
    pub reject_limit: Option<RejectLimit>,
    /// What is decided about columns by pattern; the first that fits counts, and what is said of a column by name comes before.
    #[serde(default)]
    pub columns: Vec<ColumnRule>,
    /// Tables, views and triggers that stay behind, by name, each with the reason.
    #[serde(default)]
    pub leave_behind: BTreeMap<String, String>,
    /// What is decided about tables, by source name.
    #[serde(default)]
    pub tables: BTreeMap<String, TableMapping>,
}

/// What is decided about one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMapping {
    /// Its name in PostgreSQL.
    pub rename: Option<String>,
    /// By source column name.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnMapping>,
    /// Indexes that the target has and the source has not.
    #[serde(default)]
    pub indexes: Vec<AddedIndex>,
}

/// What is decided about one column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnMapping {
    /// The conversion, in place of the faithful one.
    #[serde(rename = "as")]
    pub conversion: Option<Conversion>,
    /// Its name in PostgreSQL.
    pub rename: Option<String>,
    /// That it stays behind, and why.
    pub skip: Option<String>,
    /// What becomes of a row whose value here PostgreSQL cannot hold.
    pub on_reject: Option<OnReject>,
    /// Whether the values are secret: they are never shown, not even where values are asked for.
    #[serde(default)]
    pub secret: bool,
    /// Why, in words, for the reviewer.
    pub why: Option<String>,
}

/// What is decided about all columns that fit a pattern. `*` stands for any characters and `?` for one, without regard to
/// ASCII case, as SQLite reads names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnRule {
    /// The pattern of the table's name; any where none is given.
    pub table: Option<String>,
    /// The pattern of the column's name; any where none is given.
    pub column: Option<String>,
    /// The pattern of the declared type; any where none is given.
    pub declared: Option<String>,
    /// The conversion.
    #[serde(rename = "as")]
    pub conversion: Option<Conversion>,
    /// That they stay behind, and why.
    pub skip: Option<String>,
    /// What becomes of a row whose value here PostgreSQL cannot hold.
    pub on_reject: Option<OnReject>,
    /// Whether the values are secret.
    #[serde(default)]
    pub secret: bool,
    /// Why, in words, for the reviewer.
    pub why: Option<String>,
}

/// An index that only the target has.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedIndex {
    /// Its name.
    pub name: String,
    /// The access method, `btree` where none is given.
    #[serde(default)]
    pub method: IndexMethod,
    /// Its columns, by source name, in their order.
    pub columns: Vec<String>,
    /// Those of them that are sorted descending.
    #[serde(default)]
    pub descending: Vec<String>,
    /// Why, in words, for the reviewer.
    pub why: String,
}

/// An access method of PostgreSQL (manual, section 11.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexMethod {
    /// B-tree.
    #[default]
    Btree,
    /// GIN, for what is inside a `jsonb`.
    Gin,
}

/// Why a `mapping.toml` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// It is no TOML, or holds an unknown key or a value of the wrong kind. The text is the parser's, with line and column.
    #[error("{0}")]
    Syntax(String),
    /// It is of another version.
    #[error("format = {found} is not known; this version reads format = {MAPPING_FORMAT}")]
    Format {
        /// What the file says.
        found: u32,
    },
    /// An index that PostgreSQL would not make.
    #[error("index {name}: {problem}")]
    Index {
        /// The index's name.
        name: String,
        /// What is wrong with it, in words.
        problem: &'static str,
    },
}

impl Mapping {
    /// Reads the text of a `mapping.toml`.
    ///
    /// # Errors
    /// [`MappingError`] when it is not of this form.
    pub fn from_toml(text: &str) -> Result<Mapping, MappingError> {
        let mapping: Mapping = toml::from_str(text)
            .map_err(|error| MappingError::Syntax(error.to_string().trim_end().to_owned()))?;
        if mapping.format != MAPPING_FORMAT {
            return Err(MappingError::Format { found: mapping.format });
        }
        match mapping.tables.values().flat_map(|table| &table.indexes).find_map(AddedIndex::problem) {
            Some(error) => Err(error),
            None => Ok(mapping),
        }
    }
}

impl Mapping {
    /// The same decisions with the rules of columns spelt out for every column of `schema` that one fits.
    pub fn resolved(&self, schema: &SourceSchema) -> Mapping {
        let mut resolved = self.clone();
        for table in &schema.tables {
            for column in &table.columns {
                let fits = |rule: &&ColumnRule| rule.fits(&table.name, &column.name, &column.declared_type);
                let Some(rule) = self.columns.iter().find(fits) else { continue };
                let decided = resolved.tables.entry(table.name.clone()).or_default();
                let decided = decided.columns.entry(column.name.clone()).or_default();
                decided.conversion = decided.conversion.take().or_else(|| rule.conversion.clone());
                decided.skip = decided.skip.take().or_else(|| rule.skip.clone());
                decided.on_reject = decided.on_reject.or(rule.on_reject);
                decided.secret |= rule.secret;
                decided.why = decided.why.take().or_else(|| rule.why.clone());
            }
        }
        resolved
    }
}

impl ColumnRule {
    fn fits(&self, table: &str, column: &str, declared: &str) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| glob_fits(pattern, text))
        };
        fits(&self.table, table) && fits(&self.column, column) && fits(&self.declared, declared)
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any characters and `?` for one; ASCII case does not count.
fn glob_fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.to_ascii_lowercase().chars().collect(), text.to_ascii_lowercase().chars().collect());
    // Where the last star is, and how far the text was when it was met: from there one more character is given to it.
    let (mut at, mut read, mut star) = (0, 0, None);
    while let Some(letter) = text.get(read) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == letter => {
                at += 1;
                read += 1;
            }
            _ => match &mut star {
                None => return false,
                Some((star_at, star_read)) => {
                    *star_read += 1;
                    (at, read) = (*star_at + 1, *star_read);
                }
            },
        }
    }
    pattern.iter().skip(at).all(|letter| *letter == '*')
}

impl AddedIndex {
    /// What is wrong with it in itself, if anything is.
    fn problem(&self) -> Option<MappingError> {
        let problem = |problem| Some(MappingError::Index { name: self.name.clone(), problem });
        if self.name.is_empty() {
            problem("it has no name")
        } else if self.columns.is_empty() {
            problem("it has no columns")
        } else if self.descending.iter().any(|column| !self.columns.contains(column)) {
            problem("`descending` names a column that is not among its `columns`")
        } else if self.method == IndexMethod::Gin && !self.descending.is_empty() {
            problem("a gin index has no order, so `descending` means nothing there")
        } else {
            None
        }
    }
}

impl IndexMethod {
    /// The name as SQL writes it.
    pub fn sql(self) -> &'static str {
        match self {
            IndexMethod::Btree => "btree",
            IndexMethod::Gin => "gin",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_naive_zone_is_utc_unless_it_is_named() {
        for (written, zone) in [
            ("\"timestamptz_from_iso8601\"", "UTC"),
            ("{ timestamptz_from_iso8601 = \"Europe/Berlin\" }", "Europe/Berlin"),
        ] {
            let text = format!("format = 1\n[tables.t.columns]\na = {{ as = {written} }}");
            let mapping = Mapping::from_toml(&text).unwrap();
            let Some(Conversion::TimestamptzFromIso8601(found)) =
                &mapping.tables["t"].columns["a"].conversion
            else {
                panic!("it is no such conversion")
            };
            assert_eq!(found.to_string(), zone);
        }
    }

    #[test]
    fn a_pattern_fits_as_people_read_it() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("*_at", "created_AT", true),
            ("*_at", "created_at_utc", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXb", false),
            ("t?", "tä", true),
            ("t?", "t", false),
            ("", "", true),
            ("", "x", false),
            ("DATETIME", "datetime", true),
            ("**x", "x", true),
        ] {
            assert_eq!(glob_fits(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn unknown_keys_and_conversions_are_errors() {
        for (text, part) in [
            ("", "missing field `format`"),
            ("format = 2", "format = 2 is not known"),
            ("format = 1\nfoo = 1", "unknown field `foo`"),
            ("format = 1\n[tables.jobs.columns]\na = { ass = \"jsonb\" }", "unknown field `ass`"),
            ("format = 1\n[tables.jobs.columns]\na = { as = \"jsonn\" }", "unknown variant `jsonn`"),
            ("format = 1\n[tables.t.columns]\na = { as = { timestamptz_from_iso8601 = \"Mars\" } }", "Mars"),
            ("format = [", "TOML parse error"),
            (
                "format = 1\n[[tables.t.indexes]]\nname = \"i\"\ncolumns = []\nwhy = \"\"",
                "index i: it has no columns",
            ),
            (
                "format = 1\n[[tables.t.indexes]]\nname = \"i\"\nmethod = \"gin\"\ncolumns = [\"a\"]\ndescending = [\"a\"]\nwhy = \"\"",
                "a gin index has no order",
            ),
        ] {
            let error = Mapping::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?} gave {error}");
        }
    }
}
