//! Decisions by pattern: what they are about, and what they come to for each table and column of a schema.

use serde::Deserialize;

use super::Mapping;
use crate::conversion::Conversion;
use crate::reject::OnReject;
use crate::source_schema::SourceSchema;
use crate::terms::{EmptyText, Rounding};

/// What is decided about all columns that fit a pattern. `*` stands for any characters and `?` for one, without regard to
/// ASCII case, as SQLite reads names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a rule for columns")]
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
    /// The reason to skip them, if they are skipped.
    pub skip: Option<String>,
    /// What becomes of a row whose value here PostgreSQL cannot hold.
    pub on_reject: Option<OnReject>,
    /// What happens to fractions of a second that are finer than PostgreSQL holds.
    pub round: Option<Rounding>,
    /// What becomes of empty texts.
    pub empty: Option<EmptyText>,
    /// Whether the values are secret.
    #[serde(default)]
    pub secret: bool,
    /// Why, in words, for the reviewer.
    pub why: Option<String>,
}

/// What is decided about all tables that fit a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a rule for tables")]
pub struct TableRule {
    /// The pattern of the table's name.
    pub table: String,
    /// The schema of PostgreSQL that they go to.
    pub schema: Option<String>,
    /// The reason to skip them, if they are skipped.
    pub leave_behind: Option<String>,
    /// Whether nothing is inferred for their columns.
    #[serde(default)]
    pub faithful: bool,
}

impl Mapping {
    /// Returns the conversion that is decided for a column, by name or by the first rule that fits, with the reason.
    pub fn decided_conversion(
        &self,
        table: &str,
        column: &str,
        declared: &str,
    ) -> Option<(&Conversion, Option<&str>)> {
        let named = self.tables.get(table).and_then(|table| table.columns.get(column));
        let named = named.and_then(|named| Some((named.conversion.as_ref()?, named.why.as_deref())));
        let rule = || self.columns.iter().find(|rule| rule.fits(table, column, declared));
        named.or_else(|| rule().and_then(|rule| Some((rule.conversion.as_ref()?, rule.why.as_deref()))))
    }

    /// Returns the reasons of everything that it keeps from being migrated.
    pub fn skip_reasons(&self) -> impl Iterator<Item = &String> {
        let tables = self.tables_matching.iter().filter_map(|rule| rule.leave_behind.as_ref());
        let columns = self.columns.iter().filter_map(|rule| rule.skip.as_ref());
        let named = self.tables.values().flat_map(|table| {
            let columns = table.columns.values().filter_map(|column| column.skip.as_ref());
            columns.chain(table.skip_indexes.values())
        });
        self.leave_behind.values().chain(tables).chain(columns).chain(named)
    }

    /// The same decisions with the rules spelt out for every table and column of `schema` that one fits. The first rule that
    /// fits counts, and what is said by name comes before it.
    pub fn resolved(&self, schema: &SourceSchema) -> Mapping {
        let mut resolved = self.clone();
        for table in &schema.tables {
            if let Some(rule) = self.tables_matching.iter().find(|rule| rule.fits(&table.name)) {
                let decided = resolved.tables.entry(table.name.clone()).or_default();
                decided.schema = decided.schema.take().or_else(|| rule.schema.clone());
                decided.faithful |= rule.faithful;
                if let Some(reason) = &rule.leave_behind {
                    resolved.leave_behind.entry(table.name.clone()).or_insert_with(|| reason.clone());
                }
            }
            for column in &table.columns {
                let fits = |rule: &&ColumnRule| rule.fits(&table.name, &column.name, &column.declared_type);
                let Some(rule) = self.columns.iter().find(fits) else { continue };
                let decided = resolved.tables.entry(table.name.clone()).or_default();
                let decided = decided.columns.entry(column.name.clone()).or_default();
                decided.conversion = decided.conversion.take().or_else(|| rule.conversion.clone());
                decided.skip = decided.skip.take().or_else(|| rule.skip.clone());
                decided.on_reject = decided.on_reject.or(rule.on_reject);
                decided.round = decided.round.or(rule.round);
                decided.empty = decided.empty.or(rule.empty);
                decided.secret |= rule.secret;
                decided.why = decided.why.take().or_else(|| rule.why.clone());
            }
        }
        resolved
    }
}

impl ColumnRule {
    /// Whether it is about a column, given its table, its name and its declared type.
    pub fn fits(&self, table: &str, column: &str, declared: &str) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| glob_fits(pattern, text))
        };
        fits(&self.table, table) && fits(&self.column, column) && fits(&self.declared, declared)
    }
}

impl TableRule {
    /// Whether it is about the table of this name.
    pub fn fits(&self, table: &str) -> bool {
        glob_fits(&self.table, table)
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any characters and `?` for one; ASCII case does not count.
pub(crate) fn glob_fits(pattern: &str, text: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
