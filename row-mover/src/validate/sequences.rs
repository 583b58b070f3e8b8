//! Checks that each sequence is past every number that the source or the target has issued. The definition of a sequence is
//! compared with the rest of the schema.

use migrate_core::finding::{NotCompared, Reason, SequenceBehind, SequenceRepair, Subject};
use migrate_core::identifier::quote_pg;
use migrate_core::plan::{Plan, PlannedColumn, PlannedTable};
use migrate_core::sequence::{Advance, SequenceState};

use super::CheckResult;
use crate::access::explain_sequence;
use crate::error::{Context, Result};
use crate::sequences::{Checked, Standing, examine};
use crate::source::{SourceConnection, introspect};
use postgres_client::connection::Connection;

/// The positions of a sequence and its column.
struct Numbers {
    /// None if the highest number of all was issued: then there is no next one, neither used nor free.
    next: Option<i64>,
    highest: Option<i64>,
}

/// The sequences that would issue a used number again, as findings. A missing sequence is reported with the schema, one of an app as not
/// compared.
///
/// # Errors
/// When a table or sequence cannot be read, or the sealed copy.
pub(crate) fn sequence_problems(
    source: &SourceConnection,
    target: &mut Connection,
    plan: &Plan,
    tables: &[&PlannedTable],
) -> Result<CheckResult<SequenceBehind>> {
    let mut result = CheckResult::default();
    for sequence in plan.existing_sequences() {
        let reason = match examine(source, target, plan, &sequence)? {
            Standing::Checked(checked) => {
                result.compared += 1;
                result.differences.extend(existing_problem(&sequence.name, &checked));
                continue;
            }
            Standing::NotChecked(reason) => reason,
            Standing::Missing => Reason::SequenceMissing,
        };
        let subject = Subject::Sequence { sequence: sequence.name.clone() };
        result.not_compared.push(NotCompared { subject, reason });
    }
    let marks = introspect::Marks::read(source)?;
    for table in tables {
        let Some((column, sequence)) = table.sequence_column() else { continue };
        let Some(numbers) = numbers(target, table, column, sequence)? else { continue };
        result.compared += 1;
        let Some(next) = numbers.next else { continue };
        let given = marks.highest_number(source, &table.source, &column.source)?;
        let Some(highest) = numbers.highest.max(given).filter(|highest| *highest >= next) else { continue };
        result.differences.push(SequenceBehind {
            sequence: sequence.to_owned(),
            table: table.target.clone(),
            column: column.target.clone(),
            next: Some(next),
            highest,
            is_given_by_sqlite_alone: numbers.highest.is_none_or(|live| live < next),
            repair: None,
        });
    }
    Ok(result)
}

/// The same of a sequence that an app made, which may count in other steps than one, and downwards.
pub(crate) fn existing_problem(name: &str, checked: &Checked) -> Option<SequenceBehind> {
    let furthest = checked.furthest.as_ref()?;
    let is_descending = checked.state.is_descending();
    let repair = match checked.advance {
        Advance::Ahead => return None,
        Advance::To(position) => {
            SequenceRepair { position, widens: false, is_descending, narrow: Vec::new() }
        }
        Advance::NoRoom => {
            let (min, max) = match is_descending {
                true => (i64::MIN, checked.state.max),
                false => (checked.state.min, i64::MAX),
            };
            let wide = SequenceState { min, max, ..checked.state };
            let position = match wide.advance(Some(furthest.number)) {
                Advance::To(position) => position,
                // It is used up: it stands at its end, and only its bounds keep the next number back.
                Advance::Ahead => checked.state.last,
                Advance::NoRoom => return None,
            };
            SequenceRepair { position, widens: true, is_descending, narrow: checked.narrow.clone() }
        }
    };
    Some(SequenceBehind {
        sequence: name.to_owned(),
        table: furthest.table.clone(),
        column: furthest.column.clone(),
        next: checked.state.next(),
        highest: furthest.number,
        is_given_by_sqlite_alone: furthest.is_given_by_sqlite_alone,
        repair: Some(repair),
    })
}

fn numbers(
    target: &mut Connection,
    table: &PlannedTable,
    column: &PlannedColumn,
    sequence: &str,
) -> Result<Option<Numbers>> {
    let failed = || format!("sequence {sequence} cannot be read");
    let sql = "SELECT 1 FROM pg_class WHERE relname = $1 AND relnamespace = to_regnamespace(quote_ident($2)) AND relkind = 'S'";
    if target.query(sql, &[Some(sequence), Some(table.schema_name())]).context(failed)?.is_empty() {
        return Ok(None);
    }
    let sql = format!(
        "SELECT CASE WHEN NOT s.is_called THEN s.last_value WHEN s.last_value < 9223372036854775807 \
         THEN s.last_value + 1 END AS next, (SELECT max({}) FROM {}) AS highest FROM {} AS s",
        quote_pg(&column.target),
        table.qualified(&table.target),
        table.qualified(sequence)
    );
    let numbers = match target.first(&sql, &[]).context(failed) {
        Err(error) => return Err(explain_sequence(&table.qualified(sequence), error, target)),
        Ok(numbers) => numbers,
    };
    Ok(numbers.map(|(next, highest)| Numbers { next, highest }))
}
