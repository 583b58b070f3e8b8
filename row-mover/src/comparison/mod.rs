//! Compares a SQLite database with a PostgreSQL database that any tool may have filled, where no ledger says how.
//!
//! It seals a copy, reads the target's own schema, matches tables and columns by their names, and compares every value by the target's
//! types. Nothing is written to the target: each session is read-only, and rows are read in one snapshot.

mod cells;
mod column_sums;
mod counts;
mod group;
mod key_forms;
mod keys;
mod leftovers;
mod merge;
mod settled_forms;
mod source_copy;
mod structure;
mod work;

use std::path::Path;
use std::time::Instant;

use migrate_core::comparison::structure::Structure;
use migrate_core::comparison::{ComparedTable, Comparison, Gap, Match, match_tables};
use migrate_core::mapping::{MAPPING_FORMAT, Mapping};
use migrate_core::phase::Phase;
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::planner;
use migrate_core::source_schema::SourceSchema;
use migrate_core::target_schema::TargetSchema;
use postgres_client::budget::Budget;
use postgres_client::connection::Connection;
use postgres_client::connections::Connections;
use postgres_client::lock_watch::watching_locks;
use postgres_client::{DbSettings, TargetUrl};

use crate::access::cannot_compare;
use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::run::open_checked;
use crate::source::introspect;
use crate::source::profile::profile_by_workers;
use crate::target::introspect::introspect_declared;
use crate::validate::CompareOptions;
use crate::watched::watched;
use source_copy::SourceCopy;
use structure::views::Rows;
use work::{Openers, compare_tables, pairing_columns};

pub use structure::compare_structure;

/// The parameters of a comparison.
pub struct ComparisonRequest<'a> {
    /// The SQLite file.
    pub source: ComparisonSource<'a>,
    /// The target.
    pub target: TargetUrl,
    /// Pool sizes and timeouts.
    pub settings: DbSettings,
    /// Decisions of a person: names on the other side, what is left behind, schemas. May be empty.
    pub mapping: Mapping,
    /// How rows are compared.
    pub options: CompareOptions,
}

/// The SQLite file of a comparison.
#[derive(Clone, Copy, Debug)]
pub enum ComparisonSource<'a> {
    /// A file that an app may be writing. A copy is sealed in a temporary folder, which is removed afterwards.
    Live(&'a Path),
    /// A sealed copy, which nobody writes to.
    Sealed(&'a Path),
}

/// What was compared.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The result.
    pub comparison: Comparison,
    /// What the source declares and the target has: [`compare_structure`], by a session of the target that is in no transaction.
    pub structure: Structure,
    /// The match of tables and columns: a plan of which nothing is executed.
    pub plan: Plan,
    /// The source's schema.
    pub source: SourceSchema,
    /// The target's schema.
    pub target: TargetSchema,
}

/// Compares both databases.
///
/// # Errors
/// When either side cannot be read, or no table of the source has a counterpart.
pub fn compare(request: &ComparisonRequest<'_>, observer: &dyn Observer) -> Result<Compared> {
    watched(observer, |observer| {
        let mut holder = open_checked(&request.target, &request.settings)?;
        let budget = Budget::settle(&mut holder, request.options.workers, &request.target, observer)?;
        let work = || compare_within(request, holder, budget, observer);
        // The watch uses a connection, which a worker may need.
        if budget.has_one_to_spare() {
            watching_locks(&request.target, &request.settings, work)
        } else {
            work().map_err(Error::with_lock_remedy)
        }
    })
}

fn compare_within(
    request: &ComparisonRequest<'_>,
    mut holder: Connection,
    budget: Budget,
    observer: &dyn Observer,
) -> Result<Compared> {
    let started = Instant::now();
    let connections = Connections::new(&request.target, &request.settings, budget)?;
    make_read_only(&mut holder)?;
    let mapping = Mapping { format: MAPPING_FORMAT, into_existing: true, ..request.mapping.clone() };
    let schema = introspect_declared(&mut holder, &mapping)?;
    let copy = SourceCopy::of(request.source, observer)?;
    let workers = request.options.workers.min(budget.workers).max(1);
    let (source, matched) = match_source(&copy, &mapping, &schema, workers, observer)?;
    observer.phase_started(Phase::Validate);
    let open_source = || Ok(copy.open()?.stopped_by(observer.stop_flag()));
    let open_target = || {
        let mut target = connections.bulk()?;
        make_read_only(&mut target)?;
        Ok(target)
    };
    let openers = Openers { source: &open_source, target: &open_target };
    let options = CompareOptions { workers, read_only: true, ..request.options };
    let mut plan = matched.plan;
    let source_copy = open_source()?;
    for table in &mut plan.tables {
        let positions = pairing_columns(table);
        key_forms::settle(table, &positions, &source_copy, &mut holder, observer)
            .map_err(|error| cannot_compare(table, error, &mut holder))?;
    }
    let tables: Vec<PlannedTable> =
        plan.tables.iter().filter(|table| !table.columns.is_empty()).cloned().collect();
    let tables = compare_tables(&tables, options, &openers, &mut holder, observer)?;
    let mut structure = structure::compare(&source_copy, &mut holder, (&source, &schema), &plan)?;
    let rows = Rows {
        are_equal: tables.iter().all(ComparedTable::is_equal) && !matched.gaps.iter().any(Gap::is_difference),
        have_forms: tables.iter().any(|table| table.in_another_form > 0),
    };
    structure::views::compare(&mut structure, rows, &openers, request.settings.views_timeout, observer)?;
    let took = started.elapsed();
    observer.phase_finished(Phase::Validate, took);
    let comparison = Comparison {
        sealed: copy.facts(),
        schemas: schema.schemas.clone(),
        tables,
        gaps: matched.gaps,
        seconds: took.as_secs_f64(),
    };
    Ok(Compared { comparison, structure: structure.structure, plan, source, target: schema })
}

/// Makes the server refuse every write of a session.
fn make_read_only(target: &mut Connection) -> Result<()> {
    target.script("SET default_transaction_read_only = on").map(drop)
}

/// Reads the source's schema, scans its values, and matches it with the target.
fn match_source(
    copy: &SourceCopy,
    mapping: &Mapping,
    target: &TargetSchema,
    workers: usize,
    observer: &dyn Observer,
) -> Result<(SourceSchema, Match)> {
    let source = copy.open()?.stopped_by(observer.stop_flag());
    let schema = introspect::introspect(&source)?;
    let trials = planner::trials(&schema, mapping, Some(target));
    let mut scanned = schema.clone();
    let resolved = mapping.resolved(&schema);
    scanned.tables.retain(|table| !resolved.leave_behind.contains_key(&table.name));
    let open = || Ok(copy.open()?.stopped_by(observer.stop_flag()));
    let profile = profile_by_workers(&scanned, &trials, workers, &open, &|rows| observer.rows_scanned(rows))?;
    let matched = match_tables(&schema, &profile, mapping, target)
        .context(|| "the tables of both databases cannot be matched".to_owned())?;
    Ok((schema, matched))
}
