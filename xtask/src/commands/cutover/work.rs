//! The order of a cutover's steps, for people: what is announced and asked, and what is printed meanwhile.

use std::cell::Cell;
use std::time::Duration;

use ::report::figures::counted;
use anyhow::bail;
use migrate_core::cutover::{CutoverStep, Event};
use postgres_client::{DbSettings, TargetUrl};
use row_mover::cutover::{Cutover, CutoverRequest, Frozen, NotFrozen, RehearsalScope};
use row_mover::fence::MarkUse;
use row_mover::remedy::Remedy;
use row_mover::rollback::Author;

use super::CutoverArgs;
use super::gates;
use super::text::{self, Summary};
use crate::exit::Exit;
use crate::screen::Screen;
use crate::stop::Stop;
use crate::switch::rollout::{ReasonWords, Rollout, RolloutOutcome};
use crate::switch::{Destination, Switcher};
use crate::{author, output, private, question, target};

/// How long a freeze waits for a moment in which nobody writes.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);

/// What all parts of a cutover use.
pub(super) struct Work<'a> {
    pub(super) args: &'a CutoverArgs,
    pub(super) url: &'a TargetUrl,
    pub(super) settings: DbSettings,
    pub(super) stop: &'a Stop,
    pub(super) screen: &'a Screen,
    switcher: &'a Switcher,
    /// Whether it was announced what happens to the source.
    is_announced: Cell<bool>,
    /// Whether the source was found sound.
    is_sound: Cell<bool>,
}

/// Runs the command.
pub(super) fn run(args: &CutoverArgs) -> anyhow::Result<Exit> {
    let stop = Stop::listen()?;
    let settings = target::settings()?;
    let url = match target::named(&args.target)? {
        Some(url) => url,
        None => private::recall_exact(
            private::remembered()?.last,
            args.target.pg_version,
            false,
            output::remarks(args.quiet),
        )?,
    };
    // What cannot be switched is found before anything changes.
    let switcher = Switcher::check(&args.switch)?;
    let screen = Screen::new(args.quiet, stop.clone());
    let work = Work {
        args,
        url: &url,
        settings,
        stop: &stop,
        screen: &screen,
        switcher: &switcher,
        is_announced: Cell::new(false),
        is_sound: Cell::new(false),
    };
    let done = work.cut_over();
    screen.finish();
    done
}

impl Work<'_> {
    fn cut_over(&self) -> anyhow::Result<Exit> {
        self.rollout().check()?;
        self.switcher.check_destination(&self.destination())?;
        if self.args.dry_run {
            return self.rehearse();
        }
        let request = self.request();
        let mut summary = Summary::default();
        loop {
            self.check_stop()?;
            let mut cutover = self.engine(|| Cutover::open(&request, self.screen))?;
            match self.engine(|| cutover.next_step())? {
                CutoverStep::Begin => {
                    self.announce(&cutover)?;
                    drop(cutover);
                    self.require_sound(&request)?;
                    self.engine(|| Cutover::open(&request, self.screen)?.record(Event::CutoverBegun))?;
                }
                CutoverStep::Freeze => {
                    self.announce(&cutover)?;
                    drop(cutover);
                    self.require_sound(&request)?;
                    if let Some(exit) = self.prepare(&request)? {
                        return Ok(exit);
                    }
                    self.close(&request)?;
                }
                CutoverStep::RecordClosed(fence) => self.engine(|| cutover.record_closed(fence))?,
                CutoverStep::Switch => {
                    drop(cutover);
                    self.switch(&request)?;
                }
                CutoverStep::Finish => {
                    drop(cutover);
                    if let Some(exit) = self.finish(&request)? {
                        return Ok(exit);
                    }
                }
                CutoverStep::Done => {
                    summary.read(&cutover, self.url);
                    output::stdout(&if self.args.json { summary.json()? } else { summary.text() })?;
                    return Ok(Exit::Done);
                }
            }
        }
    }

    /// Announces what will be written to the source, and asks where somebody can answer.
    fn announce(&self, cutover: &Cutover<'_>) -> anyhow::Result<()> {
        if self.is_announced.replace(true) {
            return Ok(());
        }
        let source = cutover.run().seal.source_path.display().to_string();
        if !self.args.fence {
            self.remark(&text::without_fence(&source));
            return Ok(());
        }
        self.remark(&text::fence_announced(&source, self.args.pause_max));
        // Whoever gave --fence has decided; on a terminal the last word is asked for.
        if self.args.yes || !question::can_ask() {
            return Ok(());
        }
        match question::ask("Type yes to continue:", self.stop)? {
            Some(answer) if answer.eq_ignore_ascii_case("yes") => Ok(()),
            _ => bail!("nothing was changed: the fence was not agreed to"),
        }
    }

    /// Checks the source's indexes before anything is closed, in a copy of the file as it is now. A check in the app's pause would take too
    /// long. A result that the ledger has is enough where it is that of the same bytes.
    fn require_sound(&self, request: &CutoverRequest) -> anyhow::Result<()> {
        if self.is_sound.replace(true) {
            return Ok(());
        }
        // A change of the indexes alone changes no row, but the file.
        self.renew_copy()?;
        let mut cutover = self.engine(|| Cutover::open(request, self.screen))?;
        let found = match self.engine(|| cutover.integrity())? {
            Some(found) => found,
            None => {
                self.remark(&text::checking(self.args.fence));
                let found = self.engine(|| cutover.check_copy())?;
                self.remark(&text::checked(&found));
                found
            }
        };
        self.engine(|| cutover.refuse_damage(&found))
    }

    /// Catches up, and shows the app PostgreSQL for reading where shares below 100 % are asked for.
    fn prepare(&self, request: &CutoverRequest) -> anyhow::Result<Option<Exit>> {
        self.catch_up()?;
        let outcome = self.rollout().before_freeze(&mut || self.catch_up())?;
        if let RolloutOutcome::WentBack { share_percent, reason } = outcome {
            let failed = vec![ReasonWords(&reason).to_string()];
            return self.not_held(request, failed, &text::went_back_before(share_percent, &reason)).map(Some);
        }
        Ok(None)
    }

    /// Prints what does not hold, for people or as JSON.
    fn not_held(&self, request: &CutoverRequest, failed: Vec<String>, text: &str) -> anyhow::Result<Exit> {
        if self.args.json {
            let mut summary = Summary::default();
            summary.failed = failed;
            summary.read(&self.engine(|| Cutover::open(request, self.screen))?, self.url);
            output::stdout(&summary.json()?)?;
        } else {
            output::stdout(text)?;
        }
        Ok(Exit::Differences)
    }

    /// Closes the source, after as many attempts as are allowed.
    fn close(&self, request: &CutoverRequest) -> anyhow::Result<()> {
        if !self.args.fence {
            let watch = Duration::from_secs(self.args.watch);
            let closed = self.engine(|| Cutover::open(request, self.screen)?.close_stopped(watch))?;
            self.remark(&text::closed(&closed));
            return Ok(());
        }
        let mut remedy = Remedy::LongerPause;
        for attempt in 1..=self.args.attempts {
            if attempt > 1 {
                self.catch_up()?;
            }
            match self.engine(|| Cutover::open(request, self.screen)?.freeze())? {
                Frozen::Closed(closed) => {
                    self.remark(&text::closed(&closed));
                    return Ok(());
                }
                Frozen::Open(reason) => {
                    self.remark(&text::not_frozen(reason, attempt, self.args.attempts));
                    remedy = match reason {
                        NotFrozen::TooLong { .. } => Remedy::LongerPause,
                        NotFrozen::NeverIdle | NotFrozen::Readers { .. } => Remedy::CalmSource,
                    };
                }
            }
        }
        Err(row_mover::Error::new(format!(
            "the source was not closed in {}; the app continues with SQLite",
            counted(u64::from(self.args.attempts), "attempt")
        ))
        .with_remedy_value(remedy)
        .into())
    }

    fn switch(&self, request: &CutoverRequest) -> anyhow::Result<()> {
        let to = self.destination();
        let switch = self.switcher.switch(&to, self.stop)?;
        let event = Event::AppSwitched { switch, share_percent: 100 };
        self.engine(|| Cutover::open(request, self.screen)?.record(event.clone()))?;
        self.remark("switched  the app works with PostgreSQL");
        Ok(())
    }

    /// Checks the gates, observes the app, and records that the cutover is finished.
    fn finish(&self, request: &CutoverRequest) -> anyhow::Result<Option<Exit>> {
        let failures = gates::check(self.url, &self.settings, self.stop)?;
        if !failures.is_empty() {
            let failed = failures.iter().map(ToString::to_string).collect();
            return self.not_held(request, failed, &text::gates_failed(&failures)).map(Some);
        }
        if let RolloutOutcome::WentBack { reason, .. } = self.rollout().after_switch()? {
            let failed = vec![ReasonWords(&reason).to_string()];
            return self.not_held(request, failed, &text::observation_failed(&reason)).map(Some);
        }
        self.engine(|| Cutover::open(request, self.screen)?.record(Event::CutoverFinished))?;
        Ok(None)
    }

    /// Rehearses what is left.
    fn rehearse(&self) -> anyhow::Result<Exit> {
        let request = self.request();
        let mut cutover = self.engine(|| Cutover::open(&request, self.screen))?;
        let step = self.engine(|| cutover.next_step())?;
        let mut summary = Summary::default();
        if matches!(step, CutoverStep::Begin | CutoverStep::Freeze) {
            let rehearsal = self.engine(|| cutover.rehearse(RehearsalScope::CheckAndPause))?;
            if let Some(found) = &rehearsal.integrity {
                self.engine(|| cutover.refuse_damage(found))?;
            }
            summary.rehearsal = Some(rehearsal);
        }
        let to = self.destination();
        summary.switch_plan = Some(self.switcher.describe(&to));
        summary.read(&cutover, self.url);
        output::stdout(&if self.args.json {
            summary.json()?
        } else {
            summary.rehearsal_text(self.args.fence)
        })?;
        Ok(Exit::Done)
    }

    fn request(&self) -> CutoverRequest {
        CutoverRequest {
            target: self.url.clone(),
            settings: self.settings,
            backup_dir: self.args.backup_dir.clone(),
            rejects_dir: self.args.rejects_dir.clone(),
            mark_use: if self.args.read_only_mark { MarkUse::Always } else { MarkUse::WhereNeeded },
            pause_max: Duration::from_secs(self.args.pause_max),
            lock_wait_max: LOCK_WAIT_MAX,
            author: Author { name: author::name(), note: self.args.note.clone() },
        }
    }

    fn destination(&self) -> Destination {
        Destination::Postgres { url: self.url.clone(), share_percent: 100 }
    }

    fn rollout(&self) -> Rollout<'_> {
        Rollout {
            args: &self.args.rollout,
            switcher: self.switcher,
            url: self.url,
            settings: &self.settings,
            begin_health_check: &gates::health_check,
            stop: self.stop,
        }
    }

    /// Does work of the engine; a signal ends it in order.
    pub(super) fn engine<T>(&self, work: impl FnOnce() -> row_mover::Result<T>) -> anyhow::Result<T> {
        self.stop
            .in_order(self.url, &self.settings, work)
            .map_err(|error| self.stop.explain(error, continues))
    }

    fn check_stop(&self) -> anyhow::Result<()> {
        match self.stop.is_asked() {
            true => Err(self.stop.explain(row_mover::Error::stopped(), continues)),
            false => Ok(()),
        }
    }

    pub(super) fn remark(&self, text: &str) {
        output::remarks(self.args.quiet)(text);
    }
}

fn continues() -> String {
    "What is done is recorded. Run the same command again: it continues.".to_owned()
}
