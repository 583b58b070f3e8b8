//! The preflight phase: finds every problem that can be known before anything is changed.

use std::path::Path;

use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::PlannedTable;
use migrate_core::schema_diff;

use super::{
    Request, app_rules_trial, baseline, existing, operator_classes, owner, page_limits, seeds, target_check,
};
use crate::error::{Context, Error, Result};
use crate::ledger;
use crate::observer::Observer;
use crate::remedy::{FolderNeed, Remedy};
use crate::sequences;
use crate::source::preflight::{Findings, scan_values};
use crate::source::quick_check::quick_check;
use crate::source::seal::Copy;
use crate::source::undisturbed::read_undisturbed;
use crate::source::{SourceConnection, introspect, seal};
use crate::threads;
use crate::watched::Watched;
use postgres_client::connection::Connection;
use postgres_client::connections::Connections;
use postgres_client::retry;
use postgres_client::watch::check_stop;

/// Opens the source for one thread.
type Open<'a> = &'a (dyn Fn() -> Result<SourceConnection> + Sync);

/// What preflight checks.
pub(super) struct Preflight<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) tables: &'a [&'a PlannedTable],
    pub(super) connections: &'a Connections<'a>,
    pub(super) observer: &'a Watched<'a>,
}

impl Preflight<'_> {
    /// Checks target, disk and the schema of the source. With `is_fresh`, no run of ours is in the target, so it must be empty.
    ///
    /// # Errors
    /// When something prevents the migration.
    pub(super) fn check(&self, target: &mut Connection, is_fresh: bool) -> Result<()> {
        let request = self.request;
        let mut check = |source: &SourceConnection| {
            source.stop_with(self.observer.stop_flag());
            let path = source.real_path();
            if path.to_str().is_none() {
                return Err(Error::new(format!("the path {} is not UTF-8", path.display()))
                    .with_remedy_text(
                        "the manifest and the ledger hold paths as text: name a copy or move the file",
                    ));
            }
            self.check_schema(source)?;
            Ok(path.to_owned())
        };
        let (source, _) = read_undisturbed(&request.source, &mut check)?;
        existing::check_selected(request.plan, self.tables)?;
        target_check::check_settings(target, request.plan)?;
        owner::owner(target, request.plan, request.owner.as_deref())?;
        operator_classes::check(target, self.tables)?;
        if is_fresh {
            existing::check_ready(target, &request.target, request.plan)?;
        }
        if let Some(baseline) = request.baseline().filter(|_| is_fresh || request.restart) {
            let earlier = ledger::baseline(target)?;
            baseline::check_ready(target, &request.target, request.plan, baseline, earlier.as_ref())?;
        }
        check_disk(&source, request)
    }

    /// Checks a copy of the source: its pages, its schema and every value, while it is hashed. The hash is for sealing it.
    ///
    /// # Errors
    /// When it is damaged; values that cannot move are no error but findings.
    pub(super) fn examine(&self, copy: &Copy) -> Result<((String, u64), Findings)> {
        let stopped = || Err(Error::new("a thread that reads the copy stopped unexpectedly"));
        let source = &self.request.source;
        std::thread::scope(|scope| {
            let observer = self.observer;
            let hash = threads::spawn(scope, move || copy.hash(&|| check_stop(observer)))?;
            let check = threads::spawn(scope, || {
                quick_check(&SourceConnection::open_sealed(copy.path())?, source, observer.stop_flag())
            })?;
            let examine = || {
                let open =
                    || Ok(SourceConnection::open_sealed(copy.path())?.stopped_by(observer.stop_flag()));
                self.check_schema(&open()?)?;
                self.scan(&open)
            };
            let findings = examine();
            // Damage explains whatever else went wrong.
            check.join().unwrap_or_else(|_| stopped())?;
            let hash = hash.join().unwrap_or_else(|_| stopped().map(|()| (String::new(), 0)))?;
            Ok((hash, findings?))
        })
    }

    /// Checks every value of the user's file, where no copy is made.
    ///
    /// # Errors
    /// When it is damaged; values that cannot move are no error but findings.
    pub(super) fn examine_live(&self) -> Result<Findings> {
        self.examine_undisturbed(&|open| self.scan(open))
    }

    /// Checks every value of the user's file by itself, without the rules of the target's tables and the rows that these hold.
    ///
    /// # Errors
    /// As [`Preflight::examine`].
    pub(super) fn examine_values(&self) -> Result<Findings> {
        self.examine_undisturbed(&|open| {
            self.scan_values(&LoadPlan::of_tables(self.request.plan, self.tables), open)
        })
    }

    fn examine_undisturbed(&self, scan: &dyn Fn(Open<'_>) -> Result<Findings>) -> Result<Findings> {
        let path = &self.request.source;
        let mut examine = |source: &SourceConnection| {
            source.stop_with(self.observer.stop_flag());
            quick_check(source, path, self.observer.stop_flag())?;
            let file = source.file();
            scan(&|| Ok(file.open()?.stopped_by(self.observer.stop_flag())))
        };
        Ok(read_undisturbed(path, &mut examine)?.0)
    }

    fn check_schema(&self, source: &SourceConnection) -> Result<()> {
        let schema = introspect::introspect(source)?;
        let differences = schema_diff::differences(self.request.plan, &schema)
            .context(|| format!("the schema of {} cannot be understood", self.request.source.display()))?;
        if differences.is_empty() {
            return Ok(());
        }
        Err(schema_differs(self.request.source.display().to_string(), &differences))
    }

    /// Asks the target until it answers or a fault does not pass.
    fn retrying<T>(&self, work: impl FnMut() -> Result<T>) -> Result<T> {
        retry::retrying(self.request.settings.retry_timeout, self.observer, &self.observer.clock, work)
    }

    fn scan(&self, open: Open<'_>) -> Result<Findings> {
        let plan = self.request.plan;
        let selected = LoadPlan::of_tables(plan, self.tables);
        let observer = self.observer;
        let mut findings = self.scan_values(&selected, open)?;
        self.retrying(|| seeds::check(&mut self.connections.bulk()?, &selected, &open()?, observer))?;
        if plan.is_into_existing() {
            self.retrying(|| sequences::check_room(&open()?, &mut self.connections.bulk()?, plan))?;
        }
        self.retrying(|| page_limits::find(self.connections, &selected, open, observer, &mut findings))?;
        self.retrying(|| app_rules_trial::find(self.connections, &selected, open, observer, &mut findings))?;
        self.observer.scan_finished(&findings);
        Ok(findings)
    }

    fn scan_values(&self, selected: &LoadPlan<'_>, open: Open<'_>) -> Result<Findings> {
        let observer = self.observer;
        let scanned = |rows| {
            observer.rows_scanned(rows);
            check_stop(observer)
        };
        let mut findings =
            scan_values(selected, self.request.workers, self.request.chunk_bytes, open, &scanned)?;
        existing::find_key_clashes(selected, open, &mut findings)?;
        Ok(findings)
    }
}

fn schema_differs(source: String, differences: &[String]) -> Error {
    /// How many differences are listed.
    const LISTED_MAX: usize = 20;
    let mut listed: Vec<String> =
        differences.iter().take(LISTED_MAX).map(|line| format!("  {line}")).collect();
    if differences.len() > LISTED_MAX {
        listed.push(format!("  and {} more", differences.len() - LISTED_MAX));
    }
    Error::new(format!(
        "the schema of {source} is not the one that the plan was made for:\n{}",
        listed.join("\n")
    ))
    .with_remedy_value(Remedy::PlanForSchema)
}

/// The sealed copy needs the room of the source and its log.
fn check_disk(source: &Path, request: &Request<'_>) -> Result<()> {
    let size = |suffix: &str| {
        std::fs::metadata(crate::source::file_path::sidecar(source, suffix))
            .map_or(0, |metadata| metadata.len())
    };
    let needed = size("") + size("-wal");
    let free = seal::free_bytes(&request.backup_dir)?;
    if free < needed {
        return Err(Error::new(format!(
            "{} has {free} bytes free, and the sealed copy needs {needed}",
            request.backup_dir.display()
        ))
        .with_remedy_value(Remedy::OtherBackupFolder(FolderNeed::Room)));
    }
    Ok(())
}
