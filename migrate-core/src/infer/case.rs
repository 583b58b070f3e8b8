//! A case of a rule: a column and its conversion. The tests run all cases, and the documentation shows the first ones.

use super::facts::ColumnRole;

/// A column and its conversion.
#[derive(Debug)]
pub(super) struct Case {
    /// The declared type.
    pub(super) declared: &'static str,
    /// The column's name.
    pub(super) column: &'static str,
    /// The default's SQL; empty where there is none.
    pub(super) default: &'static str,
    /// Its values, as SQL literals; NULLs may be among them.
    pub(super) values: &'static [&'static str],
    /// The name of its conversion.
    pub(super) becomes: &'static str,
    /// The role of the column.
    pub(super) role: ColumnRole,
    /// Whether inference is off.
    pub(super) is_faithful: bool,
}

const NOWHERE: ColumnRole = ColumnRole {
    is_key: false,
    is_foreign_key: false,
    is_indexed: false,
    is_collated: false,
    is_text: false,
    is_numbered: false,
};

/// A column of this type and name with these values.
pub(super) const fn case(
    declared: &'static str,
    column: &'static str,
    values: &'static [&'static str],
    becomes: &'static str,
) -> Case {
    Case { declared, column, default: "", values, becomes, role: NOWHERE, is_faithful: false }
}

impl Case {
    /// The same with a default.
    pub(super) const fn default(self, default: &'static str) -> Case {
        Case { default, ..self }
    }

    /// The same in a key.
    pub(super) const fn in_key(self) -> Case {
        Case { role: ColumnRole { is_key: true, is_indexed: true, ..NOWHERE }, ..self }
    }

    /// The same where nothing is inferred.
    pub(super) const fn faithful(self) -> Case {
        Case { is_faithful: true, ..self }
    }

    /// The same as another name for the rowid.
    pub(super) const fn numbered(self) -> Case {
        Case { role: ColumnRole { is_key: true, is_numbered: true, ..NOWHERE }, ..self }
    }
}
