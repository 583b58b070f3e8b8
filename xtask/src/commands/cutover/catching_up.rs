//! The catch-ups before a freeze: again and again until the difference is small, since its size decides the pause.

use row_mover::catch_up::{CatchUpOutcome, CatchUpRequest, CatchUps};

use super::text;
use super::work::Work;

/// Changed rows that a freeze applies in a fraction of its time.
const SMALL_ROWS: u64 = 1_000;

/// Catch-ups before a freeze. An app that writes faster than they apply gets no small difference.
const ROUNDS_MAX: u32 = 10;

impl Work<'_> {
    /// Catches up until the difference is small.
    ///
    /// # Errors
    /// Those of a catch-up.
    pub(super) fn catch_up(&self) -> anyhow::Result<()> {
        self.catch_up_by(&self.catch_up_request())
    }

    /// The same, and the run's copy is one of the file as it is now, also where no row has changed.
    ///
    /// # Errors
    /// Those of a catch-up.
    pub(super) fn renew_copy(&self) -> anyhow::Result<()> {
        self.catch_up_by(&CatchUpRequest { replace_equal_copy: true, ..self.catch_up_request() })
    }

    fn catch_up_by(&self, request: &CatchUpRequest) -> anyhow::Result<()> {
        let mut catch_ups = CatchUps::new(request);
        let mut before = u64::MAX;
        for _ in 0..ROUNDS_MAX {
            let rows = match self.engine(|| catch_ups.next(self.screen))? {
                CatchUpOutcome::Unchanged => return Ok(()),
                CatchUpOutcome::Applied(caught_up) => {
                    self.remark(&text::caught_up(&caught_up));
                    caught_up.applied.rows()
                }
            };
            if rows <= SMALL_ROWS || rows >= before {
                return Ok(());
            }
            before = rows;
        }
        Ok(())
    }

    fn catch_up_request(&self) -> CatchUpRequest {
        CatchUpRequest {
            target: self.url.clone(),
            settings: self.settings,
            backup_dir: self.args.backup_dir.clone(),
            rejects_dir: self.args.rejects_dir.clone(),
            dry_run: false,
            replace_equal_copy: false,
        }
    }
}
