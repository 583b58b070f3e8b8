//! Draws progress: bars on a terminal, a line now and then elsewhere. It counts nothing itself.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::progress::{Item, Progress};
use crate::output;

/// Interval at which bars are drawn.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// Interval of lines where there is no terminal; a shorter phase prints none.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Where progress is shown.
pub(super) enum Display {
    /// On a terminal, with a bar for each item that was drawn last.
    Bars {
        /// All of them.
        multi: MultiProgress,
        /// In their order.
        bars: Vec<ProgressBar>,
    },
    /// In lines.
    Lines {
        /// When the last one came.
        last: Duration,
    },
    /// Nowhere.
    Nothing,
}

impl Display {
    /// Chooses where progress is shown. Bars have no colour, so `NO_COLOR` needs no care.
    pub(super) fn new(is_quiet: bool) -> Display {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if is_quiet {
            Display::Nothing
        } else if std::io::stderr().is_terminal() && !is_dumb {
            let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            Display::Bars { multi, bars: Vec::new() }
        } else {
            Display::Lines { last: Duration::ZERO }
        }
    }

    /// Prints a line that is kept.
    pub(super) fn print(&self, text: &str) {
        match self {
            Display::Bars { multi, .. } => multi.suspend(|| output::note(text)),
            Display::Lines { .. } => output::note(text),
            Display::Nothing => {}
        }
    }

    /// How long to wait before the next drawing.
    pub(super) fn pause(&self) -> Duration {
        DRAW_EVERY
    }

    /// Shows the current state.
    pub(super) fn draw(&mut self, progress: &Progress, now: Duration) {
        match self {
            Display::Nothing => {}
            Display::Lines { last } => {
                let Some(began) = progress.since() else { return };
                if now.saturating_sub(began.max(*last)) >= LINE_EVERY
                    && let Some(line) = progress.line(now)
                {
                    *last = now;
                    output::note(&line);
                }
            }
            Display::Bars { multi, bars } => {
                let Some(total) = progress.total(now) else { return clear(multi, bars) };
                let below = progress.tables(now).into_iter().chain(progress.builds(now));
                let below = below.map(|item| Item { name: format!("  {}", item.name), ..item });
                draw_bars(multi, bars, &std::iter::once(total).chain(below).collect::<Vec<_>>());
            }
        }
    }

    /// Removes all bars.
    pub(super) fn clear(&mut self) {
        if let Display::Bars { multi, bars } = self {
            clear(multi, bars);
        }
    }
}

fn clear(multi: &MultiProgress, bars: &mut Vec<ProgressBar>) {
    for bar in bars.drain(..) {
        bar.finish_and_clear();
        multi.remove(&bar);
    }
}

fn draw_bars(multi: &MultiProgress, bars: &mut Vec<ProgressBar>, items: &[Item]) {
    /// The steps of a bar.
    const STEPS: u64 = 1000;
    for gone in bars.split_off(bars.len().min(items.len())) {
        gone.finish_and_clear();
        multi.remove(&gone);
    }
    let width = items.iter().map(|item| item.name.chars().count()).max().unwrap_or(0).max(11);
    for (at, item) in items.iter().enumerate() {
        let fresh = bars
            .get(at)
            .is_none()
            .then(|| ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::hidden()));
        let Some(bar) = fresh.as_ref().or_else(|| bars.get(at)) else { continue };
        match item.share {
            Some(share) => {
                bar.set_style(style("{prefix} {bar:24} {msg}"));
                // A share is between 0 and 1.
                bar.set_position((share * STEPS as f64) as u64);
            }
            None => bar.set_style(style("{prefix} {msg}")),
        }
        bar.set_prefix(format!("{:width$}", item.name));
        bar.set_message(item.text.clone());
        // A bar is shown once it has something to show.
        bars.extend(fresh.map(|bar| multi.add(bar)));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
