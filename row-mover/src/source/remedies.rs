//! Remedies for values that cannot move. Only those that would let the next run begin are offered.

use migrate_core::affinity::{Affinity, affinity};
use migrate_core::conversion::{Conversion, Refusal};
use migrate_core::copy_format::FieldRefusal;
use migrate_core::plan::{PlannedColumn, PlannedTable, Rounding};
use migrate_core::value::{SourceValue, StorageClass};

use super::rows::Value;

/// The remedies against all offenders of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remedies {
    /// To repair the rows in SQLite.
    pub repair: Repair,
    /// To skip the rows.
    pub skip: bool,
    /// To put NULL in the place of the values.
    pub null: bool,
    /// To make the column text.
    pub text: bool,
    /// To make the column bytea.
    pub bytea: bool,
    /// To skip the column.
    pub without_column: bool,
    /// To make the plan again: it was made for other rows.
    pub plan_again: bool,
    /// To round the values.
    pub round: Option<Rounding>,
}

/// How values are repaired in SQLite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repair {
    /// By a person, who knows the right values.
    #[default]
    ByHand,
    /// All values of a storage class have an exact counterpart in another one, which the column keeps.
    Cast {
        /// Their storage class.
        from: StorageClass,
        /// The other one.
        to: StorageClass,
    },
    /// Not at all: the column's affinity turns what the plan expects back into what it refuses.
    TurnedBack,
}

impl Repair {
    /// The repair of both.
    fn and(self, other: Repair) -> Repair {
        match (self, other) {
            _ if self == other => self,
            (Repair::TurnedBack, _) | (_, Repair::TurnedBack) => Repair::TurnedBack,
            _ => Repair::ByHand,
        }
    }

    /// The repair of one value, which has a storage class that the conversion of `column` does not accept.
    fn of(column: &PlannedColumn, value: SourceValue<'_>) -> Repair {
        let kept = affinity(&column.declared);
        let takes = |value: SourceValue<'_>| column.conversion.takes(value);
        let stays = |value: SourceValue<'_>| stored_class(kept, value) == class(value);
        let text = text_of(value);
        let counterparts: Vec<SourceValue<'_>> = counterparts(value, text.as_deref())
            .into_iter()
            .flatten()
            .filter(|value| takes(*value))
            .collect();
        if let Some(to) = counterparts.iter().find(|value| stays(**value)) {
            return Repair::Cast { from: class(value), to: class(*to) };
        }
        let probes = [
            SourceValue::Integer(1),
            SourceValue::Real(1.5),
            SourceValue::Text(b"a"),
            SourceValue::Text(b"1"),
            SourceValue::Blob(b"a"),
        ];
        let mut taken = probes.into_iter().filter(|probe| takes(*probe)).peekable();
        let is_turned_back = taken.peek().is_some() && !taken.any(stays);
        if is_turned_back || !counterparts.is_empty() { Repair::TurnedBack } else { Repair::ByHand }
    }
}

impl Remedies {
    /// None but to repair the rows.
    pub(crate) fn none() -> Remedies {
        Remedies::default()
    }

    /// To make the plan again.
    pub(super) fn plan_again() -> Remedies {
        Remedies { plan_again: true, ..Remedies::default() }
    }

    /// The remedies against one value of `column` in `table`.
    pub(super) fn of(
        table: &PlannedTable,
        column: &PlannedColumn,
        value: &Value<'_>,
        refusal: &FieldRefusal,
    ) -> Remedies {
        let is_made = table.existing.is_none();
        let is_value = matches!(refusal, FieldRefusal::Value(_));
        let can_be = |conversion: Conversion| match value {
            Value::Held(value) => conversion.takes(*value),
            Value::Long(long) => conversion == Conversion::TextFromAny && long.class() == StorageClass::Text,
            Value::Uncomputed(_) => false,
        };
        let can_change = is_made && is_value && column.generated.is_none();
        let is_damaged =
            matches!(refusal, FieldRefusal::Value(Refusal::InvalidUtf8 { .. } | Refusal::NulInText { .. }));
        let repair = match (value, refusal) {
            (Value::Held(value), FieldRefusal::Value(Refusal::StorageClass { .. })) => {
                Repair::of(column, *value)
            }
            _ => Repair::ByHand,
        };
        Remedies {
            repair,
            skip: true,
            null: !matches!(refusal, FieldRefusal::Row { .. } | FieldRefusal::Null)
                && can_be_null(table, column),
            text: can_change
                && can_be(Conversion::TextFromAny)
                && column.conversion != Conversion::TextFromAny
                && !holds_less(column, &Conversion::TextFromAny)
                && stay_distinct(table, column),
            bytea: can_change
                && (is_damaged || can_be(Conversion::ByteaFromAny))
                && column.conversion != Conversion::ByteaFromAny
                && !is_in_key(table, column),
            without_column: is_made && matches!(refusal, FieldRefusal::Uncomputed { .. }),
            plan_again: is_made && matches!(refusal, FieldRefusal::Null),
            round: match (value, refusal) {
                (Value::Held(value), FieldRefusal::Value(_)) => column.rounding_for(*value),
                _ => None,
            },
        }
    }

    /// The remedies against both.
    pub fn and(self, other: Remedies) -> Remedies {
        Remedies {
            repair: self.repair.and(other.repair),
            skip: self.skip && other.skip,
            null: self.null && other.null,
            text: self.text && other.text,
            bytea: self.bytea && other.bytea,
            without_column: self.without_column && other.without_column,
            plan_again: self.plan_again && other.plan_again,
            round: self.round.filter(|_| self.round == other.round),
        }
    }
}

/// Whether values of the column that move as planned would not by `conversion`.
fn holds_less(column: &PlannedColumn, conversion: &Conversion) -> bool {
    column.profile.as_ref().is_some_and(|seen| seen.rejects(conversion) > 0)
}

/// Whether the column takes NULL, and no rule of its table that asks for one names it.
fn can_be_null(table: &PlannedTable, column: &PlannedColumn) -> bool {
    let facts = table.existing.iter().flat_map(|existing| &existing.table.facts);
    let rules = (facts.map(|fact| fact.definition.as_str()))
        .filter(|rule| rule.starts_with("CHECK") || rule.contains("NULLS NOT DISTINCT"))
        .chain(table.checks.iter().map(|check| check.expression.as_str()));
    !column.not_null && !rules.into_iter().any(|rule| rule.contains(&column.target))
}

/// Whether a key of the table has the column, whose type then is that of others, too.
fn is_in_key(table: &PlannedTable, column: &PlannedColumn) -> bool {
    let keys = table.primary_key.iter().chain(&table.unique).map(|key| &key.columns);
    let mut columns = keys.chain(table.foreign_keys.iter().map(|key| &key.columns)).flatten();
    columns.any(|name| *name == column.target)
}

/// Whether the values stay distinct as text where they are a key: 1 and '1' do not.
fn stay_distinct(table: &PlannedTable, column: &PlannedColumn) -> bool {
    let is_distinct = column.profile.as_ref().is_some_and(|seen| {
        seen.integer_texts == 0 && seen.decimal_texts == 0 && seen.reals == 0 && seen.blobs == 0
    });
    is_distinct || !is_in_key(table, column)
}

fn class(value: SourceValue<'_>) -> StorageClass {
    match value {
        SourceValue::Null => StorageClass::Null,
        SourceValue::Integer(_) => StorageClass::Integer,
        SourceValue::Real(_) => StorageClass::Real,
        SourceValue::Text(_) => StorageClass::Text,
        SourceValue::Blob(_) => StorageClass::Blob,
    }
}

/// The storage class in which a column of this affinity stores a value (SQLite manual, "Datatypes In SQLite", section 3).
fn stored_class(kept: Affinity, value: SourceValue<'_>) -> StorageClass {
    let is_number = match value {
        SourceValue::Text(bytes) => number(bytes).is_some(),
        SourceValue::Integer(_) | SourceValue::Real(_) => true,
        SourceValue::Null | SourceValue::Blob(_) => false,
    };
    match (kept, value) {
        (Affinity::Blob, _) => class(value),
        (_, _) if !is_number => class(value),
        (Affinity::Text, _) => StorageClass::Text,
        (Affinity::Real, _) => StorageClass::Real,
        (Affinity::Integer | Affinity::Numeric, SourceValue::Text(bytes)) => {
            if number(bytes).is_some_and(is_integer) { StorageClass::Integer } else { StorageClass::Real }
        }
        (Affinity::Integer | Affinity::Numeric, SourceValue::Real(real)) if is_integer(real) => {
            StorageClass::Integer
        }
        _ => class(value),
    }
}

fn number(bytes: &[u8]) -> Option<f64> {
    let words = std::str::from_utf8(bytes).ok()?.trim();
    // Words such as `inf` are numbers in Rust alone.
    let is_plain = words.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    words.parse().ok().filter(|_| is_plain)
}

fn is_integer(real: f64) -> bool {
    /// Up to here SQLite stores a whole float as an integer.
    const WHOLE_MAX: f64 = 2_251_799_813_685_248.0;
    real.fract() == 0.0 && real.abs() < WHOLE_MAX
}

/// The text that SQLite's CAST makes of a value, where that is exact and known.
fn text_of(value: SourceValue<'_>) -> Option<Vec<u8>> {
    match value {
        SourceValue::Integer(number) => Some(number.to_string().into_bytes()),
        SourceValue::Text(bytes) | SourceValue::Blob(bytes) => Some(bytes.to_vec()),
        SourceValue::Null | SourceValue::Real(_) => None,
    }
}

/// The values of other storage classes that CAST makes of a value and that say the same.
fn counterparts<'a>(value: SourceValue<'a>, text: Option<&'a [u8]>) -> [Option<SourceValue<'a>>; 4] {
    let integer: Option<i64> = match value {
        SourceValue::Text(_) => text.and_then(|bytes| {
            let words = std::str::from_utf8(bytes).ok()?;
            words.parse::<i64>().ok().filter(|number| number.to_string() == words)
        }),
        SourceValue::Real(real) if is_integer(real) => format!("{real:.0}").parse().ok(),
        _ => None,
    };
    let bytes = text.filter(|_| matches!(value, SourceValue::Text(_)));
    let words = text.filter(|_| !matches!(value, SourceValue::Text(_)));
    let real = match value {
        SourceValue::Text(bytes) if integer.is_none() => number(bytes).map(SourceValue::Real),
        _ => None,
    };
    [integer.map(SourceValue::Integer), real, words.map(SourceValue::Text), bytes.map(SourceValue::Blob)]
}
