//! `cargo xtask deploy check`: compares rendered manifests with a cluster.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::compare::{FieldDifference, differences};
use crate::exit::Exit;
use crate::output;
use crate::report::{JSON_FORMAT, counted};
use crate::stop::Stop;
use crate::switch::kubectl::{Kubectl, ObjectName};

/// The options of `deploy check`.
#[derive(Args, Debug)]
#[command(
    after_help = "The number of pods and the weights of the route are not compared: cutover, rollback and\n\
    autoscalers change them. No value is printed.\n\n\
    Exit status: 0 the cluster has what is rendered, 1 something differs, 2 could not ask.\n\n\
    Examples:\n  \
    cargo xtask deploy check --manifests k8s/overlays/production\n  \
    cargo xtask deploy check --manifests k8s/overlays/test --context staging --json"
)]
pub(super) struct CheckArgs {
    /// The folder of an overlay, or of a part of it, that `deploy render` wrote
    #[arg(long, value_name = "DIR")]
    manifests: PathBuf,

    /// The context of `kubectl` [default: its current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// An object with its differences.
struct Compared {
    name: ObjectName,
    state: State,
}

enum State {
    Same,
    Missing,
    Different(Vec<FieldDifference>),
}

/// Runs `deploy check`.
pub(super) fn run(args: &CheckArgs) -> anyhow::Result<Exit> {
    let stop = Stop::listen()?;
    let kubectl = Kubectl::new(args.context.as_deref(), &stop)?;
    let mut compared = Vec::new();
    for object in kubectl.rendered(&args.manifests, &stop)? {
        let Some(name) = ObjectName::of(&object) else { continue };
        let state = match kubectl.get(&name, &stop)? {
            None => State::Missing,
            Some(live) => match differences(&object, &live) {
                found if found.is_empty() => State::Same,
                found => State::Different(found),
            },
        };
        compared.push(Compared { name, state });
    }
    let text =
        if args.json { json_text(&args.manifests, &compared)? } else { text(&args.manifests, &compared) };
    output::stdout(&text)?;
    let is_same = compared.iter().all(|object| matches!(object.state, State::Same));
    Ok(if is_same { Exit::Done } else { Exit::Differences })
}

fn text(folder: &Path, compared: &[Compared]) -> String {
    let mut text = String::new();
    for Compared { name, state } in compared {
        match state {
            State::Same => {}
            State::Missing => text.push_str(&format!("{name}: is not in the cluster\n")),
            State::Different(found) => {
                for difference in found {
                    text.push_str(&format!("{name}: {} {}\n", difference.path, difference.kind));
                }
            }
        }
    }
    let different = compared.iter().filter(|object| !matches!(object.state, State::Same)).count() as u64;
    text.push_str(&match different {
        0 => format!(
            "the cluster has the {} of {}\n",
            counted(compared.len() as u64, "object"),
            folder.display()
        ),
        _ => format!(
            "{} of {} of {} differ\n",
            different,
            counted(compared.len() as u64, "object"),
            folder.display()
        ),
    });
    text
}

fn json_text(folder: &Path, compared: &[Compared]) -> anyhow::Result<String> {
    let object = |Compared { name, state }: &Compared| {
        let (state, found) = match state {
            State::Same => ("same", &[][..]),
            State::Missing => ("missing", &[][..]),
            State::Different(found) => ("different", found.as_slice()),
        };
        let differences: Vec<Value> = found
            .iter()
            .map(|found| json!({ "path": found.path, "difference": found.kind.name() }))
            .collect();
        json!({ "kind": name.kind, "namespace": name.namespace, "name": name.name, "state": state, "differences": differences })
    };
    let value = json!({
        "format": JSON_FORMAT,
        "command": "deploy check",
        "manifests": folder,
        "is_same": compared.iter().all(|object| matches!(object.state, State::Same)),
        "objects": compared.iter().map(object).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&value)?)
}
