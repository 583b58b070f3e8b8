//! Checks that each sequence is past every number that the source or the target has issued. The definition of a sequence is
//! compared with the rest of the schema.

use migrate_core::finding::SequenceBehind;
use migrate_core::identifier::quote_pg;
use migrate_core::plan::{PlannedColumn, PlannedTable};

use crate::error::{Context, Result};
use crate::finish::{ExistingSequence, existing_sequences};
use crate::source::{SourceConnection, introspect};
use postgres_client::connection::Connection;

/// The positions of a sequence and its column.
struct Numbers {
    /// None if the highest number of all was issued: then there is no next one, neither used nor free.
    next: Option<i64>,
    highest: Option<i64>,
}

/// The sequences that would issue a used number again, as findings. A missing sequence is reported with the schema.
///
/// # Errors
/// When a table or sequence cannot be read, or the sealed copy.
pub(crate) fn sequence_problems(
    source: &SourceConnection,
    target: &mut Connection,
    tables: &[&PlannedTable],
) -> Result<Vec<SequenceBehind>> {
    let mut problems = Vec::new();
    for table in tables {
        for numbered in existing_sequences(table) {
            problems.extend(existing_problem(source, target, &numbered)?);
        }
        let Some((column, sequence)) = table.sequence_column() else { continue };
        let Some(numbers) = numbers(target, table, column, sequence)? else { continue };
        let Some(next) = numbers.next else { continue };
        let given = introspect::highest_number(source, &table.source, &column.source)?;
        let Some(highest) = numbers.highest.max(given).filter(|highest| *highest >= next) else { continue };
        problems.push(SequenceBehind {
            sequence: sequence.to_owned(),
            table: table.target.clone(),
            column: column.target.clone(),
            next,
            highest,
            is_given_by_sqlite_alone: numbers.highest.is_none_or(|live| live < next),
        });
    }
    Ok(problems)
}

/// The same of a sequence that an app made, and that may count in other steps than one.
fn existing_problem(
    source: &SourceConnection,
    target: &mut Connection,
    numbered: &ExistingSequence<'_>,
) -> Result<Option<SequenceBehind>> {
    let ExistingSequence { table, column, sequence } = numbered;
    let name = quote_pg(&column.name);
    let sql = format!(
        "SELECT CASE WHEN NOT s.is_called THEN s.last_value WHEN s.last_value <= 9223372036854775807 - q.seqincrement \
         THEN s.last_value + q.seqincrement END AS next, (SELECT max({name})::bigint FROM {}) AS highest \
         FROM {sequence} AS s, pg_sequence AS q WHERE q.seqrelid = to_regclass($1) AND q.seqincrement > 0",
        table.name_in_sql()
    );
    let numbers: Option<(Option<i64>, Option<i64>)> =
        target.first(&sql, &[Some(sequence)]).context(|| format!("sequence {sequence} cannot be read"))?;
    let Some((Some(next), highest)) = numbers else { return Ok(None) };
    let is_given_by_sqlite_alone = highest.is_none_or(|live| live < next);
    let highest = highest.max(numbered.highest_source_number(source)?).filter(|highest| *highest >= next);
    Ok(highest.map(|highest| SequenceBehind {
        sequence: sequence.clone(),
        table: table.target.clone(),
        column: column.name.clone(),
        next,
        highest,
        is_given_by_sqlite_alone,
    }))
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
    let numbers = target.first(&sql, &[]).context(failed)?;
    Ok(numbers.map(|(next, highest)| Numbers { next, highest }))
}
