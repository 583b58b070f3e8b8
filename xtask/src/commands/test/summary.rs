//! The results of a run: a table for people, JSON for scripts, and the exit code.

use std::fmt;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::StepResult;
use crate::exit::Exit;

/// How a step ended, as it is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepOutcome {
    Passed,
    Failed(String),
    NotRun(String),
    CouldNotRun(String),
    Interrupted,
    NotReached,
}

impl From<StepResult> for StepOutcome {
    fn from(result: StepResult) -> Self {
        match result {
            StepResult::Passed => Self::Passed,
            StepResult::Failed(reason) => Self::Failed(reason),
            StepResult::NotRun(reason) => Self::NotRun(reason),
        }
    }
}

impl StepOutcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::NotRun(_) => "not run",
            Self::CouldNotRun(_) => "could not run",
            Self::Interrupted => "interrupted",
            Self::NotReached => "not reached",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed(reason) | Self::NotRun(reason) | Self::CouldNotRun(reason) => Some(reason),
            Self::Passed | Self::Interrupted | Self::NotReached => None,
        }
    }

    /// Returns whether the run has failed because of it.
    pub(crate) fn is_bad(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::CouldNotRun(_) | Self::Interrupted)
    }
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{}: {reason}", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

/// The steps of a run and their results.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct JsonSummary<'a> {
    passed: bool,
    steps: Vec<JsonStep<'a>>,
}

#[derive(Serialize)]
struct JsonStep<'a> {
    step: &'a str,
    result: &'a str,
    reason: Option<&'a str>,
    seconds: Option<f64>,
}

#[derive(Debug)]
struct Line {
    step: &'static str,
    outcome: StepOutcome,
    seconds: Option<f64>,
}

impl Summary {
    /// Adds a step; one that was not reached has no duration.
    pub(crate) fn add(&mut self, step: &'static str, outcome: StepOutcome, seconds: Option<f64>) {
        self.lines.push(Line { step, outcome, seconds });
    }

    /// Returns the exit code: a check that could not run outweighs one that failed.
    pub(crate) fn exit(&self) -> Exit {
        let any = |test: fn(&StepOutcome) -> bool| self.lines.iter().any(|line| test(&line.outcome));
        if any(|outcome| matches!(outcome, StepOutcome::CouldNotRun(_) | StepOutcome::Interrupted)) {
            Exit::Refused
        } else if any(|outcome| matches!(outcome, StepOutcome::Failed(_))) {
            Exit::Differences
        } else {
            Exit::Done
        }
    }

    /// Returns the table and a line that sums it up.
    pub(crate) fn text(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(["step", "seconds", "result"]);
        for line in &self.lines {
            let seconds = line.seconds.map(|seconds| format!("{seconds:.1}")).unwrap_or_default();
            table.add_row([line.step.to_owned(), format!("{seconds:>7}"), line.outcome.to_string()]);
        }
        let table: String = table.lines().map(|line| format!("{}\n", line.trim())).collect();
        let count = |word| self.lines.iter().filter(|line| line.outcome.word() == word).count();
        let counts = ["passed", "failed", "could not run", "interrupted", "not run", "not reached"]
            .map(|word| (count(word), word))
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect::<Vec<_>>()
            .join(", ");
        format!("\n{table}\n{} checks: {counts}", self.lines.len())
    }

    /// Returns the results as JSON.
    ///
    /// # Errors
    /// When they cannot be serialised.
    pub(crate) fn json(&self) -> anyhow::Result<String> {
        let steps = self.lines.iter().map(|line| JsonStep {
            step: line.step,
            result: line.outcome.word(),
            reason: line.outcome.reason(),
            seconds: line.seconds.map(|seconds| (seconds * 1000.0).round() / 1000.0),
        });
        let value = JsonSummary { passed: self.exit() == Exit::Done, steps: steps.collect() };
        Ok(serde_json::to_string_pretty(&value)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(outcomes: Vec<StepOutcome>) -> Summary {
        let mut summary = Summary::default();
        for outcome in outcomes {
            let seconds = (outcome != StepOutcome::NotReached).then_some(1.5);
            summary.add("a step", outcome, seconds);
        }
        summary
    }

    #[test]
    fn the_exit_code_follows_the_worst_step() {
        let failed = || StepOutcome::Failed("why".to_owned());
        let skipped = || StepOutcome::NotRun("why".to_owned());
        let could_not = || StepOutcome::CouldNotRun("why".to_owned());
        for (outcomes, expected) in [
            (vec![StepOutcome::Passed, skipped()], Exit::Done),
            (vec![StepOutcome::Passed, failed(), StepOutcome::NotReached], Exit::Differences),
            (vec![failed(), could_not()], Exit::Refused),
            (vec![StepOutcome::Passed, StepOutcome::Interrupted], Exit::Refused),
        ] {
            assert_eq!(summary(outcomes.clone()).exit(), expected, "{outcomes:?}");
        }
    }

    #[test]
    fn the_table_names_what_was_skipped() {
        let summary = summary(vec![
            StepOutcome::Passed,
            StepOutcome::NotRun("cargo-deny is not installed".to_owned()),
            StepOutcome::Failed("exit code 101: see above".to_owned()),
            StepOutcome::NotReached,
        ]);
        insta::assert_snapshot!(summary.text(), @"

        step    seconds  result
        a step      1.5  passed
        a step      1.5  not run: cargo-deny is not installed
        a step      1.5  failed: exit code 101: see above
        a step           not reached

        4 checks: 1 passed, 1 failed, 1 not run, 1 not reached
        ");
        insta::assert_snapshot!(summary.json().unwrap(), @r#"
        {
          "passed": false,
          "steps": [
            {
              "step": "a step",
              "result": "passed",
              "reason": null,
              "seconds": 1.5
            },
            {
              "step": "a step",
              "result": "not run",
              "reason": "cargo-deny is not installed",
              "seconds": 1.5
            },
            {
              "step": "a step",
              "result": "failed",
              "reason": "exit code 101: see above",
              "seconds": 1.5
            },
            {
              "step": "a step",
              "result": "not reached",
              "reason": null,
              "seconds": null
            }
          ]
        }
        "#);
    }
}
