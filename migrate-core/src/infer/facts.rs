//! The facts about a column from which its type is inferred.

use crate::affinity::{Affinity, affinity};
use crate::conversion::Conversion;
use crate::profile::ColumnProfile;
use crate::reject::OnReject;
use crate::source_schema::SourceColumn;
use crate::source_sql::{Clock, DefaultMeaning, default_clock, default_meaning};
use crate::translate;

use super::declared::Kind;

/// The role of a column in keys and indexes, which excludes some types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnRole {
    /// Whether it is part of a primary key, a unique constraint or a unique index: two values must not become one.
    pub is_key: bool,
    /// Whether it is part of a foreign key: the same, and its type is that of its parent.
    pub is_foreign_key: bool,
    /// Whether it has an index.
    pub is_indexed: bool,
    /// Whether an index on it has a collation other than BINARY, so that more than the bytes of its text matter.
    pub is_collated: bool,
    /// Whether an index, a CHECK, a generated column or a view treats it as text.
    pub is_text: bool,
    /// Whether it is another name for the rowid.
    pub is_numbered: bool,
}

/// The facts about a column.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// Its declared type, as written.
    pub declared: &'a str,
    /// The meaning of that type.
    pub kind: Kind,
    /// The affinity of that type.
    pub affinity: Affinity,
    /// The default's SQL.
    pub default: Option<&'a str>,
    /// The form in which the default stores the clock, if it is the clock.
    pub clock: Option<Clock>,
    /// The counts of a scan; `None` if no data was scanned.
    pub profile: Option<ColumnProfile>,
    /// The role of the column.
    pub role: ColumnRole,
    /// The treatment of values that do not fit.
    pub on_reject: OnReject,
    /// Whether inference is off.
    pub is_faithful: bool,
}

impl<'a> Facts<'a> {
    /// Returns the declared facts about `column` of `table`, without its values and its role.
    pub fn declared(table: &'a str, column: &'a SourceColumn, is_strict: bool) -> Facts<'a> {
        // ANY in a STRICT table stores values unchanged (SQLite manual, "STRICT Tables", section 3).
        let keeps_all = is_strict && column.declared_type.eq_ignore_ascii_case("ANY");
        Facts {
            table,
            column: &column.name,
            declared: &column.declared_type,
            kind: Kind::of(&column.declared_type),
            affinity: if keeps_all { Affinity::Blob } else { affinity(&column.declared_type) },
            default: column.default.as_deref(),
            clock: column.default.as_deref().and_then(default_clock),
            profile: None,
            role: ColumnRole::default(),
            on_reject: OnReject::default(),
            is_faithful: false,
        }
    }

    /// Returns the number of values that are not NULL; 0 if no data was scanned.
    pub(super) fn values(&self) -> u64 {
        self.profile.map_or(0, |seen| seen.values())
    }

    /// Returns the number of values that `conversion` does not accept; 0 if the counts do not show it.
    pub(super) fn rejects(&self, conversion: &Conversion) -> u64 {
        self.profile.map_or(0, |seen| seen.rejects(conversion))
    }

    /// Whether `conversion` may be inferred for a column in this role.
    pub(super) fn admits(&self, conversion: &Conversion) -> bool {
        let ColumnRole { is_key, is_foreign_key, is_indexed, .. } = self.role;
        let is_distinct = *conversion == Conversion::TextFromAny && self.has_no_text_of_numbers();
        let may_clash = (is_key || is_foreign_key) && !conversion.is_injective() && !is_distinct;
        // PostgreSQL has no order for json (manual, section 8.14).
        let is_unordered = (is_key || is_indexed) && *conversion == Conversion::Json;
        let becomes_text = self.on_reject == OnReject::Text
            && !matches!(conversion, Conversion::Text | Conversion::TextFromAny)
            && self.rejects(conversion) > 0;
        !may_clash && !is_unordered && !becomes_text
    }

    /// Whether the column can hold the bytes of its values, all of which stay distinct where they are a key.
    pub(super) fn can_be_bytes(&self) -> bool {
        let is_of_one_class = self.profile.is_some_and(|seen| seen.texts == seen.values());
        !self.role.is_numbered && !self.role.is_foreign_key && (!self.role.is_key || is_of_one_class)
    }

    /// Whether integers and texts of the column stay distinct as text.
    fn has_no_text_of_numbers(&self) -> bool {
        self.profile.is_some_and(|seen| {
            seen.integer_texts == 0 && seen.decimal_texts == 0 && seen.reals == 0 && seen.blobs == 0
        })
    }

    /// Whether `conversion` accepts the default, if that is a plain value.
    pub(super) fn takes_default(&self, conversion: &Conversion) -> bool {
        let Some(sql) = self.default else { return true };
        let is_value = matches!(
            default_meaning(sql),
            DefaultMeaning::Integer(_)
                | DefaultMeaning::Number(_)
                | DefaultMeaning::Text(_)
                | DefaultMeaning::Blob(_)
        );
        !is_value || translate::default(sql, conversion, self.affinity).is_ok()
    }

    /// Whether the default is text, or the clock as text.
    pub(super) fn has_text_default(&self) -> bool {
        let meaning = self.default.map(default_meaning);
        matches!(meaning, Some(DefaultMeaning::Text(_) | DefaultMeaning::ClockText))
    }
}
