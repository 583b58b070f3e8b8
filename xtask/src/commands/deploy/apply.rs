//! `cargo xtask deploy apply`: applies rendered manifests to a cluster, and waits until what they start runs.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use row_mover::Error;
use serde_json::Value;

use crate::exit::Exit;
use crate::report::counted;
use crate::stop::Stop;
use crate::switch::kubectl::{Kubectl, ObjectName};
use crate::switch::time;
use crate::switch::workload::await_rollout;
use crate::{output, question};

/// The options of `deploy apply`.
#[derive(Args, Debug)]
#[command(
    after_help = "A Deployment that exists keeps its number of pods, and a route its weights: cutover and rollback\n\
    decide about them.\n\n\
    Exit status: 0 everything runs, 2 could not apply, or a pod does not start.\n\n\
    Examples:\n  \
    cargo xtask deploy apply --manifests k8s/overlays/test/database\n  \
    cargo xtask deploy apply --manifests k8s/overlays/production --context production --dry-run\n  \
    cargo xtask deploy apply --manifests k8s/overlays/production/database --context production --yes"
)]
pub(super) struct ApplyArgs {
    /// The folder of an overlay, or of a part of it, that `deploy render` wrote
    #[arg(long, value_name = "DIR")]
    manifests: PathBuf,

    /// The context of `kubectl` [default: its current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Let the cluster check the manifests, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask before production is changed
    #[arg(long)]
    yes: bool,

    /// How long a Deployment may take until it runs, such as 90s or 5m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time::parse)]
    timeout: Duration,
}

/// Runs `deploy apply`.
pub(super) fn run(args: &ApplyArgs) -> anyhow::Result<Exit> {
    let stop = Stop::listen()?;
    let kubectl = Kubectl::new(args.context.as_deref(), &stop)?;
    let mut objects = kubectl.rendered(&args.manifests, &stop)?;
    for object in &mut objects {
        keep_running_state(&kubectl, object, &stop)?;
    }
    let what = format!("{} of {}", counted(objects.len() as u64, "object"), args.manifests.display());
    if args.dry_run {
        kubectl.apply(&objects, true, &stop)?;
        output::note(&format!("the cluster would take the {what}; nothing was changed"));
        return Ok(Exit::Done);
    }
    if is_production(args) && !args.yes {
        confirm(&what, args.context.as_deref(), &stop)?;
    }
    kubectl.apply(&objects, false, &stop)?;
    output::note(&format!("applied the {what}"));
    for object in &objects {
        let Some(name) = ObjectName::of(object).filter(is_awaited) else {
            continue;
        };
        output::note(&format!("waiting until {name} runs"));
        await_rollout(&kubectl, &name, args.timeout, &stop)?;
    }
    Ok(Exit::Done)
}

/// What runs pods all the time. Jobs are the matter of whoever starts them.
fn is_awaited(name: &ObjectName) -> bool {
    ["deployment.apps", "statefulset.apps"].contains(&&*name.kind)
}

/// Whoever applies manifests does not decide which database is in charge: a Deployment that was stopped stays stopped.
fn keep_running_state(kubectl: &Kubectl, object: &mut Value, stop: &Stop) -> anyhow::Result<()> {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let field = match kind {
        "Deployment" => "replicas",
        "HTTPRoute" => "rules",
        _ => return Ok(()),
    };
    let Some(name) = ObjectName::of(object) else { return Ok(()) };
    if let Some(live) = kubectl.get(&name, stop)?
        && let Some(value) = live.pointer(&format!("/spec/{field}"))
    {
        object["spec"][field] = value.clone();
    }
    Ok(())
}

/// `deploy render` names its folders after the environments.
fn is_production(args: &ApplyArgs) -> bool {
    let path = std::fs::canonicalize(&args.manifests).unwrap_or_else(|_| args.manifests.clone());
    path.components().any(|part| part.as_os_str() == "production")
}

fn confirm(what: &str, context: Option<&str>, stop: &Stop) -> anyhow::Result<()> {
    let refused = || {
        Error::new("production is changed only after a confirmation")
            .with_remedy_text("check what would change with `cargo xtask deploy check`, and add --yes")
    };
    if !question::can_ask() {
        return Err(refused().into());
    }
    let context = context
        .map_or_else(|| "kubectl's current context".to_owned(), |context| format!("context {context}"));
    let question = format!("apply the {what} to {context}? Type production to confirm:");
    match question::ask(&question, stop)?.as_deref() {
        Some("production") => Ok(()),
        _ => Err(refused().into()),
    }
}
