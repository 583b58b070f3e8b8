//! The floor: the time that PostgreSQL alone needs for the rows, keys, indexes and constraints of a plan.
//!
//! The rows are on the server's machine as files of binary COPY before the clock starts, and the server reads them itself. The plan's
//! own two migrations run. No durability is traded for speed: tables are logged, and the server's settings are unchanged.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use migrate_core::identifier::{quote_pg, quote_pg_literal};
use postgres_client::Connection;

use super::figures::Figures;
use super::server::{BenchDatabase, Server, execute, line};
use super::statements::{PlanStatements, TableStatements};
use super::subjects::{EncodedTable, Subject, lend_to_server};

/// The settings of a session of the floor; all others are the server's.
const SESSION: &str =
    "SET maintenance_work_mem = '512MB'; SET statement_timeout = 0; SET client_min_messages = warning";

/// Refuses a server that cannot read files of this machine.
///
/// # Errors
/// When it cannot, with the remedy.
pub(crate) fn check_server_reads(server: &Server, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("probe.copy");
    fs::write(&path, "1\n").with_context(|| format!("{} cannot be written", path.display()))?;
    lend_to_server(&path, 0o644)?;
    let database = server.database()?;
    let sql = format!("CREATE TEMP TABLE probe (one integer); COPY probe FROM {}", literal(&path)?);
    execute(&mut database.connect()?, &sql).with_context(|| {
        format!(
            "the server cannot read files in {}, which the floor needs: it has to run on this machine, with a role that is \
             superuser or a member of pg_read_server_files, and its account has to reach that folder (TMPDIR names another)",
            folder.display()
        )
    })
}

/// Measures the floor once, in each of its three ways: one session, two, and overlapped.
///
/// # Errors
/// Where the server refuses a statement, or has other rows in the end.
pub(crate) fn measure(server: &Server, subject: &Subject, figures: &mut Figures) -> anyhow::Result<()> {
    let statements = super::statements::of_plan(&subject.source.plan);
    let one = apart(server, subject, &statements, 1)?;
    let two = apart(server, subject, &statements, 2)?;
    for (sessions, (rows, constraints)) in [("one", one), ("two", two)] {
        figures.add(format!("floor.rows.{sessions}"), rows);
        figures.add(format!("floor.constraints.{sessions}"), constraints);
    }
    let apart = one.0.min(two.0) + one.1.min(two.1);
    let overlapped = overlapped(server, subject, &statements)?;
    figures.add("floor.apart", apart);
    figures.add("floor.overlapped", overlapped);
    figures.add("floor.best", apart.min(overlapped));
    Ok(())
}

/// Measures the floor once, overlapped only: the way that the goals refer to.
///
/// # Errors
/// As [`measure`].
pub(crate) fn measure_overlapped(
    server: &Server,
    subject: &Subject,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let statements = super::statements::of_plan(&subject.source.plan);
    figures.add("floor.overlapped", overlapped(server, subject, &statements)?);
    Ok(())
}

/// Loads all rows and then runs everything else, with this many sessions: returns the seconds of both.
fn apart(
    server: &Server,
    subject: &Subject,
    statements: &PlanStatements,
    sessions: usize,
) -> anyhow::Result<(f64, f64)> {
    let database = server.database()?;
    let mut connections = connect(&database, sessions)?;
    // With two sessions each index build has one core; with one session it has parallel workers.
    if sessions > 1 {
        set_parallel(&mut connections, 0)?;
    }
    let create: Vec<&str> = statements.tables.iter().map(|table| table.create.as_str()).collect();
    let copies = by_size(copies(subject, sessions == 1)?);
    let constraints = statements.tables.iter().zip(&subject.tables).flat_map(|(table, encoded)| {
        table.constraints.iter().map(|sql| (encoded.encoded.bytes, vec![sql.clone()]))
    });
    let constraints = by_size(constraints.collect());
    server.checkpoint()?;

    let first = connections.first_mut().context("the floor has no session")?;
    let started = Instant::now();
    if sessions == 1 {
        // Rows that are copied into a table of the same transaction can be frozen at once.
        let all: Vec<&str> = create.into_iter().chain(copies.iter().flatten().map(String::as_str)).collect();
        in_transaction(first, &all)?;
    } else {
        in_transaction(first, &create)?;
        share(&mut connections, &copies)?;
    }
    let rows = started.elapsed().as_secs_f64();
    let started = Instant::now();
    share(&mut connections, &constraints)?;
    finish(&mut connections, statements)?;
    let took = started.elapsed().as_secs_f64();
    check_rows(&database, subject)?;
    Ok((rows, took))
}

/// Two sessions, one table after another: a table's rows, then its keys and indexes. Statements about more than one table come last.
fn overlapped(server: &Server, subject: &Subject, statements: &PlanStatements) -> anyhow::Result<f64> {
    let database = server.database()?;
    let mut connections = connect(&database, 2)?;
    set_parallel(&mut connections, 1)?;
    let tables = statements.tables.iter().zip(&subject.tables).zip(&subject.source.plan.tables);
    let work = tables.map(|((table, encoded), planned)| {
        let TableStatements { create, constraints } = table;
        let mut all = vec!["BEGIN".to_owned()];
        all.push(create.clone());
        all.extend(copies_of(planned, encoded, true)?);
        all.push("COMMIT".to_owned());
        all.extend(constraints.iter().cloned());
        // An index costs about as much as the rows do.
        Ok((encoded.encoded.bytes.saturating_mul(1 + constraints.len() as u64), all))
    });
    let work = by_size(work.collect::<anyhow::Result<Vec<_>>>()?);
    server.checkpoint()?;
    let started = Instant::now();
    share(&mut connections, &work)?;
    finish(&mut connections, statements)?;
    let took = started.elapsed().as_secs_f64();
    check_rows(&database, subject)?;
    Ok(took)
}

fn connect(database: &BenchDatabase<'_>, sessions: usize) -> anyhow::Result<Vec<Connection>> {
    (0..sessions)
        .map(|_| {
            let mut connection = database.connect()?;
            execute(&mut connection, SESSION)?;
            Ok(connection)
        })
        .collect()
}

fn set_parallel(connections: &mut [Connection], workers: u32) -> anyhow::Result<()> {
    let sql = format!("SET max_parallel_maintenance_workers = {workers}");
    connections.iter_mut().try_for_each(|connection| execute(connection, &sql))
}

/// The COPY statements of all tables, each with the bytes that it loads.
fn copies(subject: &Subject, is_frozen: bool) -> anyhow::Result<Vec<(u64, Vec<String>)>> {
    let mut all = Vec::new();
    for (planned, encoded) in subject.source.plan.tables.iter().zip(&subject.tables) {
        let copies = copies_of(planned, encoded, is_frozen)?;
        let bytes = encoded.encoded.bytes / copies.len().max(1) as u64;
        all.extend(copies.into_iter().map(|copy| (bytes, vec![copy])));
    }
    Ok(all)
}

fn copies_of(
    planned: &migrate_core::plan::PlannedTable,
    encoded: &EncodedTable,
    is_frozen: bool,
) -> anyhow::Result<Vec<String>> {
    let sent = planned.sent();
    let columns: Vec<String> = sent.columns.iter().map(|column| quote_pg(&column.target)).collect();
    let freeze = if is_frozen { ", FREEZE" } else { "" };
    let copy = |file: &std::path::PathBuf| {
        Ok(format!(
            "COPY {} ({}) FROM {} WITH (FORMAT binary{freeze})",
            planned.name_in_sql(),
            columns.join(", "),
            literal(file)?
        ))
    };
    encoded.files.iter().map(copy).collect()
}

/// The largest first, so that no session has to do the largest alone at the end.
fn by_size(mut work: Vec<(u64, Vec<String>)>) -> Vec<Vec<String>> {
    work.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    work.into_iter().map(|(_, statements)| statements).collect()
}

/// Runs all pieces of work, each session taking the next when it is done with one.
fn share(connections: &mut [Connection], work: &[Vec<String>]) -> anyhow::Result<()> {
    let queue = Mutex::new(work.iter());
    let take = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        let threads: Vec<_> = connections
            .iter_mut()
            .map(|connection| {
                scope.spawn(move || {
                    while let Some(statements) = take() {
                        statements.iter().try_for_each(|sql| execute(connection, sql))?;
                    }
                    Ok(())
                })
            })
            .collect();
        let results = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(anyhow!("a session of the floor stopped unexpectedly")))
        });
        results.fold(Ok(()), Result::and)
    })
    .context("the floor cannot be measured")
}

/// The statements after all tables, in one session and, as in the second migration, in one transaction.
fn finish(connections: &mut [Connection], statements: &PlanStatements) -> anyhow::Result<()> {
    let first = connections.first_mut().context("the floor has no session")?;
    let rest: Vec<&str> = statements.rest.iter().map(String::as_str).collect();
    in_transaction(first, &rest)
}

fn in_transaction(connection: &mut Connection, statements: &[&str]) -> anyhow::Result<()> {
    let mut all = std::iter::once("BEGIN").chain(statements.iter().copied()).chain(std::iter::once("COMMIT"));
    all.try_for_each(|sql| execute(connection, sql)).context("the floor cannot be measured")
}

/// A floor that has not loaded everything is none.
fn check_rows(database: &BenchDatabase<'_>, subject: &Subject) -> anyhow::Result<()> {
    let mut connection = database.connect()?;
    for (planned, encoded) in subject.source.plan.tables.iter().zip(&subject.tables) {
        let name = planned.name_in_sql();
        let found = line(&mut connection, &format!("SELECT count(*)::text AS line FROM {name}"))?;
        if found != encoded.encoded.rows.to_string() {
            bail!("the floor has {found} rows in table {name}, and its files have {}", encoded.encoded.rows);
        }
    }
    Ok(())
}

/// A path as a string of SQL.
fn literal(path: &Path) -> anyhow::Result<String> {
    let text = path
        .to_str()
        .ok_or_else(|| anyhow!("{} is not UTF-8: let TMPDIR name another folder", path.display()))?;
    Ok(quote_pg_literal(text))
}
