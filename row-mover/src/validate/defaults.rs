//! Compares defaults by effect: the value of each default in PostgreSQL must be that in SQLite, with the conversion undone.
//!
//! SQLite evaluates a default in an in-memory database, with a column of the same declaration. PostgreSQL evaluates the default's
//! expression in a read-only transaction, so that no row is inserted, no trigger fires and no sequence advances. Numbered and generated
//! columns are not compared here, nor are the defaults of tables that an app made.

use std::time::SystemTime;

use migrate_core::finding::{DefaultDifference, DefaultProblem, NotCompared, Reason, Subject};
use migrate_core::identifier::{quote_pg_literal, quote_sqlite};
use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::source_sql::{Clock, default_clock};
use migrate_core::value::SourceValue;
use postgres_client::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::Value;

use super::clock::{self, Skew};
use super::{CheckResult, TargetRows};
use crate::error::{Context, Error, Result};
use crate::source::{SourceConnection, scan};
use postgres_client::guarded::{self, Then};

/// How often a clock is asked again that struck between the two questions.
const CLOCK_TRIES: usize = 3;

/// The longest value that a default may have to be tried, in bytes.
const VALUE_BYTES_MAX: i32 = 1 << 20;

/// Tries the defaults of `tables`.
///
/// # Errors
/// When PostgreSQL cannot be asked at all.
pub(crate) fn defaults(
    source: &SourceConnection,
    target: &mut Connection,
    tables: &[&PlannedTable],
) -> Result<CheckResult<DefaultDifference>> {
    let mut result = CheckResult::default();
    let (mut skew, mut is_guarded) = (None, None);
    for table in tables.iter().filter(|table| table.existing.is_none()) {
        let with_default: Vec<&PlannedColumn> = (table.columns.iter())
            .filter(|column| {
                column.source_default.is_some() && column.generated.is_none() && column.sequence.is_none()
            })
            .collect();
        if with_default.is_empty() {
            continue;
        }
        let live = live_defaults(table, target)?;
        if !live.is_empty() && !can_guard(target, &mut is_guarded)? {
            let subject = Subject::DefaultsOf { table: table.source.clone() };
            result.not_compared.push(NotCompared { subject, reason: Reason::NoProceduralLanguage });
            continue;
        }
        let is_strict = is_strict(table, source)?;
        for column in with_default {
            let live = live.iter().find(|live| live.column == column.target);
            let (table, column_name) = (table.source.clone(), column.source.clone());
            let compared = match live {
                Some(live) if live.is_foreign => {
                    Outcome::Differs(DefaultProblem::CallsForeignCode { live: live.sql.clone() })
                }
                live => compare(column, is_strict, live, target, &mut skew)?,
            };
            match compared {
                Outcome::Same => result.compared += 1,
                Outcome::Differs(problem) => {
                    result.compared += 1;
                    result.differences.push(DefaultDifference { table, column: column_name, problem });
                }
                Outcome::NotCompared(reason) => {
                    let subject = Subject::Default { table, column: column_name };
                    result.not_compared.push(NotCompared { subject, reason });
                }
            }
        }
    }
    Ok(result)
}

/// Whether statements can be guarded in this database, which is asked once.
fn can_guard(target: &mut Connection, known: &mut Option<bool>) -> Result<bool> {
    match *known {
        Some(known) => Ok(known),
        None => Ok(*known.insert(guarded::missing(target)?.is_none())),
    }
}

/// The result for one default.
enum Outcome {
    Same,
    Differs(DefaultProblem),
    NotCompared(Reason),
}

/// Whether the source's table is STRICT.
fn is_strict(table: &PlannedTable, source: &SourceConnection) -> Result<bool> {
    let failed = || format!("table {} of the sealed copy cannot be read", table.source);
    let kind = source.table_kind(&table.source).context(failed)?;
    kind.map(|kind| kind.is_strict).ok_or_else(|| Error::new(failed()))
}

/// A default that a column has in PostgreSQL.
struct LiveDefault {
    column: String,
    sql: String,
    /// Whether it calls a function, or has an operator or a type, that is not PostgreSQL's own: computing it would run somebody's code
    /// as us.
    is_foreign: bool,
    /// Whether it is the clock, chance, or what else PostgreSQL computes anew for each row.
    is_volatile: bool,
    /// Whether its value is fixed: no part of it depends on anything.
    is_constant: bool,
}

impl LiveDefault {
    /// Whether it cannot be what SQLite's default is, even if both return the same value now: one is fixed, and the other follows the
    /// clock or chance.
    fn is_of_other_nature(&self, source: &SourceDefault) -> bool {
        match source.is_deterministic() {
            Some(true) => self.is_volatile,
            Some(false) => self.is_constant,
            None => false,
        }
    }
}

/// The defaults that the table has in PostgreSQL. The dependency catalog does not list PostgreSQL's own objects.
fn live_defaults(table: &PlannedTable, target: &mut Connection) -> Result<Vec<LiveDefault>> {
    let sql = format!(
        "SELECT a.attname, pg_get_expr(d.adbin, d.adrelid), EXISTS (SELECT FROM pg_depend o WHERE o.classid = 'pg_attrdef'::regclass \
         AND o.objid = d.oid AND o.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)), \
         coalesce(f.has_volatile, false) OR d.adbin::text ~ '{{SQLVALUEFUNCTION', \
         NOT coalesce(f.has_unfixed, false) AND d.adbin::text !~ '{{(SQLVALUEFUNCTION|NEXTVALUEEXPR|COERCEVIAIO)' \
         FROM pg_attrdef d \
         LEFT JOIN LATERAL (SELECT bool_or(p.provolatile <> 'i') AS has_unfixed, bool_or(p.provolatile = 'v' \
         OR p.proname IN ('now', 'transaction_timestamp', 'statement_timestamp')) AS has_volatile \
         FROM regexp_matches(d.adbin::text, ':(?:funcid|opfuncid) (\\d+)', 'g') AS called JOIN pg_proc p ON p.oid = called[1]::oid) f ON true \
         JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
         WHERE d.adrelid = to_regclass({}) AND a.attgenerated = ''",
        quote_pg_literal(&table.qualified(&table.target))
    );
    let rows = target.query(&sql, &[])?;
    Ok(rows
        .into_iter()
        .filter_map(|row| match <[Option<String>; 5]>::try_from(row) {
            Ok([Some(column), Some(sql), is_foreign, is_volatile, is_constant]) => {
                let is = |answer: Option<String>| answer.as_deref() == Some("t");
                let [is_foreign, is_volatile, is_constant] = [is_foreign, is_volatile, is_constant].map(is);
                Some(LiveDefault { column, sql, is_foreign, is_volatile, is_constant })
            }
            _ => None,
        })
        .collect())
}

fn compare(
    column: &PlannedColumn,
    is_strict: bool,
    live: Option<&LiveDefault>,
    target: &mut Connection,
    skew: &mut Option<Skew>,
) -> Result<Outcome> {
    let declared = column.source_default.as_deref().unwrap_or_default();
    let source = match SourceDefault::new(column, declared, is_strict) {
        Ok(source) => source,
        Err(error) => {
            let cause = Some(error.to_string());
            return Ok(Outcome::NotCompared(Reason::DefaultNotComputable { cause }));
        }
    };
    let Ok(before) = source.value() else {
        return Ok(Outcome::NotCompared(Reason::DefaultNotComputable { cause: None }));
    };
    if column.default.is_none() && live.is_none() && before != Value::Null {
        return Ok(Outcome::NotCompared(Reason::DefaultNotPlanned));
    }
    let is_of_other_nature = live.is_some_and(|live| live.is_of_other_nature(&source));
    let live = live.map(|live| live.sql.as_str());
    if is_of_other_nature {
        let problem = value_of(column, live, target)?.err();
        return Ok(Outcome::Differs(problem.unwrap_or_else(|| another_value(declared, live))));
    }
    if let Some(clock) = default_clock(declared) {
        return compare_clock(column, clock, &source, live, target, skew);
    }
    let found = match value_of(column, live, target)? {
        Ok(found) => found,
        Err(problem) => return Ok(Outcome::Differs(problem)),
    };
    if source.value().is_ok_and(|again| again != before) {
        return Ok(Outcome::NotCompared(Reason::NotDeterministic));
    }
    let (before, mut scratch) = (lent(&before), Vec::new());
    let is_same = match &found {
        None => before.is_null(),
        Some(wire) => {
            let decoded = column.decode(wire, &mut scratch);
            !before.is_null() && decoded.is_ok_and(|decoded| column.same(before, decoded))
        }
    };
    Ok(if is_same { Outcome::Same } else { Outcome::Differs(another_value(declared, live)) })
}

fn compare_clock(
    column: &PlannedColumn,
    clock: Clock,
    source: &SourceDefault,
    live: Option<&str>,
    target: &mut Connection,
    skew: &mut Option<Skew>,
) -> Result<Outcome> {
    if clock == Clock::LocalTimestamp {
        return Ok(Outcome::NotCompared(Reason::LocalClock));
    }
    // An app may write numbers even if the default of its column is text.
    let is_form_of_rows = source.value().is_ok_and(|now| column.encode(lent(&now), &mut Vec::new()).is_ok());
    if !is_form_of_rows {
        return Ok(Outcome::NotCompared(Reason::ClockInOtherForm));
    }
    let skew = match *skew {
        Some(known) => known,
        None => *skew.insert(measure(target)?),
    };
    if !skew.is_small() {
        return Ok(Outcome::NotCompared(Reason::ClockSkew { seconds: skew.seconds() }));
    }
    for _ in 0..CLOCK_TRIES {
        let found = match value_of(column, live, target)? {
            Ok(found) => found,
            Err(problem) => return Ok(Outcome::Differs(problem)),
        };
        let (Some(wire), Ok(now)) = (found, source.value()) else { break };
        if clock::is_same_moment(column, clock, lent(&now), &wire, skew) {
            return Ok(Outcome::Same);
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    Ok(Outcome::Differs(another_value(&source.sql, live)))
}

fn another_value(declared: &str, live: Option<&str>) -> DefaultProblem {
    let declared = declared.to_owned();
    match live {
        None => DefaultProblem::Missing { declared },
        Some(live) => DefaultProblem::OtherValue { live: live.to_owned(), declared },
    }
}

/// How far the server's clock is from ours.
fn measure(target: &mut Connection) -> Result<Skew> {
    let answer = target.query("SELECT extract(epoch FROM clock_timestamp())::float8", &[])?;
    let theirs: Option<f64> =
        answer.into_iter().flatten().flatten().next().and_then(|text| text.parse().ok());
    let ours = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs_f64());
    Ok(Skew::between(ours.unwrap_or(0.0), theirs.unwrap_or(0.0)))
}

/// The bytes of the value of a default's expression, none for NULL; or why there is none.
fn value_of(
    column: &PlannedColumn,
    live: Option<&str>,
    target: &mut Connection,
) -> Result<std::result::Result<Option<Vec<u8>>, DefaultProblem>> {
    let Some(live) = live else { return Ok(Ok(None)) };
    target.query("BEGIN READ ONLY", &[])?;
    // The expression is PostgreSQL's own output for the column's default.
    let select = format!("SELECT ({live})::{}", column.target_type);
    // It may read rows, so its errors must not reach the server's log.
    let value = match target.guarded(&select, Then::Keep)? {
        Err(refused) => Err(Error::new("a default was refused").caused_by(refused)),
        Ok(_) => TargetRows::select(&select, 1, target).and_then(|mut rows| {
            let mut value = None;
            while rows.advance()? {
                value = rows.field(0).map(<[u8]>::to_vec);
            }
            Ok(value)
        }),
    };
    let ended = target.query("ROLLBACK", &[]);
    match value {
        Err(error) if error.is_transient() => Err(error),
        Err(_) => ended.map(|_| Err(DefaultProblem::CannotBeComputed { live: live.to_owned() })),
        Ok(value) => ended.map(|_| Ok(value)),
    }
}

/// A default of SQLite, in a database of its own.
struct SourceDefault {
    connection: rusqlite::Connection,
    sql: String,
}

impl SourceDefault {
    fn new(column: &PlannedColumn, sql: &str, is_strict: bool) -> rusqlite::Result<SourceDefault> {
        let connection = rusqlite::Connection::open_in_memory()?;
        // The expression is the file's, and may make a value of any length.
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
        let name = quote_sqlite(&column.source);
        // Text in double quotes is text without parentheses and a name within them; an expression needs them.
        let forms = [format!("({sql}\n)"), sql.to_owned()];
        // In a STRICT table a type means something else: ANY keeps text that looks like a number.
        let strict = if is_strict { " STRICT" } else { "" };
        let create = |form: &String| {
            let declared = &column.declared;
            connection.execute_batch(&format!("CREATE TABLE d ({name} {declared} DEFAULT {form}){strict}"))
        };
        create(&forms[0]).or_else(|_| create(&forms[1]))?;
        Ok(SourceDefault { connection, sql: sql.to_owned() })
    }

    /// Whether it always returns the same value, as SQLite requires of a generated column: what it computes and refuses there is not
    /// deterministic. None where it computes neither. Text in double quotes is refused there for another reason, and is none here either.
    fn is_deterministic(&self) -> Option<bool> {
        let sql = &self.sql;
        let as_generated = format!(
            "DROP TABLE IF EXISTS g; CREATE TABLE g (a INTEGER, b AS ({sql}\n)); INSERT INTO g (a) VALUES (1)"
        );
        let compute = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, Value>(0));
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false).ok()?;
        if self.connection.execute_batch(&as_generated).is_ok() && compute("SELECT b FROM g").is_ok() {
            return Some(true);
        }
        compute(&format!("SELECT ({sql}\n)")).is_ok().then_some(false)
    }

    /// The current value.
    fn value(&self) -> rusqlite::Result<Value> {
        self.connection.execute_batch("DELETE FROM d; INSERT INTO d DEFAULT VALUES")?;
        self.connection.query_row("SELECT * FROM d", [], |row| row.get(0))
    }
}

fn lent(value: &Value) -> SourceValue<'_> {
    scan::value(value.into())
}
