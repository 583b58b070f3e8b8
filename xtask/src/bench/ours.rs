//! This program's own `migrate`, run as its users run it: a process of its own, into an empty database, with its proof.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use super::child::{self, Interrupt};
use super::figures::Figures;
use super::server::Server;
use super::subjects::Source;

/// The phases that load rows and build keys and indexes, as the floor does.
const LOAD_PHASES: [&str; 2] = ["rows", "constraints"];

/// The name of the figures of the complete migration.
pub(crate) const WHOLE: &str = "ours.whole";

/// The beginning of the names of its phases.
pub(crate) const PHASE: &str = "ours.phase.";

/// Measures one migration: its total time, each phase, its processor time and its memory.
///
/// # Errors
/// Where it does not end with everything proven.
pub(crate) fn measure(
    server: &Server,
    source: &Source,
    folder: &Path,
    interrupt: &Interrupt,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let name = source.kind.name();
    let database = server.database()?;
    let program = std::env::current_exe().context("this program's own file cannot be found")?;
    // Sealed copies are as large as their source, and go with this folder.
    let scratch = tempfile::tempdir_in(folder).context("a scratch folder cannot be created")?;
    let mut command = Command::new(program);
    command
        .current_dir(scratch.path())
        .args(["migrate", "--json", "--quiet", "--sqlite"])
        .arg(&source.path)
        .arg("--plan")
        .arg(&source.plan_dir)
        .arg("--postgres")
        .arg(database.url());
    database.pass_password(&mut command);
    server.checkpoint()?;
    let ran = child::run(&mut command, scratch.path(), interrupt)?;
    if !ran.status.success() {
        bail!("migrate of {name} ended with {}: {}", ran.status, ran.last_line());
    }
    let result: Value = serde_json::from_str(&ran.stdout)
        .with_context(|| format!("what migrate of {name} printed is no JSON"))?;
    if result["proven"] != true {
        bail!("migrate of {name} has not proven that everything arrived");
    }
    let phases = phases(&result)
        .with_context(|| format!("migrate of {name} does not report the time of its phases"))?;
    figures.add_process(WHOLE, &ran);
    figures.add_memory_curve(WHOLE, &ran.usage.samples);
    for (phase, seconds) in &phases {
        figures.add(format!("{PHASE}{phase}"), *seconds);
    }
    let load = phases.iter().filter(|(phase, _)| LOAD_PHASES.contains(&phase.as_str()));
    figures.add("ours.load", load.map(|(_, seconds)| seconds).sum());
    Ok(())
}

/// The phases of `migrate --json`, in order.
fn phases(result: &Value) -> Option<Vec<(String, f64)>> {
    let phases = result.get("result")?.get("phases")?.as_array()?;
    let phases: Option<Vec<_>> = phases
        .iter()
        .map(|phase| Some((phase.get("phase")?.as_str()?.to_owned(), phase.get("seconds")?.as_f64()?)))
        .collect();
    phases.filter(|phases| LOAD_PHASES.iter().all(|name| phases.iter().any(|(phase, _)| phase == name)))
}
