//! Tries the rows of the source against the rules of an app's tables before anything moves: they are inserted into a temporary copy of
//! the table, in a transaction that is rolled back. All rows that are refused are found, up to a limit, and no value reaches the server's
//! log.

use std::collections::{BTreeMap, BTreeSet};

use migrate_core::copy_format;
use migrate_core::identifier::{quote_pg, quote_pg_list, quote_pg_literal};
use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::{ExistingTable, PlannedTable};

use super::app_rules::{AppRules, OuterKey, copy_kept_sql, copy_name};
use super::{seeds, trial_tables};
use crate::error::{Context, Error, Result};
use crate::load::{STAGING, Staged, stage};
use crate::observer::Observer;
use crate::row_encoder::{self, RowBuffer, RowOutcome};
use crate::source::SourceConnection;
use crate::source::preflight::{Findings, NAMED_OFFENDERS_MAX, TableFindings, row_key};
use crate::source::refused_rows::{RefusedRows, Rule};
use crate::source::row_range::RowRange;
use crate::source::rows::Scan;
use postgres_client::connection::Connection;
use postgres_client::connections::Connections;
use postgres_client::guarded::Then;
use postgres_client::server_error::ServerError;
use postgres_client::watch::check_stop;

/// How many rows of a table may be refused before its trial ends.
const REFUSED_MAX: u64 = 1000;

/// How many bytes are gathered before they are sent.
const BUFFER_BYTES: usize = 256 << 10;

/// The table for the rows that are refused, by their places among those that were sent.
const VERDICTS: &str = "pg_temp.migration_verdicts";

/// Adds to `findings` the rows that the app's tables refuse.
///
/// # Errors
/// When either side cannot be read.
pub(super) fn find(
    connections: &Connections<'_>,
    plan: &LoadPlan<'_>,
    open: &dyn Fn() -> Result<SourceConnection>,
    observer: &dyn Observer,
    findings: &mut Findings,
) -> Result<()> {
    if !plan.is_into_existing() {
        return Ok(());
    }
    let source = open()?;
    let mut target = connections.bulk()?;
    for (table, existing) in plan.existing_tables() {
        let found = findings.tables.iter_mut().find(|found| found.table == table.source);
        let Some(found) = found.filter(|found| found.rows > 0) else { continue };
        let sent = table.sent();
        let rules = AppRules::read(&mut target, &sent, existing)?;
        if rules.is_empty() {
            continue;
        }
        target.script("BEGIN")?;
        let trial = Trial { table, sent: &sent, rules: &rules, source: &source, observer };
        trial.run(existing, &mut target, found)?;
        target.script("ROLLBACK")?;
    }
    Ok(())
}

/// The rows of one table on trial.
struct Trial<'a> {
    table: &'a PlannedTable,
    /// The table without its generated columns.
    sent: &'a PlannedTable,
    rules: &'a AppRules,
    source: &'a SourceConnection,
    observer: &'a dyn Observer,
}

/// A row that was refused: its place among those of its chunk, and the rule.
type Verdict = (u64, Rule);

impl Trial<'_> {
    fn run(
        &self,
        existing: &ExistingTable,
        target: &mut Connection,
        found: &mut TableFindings,
    ) -> Result<()> {
        let has_copy = self.make_copy(existing, target)?;
        if !has_copy && self.rules.outer_keys.is_empty() {
            return Ok(());
        }
        let staged = stage(self.sent, &copy_name(), target)?;
        target.script(&format!(
            "CREATE TABLE {VERDICTS} (place pg_catalog.int8, state pg_catalog.text, of_constraint pg_catalog.text, of_column pg_catalog.text)"
        ))?;
        let mut refused = Vec::new();
        for range in found.chunks.chunks().iter().map(|chunk| chunk.range.clone()).collect::<Vec<_>>() {
            check_stop(self.observer)?;
            self.send(range.clone(), target)?;
            let verdicts = self.verdicts(&staged, has_copy, target)?;
            self.add(range, verdicts, &mut refused)?;
            let mut emptied = vec![STAGING.to_owned(), VERDICTS.to_owned()];
            if has_copy && !self.rules.compares_rows {
                emptied.push(copy_name());
            }
            target.script(&format!("TRUNCATE {}", emptied.join(", ")))?;
            if refused.iter().map(|found: &RefusedRows| found.rows).sum::<u64>() >= REFUSED_MAX {
                refused.iter_mut().for_each(|found| found.may_be_more = true);
                break;
            }
        }
        found.refused = refused;
        Ok(())
    }

    /// Makes the copy, with the rows that stay in the table where rows are judged by others; returns whether there is one. A rule that
    /// cannot be defined apart from its table is left to the load.
    fn make_copy(&self, existing: &ExistingTable, target: &mut Connection) -> Result<bool> {
        if self.rules.copy.is_empty() {
            return Ok(false);
        }
        let failed = || format!("table {}: its rows cannot be tried", self.sent.target);
        match target.guarded(&self.rules.copy.join("; "), Then::Keep)? {
            Ok(_) => {}
            Err(refused) if trial_tables::is_about_definition(&refused) => return Ok(false),
            Err(refused) => return Err(Error::new(failed()).caused_by(refused)),
        }
        if self.rules.compares_rows && existing.keeps_rows() {
            let kept = seeds::rows_to_keep(self.table, existing, self.source, target, self.observer)?;
            let copied = target.guarded(&copy_kept_sql(existing, &kept), Then::Keep)?;
            copied.map_err(|refused| Error::new(failed()).caused_by(refused))?;
        }
        Ok(true)
    }

    /// Sends the rows of a chunk that will move.
    fn send(&self, range: Option<RowRange>, target: &mut Connection) -> Result<()> {
        let failed = || format!("table {} cannot be read", self.sent.source);
        let names: Vec<String> = self.sent.columns.iter().map(|column| column.target.clone()).collect();
        let sql = format!("COPY {STAGING} ({}) FROM STDIN (FORMAT binary)", quote_pg_list(&names));
        let mut copy = target.copy_in(&sql)?;
        copy.send(copy_format::HEADER)?;
        let mut buffer = RowBuffer::default();
        Scan::of(self.sent).within(range).each(self.source, &failed, &mut |row| {
            // A row that does not move leaves nothing behind.
            row_encoder::append_row(self.sent, row, &mut buffer).context(failed)?;
            if buffer.bytes.len() >= BUFFER_BYTES || !buffer.deferred.is_empty() {
                check_stop(self.observer)?;
                buffer.send_with(row, |piece| copy.send(piece)).context(failed)??;
                buffer.clear();
            }
            Ok(())
        })?;
        copy.send(&buffer.bytes)?;
        copy.send(&copy_format::TRAILER)?;
        copy.finish()
    }

    /// Tries the rows that were sent.
    fn verdicts(&self, staged: &Staged, has_copy: bool, target: &mut Connection) -> Result<Vec<Verdict>> {
        let mut found = Vec::new();
        for key in &self.rules.outer_keys {
            let taken = target.guarded(&orphans_sql(key, staged), Then::Keep)?;
            // A value that its column does not take is refused by the copy.
            if taken.is_ok() {
                let rule = Rule::ForeignKey { name: key.name.clone(), parent: key.parent.clone() };
                found.extend(read_verdicts(target)?.into_iter().map(|(place, _)| (place, rule.clone())));
            }
            target.script(&format!("TRUNCATE {VERDICTS}"))?;
        }
        if !has_copy {
            return Ok(found);
        }
        // CHECKs may call functions of the app, which find their tables as they do for the app.
        let failed = || format!("table {}: its rows cannot be tried", self.sent.target);
        target.script("SET LOCAL search_path TO DEFAULT")?;
        let tried = target.guarded(&trial_sql(&staged.insert), Then::Keep)?;
        target.script(&format!("SET LOCAL search_path = {}", postgres_client::session::SEARCH_PATH))?;
        tried.map_err(|refused| Error::new(failed()).caused_by(refused))?;
        for (place, error) in read_verdicts(target)? {
            if !is_about_a_row(&error) {
                return Err(Error::new(failed()).caused_by(error));
            }
            found.push((place, Rule::of(&error)));
        }
        Ok(found)
    }

    /// Adds what was refused of a chunk, with the keys of the first rows.
    fn add(
        &self,
        range: Option<RowRange>,
        verdicts: Vec<Verdict>,
        refused: &mut Vec<RefusedRows>,
    ) -> Result<()> {
        let mut named: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (place, rule) in verdicts {
            let position = refused.iter().position(|found| found.rule == rule).unwrap_or_else(|| {
                refused.push(RefusedRows { rule, rows: 0, may_be_more: false, first: Vec::new() });
                refused.len() - 1
            });
            let Some(found) = refused.get_mut(position) else { continue };
            found.rows += 1;
            if found.rows <= NAMED_OFFENDERS_MAX as u64 {
                named.entry(place).or_default().push(position);
            }
        }
        if named.is_empty() {
            return Ok(());
        }
        let keys = self.keys(range, &named.keys().copied().collect())?;
        for (place, positions) in named {
            for found in positions {
                if let (Some(found), Some(key)) = (refused.get_mut(found), keys.get(&place)) {
                    found.first.push(key.clone());
                }
            }
        }
        Ok(())
    }

    /// The keys of the rows at these places among those of a chunk that move.
    fn keys(&self, range: Option<RowRange>, places: &BTreeSet<u64>) -> Result<BTreeMap<u64, String>> {
        let failed = || format!("table {} cannot be read", self.sent.source);
        let (mut keys, mut moved, mut scratch) = (BTreeMap::new(), 0, RowBuffer::default());
        Scan::of(self.sent).within(range).each(self.source, &failed, &mut |row| {
            scratch.clear();
            let outcome = row_encoder::append_row(self.sent, row, &mut scratch).context(failed)?;
            if matches!(outcome, RowOutcome::Moves | RowOutcome::Nulled(_)) {
                if places.contains(&moved) {
                    keys.insert(moved, row_key(self.sent, row.held()));
                }
                moved += 1;
            }
            Ok(())
        })?;
        Ok(keys)
    }
}

fn read_verdicts(target: &mut Connection) -> Result<Vec<(u64, ServerError)>> {
    let sql = format!("SELECT place, state, of_constraint, of_column FROM {VERDICTS} ORDER BY place");
    type Found = (u64, Option<String>, Option<String>, Option<String>);
    let rows: Vec<Found> = target.load(&sql, &[])?;
    // An empty name is none. The message may be that of a function of the app, and stays on the server.
    let name = |name: Option<String>| name.filter(|name| !name.is_empty());
    let read = |(place, state, constraint, column): Found| {
        let names = [None, name(column), name(constraint)];
        (
            place,
            ServerError {
                message: None,
                ..ServerError::caught(state.unwrap_or_default(), None, names, false)
            },
        )
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Whether a row may be to blame (manual, appendix A), and not the state of the server.
fn is_about_a_row(error: &ServerError) -> bool {
    let classes = ["20", "21", "22", "23", "2F", "38", "39", "42", "44", "54", "P0"];
    error.sqlstate.as_deref().is_some_and(|sqlstate| classes.iter().any(|class| sqlstate.starts_with(class)))
}

/// Inserts the rows that were sent into the copy, in steps that grow while rows are taken and shrink to single rows around one that is
/// refused.
fn trial_sql(insert: &str) -> String {
    let some = quote_pg_literal(&format!("{insert} WHERE ctid OPERATOR(pg_catalog.=) ANY ($1)"));
    let body = format!(
        "DECLARE places pg_catalog.tid[]; low pg_catalog.int8 := 1; step pg_catalog.int8; total pg_catalog.int8; \
         refused pg_catalog.int8 := 0; state pg_catalog.text; of_constraint pg_catalog.text; of_column pg_catalog.text; \
         BEGIN places := ARRAY(SELECT s.ctid FROM {STAGING} AS s ORDER BY s.ctid); total := pg_catalog.cardinality(places); step := total; \
         WHILE low OPERATOR(pg_catalog.<=) total AND refused OPERATOR(pg_catalog.<) {REFUSED_MAX} LOOP \
         BEGIN EXECUTE {some} USING places[low : low OPERATOR(pg_catalog.+) step OPERATOR(pg_catalog.-) 1]; \
         low := low OPERATOR(pg_catalog.+) step; step := LEAST(step OPERATOR(pg_catalog.*) 2, total); \
         EXCEPTION WHEN OTHERS THEN \
         IF step OPERATOR(pg_catalog.>) 1 THEN step := step OPERATOR(pg_catalog./) 2; ELSE \
         GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, of_constraint = CONSTRAINT_NAME, of_column = COLUMN_NAME; \
         INSERT INTO {VERDICTS} VALUES (low OPERATOR(pg_catalog.-) 1, state, of_constraint, of_column); \
         low := low OPERATOR(pg_catalog.+) 1; refused := refused OPERATOR(pg_catalog.+) 1; END IF; END; \
         END LOOP; END"
    );
    format!("DO LANGUAGE plpgsql {}", quote_pg_literal(&body))
}

/// Writes down the rows whose foreign key references no row of its parent.
fn orphans_sql(key: &OuterKey, staged: &Staged) -> String {
    let names: Vec<String> = (0..key.columns.len()).map(|number| format!("key_{number}")).collect();
    let values = key.columns.iter().zip(&names).map(|((child, _), name)| {
        format!("{} AS {name}", staged.values.get(child).cloned().unwrap_or_else(|| quote_pg(child)))
    });
    let pairs = key
        .columns
        .iter()
        .zip(&names)
        .map(|((_, parent), name)| format!("p.{} = c.{name}", quote_pg(parent)));
    let is_null =
        |word: &str| names.iter().map(|name| format!("c.{name} IS NULL")).collect::<Vec<_>>().join(word);
    let checked = match key.is_full {
        true => format!("NOT ({})", is_null(" AND ")),
        false => format!("NOT ({})", is_null(" OR ")),
    };
    format!(
        "INSERT INTO {VERDICTS} SELECT c.place, '23503' FROM (SELECT row_number() OVER (ORDER BY ctid) - 1 AS place, {} FROM {STAGING}) AS c \
         WHERE {checked} AND NOT EXISTS (SELECT FROM {} AS p WHERE {}) ORDER BY c.place LIMIT {REFUSED_MAX}",
        values.collect::<Vec<_>>().join(", "),
        key.parent,
        pairs.collect::<Vec<_>>().join(" AND ")
    )
}
