//! The order of a rollback's steps, for people: what is asked, what is printed meanwhile, and what an interruption leaves.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use migrate_core::cutover::{Event, RollbackStep, Switch};
use postgres_client::{DbSettings, TargetUrl, pool};
use row_mover::ledger;
use row_mover::rollback::{Author, Loss, Rollback, RollbackRequest};

use super::text::{self, Summary};
use super::{RollbackArgs, emergency, refusal};
use crate::commands::{migrate, validate};
use crate::exit::Exit;
use crate::screen::Screen;
use crate::stop::Stop;
use crate::switch::{Destination, Switcher};
use crate::{app_probe, author, output, question, target};

/// How long the app may take until it answers after the switch.
const APP_START_MAX: Duration = Duration::from_secs(60);

/// The state after an error at the beginning.
const MAY_BE_CLOSED: &str = "PostgreSQL may be closed to the app, and the rollback has not begun: run the same command again; it \
    continues, or opens PostgreSQL where the loss is not accepted";

/// What all parts of a rollback use.
pub(super) struct RollbackContext<'a> {
    pub(super) args: &'a RollbackArgs,
    pub(super) url: &'a TargetUrl,
    pub(super) stop: &'a Stop,
    pub(super) screen: &'a Screen,
    pub(super) switcher: &'a Switcher,
    pub(super) settings: DbSettings,
    pub(super) started: Instant,
}

/// Runs the command.
pub(super) fn run(args: &RollbackArgs) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let stop = Stop::listen()?;
    let settings = target::settings()?;
    let remark = output::remarks(args.quiet);
    // What cannot be switched back is found before anything changes.
    let switcher = Switcher::check(&args.switch)?;
    let switcher = if args.yes { switcher.without_questions() } else { switcher };
    let (url, _) = validate::resolve_target(&args.target, false, &remark)?;
    let screen = Screen::new(args.quiet, stop.clone());
    let context = RollbackContext {
        args,
        url: &url,
        stop: &stop,
        screen: &screen,
        switcher: &switcher,
        settings,
        started,
    };
    let done = context.roll_back();
    screen.finish();
    done
}

impl RollbackContext<'_> {
    fn roll_back(&self) -> anyhow::Result<Exit> {
        let request = self.request();
        let opened = self.engine(|| Rollback::open(&request, self.screen));
        let mut rollback = match opened {
            Err(error) if self.args.emergency && !self.stop.is_asked() => {
                return emergency::without_postgres(self, &error);
            }
            opened => opened?,
        };
        if self.args.dry_run {
            return self.rehearse(&mut rollback);
        }
        let mut summary = Summary::new(&rollback, self.url);
        match self.steps(&mut rollback, &mut summary) {
            Ok(()) => {}
            // An app that does not work is helped without PostgreSQL where that is what fails.
            Err(error) if self.args.emergency && !summary.is_opened() && !self.stop.is_asked() => {
                return emergency::without_postgres(self, &error);
            }
            Err(error) => return Err(error),
        }
        summary.seconds = self.started.elapsed().as_secs_f64();
        self.print(&summary)
    }

    pub(super) fn print(&self, summary: &Summary) -> anyhow::Result<Exit> {
        output::stdout(&if self.args.json { summary.json()? } else { summary.text() })?;
        Ok(Exit::Done)
    }

    fn request(&self) -> RollbackRequest {
        RollbackRequest {
            target: self.url.clone(),
            settings: self.settings,
            workers: migrate::workers(self.args.workers, self.settings.pool_max),
            sqlite: self.args.sqlite.clone(),
            sealed_copy: self.args.sealed_copy.clone(),
            restore_copy: self.args.restore_copy,
            accept_damaged_indexes: self.args.accept_damaged_indexes,
            is_emergency: self.args.emergency,
            author: self.author(),
        }
    }

    pub(super) fn author(&self) -> Author {
        Author { name: author::name(), note: self.args.note.clone() }
    }

    /// Does work of the engine; a signal ends it in order.
    pub(super) fn engine<T>(&self, work: impl FnOnce() -> row_mover::Result<T>) -> anyhow::Result<T> {
        let remedy = || "What is done is recorded. Run the same command again: it continues.".to_owned();
        self.stop.in_order(self.url, &self.settings, work).map_err(|error| self.stop.explain(error, remedy))
    }

    pub(super) fn remark(&self, text: &str) {
        output::remarks(self.args.quiet)(text);
    }

    /// Executes all steps that are left.
    fn steps(&self, rollback: &mut Rollback<'_>, summary: &mut Summary) -> anyhow::Result<()> {
        if !rollback.progress()?.rollback().is_some_and(|progress| progress.is_source_opened) {
            summary.integrity = Some(self.engine(|| rollback.verify_copy())?);
        }
        let mut is_first = true;
        loop {
            let step = next_step(rollback, is_first)?;
            is_first = false;
            if self.stop.is_asked() {
                // The work ends in order: what is done is recorded.
                return Err(self.stop.explain(row_mover::Error::stopped(), || {
                    "What is done is recorded. Run the same command again: it continues.".to_owned()
                }));
            }
            match step {
                RollbackStep::RecordClosed(fence) => self.engine(|| rollback.record_closed(fence))?,
                RollbackStep::Begin => self.begin(rollback, summary)?,
                RollbackStep::CloseTarget => {
                    let closed = self.engine(|| rollback.close_target())?;
                    // Whoever accepted the loss just now has seen it.
                    if summary.loss.is_none() {
                        self.remark(&text::closed(closed));
                    }
                }
                RollbackStep::Archive => {
                    if summary.loss.is_none() {
                        self.count_and_export(rollback, summary)?;
                    }
                    let archive = self.engine(|| rollback.archive())?;
                    self.remark(&text::archived(&archive));
                    summary.archive = Some(archive);
                }
                RollbackStep::OpenSource => {
                    let opened = self.engine(|| rollback.open_source())?;
                    self.remark(&text::opened(&opened));
                    summary.opened = Some(opened);
                }
                RollbackStep::RecordOpened => {
                    summary.opened = Some(self.engine(|| rollback.record_opened())?);
                }
                RollbackStep::SwitchBack => {
                    let switch = self.switch_back(rollback.source())?;
                    self.engine(|| rollback.record_switched_back(switch.clone()))?;
                    self.remark(&text::switched(&switch));
                    summary.switch = Some(switch);
                }
                RollbackStep::Finish => {
                    self.engine(|| rollback.check_source())?;
                    self.check_app()?;
                    self.engine(|| rollback.finish())?;
                }
                RollbackStep::Done => return Ok(()),
            }
        }
    }

    /// Checks everything that can be checked before, and has the loss accepted while PostgreSQL is closed.
    fn begin(&self, rollback: &mut Rollback<'_>, summary: &mut Summary) -> anyhow::Result<()> {
        self.engine(|| rollback.check_rights())?;
        if self.args.emergency {
            return self.engine(|| rollback.begin(0));
        }
        if self.args.accept_loss.is_none() && !question::can_ask() {
            // Whoever cannot be asked gets the number without the app being disturbed.
            let loss = self.engine(|| rollback.count_loss())?;
            if loss.rows() > 0 {
                self.remark(text::loss(&loss).trim_end());
                // A run that was killed may have closed it.
                return self.open_again(rollback, refusal::not_accepted(&loss, None));
            }
        }
        let accepted = self.accept(rollback, summary);
        match accepted {
            Err(error) if !self.has_begun(rollback)? => self.open_again(rollback, error),
            accepted => accepted,
        }
    }

    /// Whether the ledger has the rollback as begun: the reply to the last statement may be what was lost.
    fn has_begun(&self, rollback: &Rollback<'_>) -> anyhow::Result<bool> {
        let asked = pool::open(self.url, &self.settings)
            .and_then(|pool| ledger::cutover_events(&mut *pool::get(&pool)?, rollback.run().id));
        let events = asked.context(MAY_BE_CLOSED)?;
        Ok(events.iter().any(|recorded| matches!(recorded.event, Event::RollbackBegun { .. })))
    }

    /// Opens PostgreSQL to the app again, and returns why.
    fn open_again(&self, rollback: &mut Rollback<'_>, reason: anyhow::Error) -> anyhow::Result<()> {
        // A signal may have cancelled a statement of this session; nothing that a signal says applies to opening it again.
        match rollback.reopen().or_else(|_| rollback.reopen()) {
            Ok(()) => Err(reason),
            Err(error) => Err(anyhow::Error::from(error).context(MAY_BE_CLOSED)),
        }
    }

    fn accept(&self, rollback: &mut Rollback<'_>, summary: &mut Summary) -> anyhow::Result<()> {
        let closed = self.engine(|| rollback.close())?;
        self.remark(&text::closed(closed));
        let loss = self.count_and_export(rollback, summary)?;
        let rows = loss.rows();
        match self.args.accept_loss {
            Some(accepted) if accepted != rows => return Err(refusal::not_accepted(&loss, Some(accepted))),
            Some(_) => {}
            None if rows == 0 => {}
            None if !question::can_ask() => return Err(refusal::not_accepted(&loss, None)),
            None => self.ask_to_accept(rows)?,
        }
        self.engine(|| rollback.begin(rows))
    }

    fn ask_to_accept(&self, rows: u64) -> anyhow::Result<()> {
        let question = format!(
            "PostgreSQL is closed to the app. Type {rows} to give up these rows; anything else opens it again:"
        );
        match question::ask(&question, self.stop)? {
            Some(answer) if answer.replace(',', "") == rows.to_string() => Ok(()),
            _ => bail!(
                "nothing was rolled back: the loss was not accepted, and PostgreSQL is open to the app again"
            ),
        }
    }

    /// Counts what is lost, prints it, and writes the rows where that is asked for.
    fn count_and_export(&self, rollback: &mut Rollback<'_>, summary: &mut Summary) -> anyhow::Result<Loss> {
        let loss = self.engine(|| rollback.count_loss())?;
        self.remark(text::loss(&loss).trim_end());
        if let Some(path) = &self.args.export {
            let exported = self.engine(|| rollback.export(path, &loss))?;
            self.remark(&text::exported(path, exported));
            summary.export = Some(path.clone());
        }
        summary.loss = Some(loss.clone());
        Ok(loss)
    }

    /// Switches the app; where a person does it, they confirm it.
    pub(super) fn switch_back(&self, source: &Path) -> anyhow::Result<Switch> {
        let path = std::fs::canonicalize(source).unwrap_or_else(|_| source.to_owned());
        self.switcher.switch(&Destination::Sqlite { path }, self.stop)
    }

    pub(super) fn check_app(&self) -> anyhow::Result<()> {
        match &self.args.app_url {
            Some(url) => app_probe::wait(url, APP_START_MAX, self.stop),
            None => Ok(()),
        }
    }

    /// Rehearses: everything that reads, and nothing that writes.
    fn rehearse(&self, rollback: &mut Rollback<'_>) -> anyhow::Result<Exit> {
        let step = next_step(rollback, true)?;
        let mut summary = Summary::new(rollback, self.url);
        summary.next_steps = Some(text::steps_from(step, self.args.emergency));
        summary.integrity = Some(self.engine(|| rollback.verify_copy())?);
        self.engine(|| rollback.check_rights())?;
        if !matches!(step, RollbackStep::SwitchBack | RollbackStep::Finish | RollbackStep::Done) {
            if !self.args.restore_copy {
                self.engine(|| rollback.rehearse_source())?;
            }
            let loss = self.engine(|| rollback.count_loss())?;
            summary.loss = Some(loss);
        }
        let path = rollback.source().to_owned();
        summary.switch_plan = Some(self.switcher.describe(&Destination::Sqlite { path }));
        summary.seconds = self.started.elapsed().as_secs_f64();
        self.print(&summary)
    }
}

/// The next step; an error where there is nothing to do.
fn next_step(rollback: &Rollback<'_>, is_first: bool) -> anyhow::Result<RollbackStep> {
    match rollback.next_step()? {
        Ok(RollbackStep::Done) if is_first => Err(refusal::done(rollback.run().id).into()),
        Ok(step) => Ok(step),
        Err(refused) => Err(refusal::of(rollback, refused)),
    }
}
