//! Remedies for values that cannot move. Only those that would let the next run begin are offered.

use migrate_core::conversion::{Conversion, Refusal};
use migrate_core::copy_format::FieldRefusal;
use migrate_core::plan::PlannedColumn;
use migrate_core::plan::PlannedTable;
use migrate_core::reject::OnReject;
use migrate_core::value::StorageClass;

use super::rows::Value;

/// The remedies against all offenders of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remedies {
    /// To skip the rows.
    pub skip: bool,
    /// To put NULL in the place of the values.
    pub null: bool,
    /// To make the column text.
    pub text: bool,
    /// To make the column bytea.
    pub bytea: bool,
    /// To name another conversion for the column.
    pub conversion: bool,
    /// To skip the column.
    pub without_column: bool,
    /// To make the plan again: it was made for other rows.
    pub plan_again: bool,
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
        let is_text = matches!(column.conversion, Conversion::Text | Conversion::TextFromAny);
        let can_be_text = match value {
            Value::Held(value) => Conversion::TextFromAny.takes(*value),
            Value::Long(long) => long.class() == StorageClass::Text && !is_text,
            Value::Uncomputed(_) => false,
        };
        Remedies {
            skip: true,
            null: !matches!(refusal, FieldRefusal::Row { .. } | FieldRefusal::Null) && !column.not_null,
            text: is_made && is_value && can_be_text && !is_text && column.on_reject != Some(OnReject::Text),
            bytea: is_made
                && matches!(
                    refusal,
                    FieldRefusal::Value(Refusal::InvalidUtf8 { .. } | Refusal::NulInText { .. })
                )
                && !is_in_key(table, column)
                && column.on_reject != Some(OnReject::Bytea),
            conversion: is_made && is_value,
            without_column: is_made && matches!(refusal, FieldRefusal::Uncomputed { .. }),
            plan_again: is_made && matches!(refusal, FieldRefusal::Null),
        }
    }

    /// The remedies against both.
    pub fn and(self, other: Remedies) -> Remedies {
        Remedies {
            skip: self.skip && other.skip,
            null: self.null && other.null,
            text: self.text && other.text,
            bytea: self.bytea && other.bytea,
            conversion: self.conversion && other.conversion,
            without_column: self.without_column && other.without_column,
            plan_again: self.plan_again && other.plan_again,
        }
    }
}

/// Whether a key of the table has the column, whose type then is that of others, too.
fn is_in_key(table: &PlannedTable, column: &PlannedColumn) -> bool {
    let keys = table.primary_key.iter().chain(&table.unique).map(|key| &key.columns);
    let mut columns = keys.chain(table.foreign_keys.iter().map(|key| &key.columns)).flatten();
    columns.any(|name| *name == column.target)
}
