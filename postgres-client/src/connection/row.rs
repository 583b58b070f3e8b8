//! Reads the text of a result's rows into Rust's types, and writes arrays of text as parameters.

use std::ops::Deref;

use super::Connection;
use crate::error::{Error, Result};

/// One row of an answer as text; `None` is NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(Vec<Option<String>>);

/// The rows of an answer.
pub type TextRows = Vec<Row>;

impl Row {
    pub(super) fn new(fields: Vec<Option<String>>) -> Row {
        Row(fields)
    }

    /// Reads the field at `column`, counted from 0.
    ///
    /// # Errors
    /// When there is no such column, or the field is not of this type. Neither error contains the value.
    pub fn get<T: FromText>(&self, column: usize) -> Result<T> {
        let field = self.0.get(column).and_then(|field| T::from_text(field.as_deref()));
        field.ok_or_else(|| {
            let wanted = std::any::type_name::<T>();
            Error::new(format!("column {} of PostgreSQL's answer cannot be read as {wanted}", column + 1))
        })
    }

    /// Returns the text of the field at `column`; none where it is NULL or there is no such column.
    pub fn text(&self, column: usize) -> Option<&str> {
        self.0.get(column)?.as_deref()
    }
}

impl Deref for Row {
    type Target = [Option<String>];

    fn deref(&self) -> &[Option<String>] {
        &self.0
    }
}

impl IntoIterator for Row {
    type Item = Option<String>;
    type IntoIter = std::vec::IntoIter<Option<String>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<const N: usize> TryFrom<Row> for [Option<String>; N] {
    type Error = Error;

    fn try_from(row: Row) -> Result<[Option<String>; N]> {
        let failed = |_| Error::new("PostgreSQL's answer has another number of columns than was asked for");
        row.0.try_into().map_err(failed)
    }
}

/// A type that a field's text can be read as.
pub trait FromText: Sized {
    /// Reads the text; none where it is not of this type.
    fn from_text(text: Option<&str>) -> Option<Self>;
}

macro_rules! parsed_from_text {
    ($($type:ty),+) => {$(
        impl FromText for $type {
            fn from_text(text: Option<&str>) -> Option<$type> {
                text?.parse().ok()
            }
        }
    )+};
}

parsed_from_text!(i32, i64, u64, usize, f64, String);

impl FromText for bool {
    fn from_text(text: Option<&str>) -> Option<bool> {
        match text? {
            "t" => Some(true),
            "f" => Some(false),
            _ => None,
        }
    }
}

/// An array of text, selected as JSON (`to_json(…)`).
impl FromText for Vec<String> {
    fn from_text(text: Option<&str>) -> Option<Vec<String>> {
        serde_json::from_str(text?).ok()
    }
}

impl<T: FromText> FromText for Option<T> {
    fn from_text(text: Option<&str>) -> Option<Option<T>> {
        match text {
            None => Some(None),
            text => T::from_text(text).map(Some),
        }
    }
}

/// A type that a row can be read as: a field's type for its first column, or a tuple of them.
pub trait FromRow: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// When a field is not of its type.
    fn from_row(row: &Row) -> Result<Self>;
}

impl<T: FromText> FromRow for T {
    fn from_row(row: &Row) -> Result<T> {
        row.get(0)
    }
}

macro_rules! tuple_from_row {
    ($($type:ident $column:literal),+) => {
        impl<$($type: FromText),+> FromRow for ($($type,)+) {
            fn from_row(row: &Row) -> Result<Self> {
                Ok(($(row.get::<$type>($column)?,)+))
            }
        }
    };
}

tuple_from_row!(A 0, B 1);
tuple_from_row!(A 0, B 1, C 2);
tuple_from_row!(A 0, B 1, C 2, D 3);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple_from_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);

impl Connection {
    /// Runs a statement whose rows do not matter.
    ///
    /// # Errors
    /// As [`Connection::query`].
    pub fn execute(&mut self, sql: &str, parameters: &[Option<&str>]) -> Result<()> {
        self.query(sql, parameters).map(drop)
    }

    /// Runs a query and reads all its rows.
    ///
    /// # Errors
    /// As [`Connection::query`], or when a field is not of its type.
    pub fn load<T: FromRow>(&mut self, sql: &str, parameters: &[Option<&str>]) -> Result<Vec<T>> {
        self.query(sql, parameters)?.iter().map(T::from_row).collect()
    }

    /// Runs a query and reads its first row; none where there is no row.
    ///
    /// # Errors
    /// As [`Connection::load`].
    pub fn first<T: FromRow>(&mut self, sql: &str, parameters: &[Option<&str>]) -> Result<Option<T>> {
        self.query(sql, parameters)?.first().map(T::from_row).transpose()
    }

    /// Runs a query that returns a row, and reads it.
    ///
    /// # Errors
    /// As [`Connection::load`], or when there is no row.
    pub fn one<T: FromRow>(&mut self, sql: &str, parameters: &[Option<&str>]) -> Result<T> {
        self.first(sql, parameters)?
            .ok_or_else(|| Error::new("PostgreSQL returned no row where one was expected"))
    }
}

/// Writes an array of text as a parameter; `None` is NULL.
pub fn text_array<S: AsRef<str>>(items: impl IntoIterator<Item = Option<S>>) -> String {
    let mut literal = String::from("{");
    for item in items {
        if literal.len() > 1 {
            literal.push(',');
        }
        let Some(item) = item else {
            literal.push_str("NULL");
            continue;
        };
        literal.push('"');
        for letter in item.as_ref().chars() {
            if matches!(letter, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(letter);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_what_they_are() {
        let fields = ["7", "-0.5", "t", "[\"a\",\"b c\"]"].map(|text| Some(text.to_owned()));
        let row = Row::new(fields.into_iter().chain([None]).collect());
        assert_eq!(<(i64, f64, bool)>::from_row(&row).unwrap(), (7, -0.5, true));
        assert_eq!(row.get::<Vec<String>>(3).unwrap(), ["a", "b c"]);
        assert_eq!((row.get::<Option<i64>>(0).unwrap(), row.get::<Option<i64>>(4).unwrap()), (Some(7), None));
        assert_eq!((row.text(2), row.text(4), row.text(9)), (Some("t"), None, None));
    }

    #[test]
    fn a_field_that_cannot_be_read_is_an_error_without_its_value() {
        let row = Row::new(vec![Some("canary".to_owned()), None]);
        for error in [
            row.get::<i64>(0).unwrap_err(),
            row.get::<String>(1).unwrap_err(),
            row.get::<bool>(5).unwrap_err(),
        ] {
            assert!(error.to_string().contains("cannot be read as"), "{error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn arrays_are_quoted() {
        let items = [Some("a"), None, Some(""), Some("NULL"), Some("b\"c\\d,{e}")];
        assert_eq!(text_array(items), r#"{"a",NULL,"","NULL","b\"c\\d,{e}"}"#);
        assert_eq!(text_array::<&str>([]), "{}");
    }
}
