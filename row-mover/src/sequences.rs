//! Where the sequences of the target stand, and where they have to stand given the numbers in use on both sides.
//!
//! It reads only; `finish` sets sequences, and validation reports those that would issue a number again.

use migrate_core::conversion::PgType;
use migrate_core::finding::{NarrowColumn, Reason};
use migrate_core::identifier::{qualified_pg, quote_pg};
use migrate_core::plan::{Plan, PlannedSequence};
use migrate_core::sequence::{Advance, SequenceState, setting_sql, widening_sql};
use migrate_core::target_schema::{SequenceLink, SequenceUse};

use crate::access::explain_sequence;
use crate::error::{Context, Error, Result};
use crate::source::{SourceConnection, introspect};
use postgres_client::connection::Connection;

/// What is known of a sequence.
pub(crate) enum Standing {
    /// It does not exist.
    Missing,
    /// Where it has to stand is not known.
    NotChecked(Reason),
    /// It was compared with the numbers in use.
    Checked(Box<Checked>),
}

/// A sequence that was compared with the numbers in use.
pub(crate) struct Checked {
    /// Its definition and position.
    pub(crate) state: SequenceState,
    /// The number in use that lies furthest in its direction; none where no number is in use.
    pub(crate) furthest: Option<Furthest>,
    /// What has to be done.
    pub(crate) advance: Advance,
    /// The columns whose type does not hold its next number.
    pub(crate) narrow: Vec<NarrowColumn>,
}

/// The number in use that lies furthest in a sequence's direction.
#[derive(Clone)]
pub(crate) struct Furthest {
    /// The number.
    pub(crate) number: i64,
    /// The table, by target name.
    pub(crate) table: String,
    /// The column, by target name.
    pub(crate) column: String,
    /// Whether only SQLite has issued it.
    pub(crate) is_given_by_sqlite_alone: bool,
}

/// The integer types of a column.
const INTEGERS: [(&str, i64, i64); 3] = [
    ("smallint", i16::MIN as i64, i16::MAX as i64),
    ("integer", i32::MIN as i64, i32::MAX as i64),
    ("bigint", i64::MIN, i64::MAX),
];

/// Compares a sequence with the numbers in use in PostgreSQL and those that the source has issued.
///
/// # Errors
/// When the sequence, a column or the source cannot be read.
pub(crate) fn examine(
    source: &SourceConnection,
    target: &mut Connection,
    plan: &Plan,
    sequence: &PlannedSequence,
) -> Result<Standing> {
    if sequence.columns.is_empty() {
        return Ok(Standing::NotChecked(Reason::NoColumnKnown));
    }
    let computed = sequence.columns.iter().find(|used| used.by == SequenceLink::Computed);
    if let Some(used) = computed {
        return Ok(Standing::NotChecked(Reason::ComputedNumber { column: full_name(used) }));
    }
    let Some(state) = state(target, &sequence.name)? else { return Ok(Standing::Missing) };
    let mut furthest: Option<Furthest> = None;
    let mut types = Vec::new();
    for used in &sequence.columns {
        let type_name = match type_name(target, used)? {
            ColumnType::Number(name) => name,
            ColumnType::Other => {
                return Ok(Standing::NotChecked(Reason::NotANumber { column: full_name(used) }));
            }
            ColumnType::Missing(reason) => return Ok(Standing::NotChecked(reason)),
        };
        types.push((used, type_name.clone()));
        let in_target = furthest_in_target(target, used, &type_name, state.is_descending())?;
        let in_source = furthest_in_source(source, plan, used, state.is_descending())?;
        for (number, is_source) in [(in_target, false), (in_source, true)] {
            let is_further = |number: i64| {
                furthest.as_ref().is_none_or(|known| match state.is_descending() {
                    true => number < known.number,
                    false => number > known.number,
                })
            };
            if let Some(number) = number.filter(|number| is_further(*number)) {
                let (table, column) = (used.table.clone(), used.column.clone());
                furthest = Some(Furthest { number, table, column, is_given_by_sqlite_alone: is_source });
            }
        }
    }
    let advance = state.advance(furthest.as_ref().map(|furthest| furthest.number));
    let narrow = match (&advance, &furthest) {
        (Advance::NoRoom, Some(furthest)) => {
            // What is issued next follows the sequence's position if that lies further.
            let last = if state.is_called { state.last } else { furthest.number };
            let from = match state.is_descending() {
                true => last.min(furthest.number),
                false => last.max(furthest.number),
            };
            narrow_columns(&types, from, state.increment)
        }
        _ => Vec::new(),
    };
    Ok(Standing::Checked(Box::new(Checked { state, furthest, advance, narrow })))
}

/// Refuses a plan with sequences that have no number left behind those of the source, before anything is changed.
///
/// # Errors
/// The sequences, each with the statements that make room.
pub(crate) fn check_room(source: &SourceConnection, target: &mut Connection, plan: &Plan) -> Result<()> {
    let (mut names, mut remedies) = (Vec::new(), Vec::new());
    for sequence in plan.existing_sequences() {
        let Standing::Checked(checked) = examine(source, target, plan, &sequence)? else { continue };
        if let (Advance::NoRoom, Some(furthest)) = (checked.advance, &checked.furthest) {
            let Furthest { number, table, column, .. } = furthest;
            names.push(format!("{} (the furthest number of {table}.{column} is {number})", sequence.name));
            remedies.push(room_sql(&sequence.name, &checked.state, &checked.narrow));
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!("no free number is left in {}", names.join(", ")))
        .caused_by("the bounds of a sequence end before the number that the app would get next")
        .with_remedy_text(format!("in psql: {} then plan again and migrate", remedies.join(" "))))
}

/// The statements that give a sequence more numbers.
fn room_sql(sequence: &str, state: &SequenceState, narrow: &[NarrowColumn]) -> String {
    let columns = narrow.iter().map(NarrowColumn::widening_sql);
    columns.chain([widening_sql(sequence, state.is_descending())]).collect::<Vec<_>>().join(" ")
}

/// Sets the sequences of tables that an app made past every number that is in use, and past every one that the source has issued; never
/// backwards.
///
/// # Errors
/// When the source cannot be read or the target refuses.
pub(crate) fn set_existing(source: &SourceConnection, target: &mut Connection, plan: &Plan) -> Result<()> {
    for sequence in plan.existing_sequences() {
        let Standing::Checked(checked) = examine(source, target, plan, &sequence)? else { continue };
        // Validation reports a sequence without room.
        if let Advance::To(position) = checked.advance {
            target
                .script(&setting_sql(&sequence.name, position))
                .context(|| format!("sequence {} cannot be set", sequence.name))?;
        }
    }
    Ok(())
}

/// The table and column of a use, as people read them.
fn full_name(used: &SequenceUse) -> String {
    format!("{}.{}", used.table, used.column)
}

/// The columns whose type does not hold the number that follows.
fn narrow_columns(types: &[(&SequenceUse, String)], furthest: i64, increment: i64) -> Vec<NarrowColumn> {
    let next = i128::from(furthest) + i128::from(increment);
    let is_narrow = |type_name: &str| {
        let bounds = INTEGERS.iter().find(|(name, ..)| *name == type_name);
        bounds.is_some_and(|(_, min, max)| !(i128::from(*min)..=i128::from(*max)).contains(&next))
    };
    let narrow = types.iter().filter(|(_, type_name)| is_narrow(type_name));
    narrow
        .map(|(used, _)| NarrowColumn {
            table: qualified_pg(&used.schema, &used.table),
            column: used.column.clone(),
        })
        .collect()
}

/// The definition and position of a sequence; none where there is none.
fn state(target: &mut Connection, name: &str) -> Result<Option<SequenceState>> {
    let failed = || format!("sequence {name} cannot be read");
    let exists = "SELECT 1 FROM pg_sequence WHERE seqrelid = to_regclass($1)";
    if target.query(exists, &[Some(name)]).context(failed)?.is_empty() {
        return Ok(None);
    }
    let sql = format!(
        "SELECT q.seqincrement, q.seqmin, q.seqmax, q.seqcycle, s.last_value, s.is_called \
         FROM {name} AS s, pg_sequence AS q WHERE q.seqrelid = to_regclass($1)"
    );
    let rows = match target.query(&sql, &[Some(name)]).context(failed) {
        Err(error) => return Err(explain_sequence(name, error, target)),
        Ok(rows) => rows,
    };
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(SequenceState {
        increment: row.get(0)?,
        min: row.get(1)?,
        max: row.get(2)?,
        is_cyclic: row.get(3)?,
        last: row.get(4)?,
        is_called: row.get(5)?,
    }))
}

/// The type of a column that draws from a sequence.
enum ColumnType {
    /// A type of numbers, by name.
    Number(String),
    /// Another type.
    Other,
    /// There is no such column.
    Missing(Reason),
}

/// The type of a column beneath its domains.
fn type_name(target: &mut Connection, used: &SequenceUse) -> Result<ColumnType> {
    let sql = "WITH RECURSIVE beneath AS (SELECT a.atttypid AS type FROM pg_attribute a WHERE a.attrelid = to_regclass($1) \
               AND a.attname = $2 AND NOT a.attisdropped \
               UNION ALL SELECT t.typbasetype FROM beneath b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd') \
               SELECT format_type(b.type, NULL) FROM beneath b JOIN pg_type t ON t.oid = b.type WHERE t.typtype <> 'd'";
    let table = qualified_pg(&used.schema, &used.table);
    let failed = || format!("column {} cannot be read", full_name(used));
    let found: Option<String> = target.first(sql, &[Some(&table), Some(&used.column)]).context(failed)?;
    let is_number = |name: &String| name == "numeric" || INTEGERS.iter().any(|(other, ..)| other == name);
    Ok(match found {
        Some(name) if is_number(&name) => ColumnType::Number(name),
        Some(_) => ColumnType::Other,
        None if target.one("SELECT to_regclass($1) IS NULL", &[Some(&table)]).context(failed)? => {
            ColumnType::Missing(Reason::NumberedTableMissing { table: used.table.clone() })
        }
        None => ColumnType::Missing(Reason::NumberedColumnMissing { column: full_name(used) }),
    })
}

fn furthest_in_target(
    target: &mut Connection,
    used: &SequenceUse,
    type_name: &str,
    is_descending: bool,
) -> Result<Option<i64>> {
    let (table, column) = (qualified_pg(&used.schema, &used.table), quote_pg(&used.column));
    let function = if is_descending { "min" } else { "max" };
    // A numeric column may hold numbers that no sequence issues.
    let condition = match type_name {
        "numeric" => format!(" WHERE {column} BETWEEN {} AND {}", i64::MIN, i64::MAX),
        _ => String::new(),
    };
    target
        .one(&format!("SELECT trunc({function}({column})::numeric)::bigint FROM {table}{condition}"), &[])
        .context(|| format!("the numbers of {} cannot be read", full_name(used)))
}

/// The furthest number that the source has issued for a column.
fn furthest_in_source(
    source: &SourceConnection,
    plan: &Plan,
    used: &SequenceUse,
    is_descending: bool,
) -> Result<Option<i64>> {
    let table = plan.target_table(&used.table).filter(|table| table.schema_name() == used.schema);
    // Other values than integers are read in the target once they are converted.
    let found = table.and_then(|table| {
        let column = table.target_column(&used.column)?;
        let is_integer = matches!(column.target_type, PgType::Bigint | PgType::Integer | PgType::Smallint)
            && column.profile.is_none_or(|seen| seen.values() == seen.integers);
        is_integer.then_some((table, column))
    });
    match found {
        None => Ok(None),
        Some((table, column)) if is_descending => {
            introspect::lowest_number(source, &table.source, &column.source)
        }
        Some((table, column)) => introspect::highest_number(source, &table.source, &column.source),
    }
}
