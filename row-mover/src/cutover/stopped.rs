//! Closing the source without a fence: the app is stopped, or the volume is read-only. Nothing is written to the source; whether anybody
//! else writes is observed.

use std::time::{Duration, Instant};

use migrate_core::cutover::Event;
use postgres_client::watch::check_stop;

use super::Cutover;
use super::complete::{Complete, commit, compare};
use super::freeze::Closed;
use crate::catch_up::copies;
use crate::error::{Context, Error, Result};
use crate::remedy::Remedy;
use crate::source::SourceConnection;
use crate::source::seal::{self, Seal};

/// How long to wait between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What changes with each write to the file.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    /// Of the connection that stays open: SQLite changes it with each commit of another one.
    data_version: i64,
    /// Size and time of the file and its log.
    state: String,
}

impl Cutover<'_> {
    /// Checks for `watch` that nobody writes, completes PostgreSQL, and records the source as closed.
    ///
    /// # Errors
    /// When somebody writes, a database fails, or the schema of the source has changed. Nothing is changed then.
    pub fn close_stopped(&mut self, watch: Duration) -> Result<Closed> {
        let path = self.run.seal.source_path.clone();
        let source = SourceConnection::open_live(&path)?;
        let before = version(&source)?;
        let check = || match version(&source)? == before {
            true => Ok(()),
            false => Err(Error::new(format!("{} is written to", path.display()))
                .caused_by("the app, or another program, still runs with it")
                .with_remedy_value(Remedy::StopWriters)),
        };
        let started = Instant::now();
        while started.elapsed() < watch {
            check_stop(self.observer)?;
            check()?;
            std::thread::sleep(LOOK_EVERY);
        }
        let observer = self.observer;
        let copied = |share| {
            observer.sealed(share);
            check_stop(observer)
        };
        let copy = seal::copy(&path, &self.request.backup_dir, &copied)?;
        let compared = compare(self, copy, None)?;
        let events = |seal: &Seal| {
            vec![
                Event::TargetComplete { sha256: seal.sha256.clone() },
                Event::SourceClosed { fence: None, pause_ms: None },
            ]
        };
        let Complete { seal, applied, parts } = commit(self, compared, started, None, &events, &check)?;
        self.read_again()?;
        // The source is closed, and the app waits to be switched: a copy that cannot be deleted stays.
        drop(copies::delete_passed(&mut self.session, &self.run));
        Ok(Closed { fence: None, pause: None, seal, applied, parts })
    }
}

fn version(source: &SourceConnection) -> Result<Version> {
    let failed = || format!("{} cannot be read", source.path().display());
    let data_version =
        source.connection().query_row("PRAGMA data_version", [], |row| row.get(0)).context(failed)?;
    Ok(Version { data_version, state: seal::source_state(source.real_path()) })
}
