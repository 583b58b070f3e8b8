//! The operator classes of an index's keys, by column.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::operator_class::OperatorClass;

/// The operator classes of an index's keys: by column, or by expression, as the source spells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnClasses(BTreeMap<String, OperatorClass>);

impl ColumnClasses {
    /// The columns and expressions that it names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The class for a column.
    pub fn of_column(&self, column: &str) -> Option<&OperatorClass> {
        self.0.get(column)
    }

    /// The class for an expression. White space outside quotation marks does not count.
    pub fn of_expression(&self, sql: &str) -> Option<&OperatorClass> {
        let same = self.0.iter().find(|(named, _)| is_same_expression(named, sql));
        same.map(|(_, class)| class)
    }

    /// The first that is none of these columns and expressions.
    pub(crate) fn unknown(&self, columns: &[&str], expressions: &[&str]) -> Option<&str> {
        let is_known = |name: &str| {
            columns.contains(&name) || expressions.iter().any(|sql| is_same_expression(name, sql))
        };
        self.columns().find(|name| !is_known(name))
    }
}

/// Whether two spellings of an expression differ at most in white space outside quotation marks.
fn is_same_expression(one: &str, other: &str) -> bool {
    significant_letters(one).eq(significant_letters(other))
}

/// The letters of an expression without the white space outside quotation marks.
fn significant_letters(sql: &str) -> impl Iterator<Item = char> {
    let mut closing = None;
    sql.chars().filter(move |letter| {
        let is_quoted = closing.is_some();
        closing = match (closing, letter) {
            // A doubled mark ends a quotation and begins the next one.
            (Some(mark), letter) if mark == *letter => None,
            (None, '\'' | '"' | '`') => Some(*letter),
            (None, '[') => Some(']'),
            (closing, _) => closing,
        };
        is_quoted || !letter.is_whitespace()
    })
}

impl<'de> Deserialize<'de> for ColumnClasses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ColumnClasses, D::Error> {
        deserializer.deserialize_map(Classes)
    }
}

struct Classes;

impl<'de> Visitor<'de> for Classes {
    type Value = ColumnClasses;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("operator classes by column, such as { payload = \"jsonb_path_ops\" }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ColumnClasses, A::Error> {
        let mut classes = BTreeMap::new();
        while let Some((column, class)) = map.next_entry()? {
            classes.insert(column, class);
        }
        Ok(ColumnClasses(classes))
    }
}

#[cfg(test)]
mod tests {
    use super::is_same_expression;

    #[test]
    fn white_space_counts_between_quotation_marks_only() {
        for (one, other, expected) in [
            ("lower ( name )", "lower(name)", true),
            ("a || ' '", "a||' '", true),
            ("a || ' '", "a || ''", false),
            ("a || 'x y'", "a || 'xy'", false),
            ("a || 'it''s ' || b", "a||'it''s '||b", true),
            ("a || 'it''s ' || b", "a || 'it''s' || b", false),
            ("lower(\"a b\")", "lower( \"a b\" )", true),
            ("lower(\"a b\")", "lower(\"ab\")", false),
            ("lower(`a b`)", "lower(`ab`)", false),
            ("lower([a b])", "lower([ab])", false),
            ("lower([a\"b]) || c", "lower([a\"b])||c", true),
        ] {
            assert_eq!(is_same_expression(one, other), expected, "{one} {other}");
        }
    }
}
