//! Views answer the same rows: each is read in both databases, the conversions of its columns are undone, and the rows are compared as
//! multisets, by sums of hashes as tables without a key are.
//!
//! Floats that a view computes may differ in their last digits by the order in which rows are added up: where rows are not the same to
//! the last bit, they have to be so to nine digits, or to eight. What tables hold is compared exactly elsewhere. A view that may answer
//! otherwise each time, or for which rows that stay behind make a difference, is left out by name.

use migrate_core::conversion::{Conversion, PgType};
use migrate_core::identifier::{quote_pg, quote_sqlite};
use migrate_core::plan::{Plan, PlannedView};
use migrate_core::value::SourceValue;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

use super::{LeftOut, TableComparison, TargetRows, Tried};
use crate::error::{Context, Error, Result};
use crate::source::integrity_check::first_disagreeing;
use crate::source::{SourceConnection, scan};
use crate::target::bulk::BulkConnection;
use crate::target::guarded;

/// How long SQLite may take for one view, which has none of the plan's indexes to help it.
const VIEW_MAX: Duration = Duration::from_secs(60);

/// How many instructions SQLite runs between two looks at the clock.
const STEPS_BETWEEN_LOOKS: i32 = 1_000_000;

/// How exactly rows are the same, from the most exact on.
const PRECISIONS: [Precision; 3] = [Precision::Exact, Precision::Digits(9), Precision::Digits(8)];

/// How exactly numbers are compared.
#[derive(Clone, Copy)]
enum Precision {
    Exact,
    Digits(usize),
}

/// Compares the plan's views, given what the tables hold.
///
/// # Errors
/// When either side cannot be read at all.
pub(crate) fn views(
    source: &SourceConnection,
    target: &mut BulkConnection,
    plan: &Plan,
    tables: &[TableComparison],
) -> Result<Tried> {
    let mut tried = Tried::default();
    if plan.views.is_empty() {
        return Ok(tried);
    }
    let failed = || "the views of the sealed copy cannot be read".to_owned();
    source.connection().set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, true).context(failed)?;
    let unsteady = unsteady(&plan.views);
    let missing = guarded::missing(target)?;
    for view in &plan.views {
        let reason = why_not(view, plan, tables, &unsteady).or(missing.map(str::to_owned));
        let compared = match reason {
            Some(reason) => Outcome::NotTried(reason),
            None => compare(view, plan, source.connection(), target)?,
        };
        let compared = match compared {
            Outcome::Differs(how) => blame(view, plan, source, how)?,
            compared => compared,
        };
        match compared {
            Outcome::Same => tried.tried += 1,
            Outcome::Differs(how) => {
                tried.tried += 1;
                tried.problems.push(format!("view {}: {how}", view.source));
            }
            Outcome::NotTried(reason) => {
                tried.left_out.push(LeftOut { what: format!("view {}", view.source), reason });
            }
        }
    }
    Ok(tried)
}

/// What came of one view.
enum Outcome {
    Same,
    Differs(String),
    NotTried(String),
}

/// Why a view is not compared; none where it is.
fn why_not(view: &PlannedView, plan: &Plan, tables: &[TableComparison], unsteady: &[&str]) -> Option<String> {
    let has_lost = |table: &TableComparison| table.rejected + table.nulled > 0;
    let keeps_others =
        plan.tables.iter().any(|table| table.existing.as_ref().is_some_and(|one| one.keeps_rows()));
    let reason = if view.conversions.len() != view.columns.len() {
        "its plan is one of an older version, which does not say how its columns are taken back"
    } else if unsteady.contains(&view.source.as_str()) {
        "it answers otherwise each time: it asks the clock or for chance"
    } else if tables.len() < plan.tables.len() || keeps_others {
        "the tables of the two databases do not hold the same rows, as it was asked for"
    } else if tables.iter().any(has_lost) {
        "rows stayed behind or lost values by the plan's policy"
    } else if !tables.iter().all(TableComparison::is_equal) {
        "rows of tables differ already"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

/// Whose fault it is that a view differs. Tables are read without their indexes, but SQLite answers a view through them: one that does
/// not agree with its table makes SQLite's answer the wrong one.
fn blame(view: &PlannedView, plan: &Plan, source: &SourceConnection, how: String) -> Result<Outcome> {
    let tables = tables_of(view, plan);
    Ok(match first_disagreeing(source, tables)? {
        Some(table) => Outcome::NotTried(format!(
            "{how}; but an index of table {table} in the sealed copy is damaged, through which SQLite may have read it"
        )),
        None => Outcome::Differs(how),
    })
}

/// The tables that a view may read, by itself or through other views: all whose names are in its SQL.
fn tables_of<'a>(view: &PlannedView, plan: &'a Plan) -> Vec<&'a str> {
    let is_named = |sql: &str, name: &str| sql.contains(&name.to_lowercase());
    let mut sql = view.source_sql.to_lowercase();
    // Each comes after those that it reads.
    for other in plan.views.iter().rev() {
        if other.source != view.source && is_named(&sql, &other.source) {
            sql.push_str(&other.source_sql.to_lowercase());
        }
    }
    plan.tables.iter().map(|table| table.source.as_str()).filter(|table| is_named(&sql, table)).collect()
}

/// The views that may answer otherwise each time, and those that read them.
fn unsteady(views: &[PlannedView]) -> Vec<&str> {
    const WORDS: [&str; 6] =
        ["now()", "current_", "clock_timestamp", "statement_timestamp", "random", "gen_random"];
    let mut found: Vec<&str> = Vec::new();
    // Each comes after those that it reads.
    for view in views {
        let query = view.query.to_lowercase();
        let reads = |name: &&str| view.source_sql.to_lowercase().contains(&name.to_lowercase());
        if WORDS.iter().any(|word| query.contains(word)) || found.iter().any(reads) {
            found.push(&view.source);
        }
    }
    found
}

/// Whether rows that an order takes for equal may come in any order, and that shows in what the view answers.
fn depends_on_ties(view: &PlannedView) -> bool {
    const WORDS: [&str; 8] =
        ["limit", "row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"];
    let sql = view.source_sql.to_lowercase();
    WORDS.iter().any(|word| sql.contains(word))
}

fn compare(
    view: &PlannedView,
    plan: &Plan,
    source: &Connection,
    target: &mut BulkConnection,
) -> Result<Outcome> {
    let mut ours = match source_sums(view, source) {
        Ok(sums) => sums,
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            return Ok(Outcome::NotTried(format!(
                "SQLite takes more than {} seconds for it",
                VIEW_MAX.as_secs()
            )));
        }
        Err(error) => return Ok(Outcome::NotTried(format!("SQLite by itself cannot read it: {error}"))),
    };
    let theirs = match target_sums(view, plan, target) {
        Ok(sums) => sums,
        Err(error) if error.is_passing() => return Err(error),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            return Ok(Outcome::Differs(format!("PostgreSQL cannot read it: {}", cause.unwrap_or_default())));
        }
    };
    if ours.rows != theirs.rows {
        return Ok(differs(view, format!("SQLite answers {} rows, PostgreSQL {}", ours.rows, theirs.rows)));
    }
    ours.sums.iter_mut().zip(theirs.sums).for_each(|(ours, theirs)| *ours = ours.wrapping_sub(theirs));
    Ok(if ours.sums.contains(&0) {
        Outcome::Same
    } else {
        differs(view, format!("the {} rows that it answers are not the same", ours.rows))
    })
}

fn differs(view: &PlannedView, how: String) -> Outcome {
    if depends_on_ties(view) {
        return Outcome::NotTried(format!(
            "{how}; but rows that its order takes for equal may come in any order, and it shows which come first"
        ));
    }
    Outcome::Differs(how)
}

/// The sums of the hashes of all rows, one for each precision.
#[derive(Default)]
struct Sums {
    rows: u64,
    sums: [u128; PRECISIONS.len()],
}

impl Sums {
    /// Adds a row whose values `value` gives by place.
    fn add(&mut self, conversions: &[Conversion], value: &dyn Fn(usize, &mut Vec<u8>, Precision)) {
        self.rows += 1;
        let mut bytes = Vec::new();
        for (sum, precision) in self.sums.iter_mut().zip(PRECISIONS) {
            bytes.clear();
            for place in 0..conversions.len() {
                let from = bytes.len();
                value(place, &mut bytes, precision);
                // The length behind each keeps one value from running into the next.
                let length = (bytes.len() - from) as u64;
                bytes.extend_from_slice(&length.to_be_bytes());
            }
            let digest = Sha256::digest(&bytes);
            let mut half = [0; 16];
            half.copy_from_slice(&digest[..16]);
            *sum = sum.wrapping_add(u128::from_be_bytes(half));
        }
    }
}

fn source_sums(view: &PlannedView, source: &Connection) -> rusqlite::Result<Sums> {
    let until = Instant::now() + VIEW_MAX;
    source.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || Instant::now() > until))?;
    let sums = read_source(view, source);
    let off: Option<fn() -> bool> = None;
    source.progress_handler(0, off)?;
    sums
}

fn read_source(view: &PlannedView, source: &Connection) -> rusqlite::Result<Sums> {
    let mut statement = source.prepare(&format!("SELECT * FROM {}", quote_sqlite(&view.source)))?;
    let mut sums = Sums::default();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        sums.add(&view.conversions, &|place, out, precision| match (
            row.get_ref(place),
            view.conversions.get(place),
        ) {
            (Ok(value), Some(conversion)) => append(conversion, scan::value(value), precision, out),
            _ => out.push(UNREADABLE),
        });
    }
    Ok(sums)
}

fn target_sums(view: &PlannedView, plan: &Plan, target: &mut BulkConnection) -> Result<Sums> {
    let columns: Vec<String> = view.columns.iter().map(|name| quote_pg(name)).collect();
    let select = format!(
        "SELECT {} FROM {}.{}",
        columns.join(", "),
        quote_pg(&plan.target_schema),
        quote_pg(&view.target)
    );
    // What it computes may fail for a row, with the row's value in the message: first inside the server, where that is caught, then for
    // good on the same snapshot.
    target.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", &[])?;
    let sums = match target.read_through(&select)? {
        Ok(_) => read_target(view, &select, target),
        Err(refused) => Err(Error::new("a view was refused").because(refused)),
    };
    target.query("ROLLBACK", &[])?;
    sums
}

fn read_target(view: &PlannedView, select: &str, target: &mut BulkConnection) -> Result<Sums> {
    let mut sums = Sums::default();
    let mut rows = TargetRows::select(select, view.columns.len(), target)?;
    while rows.advance()? {
        sums.add(&view.conversions, &|place, out, precision| {
            let Some(conversion) = view.conversions.get(place) else { return out.push(UNREADABLE) };
            let mut scratch = Vec::new();
            match rows.field(place).map(|wire| conversion.decode(wire, &mut scratch)) {
                None => append(conversion, SourceValue::Null, precision, out),
                Some(Ok(value)) => append(conversion, value, precision, out),
                Some(Err(_)) => out.push(UNREADABLE),
            }
        });
    }
    Ok(sums)
}

/// What is written for a value that is none of its column's.
const UNREADABLE: u8 = 9;

/// Appends a value in a form in which equal values have equal bytes.
fn append(conversion: &Conversion, value: SourceValue<'_>, precision: Precision, out: &mut Vec<u8>) {
    let is_number =
        matches!(conversion.target_type(), PgType::DoublePrecision | PgType::Real | PgType::Numeric);
    let is_document = matches!(conversion.target_type(), PgType::Json | PgType::Jsonb);
    match (value, precision) {
        (SourceValue::Null, _) => out.push(0),
        (value, _) if is_document && !is_nested(value) => append_scalar(value, out),
        (value, Precision::Digits(digits)) if is_number => {
            out.push(2);
            out.extend_from_slice(rounded(value, digits).as_bytes());
        }
        (value, _) => {
            let from = out.len();
            out.push(1);
            if conversion.canonical(value, out).is_err() {
                // No value of the column's: it is itself, whatever the other side has.
                out.truncate(from);
                out.push(3);
                out.extend_from_slice(format!("{value:?}").as_bytes());
            }
        }
    }
}

/// Whether a value is an object or an array of JSON.
fn is_nested(value: SourceValue<'_>) -> bool {
    match value {
        SourceValue::Text(text) => matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')),
        _ => false,
    }
}

/// Appends a scalar of JSON. What SQLite takes out of a document is a number, 0 or 1 for a truth value, or text without quotes; in
/// PostgreSQL it is JSON still, and which of the two a column holds does not show. So quotes and classes are not told apart here.
fn append_scalar(value: SourceValue<'_>, out: &mut Vec<u8>) {
    let text = match value {
        SourceValue::Text(text) | SourceValue::Blob(text) => String::from_utf8_lossy(text).trim().to_owned(),
        SourceValue::Integer(integer) => integer.to_string(),
        SourceValue::Real(real) => real.to_string(),
        SourceValue::Null => "null".to_owned(),
    };
    let text = serde_json::from_str::<String>(&text).unwrap_or(text);
    let text = match text.as_str() {
        "null" => return out.push(0),
        "true" => "1",
        "false" => "0",
        text => text,
    };
    out.push(4);
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let number = number.map(|number| rounded(SourceValue::Real(number), 15));
    out.extend_from_slice(number.as_deref().unwrap_or(text).as_bytes());
}

/// A number to so many digits.
fn rounded(value: SourceValue<'_>, digits: usize) -> String {
    let number = match value {
        SourceValue::Integer(integer) => integer as f64,
        SourceValue::Real(real) => real,
        SourceValue::Text(text) | SourceValue::Blob(text) => {
            match std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
                Some(number) => number,
                None => return String::from_utf8_lossy(text).into_owned(),
            }
        }
        SourceValue::Null => return String::new(),
    };
    // Without the sign of a negative zero.
    format!("{:.*e}", digits.saturating_sub(1), number + 0.0)
}
