//! What is known of a column before its type is inferred.

use crate::affinity::{Affinity, affinity};
use crate::conversion::Conversion;
use crate::profile::ColumnProfile;
use crate::reject::OnReject;
use crate::source_schema::SourceColumn;
use crate::source_sql::{Clock, DefaultMeaning, default_clock, default_meaning};
use crate::translate;

use super::declared::Kind;

/// Where a column stands, as far as that rules out types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Whether it is part of a primary key, a unique constraint or a unique index: two values must not become one.
    pub is_key: bool,
    /// Whether it is part of a foreign key: the same, and its type is that of its parent.
    pub is_foreign_key: bool,
    /// Whether any index stands on it.
    pub is_indexed: bool,
    /// Whether an index on it compares by another collation than BINARY, so that its text means more than its bytes.
    pub is_collated: bool,
    /// Whether it is another name for the rowid.
    pub is_numbered: bool,
}

/// What is known of a column.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// The type that it declares, as it is written.
    pub declared: &'a str,
    /// What that type asks for.
    pub kind: Kind,
    /// The affinity that follows from it.
    pub affinity: Affinity,
    /// The default's SQL.
    pub default: Option<&'a str>,
    /// The form in which the default stores the clock, where it is the clock.
    pub clock: Option<Clock>,
    /// What a scan saw; none where there was no data to look at.
    pub profile: Option<ColumnProfile>,
    /// Where the column stands.
    pub place: Place,
    /// What becomes of values that do not fit.
    pub on_reject: OnReject,
    /// Whether nothing is inferred.
    pub is_faithful: bool,
}

impl<'a> Facts<'a> {
    /// What `column` of `table` declares; nothing is known of its values and its place yet.
    pub fn declared(table: &'a str, column: &'a SourceColumn, is_strict: bool) -> Facts<'a> {
        // ANY in a STRICT table keeps what it is given (SQLite manual, "STRICT Tables", section 3).
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
            place: Place::default(),
            on_reject: OnReject::default(),
            is_faithful: false,
        }
    }

    /// The values that are not NULL; none where there was no data to look at.
    pub(super) fn values(&self) -> u64 {
        self.profile.map_or(0, |seen| seen.values())
    }

    /// How many values `conversion` does not take; 0 where the counts do not tell.
    pub(super) fn rejects(&self, conversion: &Conversion) -> u64 {
        self.profile.map_or(0, |seen| seen.rejects(conversion))
    }

    /// Whether a type may be inferred for a column in this place that comes from `conversion`.
    pub(super) fn admits(&self, conversion: &Conversion) -> bool {
        let Place { is_key, is_foreign_key, is_indexed, .. } = self.place;
        let is_distinct = *conversion == Conversion::TextFromAny && self.has_no_text_of_numbers();
        let may_clash = (is_key || is_foreign_key) && !conversion.is_injective() && !is_distinct;
        // PostgreSQL has no order for json (manual, section 8.14).
        let is_unordered = (is_key || is_indexed) && *conversion == Conversion::Json;
        let becomes_text = self.on_reject == OnReject::Text
            && !matches!(conversion, Conversion::Text | Conversion::TextFromAny)
            && self.rejects(conversion) > 0;
        !may_clash && !is_unordered && !becomes_text
    }

    /// Whether no text of the column is one that an integer of it could become, so that as text they stay distinct.
    fn has_no_text_of_numbers(&self) -> bool {
        self.profile.is_some_and(|seen| {
            seen.integer_texts == 0 && seen.decimal_texts == 0 && seen.reals == 0 && seen.blobs == 0
        })
    }

    /// Whether the default, where it is a plain value, is one that `conversion` takes.
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

    /// Whether the default is text, the clock's among it.
    pub(super) fn has_text_default(&self) -> bool {
        let meaning = self.default.map(default_meaning);
        matches!(meaning, Some(DefaultMeaning::Text(_) | DefaultMeaning::ClockText))
    }
}
