//! What `--json` prints.

use std::path::Path;

use migrate_core::plan::Plan;
use postgres_client::TargetUrl;
use row_mover::ledger::Run;
use row_mover::run::{Outcome, Validation};
use row_mover::source::integrity_check::IntegrityState;
use serde_json::json;

use super::JSON_FORMAT;
use super::findings::validation_json;

/// The output of `migrate --json`.
pub(crate) fn migrate_json(
    outcome: &Outcome,
    plan: &Plan,
    url: &TargetUrl,
    report: Option<&Path>,
) -> anyhow::Result<String> {
    let mut value = json!({
        "format": JSON_FORMAT,
        "command": "migrate",
        "target": url.to_string(),
        "plan_sha256": plan.fingerprint(),
        "left_behind": plan.left_behind,
        "breaches": plan.breaches,
        "report": report,
        "result": outcome,
    });
    match outcome {
        Outcome::Moved(moved) => {
            value["proven"] = moved.validation.is_proven().into();
            value["result"]["validation"] = validation_json(&moved.validation, plan)?;
        }
        // Only a run that was validated counts as done.
        Outcome::AlreadyDone(done) => {
            value["proven"] = true.into();
            value["result"]["integrity_check"] = json!(IntegrityState::of(done.integrity.as_ref()));
        }
        Outcome::Rejected { .. } => value["proven"] = false.into(),
        Outcome::DryRun { .. } => value["plan"] = serde_json::to_value(plan)?,
    }
    Ok(serde_json::to_string_pretty(&value)?)
}

/// The output of `validate --json`.
pub(crate) fn validate_json(
    run: &Run,
    validation: &Validation,
    url: &TargetUrl,
    is_diesel_schema_compared: bool,
    report: Option<&Path>,
) -> anyhow::Result<String> {
    let value = json!({
        "format": JSON_FORMAT,
        "command": "validate",
        "target": url.to_string(),
        "run": run.id,
        "seal": run.seal,
        "proven": validation.is_proven(),
        "diesel_schema_compared": is_diesel_schema_compared,
        "breaches": run.plan.breaches,
        "report": report,
        "result": validation_json(validation, &run.plan)?,
    });
    Ok(serde_json::to_string_pretty(&value)?)
}
