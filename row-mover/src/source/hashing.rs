//! Hashes a file, and writes a copy to the disk meanwhile.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::file_path::open_regular;
use crate::error::{Context, Error, Result};
use crate::threads;
use postgres_client::watch::StopFlag;

/// Interval between checks whether to stop.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// SHA-256 in hex, and size in bytes.
pub(crate) type Hash = (String, u64);

/// A copy that is hashed and written to the disk by a thread of its own. Dropping it abandons the thread.
#[derive(Debug)]
pub(super) struct Hashing {
    outcome: Arc<Outcome>,
    is_over: StopFlag,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Outcome {
    hash: Mutex<Option<Result<Hash>>>,
    is_known: Condvar,
}

impl Hashing {
    /// Starts to hash the file at `path`, which nobody writes any more; none if the system has no thread left.
    pub(super) fn start(path: &Path) -> Option<Hashing> {
        let (outcome, is_over) = (Arc::<Outcome>::default(), StopFlag::default());
        let work = {
            let (outcome, is_over, path) = (outcome.clone(), is_over.clone(), path.to_owned());
            move || {
                let check_stop = || match is_over.is_set() {
                    true => Err(Error::new("the copy is not needed any more")),
                    false => Ok(()),
                };
                let hash = hash_and_sync(&path, &check_stop);
                *outcome.hash.lock().unwrap_or_else(PoisonError::into_inner) = Some(hash);
                outcome.is_known.notify_all();
            }
        };
        let thread = std::thread::Builder::new().spawn(work).ok()?;
        Some(Hashing { outcome, is_over, thread })
    }

    /// Waits for the hash and takes it; none if the thread has stopped without one, or it was taken before. `check_stop` ends it with an
    /// error.
    pub(super) fn wait(&self, check_stop: &dyn Fn() -> Result<()>) -> Option<Result<Hash>> {
        let mut hash = self.outcome.hash.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, without which the thread cannot store the hash.
        while hash.is_none() && !self.thread.is_finished() {
            if let Err(error) = check_stop() {
                return Some(Err(error));
            }
            let waited = self.outcome.is_known.wait_timeout(hash, ASK_EVERY);
            hash = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        hash.take()
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.is_over.set();
    }
}

/// Hashes a file and writes it to the disk. At the same time: one waits for the processor, the other one for the disk.
///
/// # Errors
/// When it cannot be read or written.
pub(super) fn hash_and_sync(path: &Path, check_stop: &dyn Fn() -> Result<()>) -> Result<Hash> {
    let (written, hashed) = std::thread::scope(|scope| {
        let written = threads::spawn(scope, || File::open(path).and_then(|file| file.sync_all()))?;
        let hashed = hash(path, check_stop);
        let written = written.join().unwrap_or_else(|_| Err(std::io::Error::other("its thread stopped")));
        Result::Ok((written, hashed))
    })?;
    written.context(|| format!("{} cannot be written to the disk", path.display()))?;
    hashed
}

/// SHA-256 and size of a file.
pub(crate) fn hash(path: &Path, check_stop: &dyn Fn() -> Result<()>) -> Result<Hash> {
    let failed = || format!("{} cannot be read", path.display());
    let mut file = open_regular(path).context(failed)?;
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        check_stop()?;
        let read = file.read(&mut buffer).context(failed)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok((hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), bytes))
}
