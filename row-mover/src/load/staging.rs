//! Decides where a chunk is loaded. A table that cannot refuse a row is loaded directly. Any other table, such as one that an app
//! created, is loaded through a temporary table without constraints: a refusal is caught inside the server, so that the row does not
//! appear in its log, and the error names the row's key.

use std::collections::BTreeMap;

use migrate_core::conversion::PgType;
use migrate_core::identifier::quote_pg;
use migrate_core::plan::{IS_EQUAL, PlannedColumn, PlannedTable, SOURCE_ROW};

use super::rows_there::RowsThere;
use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;
use crate::row_encoder::{self, RowBuffer, RowOutcome};
use crate::source::SourceConnection;
use crate::source::preflight::row_key;
use crate::source::row_range::RowRange;
use crate::source::rows::Scan;
use postgres_client::connection::Connection;
use postgres_client::guarded::Then;
use postgres_client::server_error::ServerError;

/// The temporary table, which goes with the transaction.
pub(crate) const STAGING: &str = "pg_temp.migration_staging";

/// The columns of a table with the base types of their domains, and everything about the table that may refuse a row. Types are looked up
/// one by one: each table has types of its own, so that a join would read those of all tables for each of them.
const COLUMNS_SQL: &str = "WITH RECURSIVE relation AS MATERIALIZED ( \
        SELECT c.oid, c.relkind = 'r' AND NOT c.relispartition \
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n') \
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid) \
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid) AS is_free, \
        (SELECT r.rulename FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type = '3' AND r.ev_enabled <> 'D' LIMIT 1) AS rule \
        FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)), \
    beneath AS ( \
        SELECT a.attnum, a.atttypid AS type FROM pg_catalog.pg_attribute a \
        WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped \
        UNION ALL SELECT b.attnum, t.typbasetype FROM beneath b CROSS JOIN LATERAL ( \
            SELECT t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = b.type AND t.typtype = 'd' OFFSET 0) t) \
    SELECT a.attname, t.typname, pg_catalog.format_type(b.type, -1), \
    a.atttypid = b.type AND a.atttypmod = -1 AND t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND a.attgenerated = '' \
    AND c.is_free, a.attnotnull, c.rule \
    FROM relation c CROSS JOIN beneath b CROSS JOIN LATERAL ( \
        SELECT t.typname, t.typnamespace FROM pg_catalog.pg_type t WHERE t.oid = b.type AND t.typtype <> 'd' OFFSET 0) t \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = pg_catalog.to_regclass($1) AND a.attnum = b.attnum ORDER BY a.attnum";

/// Where the rows of a chunk land.
pub(super) enum Landing {
    /// In the table itself.
    Table,
    /// In a temporary table first, from which these statements move them.
    Staging(Vec<StagedMove>),
}

/// A statement that moves rows out of the temporary table.
pub(super) struct StagedMove {
    /// The statement, with the columns of the temporary table under the name `s`.
    sql: String,
    /// Whether it ends with a condition.
    has_condition: bool,
}

impl StagedMove {
    /// The statement for the rows that meet a condition alone.
    fn only(&self, condition: &str) -> String {
        format!("{} {} {condition}", self.sql, if self.has_condition { "AND" } else { "WHERE" })
    }
}

/// A column of the target as it is now.
struct Column {
    name: String,
    type_name: String,
    cast: String,
    is_plain: bool,
    is_not_null: bool,
}

impl Landing {
    /// Decides for a table, which is kept as it is until the transaction ends, and makes the temporary one where it is needed.
    ///
    /// # Errors
    /// When the target refuses or is lost, or a rule of the table would act on the rows.
    pub(super) fn prepare(table: &PlannedTable, target: &mut Connection) -> Result<Landing> {
        let name = table.qualified(&table.target);
        target.query(&format!("LOCK TABLE {name} IN ROW EXCLUSIVE MODE"), &[])?;
        let (columns, rule) = columns(&name, target)?;
        if columns.iter().all(|column| accepts_any_value(table, column))
            && columns.len() == table.columns.len()
        {
            return Ok(Landing::Table);
        }
        if let Some(rule) = rule {
            return Err(Error::new(format!(
                "table {name} has the rule {rule} on INSERT, which would act on the rows"
            ))
            .with_remedy_value(Remedy::ResumeAfter(format!("DROP RULE {} ON {name}", quote_pg(&rule)))));
        }
        create_staging(table, target)?;
        Ok(Landing::Staging(moves(table, &columns, &name)))
    }

    /// The destination of COPY.
    pub(super) fn copied_to(&self, table: &PlannedTable) -> String {
        match self {
            Landing::Table => table.qualified(&table.target),
            Landing::Staging(_) => STAGING.to_owned(),
        }
    }

    /// Moves the rows into the table.
    ///
    /// # Errors
    /// When the table refuses a row, which is named, or the target is lost.
    pub(super) fn finish(
        &self,
        sent: &SentRows<'_>,
        target: &mut Connection,
        is_at_work: &mut dyn FnMut() -> Result<bool>,
    ) -> Result<()> {
        let Landing::Staging(moves) = self else { return Ok(()) };
        for step in moves {
            let Err(refused) = target.guarded_long(&step.sql, Then::Keep, is_at_work)? else { continue };
            let row = match is_about_a_row(&refused) {
                true => first_refused(&step.only(IS_TRIED), STAGING, target, is_at_work)?,
                false => None,
            };
            let key = match row {
                Some(row) => sent.key_of(row)?,
                None => None,
            };
            let what = key.map_or_else(
                || "rows were refused".to_owned(),
                |key| format!("the row with the key {key} was refused"),
            );
            return Err(Error::new(format!("table {}: {what}", sent.table.target)).caused_by(refused));
        }
        Ok(())
    }
}

/// The columns of a table of the target, and a rule that would act on its new rows.
fn columns(name: &str, target: &mut Connection) -> Result<(Vec<Column>, Option<String>)> {
    let (mut columns, mut rule) = (Vec::new(), None);
    for row in target.query(COLUMNS_SQL, &[Some(name)])? {
        let is_true = |field: &Option<String>| field.as_deref() == Some("t");
        let [name, type_name, cast, is_plain, is_not_null, on_insert] = &*row else { continue };
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        columns.push(Column {
            name: text(name),
            type_name: text(type_name),
            cast: text(cast),
            is_plain: is_true(is_plain),
            is_not_null: is_true(is_not_null),
        });
        rule.clone_from(on_insert);
    }
    Ok((columns, rule))
}

fn create_staging(table: &PlannedTable, target: &mut Connection) -> Result<()> {
    let staged = table
        .columns
        .iter()
        .map(|column| format!("{} {}", quote_pg(&column.target), column.target_type.sql()));
    let sql = format!(
        "SET CONSTRAINTS ALL IMMEDIATE; CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP",
        STAGING.trim_start_matches("pg_temp."),
        staged.collect::<Vec<_>>().join(", ")
    );
    target.script(&sql).map(drop)
}

/// The temporary table for rows on trial.
pub(crate) struct Staged {
    /// The statement that moves them into another table. Where it ends, a condition on the rows can follow.
    pub(crate) insert: String,
    /// The expression of each column's value with the column's type, by target name.
    pub(crate) values: BTreeMap<String, String>,
}

/// Makes the temporary table for rows of `table` that are moved into `into`, which has the same columns.
///
/// # Errors
/// When the target refuses or is lost.
pub(crate) fn stage(table: &PlannedTable, into: &str, target: &mut Connection) -> Result<Staged> {
    let (columns, _) = columns(&table.qualified(&table.target), target)?;
    create_staging(table, target)?;
    let names = table.columns.iter().map(|column| column.target.clone());
    let values = names.zip(staged_values(table, &columns)).collect();
    Ok(Staged { insert: insert_sql(table, &columns, into), values })
}

/// Whether the column accepts every value that is sent to it.
fn accepts_any_value(table: &PlannedTable, column: &Column) -> bool {
    table.target_column(&column.name).is_some_and(|planned| {
        // A column that numbers rows has no NULL in the source either.
        let has_no_null = planned.not_null || planned.sequence.is_some();
        column.is_plain
            && type_name(planned.target_type) == column.type_name
            && (has_no_null || !column.is_not_null)
    })
}

/// The statements that move rows. Where rows of the source overwrite rows that the table held, these are updated, and the others inserted.
fn moves(table: &PlannedTable, columns: &[Column], into: &str) -> Vec<StagedMove> {
    let insert = insert_sql(table, columns, into);
    let Some(existing) = table.existing.as_ref().filter(|existing| existing.merges_rows()) else {
        return vec![StagedMove { sql: insert, has_condition: false }];
    };
    let positions = table.key_positions();
    let key: Vec<(String, String)> = (positions.iter())
        .filter_map(|&position| table.columns.get(position))
        .map(|column| (quote_pg(&column.target), staged(column, columns, "s.")))
        .collect();
    if key.is_empty() {
        return vec![StagedMove { sql: insert, has_condition: false }];
    }
    let same = |one: &str, key: &[(String, String)]| {
        let pairs = key.iter().map(|(name, staged)| format!("{one}.{name} OPERATOR(pg_catalog.=) {staged}"));
        pairs.collect::<Vec<_>>().join(" AND ")
    };
    let overwritten = format!("k.{SOURCE_ROW} IS NOT NULL AND NOT k.{IS_EQUAL}");
    let saved = existing.saved_rows();
    let set = existing.merged_columns(table);
    let set =
        set.iter().map(|column| format!("{} = {}", quote_pg(&column.target), staged(column, columns, "s.")));
    let update = format!(
        "UPDATE {into} AS t SET {} FROM {STAGING} AS s, {saved} AS k WHERE {} AND {} AND {overwritten}",
        set.collect::<Vec<_>>().join(", "),
        same("t", &key),
        same("k", &key),
    );
    let insert = format!(
        "{insert} WHERE NOT EXISTS (SELECT FROM {saved} AS k WHERE {} AND {overwritten})",
        same("k", &key)
    );
    [update, insert].map(|sql| StagedMove { sql, has_condition: true }).into()
}

/// The statement that moves rows with the effect of COPY: each value is first converted to its column's type without a limit, so that the
/// limit is applied as in any assignment, and nothing is cut off.
fn insert_sql(table: &PlannedTable, columns: &[Column], into: &str) -> String {
    let names: Vec<String> = table.columns.iter().map(|column| quote_pg(&column.target)).collect();
    format!(
        "INSERT INTO {into} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {STAGING} AS s",
        names.join(", "),
        staged_values(table, columns).join(", ")
    )
}

/// The expressions of the values that were sent, each with the type of its column.
fn staged_values(table: &PlannedTable, columns: &[Column]) -> Vec<String> {
    table.columns.iter().map(|planned| staged(planned, columns, "")).collect()
}

/// The expression of a value that was sent, with the type of its column.
fn staged(planned: &PlannedColumn, columns: &[Column], qualifier: &str) -> String {
    let name = quote_pg(&planned.target);
    let there = columns.iter().find(|column| column.name == planned.target);
    match there.filter(|column| column.type_name != type_name(planned.target_type)) {
        Some(column) => format!("{qualifier}{name}::{}", column.cast),
        None => format!("{qualifier}{name}"),
    }
}

/// The name of a type in `pg_type`.
pub(crate) fn type_name(of: PgType) -> &'static str {
    match of {
        PgType::Bigint => "int8",
        PgType::Integer => "int4",
        PgType::Smallint => "int2",
        PgType::Boolean => "bool",
        PgType::DoublePrecision => "float8",
        PgType::Real => "float4",
        PgType::Numeric => "numeric",
        PgType::Text => "text",
        PgType::Bytea => "bytea",
        PgType::Json => "json",
        PgType::Jsonb => "jsonb",
        PgType::Uuid => "uuid",
        PgType::Date => "date",
        PgType::Time => "time",
        PgType::Timestamp => "timestamp",
        PgType::Timestamptz => "timestamptz",
        PgType::TextArray => "_text",
        PgType::SmallintArray => "_int2",
        PgType::IntegerArray => "_int4",
        PgType::BigintArray => "_int8",
        PgType::BooleanArray => "_bool",
        PgType::DoublePrecisionArray => "_float8",
        PgType::NumericArray => "_numeric",
        PgType::UuidArray => "_uuid",
        PgType::Inet => "inet",
        PgType::Cidr => "cidr",
        PgType::Macaddr => "macaddr",
        PgType::Macaddr8 => "macaddr8",
        PgType::Interval => "interval",
        PgType::Money => "money",
    }
}

/// Whether a row may be to blame (manual, appendix A): data, constraints, and whatever triggers raise.
pub(crate) fn is_about_a_row(refused: &ServerError) -> bool {
    let classes = ["21", "22", "23", "44", "P0"];
    refused
        .sqlstate
        .as_deref()
        .is_some_and(|sqlstate| classes.iter().any(|class| sqlstate.starts_with(class)))
}

/// The condition on the staged rows `s` with which [`first_refused`] tries some of them.
pub(crate) const IS_TRIED: &str = "s.ctid OPERATOR(pg_catalog.=) ANY ($1)";

/// The place among the rows of a temporary table of the first one that a statement is refused for once those before it are in, counted
/// from 0: halves are tried, and those that are taken stay. The statement ends with [`IS_TRIED`].
pub(crate) fn first_refused(
    statement: &str,
    temporary: &str,
    target: &mut Connection,
    is_at_work: &mut dyn FnMut() -> Result<bool>,
) -> Result<Option<u64>> {
    let some = migrate_core::identifier::quote_pg_literal(statement);
    let search = format!(
        "DECLARE places pg_catalog.tid[]; low pg_catalog.int4 := 1; high pg_catalog.int4; middle pg_catalog.int4; \
         BEGIN places := ARRAY(SELECT ctid FROM {temporary} ORDER BY ctid); high := pg_catalog.cardinality(places); \
         WHILE low OPERATOR(pg_catalog.<) high LOOP \
         middle := low OPERATOR(pg_catalog.+) ((high OPERATOR(pg_catalog.-) low) OPERATOR(pg_catalog./) 2); \
         BEGIN EXECUTE {some} USING places[low:middle]; low := middle OPERATOR(pg_catalog.+) 1; \
         EXCEPTION WHEN OTHERS THEN high := middle; END; \
         END LOOP; PERFORM pg_catalog.set_config('migration.first_refused', (low OPERATOR(pg_catalog.-) 1)::pg_catalog.text, true); END"
    );
    let script = format!("DO LANGUAGE plpgsql {}", migrate_core::identifier::quote_pg_literal(&search));
    // A search that is cut short leaves the refusal itself as it is.
    if target.guarded_long(&script, Then::Keep, is_at_work)?.is_err() {
        return Ok(None);
    }
    let answer = target.query("SELECT pg_catalog.current_setting('migration.first_refused')", &[])?;
    Ok(answer.into_iter().flatten().flatten().next().and_then(|place| place.parse().ok()))
}

/// The rows of the source that were sent.
pub(super) struct SentRows<'a> {
    pub(super) table: &'a PlannedTable,
    pub(super) range: Option<RowRange>,
    /// How many rows of the table precede them.
    pub(super) rows_before: u64,
    /// Those that were not, since the table holds them.
    pub(super) rows_there: &'a RowsThere,
    pub(super) source: &'a SourceConnection,
}

impl SentRows<'_> {
    /// The key of the row at this position, for people.
    fn key_of(&self, position: u64) -> Result<Option<String>> {
        let table = self.table;
        let failed = || format!("table {} cannot be read", table.source);
        let (mut key, mut sent, mut place, mut scratch) = (None, 0, self.rows_before, RowBuffer::default());
        Scan::of(table).within(self.range.clone()).each(self.source, &failed, &mut |row| {
            scratch.clear();
            place += 1;
            if key.is_none()
                && !self.rows_there.has(row, place)
                && matches!(
                    row_encoder::append_row(table, row, &mut scratch).context(failed)?,
                    RowOutcome::Moves | RowOutcome::Nulled(_)
                )
            {
                if sent == position {
                    key = Some(row_key(table, row.held()));
                }
                sent += 1;
            }
            Ok(())
        })?;
        Ok(key)
    }
}
