//! Begins a run: preflight, the sealed copy, and the first entry in the ledger. Nothing in the target changes before that.

use migrate_core::phase::{Phase, RunSubject};
use migrate_core::plan::PlannedTable;

use super::Request;
use super::outcome::Outcome;
use super::preflight::Preflight;
use super::session::Session;
use crate::error::Result;
use crate::ledger::{self, Run};
use crate::load;
use crate::observer::Observer;
use crate::source::preflight::Findings;
use crate::source::seal;
use postgres_client::watch::check_stop;

impl Session<'_> {
    /// Runs all phases from the beginning. Drops what `earlier` created, but only once the new copy is sealed: until then no error loses
    /// anything.
    pub(super) fn begin(
        &self,
        request: &Request<'_>,
        tables: &[&PlannedTable],
        subject: &RunSubject,
        earlier: Option<Run<'_>>,
    ) -> Result<Outcome> {
        let mut phases = Vec::new();
        let started = self.start(Phase::Preflight);
        let preflight =
            Preflight { request, tables, connections: &self.connections, observer: self.observer };
        self.retrying(|| preflight.check(&mut *self.connection()?, earlier.is_none()))?;
        if let Some(run) = &earlier {
            self.check_untouched(request.discard, run)?;
        }
        self.end(Phase::Preflight, started, &mut phases);
        let started = self.start(Phase::Seal);
        let copy = seal::copy(&request.source, &request.backup_dir, &|share| {
            self.observer.sealed(share);
            check_stop(self.observer)
        })?;
        // The copy is checked because it is what moves: the app may have written since.
        let (hash, findings) = preflight.examine(&copy)?;
        if let Some(refused) = refused(request, &findings) {
            return Ok(Outcome::Rejected { findings, over_limit: refused.over_limit });
        }
        check_stop(self.observer)?;
        let seal = copy.seal(hash)?;
        self.end(Phase::Seal, started, &mut phases);
        if let Some(run) = earlier {
            self.retrying(|| self.remove_earlier_run(Some(request.plan), &run))?;
        }
        let chunks = load::plan_chunks(&findings);
        let took: Vec<(Phase, f64)> = phases.iter().map(|done| (done.phase, done.seconds)).collect();
        let run = self.retrying(|| {
            let mut connection = self.connection()?;
            ledger::create(&mut connection)?;
            // A previous attempt may have committed without our seeing the reply: the sealed copy is that of this run alone.
            match ledger::last_run(&mut connection)?.filter(|run| run.seal == seal) {
                Some(run) => Ok(run.sharing(request.plan)),
                None => ledger::begin_run(&mut connection, subject, request.plan, &seal, &took, &chunks),
            }
        })?;
        self.execute(request, tables, run, phases)
    }
}

/// Why nothing moves.
pub(super) struct Refused {
    /// The sentence for more rejected rows than the limit allows.
    pub(super) over_limit: Option<String>,
}

/// Whether the findings of preflight prevent the migration.
pub(super) fn refused(request: &Request<'_>, findings: &Findings) -> Option<Refused> {
    let over_limit = findings.over_limit(request.plan.reject_limit);
    (findings.offender_count() > 0
        || findings.has_exceeding()
        || findings.has_refused()
        || over_limit.is_some())
    .then_some(Refused { over_limit })
}
