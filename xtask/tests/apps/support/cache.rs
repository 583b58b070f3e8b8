//! Folders below `target/apps` that are filled once, by whichever test comes first, and stay for later runs.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{FlockOperation, flock};

/// A file in each folder that is filled.
const COMPLETE: &str = ".complete";

/// Folders that could not be filled in this run, with the reason: one test waits for an unreachable network, not all of them.
static FAILED: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());

/// Returns the folder for what `inputs` describe, in a new or an existing state. Other tests and processes wait while `fill` runs; what
/// an interrupted one left is removed.
///
/// # Panics
/// When `fill` fails, with its message.
#[track_caller]
pub(crate) fn filled(
    name: &str,
    inputs: &[impl AsRef<[u8]>],
    fill: impl FnOnce(&Path) -> Result<(), String>,
) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    inputs.iter().for_each(|input| input.as_ref().hash(&mut hasher));
    let folder = root().join(format!("{name}-{:016x}", hasher.finish()));
    fs::create_dir_all(root()).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    if folder.join(COMPLETE).exists() {
        return folder;
    }
    // Cloned, so that the panic does not hold the lock.
    let problem = FAILED.lock().unwrap().get(&folder).cloned();
    if let Some(problem) = problem {
        panic!("{problem}");
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir(&folder).unwrap();
    if let Err(problem) = fill(&folder) {
        FAILED.lock().unwrap().insert(folder, problem.clone());
        panic!("{problem}");
    }
    File::create(folder.join(COMPLETE)).unwrap();
    folder
}

/// Returns `target/apps`, wherever cargo's target folder is.
fn root() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("apps")
}
